# SPDX-License-Identifier: GPL-3.0-or-later
"""sysfs -> devices, with what a host does to those who read it; and what the kernel says of changes."""

from __future__ import annotations

import errno
import os
import socket
import threading
import typing as t
import uuid
from pathlib import Path

import pytest
from accel_sysfs import GI, AccelTree, replay
from mock_accel_dra import inventory
from mock_accel_dra.errors import InventoryError
from mock_accel_dra.inventory import AccelDevice


@pytest.fixture
def tree(tmp_path: Path) -> AccelTree:
    return AccelTree(tmp_path / "sys")


def scan(tree: AccelTree) -> dict[str, AccelDevice]:
    return {device.name: device for device in inventory.scan(tree.root)}


def test_a_physical_function(tree: AccelTree) -> None:
    tree.add_pf(33, numa_node=1)
    assert (
        inventory.scan(tree.root)
        == [
            AccelDevice(
                name="mock33",
                kind="pf",
                parent=None,
                uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, "mock33")),
                memory=16 * GI,
                numa_node=1,
                capabilities=5,
                allocated=False,
                errors=0,
                responding=True,
                pci_address="1001:00:01.0",
                pcie_root="pci1001:00",
                physfn=None,
                device_node="/dev/mock33",
                major=240,
                minor=264,
                total_vfs=4,
                num_vfs=0,
            )
        ]
        or scan(tree)["mock33"].uuid
    )


def test_virtual_functions(tree: AccelTree) -> None:
    tree.add_pf(1)
    tree.add_vfs(1, 2)
    found = scan(tree)
    assert list(found) == ["mock1", "mock1_vf0", "mock1_vf1"]
    assert (found["mock1"].total_vfs, found["mock1"].num_vfs) == (4, 2)
    vf = found["mock1_vf1"]
    assert (vf.kind, vf.parent, vf.physfn, vf.pci_address) == ("vf", "mock1", "1000:00:01.0", "1000:00:01.2")
    assert (vf.memory, vf.total_vfs, vf.num_vfs, vf.pcie_root) == (2 * GI, 0, 0, "pci1000:00")
    assert (vf.device_name, vf.device_node) == ("mock1-vf1", "/dev/mock1_vf1")


def test_devices_are_in_the_order_of_their_numbers(tree: AccelTree) -> None:
    for number in (10, 9, 2):
        tree.add_pf(number)
    tree.add_vfs(2, 1)
    assert list(scan(tree)) == ["mock2", "mock2_vf0", "mock9", "mock10"]


def test_a_tree_that_a_guest_has_shown(tmp_path: Path, fixtures: Path) -> None:
    """tests/kernel has recorded it and compares it with a running kernel."""
    found = {device.name: device for device in inventory.scan(replay(fixtures / "sysfs/two_boards.json", tmp_path))}
    assert list(found) == ["mock0", "mock0_vf0", "mock0_vf1", "mock1"]
    whole, part, hanging = found["mock0"], found["mock0_vf1"], found["mock1"]
    assert (whole.pci_address, whole.pcie_root, whole.numa_node) == ("1000:00:00.0", "pci1000:00", 0)
    assert (whole.total_vfs, whole.num_vfs, whole.capabilities, whole.minor) == (4, 2, 5, 0)
    assert (part.pci_address, part.physfn, part.parent) == ("1000:00:00.2", "1000:00:00.0", "mock0")
    assert (part.memory, part.capabilities, part.minor) == (2 * GI, 6, 2)
    assert (whole.responding, part.responding, hanging.responding) == (True, True, False)
    assert (hanging.pci_address, hanging.numa_node, hanging.memory) == ("1001:00:00.0", 1, 16 * GI)


def silent(tree: AccelTree) -> None:
    tree.silence("mock0")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda tree: tree.write("mock0", "numa_node", "-1"), {"numa_node": None}, id="no NUMA node"),
        pytest.param(lambda tree: tree.write("mock0", "status", "1"), {"allocated": True}, id="allocated"),
        pytest.param(
            lambda tree: tree.write("mock0", "errors", "0x09"), {"errors": 9, "responding": True}, id="with errors"
        ),
        pytest.param(silent, {"allocated": None, "errors": None, "responding": False, "memory": 16 * GI}, id="silent"),
        pytest.param(
            lambda tree: [(tree.class_folder / "mock0" / f"sriov_{name}vfs").unlink() for name in ("total", "num")],
            {"total_vfs": 0, "num_vfs": 0},
            id="without SR-IOV",
        ),
    ],
)
def test_a_state(tree: AccelTree, change: t.Callable[[AccelTree], t.Any], expected: dict[str, t.Any]) -> None:
    tree.add_pf(0)
    change(tree)
    device = scan(tree)["mock0"]
    assert {name: getattr(device, name) for name in expected} == expected


@pytest.mark.parametrize(
    "file", ["uuid", "memory_size", "numa_node", "capabilities", "status", "errors", "dev", "device"]
)
def test_a_device_that_goes_while_it_is_read_is_not_there(tree: AccelTree, file: str) -> None:
    tree.add_pf(0)
    tree.add_pf(1)
    (tree.class_folder / "mock0" / file).unlink()
    assert list(scan(tree)) == ["mock1"]


def test_a_device_that_has_gone_before_it_is_read_is_not_there(tree: AccelTree) -> None:
    tree.add_pf(0)
    (tree.class_folder / "mock7").symlink_to("../../devices/gone")
    assert list(scan(tree)) == ["mock0"]


