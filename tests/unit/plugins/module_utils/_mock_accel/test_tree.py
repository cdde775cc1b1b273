# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a made-up host: what is there, what hangs, what goes while it is read, and trees that no kernel makes."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from accel_host import UNANSWERED, AccelHost

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel import tree as tree_module
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.function import Function, Node
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import (
    ModuleFacts,
    Tree,
    read_family,
    read_functions,
    read_module,
)

PF, VF = "1000:00:00.0", "1000:00:00.1"


@pytest.fixture
def host(tmp_path: Path) -> AccelHost:
    """Two physical functions, the first with two virtual ones."""
    host = AccelHost(tmp_path)
    host.load(num_pfs=2)
    host.add_pf(0, PF, vfs=2)
    host.add_pf(1, "1000:00:01.0")
    return host


@pytest.fixture
def tree(host: AccelHost) -> Tree:
    return Tree(host.sysfs, host.dev)


def functions(tree: Tree) -> dict[str, Function]:
    return {one.address: one for one in read_functions(tree, read_module(tree))}


def test_all_functions_are_there(tree: Tree) -> None:
    found = functions(tree)
    assert {address: one.name for address, one in found.items()} == {
        PF: "mock0",
        VF: "mock0_vf0",
        "1000:00:00.2": "mock0_vf1",
        "1000:00:01.0": "mock1",
    }
    assert (found[PF].vfs, found[PF].num_vfs, found[PF].total_vfs) == ((VF, "1000:00:00.2"), 2, 4)
    assert {one.pcie_root for one in found.values()} == {"pci1000:00"}
    assert {one.driver for one in found.values()} == {"mock-accel"}
    assert all(one.responding for one in found.values())
    node = found[VF].node
    assert node == Node(str(tree.dev / "mock0_vf0"), 240, 1, "0600", "root", "root")


def test_a_family_is_the_function_with_its_own(tree: Tree) -> None:
    physical, virtual = read_family(tree, PF)
    assert (physical, list(virtual)) == (functions(tree)[PF], [one for one in functions(tree).values() if one.parent])
    assert read_family(tree, "1000:00:1f.0") == (None, ())


def module_file(host: AccelHost, name: str, text: str) -> None:
    (host.sysfs / "module/mock_accel" / name).write_text(text)


@pytest.mark.parametrize(
    ("edit", "loaded", "version"),
    [
        pytest.param(lambda host: None, True, None, id="live"),
        pytest.param(lambda host: module_file(host, "version", "1.0\n"), True, "1.0", id="with a version"),
        pytest.param(lambda host: module_file(host, "initstate", "coming\n"), False, None, id="coming"),
        pytest.param(lambda host: module_file(host, "initstate", "going\n"), False, None, id="going"),
        pytest.param(lambda host: (host.sysfs / "module/mock_accel/initstate").unlink(), True, None, id="built in"),
        pytest.param(lambda host: shutil.rmtree(host.sysfs / "module"), False, None, id="not loaded"),
        pytest.param(lambda host: shutil.rmtree(host.sysfs), False, None, id="no sysfs"),
    ],
)
def test_the_module(host: AccelHost, tree: Tree, edit: Callable, loaded: bool, version: str | None) -> None:
    edit(host)
    facts = read_module(tree)
    assert (facts.loaded, facts.version, bool(facts.parameters)) == (loaded, version, loaded)
    assert bool(read_functions(tree, facts)) == loaded


def test_parameters_are_shown_as_they_are(tree: Tree) -> None:
    assert read_module(tree).parameters == {
        **{"num_pfs": "2", "total_vfs": "4", "num_roots": "1", "first_domain": "4096"}
    }


def machine_device(host: AccelHost) -> None:
    host.add_function("0000:00:02.0", driver=None, vendor="0x10de")


def gpu(host: AccelHost) -> None:
    host.add_function("2000:07:00.0", vendor="0x10de", device="0x20b2", **{"class": "0x030200"})


def described(host: AccelHost) -> None:
    """Plugged in by configfs, and unbound."""
    host.add_function("3000:0f:00.0", driver=None)
    folder = host.sysfs / "kernel/config/mock-accel"
    for name, address in (("plugged", "3000:0f:00.0\n"), ("not", "\n")):
        (folder / name).mkdir(parents=True)
        (folder / name / "address").write_text(address)
    (folder / "half").mkdir()


@pytest.mark.parametrize(
    ("edit", "more"),
    [
        pytest.param(machine_device, [], id="a device of the machine"),
        pytest.param(gpu, ["2000:07:00.0"], id="a GPU on a bus of ours"),
        pytest.param(described, ["3000:0f:00.0"], id="described by configfs"),
        pytest.param(lambda host: host.unbind("1000:00:01.0"), [], id="unbound"),
        pytest.param(lambda host: (host.pci / "not-an-address").symlink_to("x"), [], id="an entry of another form"),
        pytest.param(lambda host: (host.pci / "1000:00:02.0").symlink_to("1000:00:02.0"), [], id="a link to itself"),
        pytest.param(lambda host: (host.pci / "1000:00:02.0").mkdir(), [], id="a folder instead of a link"),
    ],
)
def test_which_functions_are_listed(host: AccelHost, tree: Tree, edit: Callable, more: list[str]) -> None:
    before = list(functions(tree))
    edit(host)
    assert list(functions(tree)) == before + more


