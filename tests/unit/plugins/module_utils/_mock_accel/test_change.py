# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing numbers of virtual functions: to real files for the errors, to a made-up host for the order of events."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest
from accel_host import AccelHost

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel import change as change_module
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel import tree as tree_module
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.change import (
    PartialError,
    VfsError,
    carry_out,
    find_access_problems,
    write_number,
)
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.plan import Change, make_plan
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import Tree, read_functions, read_module

FIRST, SECOND, THIRD = "1000:00:00.0", "1000:00:01.0", "1000:00:02.0"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AccelHost:
    """Three physical functions with 0, 2 and 2 virtual ones."""
    host = AccelHost(tmp_path)
    host.load(num_pfs=3)
    for index, (address, vfs) in enumerate(((FIRST, 0), (SECOND, 2), (THIRD, 2))):
        host.add_pf(index, address, vfs=vfs)
    monkeypatch.setattr(change_module, "_write", host.write)
    return host


@pytest.fixture
def tree(host: AccelHost) -> Tree:
    return Tree(host.sysfs, host.dev, host.proc)


def changes(tree: Tree, number: int, force: bool = False) -> tuple[Change, ...]:
    plan = make_plan(read_functions(tree, read_module(tree)), None, number, force)
    assert plan.problems == ()
    return plan.changes


@pytest.mark.parametrize(
    ("number", "writes"),
    [
        (0, [f"{SECOND} 0", f"{THIRD} 0"]),
        (2, [f"{FIRST} 2"]),
        (3, [f"{FIRST} 3", f"{SECOND} 0", f"{SECOND} 3", f"{THIRD} 0", f"{THIRD} 3"]),
    ],
)
def test_another_number_goes_by_way_of_none(host: AccelHost, tree: Tree, number: int, writes: list[str]) -> None:
    carry_out(tree, changes(tree, number), False, 20)
    assert host.writes == writes
    assert host.numbers() == dict.fromkeys((FIRST, SECOND, THIRD), number)


SECOND_FAILS = f"Error while setting the number of virtual functions of mock1 ({SECOND}) to 3"
FIRST_CHANGED = f"changed so far: mock0 ({FIRST}) from 0 to 3"


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.EACCES, "Permission denied: run the task as root (become: true)"),
        (errno.EPERM, "Operation not permitted: run the task as root (become: true)"),
        (errno.EROFS, "Read-only file system: sysfs is mounted read-only here: run the task on the host itself"),
        (errno.EBUSY, "Device or resource busy: somebody else has set another number at the same time"),
        (errno.ENOENT, "No such file or directory: the function has lost its driver or is gone: run the task again"),
        (errno.ENODEV, "No such device: the function is gone: run the task again"),
        (errno.ERANGE, "Numerical result out of range: that is more than it can have"),
        (errno.ENOMEM, "Cannot allocate memory: the kernel has no memory left for it"),
        (errno.EIO, "Input/output error: look at the kernel's log (dmesg)"),
        (errno.ENOSYS, "Function not implemented: look at the kernel's log (dmesg)"),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_the_kernel_refuses(host: AccelHost, tree: Tree, code: int, advice: str) -> None:
    host.refusals[SECOND, 0] = code
    with pytest.raises(PartialError) as caught:
        carry_out(tree, changes(tree, 3), False, 20)
    message = str(caught.value)
    assert message.startswith(f"{SECOND_FAILS}: {advice}")
    assert message.endswith(f"; {FIRST_CHANGED}")
    # What comes behind is not touched.
    assert host.numbers() == {FIRST: 3, SECOND: 2, THIRD: 2}


def test_a_function_that_stops_halfway_counts_as_changed(host: AccelHost, tree: Tree) -> None:
    host.refusals[THIRD, 3] = errno.ENOMEM
    with pytest.raises(PartialError) as caught:
        carry_out(tree, changes(tree, 3), False, 20)
    assert [(one.before, one.after) for one in caught.value.done] == [(0, 3), (2, 3), (2, 0)]
    assert str(caught.value).endswith(f"mock1 ({SECOND}) from 2 to 3, mock2 ({THIRD}) from 2 to 0")


def test_the_first_one_that_fails_has_changed_nothing(host: AccelHost, tree: Tree) -> None:
    host.refusals[FIRST, 3] = errno.EBUSY
    with pytest.raises(PartialError, match="; nothing was changed$") as caught:
        carry_out(tree, changes(tree, 3), False, 20)
    assert caught.value.done == ()


def test_a_function_that_goes_meanwhile(host: AccelHost, tree: Tree) -> None:
    planned = changes(tree, 3)
    host.remove(FIRST)
    with pytest.raises(PartialError, match="gone: run the task again; nothing was changed"):
        carry_out(tree, planned, False, 20)


def test_allocated_meanwhile(host: AccelHost, tree: Tree) -> None:
    """Between the plan and the turn of the last function, whole seconds may pass."""
    planned = changes(tree, 0)
    (host.device("mock2_vf1") / "status").write_text("1\n")
    reason = r"mock2_vf1 \(1000:00:02.2\) is allocated meanwhile: free it first, or set force; changed so far: mock1 "
    with pytest.raises(PartialError, match=reason):
        carry_out(tree, planned, False, 20)
    assert host.numbers() == {FIRST: 0, SECOND: 0, THIRD: 2}
    carry_out(tree, changes(tree, 0, True), True, 20)
    assert host.numbers() == {FIRST: 0, SECOND: 0, THIRD: 0}