@pytest.mark.parametrize(
    ("file", "text"),
    [("memory_size", "many"), ("dev", "240"), ("capabilities", ""), ("numa_node", "x")],
    ids=lambda value: value or "empty",
)
def test_nonsense_hides_one_device_and_no_other(
    tree: AccelTree, capsys: pytest.CaptureFixture[str], file: str, text: str
) -> None:
    tree.add_pf(0)
    tree.add_pf(1)
    tree.write("mock0", file, text)
    assert list(scan(tree)) == ["mock1"]
    assert 'msg="Left out a device that cannot be read" device=mock0' in capsys.readouterr().err


def test_a_device_that_is_no_pci_function(tree: AccelTree, capsys: pytest.CaptureFixture[str]) -> None:
    link = tree.add_pf(0) / "device"
    link.unlink()
    link.symlink_to("..")
    assert scan(tree) == {}
    assert "is no PCI function" in capsys.readouterr().err


def test_what_is_not_ours_is_passed_over(tree: AccelTree) -> None:
    tree.add_pf(0)
    for name in ("mock", "mockx", "mock0_vf", "other0"):
        (tree.class_folder / name).mkdir()
    assert list(scan(tree)) == ["mock0"]


def test_without_the_module_there_are_no_devices(tmp_path: Path) -> None:
    assert inventory.scan(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO], ids=["EMFILE", "EACCES", "EIO"])
def test_a_fault_of_the_reader_takes_no_device_away(
    tree: AccelTree, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """An inventory that seems empty would have the devices taken out of the cluster."""
    tree.add_pf(0)

    def refuse(path: str, flags: int) -> int:
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(inventory.os, "open", refuse)
    with pytest.raises(InventoryError, match=r"Error while reading .*/class/mock-accel/mock0: "):
        inventory.scan(tree.root)


# --- uevents ---

PCI = {"SUBSYSTEM": "pci", "PCI_ID": "1DE5:0001"}


def datagram(action: str = "add", path: str = "/devices/pci1000:00/1000:00:00.0", **variables: str) -> bytes:
    lines = [f"{action}@{path}", f"ACTION={action}", f"DEVPATH={path}", *(f"{k}={v}" for k, v in variables.items())]
    return b"".join(line.encode() + b"\0" for line in lines)


@pytest.mark.parametrize(
    ("variables", "concerns_us"),
    [
        pytest.param({"SUBSYSTEM": "mock-accel", "DEVNAME": "mock0"}, True, id="device of the class"),
        pytest.param({**PCI, "DRIVER": "mock-accel"}, True, id="function with our driver"),
        pytest.param({**PCI, "MOCK_ACCEL_LINK": "down"}, True, id="link of a function without driver"),
        pytest.param({**PCI, "DRIVER": "mock-accel", "MOCK_ACCEL_ERROR": "fatal"}, True, id="error"),
        pytest.param({**PCI, "DRIVER": "nvme"}, False, id="function of another driver"),
        pytest.param({"SUBSYSTEM": "net", "INTERFACE": "eth0"}, False, id="another subsystem"),
        pytest.param({}, False, id="nothing said"),
    ],
)
def test_which_uevents_concern_us(variables: dict[str, str], concerns_us: bool) -> None:
    event = inventory.parse_uevent(datagram("change", **variables))
    assert event
    assert (event.action, event.concerns_us) == ("change", concerns_us)


@pytest.mark.parametrize(
    "data", [b"", b"libudev\0\xfe\xed", b"nonsense", b"add@relative\0", b"\xff\xfe\0"], ids=lambda data: data[:8].hex()
)
def test_what_is_no_uevent(data: bytes) -> None:
    assert inventory.parse_uevent(data) is None


@pytest.fixture
def kernel() -> t.Iterator[tuple[inventory.UeventSource, socket.socket]]:
    """A source whose other end we hold, as the kernel holds the real one's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    theirs.setblocking(False)
    yield inventory.UeventSource(theirs), ours
    ours.close()


def test_the_source_wakes_for_what_concerns_us_and_for_nothing_else(
    kernel: tuple[inventory.UeventSource, socket.socket],
) -> None:
    source, ours = kernel
    woken: list[bool] = []
    done = threading.Event()

    def wait() -> None:
        while source.wait():
            woken.append(True)
            done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    ours.send(datagram(SUBSYSTEM="net"))
    assert not done.wait(0.2)
    ours.send(datagram(SUBSYSTEM="mock-accel"))
    assert done.wait(5)
    source.close()
    thread.join(5)
    assert not thread.is_alive()
    assert woken == [True]


def test_lost_uevents_count_as_some_that_concern_us() -> None:
    class Overrun:
        def __init__(self) -> None:
            self.answers: list[Exception] = [OSError(errno.ENOBUFS, "full"), BlockingIOError()]
            self.reader, self.writer = os.pipe()

        def fileno(self) -> int:
            os.write(self.writer, b"x")
            return self.reader

        def recvfrom(self, size: int) -> t.NoReturn:
            raise self.answers.pop(0)

    assert inventory.UeventSource(t.cast(t.Any, Overrun())).wait() is True


def test_what_other_processes_send_is_not_believed() -> None:
    class Forged:
        def __init__(self) -> None:
            self.reader, self.writer = os.pipe()
            self.answers: list[t.Any] = [(datagram(SUBSYSTEM="mock-accel"), (4711, 1)), BlockingIOError()]

        def fileno(self) -> int:
            return self.reader

        def recvfrom(self, size: int) -> t.Any:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    source = inventory.UeventSource(t.cast(t.Any, Forged()))
    assert source._drain() is False


def test_the_kernel_lets_us_listen() -> None:
    source = inventory.UeventSource()
    source.close()
    assert source.wait() is False