def test_a_gpu_has_no_name_and_is_what_it_says(host: AccelHost, tree: Tree) -> None:
    gpu(host)
    (host.place("2000:07:00.0") / "config").write_bytes(bytes.fromhex("de10b220") + bytes(4092))
    found = functions(tree)["2000:07:00.0"]
    assert (found.name, found.vendor, found.pci_class, found.pcie_root) == (None, "0x10de", "0x030200", "pci2000:07")
    assert (found.status, found.uuid, found.node, found.responding) == (None, None, None, True)


def test_an_unbound_function_is_known_by_its_registers(host: AccelHost, tree: Tree) -> None:
    before = functions(tree)[VF]
    host.unbind(VF)
    after = functions(tree)[VF]
    assert (after.name, after.driver, after.node) == (None, None, None)
    assert (after.uuid, after.memory_size, after.status) == (before.uuid, before.memory_size, "free")


def test_all_unbound_are_found_by_the_parameters(host: AccelHost, tree: Tree) -> None:
    before = list(functions(tree))
    for address in before:
        host.unbind(address)
    assert list(functions(tree)) == before


def test_a_function_that_hangs_is_listed(host: AccelHost, tree: Tree) -> None:
    host.hang(PF)
    found = functions(tree)[PF]
    assert (found.responding, found.name, found.status, found.link_speed) == (False, "mock0", None, None)
    # What the kernel remembers can still be read.
    assert (found.vendor, found.memory_size) == ("0x1de5", 16 << 30)
    assert functions(tree)[VF].responding


def test_a_gpu_that_hangs_is_listed(host: AccelHost, tree: Tree) -> None:
    gpu(host)
    host.hang("2000:07:00.0")
    assert not functions(tree)["2000:07:00.0"].responding


@pytest.mark.parametrize("name", ["uuid", "memory_size", "capabilities", "status", "errors"])
def test_any_file_may_stay_unanswered(host: AccelHost, tree: Tree, name: str) -> None:
    (host.device("mock0") / name).unlink(missing_ok=True)
    (host.device("mock0") / name).symlink_to(UNANSWERED)
    found = functions(tree)[PF]
    assert (found.responding, getattr(found, name)) == (False, None)


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


ODD_FILES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": lambda path: path.touch(),
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("gone"),
    "a pipe": lambda path: os.mkfifo(path),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "endless": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("make", ODD_FILES.values(), ids=ODD_FILES)
@pytest.mark.parametrize("name", ["status", "memory_size", "dev"])
def test_odd_files_of_a_device(host: AccelHost, tree: Tree, name: str, make: Callable) -> None:
    replace(host.device("mock0") / name, make)
    found = functions(tree)[PF]
    assert (found.node if name == "dev" else getattr(found, name)) is None
    assert found.responding
    assert len(functions(tree)) == 4


@pytest.mark.parametrize("make", ODD_FILES.values(), ids=ODD_FILES)
def test_odd_files_of_a_function(host: AccelHost, tree: Tree, make: Callable) -> None:
    for name in ("numa_node", "current_link_width", "sriov_numvfs"):
        replace(host.place(PF) / name, make)
    found = functions(tree)[PF]
    assert (found.numa_node, found.link_width) == (None, None)


@pytest.mark.parametrize("target", ["driver", "physfn", ".", "/", "nowhere", "../../../../../../.."])
@pytest.mark.parametrize("name", ["driver", "physfn", "virtfn0"])
def test_links_that_lead_anywhere(host: AccelHost, tree: Tree, name: str, target: str) -> None:
    place = host.place(PF) / name
    place.unlink(missing_ok=True)
    place.symlink_to(target)
    assert len(functions(tree)) == 4
    assert read_family(tree, PF)[0] is not None


@pytest.mark.parametrize(
    ("target", "root"),
    [
        pytest.param("../../../devices/pci1000:00/x/1000:00:00.0", "pci1000:00", id="behind a bridge"),
        pytest.param("../../../../elsewhere/pci1000:00/1000:00:00.0", None, id="out of sysfs"),
        pytest.param("../../../devices/platform/1000:00:00.0", None, id="no root bus"),
    ],
)
def test_the_root_is_read_from_the_link_alone(host: AccelHost, tree: Tree, target: str, root: str | None) -> None:
    """What the link leads to need not even be there."""
    host.add_function("2000:00:00.0")
    (host.pci / "1000:00:00.0").unlink()
    (host.pci / "1000:00:00.0").symlink_to(target)
    found = functions(tree).get(PF)
    assert (found.pcie_root if found else None) == root


def node_file(path: Path) -> None:
    path.touch()