def test_opened_meanwhile(host: AccelHost, tree: Tree) -> None:
    planned = changes(tree, 0)
    host.open("mock2_vf1", 4711, "trainer")
    reason = r"mock2_vf1 \(1000:00:02.2\) is open in process 4711 \(trainer\) meanwhile: free it first, or set force"
    with pytest.raises(PartialError, match=reason):
        carry_out(tree, planned, False, 20)
    assert host.numbers() == {FIRST: 0, SECOND: 0, THIRD: 2}
    carry_out(tree, planned[-1:], True, 20)
    assert host.numbers() == {FIRST: 0, SECOND: 0, THIRD: 0}


def test_devices_that_do_not_come_are_named(host: AccelHost, tree: Tree) -> None:
    host.makes_devices = False
    with pytest.raises(PartialError) as caught:
        carry_out(tree, changes(tree, 2), False, 0.2)
    assert "time is up, and there is not yet the device of 1000:00:00.1, the device of 1000:00:00.2" in str(
        caught.value
    )
    assert "set a longer timeout; changed so far: mock0 (1000:00:00.0) from 0 to 2" in str(caught.value)


def test_nodes_that_do_not_come_are_named(host: AccelHost, tree: Tree) -> None:
    host.makes_nodes = False
    with pytest.raises(PartialError, match="not yet the device node of mock0_vf0, the device node of mock0_vf1"):
        carry_out(tree, changes(tree, 2), False, 0.2)


def test_nodes_are_not_waited_for_where_there_are_none(host: AccelHost, tree: Tree) -> None:
    host.makes_nodes = False
    (host.dev / "mock0").unlink()
    carry_out(tree, changes(tree, 2), False, 20)
    assert host.numbers()[FIRST] == 2


@pytest.mark.parametrize(
    "file", ["bus/pci/drivers_autoprobe", f"bus/pci/devices/{FIRST}/sriov_drivers_autoprobe"], ids=["all", "this one"]
)
def test_devices_are_not_waited_for_where_nobody_binds(host: AccelHost, tree: Tree, file: str) -> None:
    host.makes_devices = False
    (host.sysfs / file).write_text("0\n")
    carry_out(tree, changes(tree, 2), False, 20)
    assert host.numbers()[FIRST] == 2


def test_devices_that_come_late_are_waited_for(host: AccelHost, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """No look is the last one before the time is up, and the pauses between them grow."""
    pauses: list[float] = []
    monkeypatch.setattr(change_module.time, "sleep", pauses.append)
    looks = []

    def look(tree: Tree, address: str):
        physical, virtual = tree_module.read_family(tree, address)
        looks.append(address)
        return physical, virtual if len(looks) > 8 else virtual[:1]

    monkeypatch.setattr(change_module, "read_family", look)
    carry_out(tree, changes(tree, 2), False, 20)
    assert pauses == [0.01, 0.02, 0.04, 0.08, 0.16, 0.25, 0.25, 0.25]


def test_who_may_not_write_is_told_beforehand(host: AccelHost, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = changes(tree, 3)
    assert find_access_problems(tree, planned) == []
    opened = os.open

    def refuse(path: Path, flags: int, *mode: int) -> int:
        if flags & os.O_WRONLY and SECOND in str(path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, *mode)

    monkeypatch.setattr(change_module.os, "open", refuse)
    (host.place(THIRD) / "sriov_numvfs").unlink()
    assert [problem.split(":")[2] for problem in find_access_problems(tree, planned)] == [
        "01.0) cannot be changed",
        "02.0) cannot be changed",
    ]
    assert host.writes == []


def test_a_number_is_written_as_the_kernel_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "sriov_numvfs"
    path.touch()
    write_number(path, 4, time.monotonic() + 20)
    assert path.read_text() == "4\n"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/dev/full", "No space left on device"),
        ("/no/such/file", "No such file or directory"),
        ("/", "Is a directory"),
        ("/proc/version", "Input/output error|Permission denied|Invalid argument"),
    ],
)
def test_errors_of_real_files(name: str, reason: str) -> None:
    with pytest.raises(VfsError, match=reason):
        write_number(Path(name), 4, time.monotonic() + 20)


def test_a_writer_that_is_blocked_does_not_block_the_module(tmp_path: Path) -> None:
    """A pipe without a reader holds whoever opens it, as a kernel that has locked itself does."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    begun = time.monotonic()
    with pytest.raises(VfsError, match=r"the kernel has not answered in time, and process \d+ still waits") as caught:
        write_number(path, 4, begun + 0.3)
    assert 0.2 < time.monotonic() - begun < 10
    # Once it is let go, it writes and ends, and nobody hears of it.
    assert path.read_text() == "4\n"
    pid = int(str(caught.value).split("process ")[1].split()[0])
    assert os.waitpid(pid, 0)[1] == 0


def test_no_time_at_all_is_no_time(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(VfsError, match="not answered in time") as caught:
        write_number(path, 4, time.monotonic() - 1)
    path.read_text()
    os.waitpid(int(str(caught.value).split("process ")[1].split()[0]), 0)


def test_whatever_happens_in_the_child_ends_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def burst(path: Path, number: int) -> None:
        raise RuntimeError

    monkeypatch.setattr(change_module, "_write", burst)
    with pytest.raises(VfsError, match="Input/output error"):
        write_number(tmp_path, 4, time.monotonic() + 20)