def node_of_another(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(240, 77))


def block_device(path: Path) -> None:
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(240, 0))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: None, id="missing"),
        pytest.param(node_file, id="a file"),
        pytest.param(node_of_another, id="another number"),
        pytest.param(block_device, id="a block device"),
        pytest.param(lambda path: path.symlink_to("mock1"), id="a link"),
        pytest.param(lambda path: path.mkdir(), id="a folder"),
    ],
)
def test_what_is_no_node(host: AccelHost, tree: Tree, make: Callable) -> None:
    replace(host.dev / "mock0", make)
    assert functions(tree)[PF].node == Node(None, 240, 0, None, None, None)


def test_a_node_by_another_name_and_of_unknown_owners(host: AccelHost, tree: Tree) -> None:
    (host.dev / "accel").mkdir()
    (host.dev / "mock0").rename(host.dev / "accel/mock0")
    os.chown(host.dev / "accel/mock0", 4_000_000, 4_000_001)
    (host.dev / "accel/mock0").chmod(0o640)
    (host.device("mock0") / "uevent").write_text("DEVNAME=accel/mock0\nodd line\n")
    node = functions(tree)[PF].node
    assert node == Node(str(host.dev / "accel/mock0"), 240, 0, "0640", "4000000", "4000001")


@pytest.mark.parametrize("text", ["240", "240:", "a:b", "1:2:3"])
def test_device_numbers_of_nonsense(host: AccelHost, tree: Tree, text: str) -> None:
    (host.device("mock0") / "dev").write_text(text)
    assert functions(tree)[PF].node is None


def test_a_device_name_of_nonsense(host: AccelHost, tree: Tree) -> None:
    (host.device("mock0") / "uevent").write_bytes(b"DEVNAME=\0\n")
    node = functions(tree)[PF].node
    assert node
    assert node.path is None


# What somebody does at the moment at which a file is opened, and what is left of the function then.
RACES: dict[str, tuple[str, Callable[[AccelHost], None], list[str | None] | None]] = {
    "unplugged at its first file": ("vendor", lambda host: host.remove(PF), None),
    "unplugged at its device": ("uuid", lambda host: host.remove(PF), None),
    "unplugged at its last file": ("uevent", lambda host: host.remove(PF), None),
    "unbound before its device": ("vendor", lambda host: host.unbind(PF), [None, None]),
    "unbound at its device": ("uuid", lambda host: host.unbind(PF), [None, "mock-accel"]),
    "unbound amid its device": ("status", lambda host: host.unbind(PF), ["mock0", "mock-accel"]),
    "hangs from its status on": ("status", lambda host: host.hang(PF), ["mock0", "mock-accel"]),
}


@pytest.mark.parametrize(("file", "act", "left"), RACES.values(), ids=RACES)
def test_races(
    host: AccelHost, tree: Tree, monkeypatch: pytest.MonkeyPatch, file: str, act: Callable, left: list | None
) -> None:
    read = tree_module._read
    pending = [act]

    def read_and_act(path: Path, size: int) -> bytes:
        if pending and path.name == file and PF in path.parts:
            pending.pop()(host)
        return read(path, size)

    monkeypatch.setattr(tree_module, "_read", read_and_act)
    found = functions(tree)
    assert not pending
    assert ([found[PF].name, found[PF].driver] if PF in found else None) == left
    assert "1000:00:01.0" in found


@pytest.mark.parametrize("code", [errno.EIO, errno.ENODEV, errno.EACCES, errno.EINVAL, errno.ELOOP, errno.EMFILE])
def test_every_read_may_fail(tree: Tree, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def fail(path: Path, size: int) -> bytes:
        raise OSError(code, os.strerror(code))

    facts = read_module(tree)
    monkeypatch.setattr(tree_module, "_read", fail)
    found = read_functions(tree, facts)
    assert len(found) == 4
    assert {one.responding for one in found} == {code != errno.EIO}
    assert {one.status for one in found} == {None}


def test_unplugged_while_everything_is_listed(host: AccelHost, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tree_module._list_functions

    def list_and_remove(tree: Tree) -> list:
        found = listed(tree)
        host.set_vfs(PF, 0)
        return found

    monkeypatch.setattr(tree_module, "_list_functions", list_and_remove)
    assert list(functions(tree)) == [PF, "1000:00:01.0"]


def test_a_large_host_is_read(tmp_path: Path) -> None:
    host = AccelHost(tmp_path)
    host.load(num_pfs=64, num_roots=2)
    for index in range(64):
        host.add_pf(index, f"100{index // 32}:00:{index % 32:02x}.0", vfs=3)
    tree = Tree(host.sysfs, host.dev)
    found = read_functions(tree, read_module(tree))
    assert [one.name for one in found if one.kind == "physical"] == [f"mock{index}" for index in range(64)]
    assert len(found) == 256


def test_nothing_is_read_where_the_module_is_not_loaded(tree: Tree) -> None:
    assert read_functions(tree, ModuleFacts(False, None, {})) == []
