# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a device: it hangs, its link is down, it shows or reports errors, it is pulled out."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from guest_module import Function, GuestModule

ADDRESS = "1000:00:00.0"
PCI = f"/sys/bus/pci/devices/{ADDRESS}"
DEVICE = "/sys/class/mock-accel/mock0"
FAULTS = ("hang", "link", "errors")


@pytest.fixture
def loaded(accel: GuestModule) -> Iterator[GuestModule]:
    accel.load("num_pfs=2 uuid_seed=test")
    yield accel
    accel.unload()


@pytest.fixture
def function(loaded: GuestModule) -> Function:
    return Function(loaded, "mock0")


def fails(accel: GuestModule, command: str) -> str:
    done = accel.guest.run(command)
    assert done.returncode, f"{command} gave {done.stdout}"
    return done.stderr.strip().rpartition(": ")[2]


def events(accel: GuestModule, function: Function, setting: str) -> list[dict[str, str]]:
    return json.loads(accel.script("events.py", f"{function.folder}/{setting}"))


def config(accel: GuestModule, path: str = PCI) -> bytes:
    return bytes.fromhex(accel.guest.python(f"print(open({path + '/config'!r}, 'rb').read().hex())"))


@pytest.mark.parametrize(("fault", "end"), [("hang=1", "hang=0"), ("link=down", "link=up")])
def test_a_function_that_does_not_answer(loaded: GuestModule, function: Function, fault: str, end: str) -> None:
    loaded.set_vfs("mock0", 1)
    loaded.guest.must(f"echo 1 >{DEVICE}/status")
    before = config(loaded)
    function.set(*fault.split("="))
    assert function.get(fault.split("=")[0]) == fault.split("=")[1]
    for device in (DEVICE, f"{DEVICE}_vf0"):
        assert fails(loaded, f"cat {device}/status") == "Input/output error"
        assert fails(loaded, f"cat /dev/{device.rpartition('/')[2]}") == "Input/output error"
        # What was read when the driver was bound is still known.
        assert loaded.guest.must(f"cat {device}/uuid").strip()
        assert set(config(loaded, f"{device}/device")) == {0xFF}
    assert loaded.guest.must("cat /sys/class/mock-accel/mock1/status") == "0\n"
    if fault == "link=down":
        assert fails(loaded, f"echo 0 >{DEVICE}/status") == "Input/output error"
    function.set(*end.split("="))
    assert loaded.guest.must(f"cat {DEVICE}/status {DEVICE}_vf0/status") == "1\n0\n"
    assert config(loaded) == before


def test_vfs_of_a_hanging_function_can_be_taken_off(loaded: GuestModule, function: Function) -> None:
    loaded.set_vfs("mock0", 2)
    function.set("hang", 1)
    loaded.set_vfs("mock0", 0)
    assert loaded.guest.must("ls /sys/class/mock-accel").split() == ["mock0", "mock1"]
    function.set("hang", 0)
    # The PCI core has read meanwhile where the next ones would be; only what is plugged in anew is asked again.
    function.set("enable", 0)
    function.set("enable", 1)
    loaded.set_vfs("mock0", 1)
    assert loaded.guest.must(f"cat {DEVICE}_vf0/status") == "0\n"


def test_a_hanging_function_cannot_be_bound_anew(loaded: GuestModule, function: Function) -> None:
    function.set("hang", 1)
    loaded.guest.must(f"echo {ADDRESS} >/sys/bus/pci/drivers/mock-accel/unbind")
    assert fails(loaded, f"echo {ADDRESS} >/sys/bus/pci/drivers/mock-accel/bind") == "No such device"
    function.set("hang", 0)
    loaded.guest.must(f"echo {ADDRESS} >/sys/bus/pci/drivers/mock-accel/bind")
    assert loaded.guest.must(f"cat {DEVICE}/status") == "0\n"


def test_a_link_that_goes_down_is_announced_once(loaded: GuestModule, function: Function) -> None:
    for state in ("down", "up"):
        found = events(loaded, function, f"link={state}")
        assert [(event["ACTION"], event["PCI_SLOT_NAME"], event["MOCK_ACCEL_LINK"]) for event in found] == [
            ("change", ADDRESS, state)
        ]
        assert events(loaded, function, f"link={state}") == []
    assert function.refuses("link", "sideways") == "Invalid argument"


def test_errors_are_shown_beside_the_allocation(loaded: GuestModule, function: Function) -> None:
    loaded.guest.must(f"echo 1 >{DEVICE}/status")
    found = events(loaded, function, "errors=0x05")
    assert [(event["ACTION"], event["PCI_SLOT_NAME"], event["MOCK_ACCEL_ERRORS"]) for event in found] == [
        ("change", ADDRESS, "0x05")
    ]
    assert events(loaded, function, "errors=5") == []
    assert function.get("errors") == "0x05"
    assert loaded.guest.must(f"cat {DEVICE}/status {DEVICE}/errors") == "1\n0x05\n"
    assert "status: allocated\nerrors: 0x05\n" in loaded.guest.must("cat /dev/mock0")
    ask = "import fcntl; v = bytearray(4); fcntl.ioctl(open('/dev/mock0'), 0x80044D01, v); print(v.hex())"
    assert loaded.guest.python(ask).strip() == "01050000"
    loaded.guest.must(f"echo 0 >{DEVICE}/status")
    assert loaded.guest.must(f"cat {DEVICE}/status {DEVICE}/errors") == "0\n0x05\n"
    function.set("errors", 0)
    assert loaded.guest.must(f"cat {DEVICE}/errors") == "0x00\n"
    assert function.refuses("errors", "256") == "Invalid argument"


def test_errors_of_one_that_does_not_answer_are_told_to_nobody(loaded: GuestModule, function: Function) -> None:
    for fault, ill, well in (("hang", "1", "0"), ("link", "down", "up")):
        function.set(fault, ill)
        assert events(loaded, function, "errors=0x03") == []
        function.set(fault, well)
        assert loaded.guest.must(f"cat {DEVICE}/errors") == "0x03\n"
        function.set("errors", 0)


def test_one_without_registers_has_no_errors_to_show(loaded: GuestModule) -> None:
    plain = Function(loaded, "plain").make(registers=0, enable=1)
    assert plain.refuses("errors", 1) == "Operation not supported"
    assert plain.get("errors") == "0x00"
    plain.remove()


@pytest.mark.parametrize(
    ("severity", "lspci"),
    [("correctable", "CorrErr+"), ("nonfatal", "NonFatalErr+"), ("fatal", " FatalErr+")],
)
def test_an_injected_error_is_logged_and_announced(
    loaded: GuestModule, function: Function, severity: str, lspci: str
) -> None:
    def status() -> str:
        return next(line for line in loaded.guest.must(f"lspci -vv -s {ADDRESS}").splitlines() if "DevSta:" in line)

    assert lspci not in status()
    found = events(loaded, function, f"inject_error={severity}")
    assert [(event["ACTION"], event["PCI_SLOT_NAME"], event["MOCK_ACCEL_ERROR"]) for event in found] == [
        ("change", ADDRESS, severity)
    ]
    assert lspci in status()
    assert function.refuses("inject_error", "minor") == "Invalid argument"


def test_surprise_removal(loaded: GuestModule, function: Function) -> None:
    loaded.set_vfs("mock0", 2)
    names = ["mock0", "mock0_vf0", "mock0_vf1", "mock1"]
    action = f"{function.folder}/surprise_remove=1"
    answers = json.loads(loaded.script("survivor.py", ",".join(names), action))
    there = ["no error", "no error", "EINVAL", "ENOTTY"]
    assert answers["after"] == {**{name: ["ENODEV"] * 4 for name in names[:3]}, "mock1": there}
    assert answers["gone"] == names[:3]
    assert (function.get("enable"), function.get("address"), function.get("link")) == ("0", "", "down")
    # A rescan finds nothing in the slot; plugging it in again does.
    loaded.guest.must("echo 1 >/sys/bus/pci/rescan")
    assert loaded.guest.must("ls /sys/class/mock-accel").split() == ["mock1"]
    function.set("enable", 1)
    assert function.get("link") == "up"
    assert loaded.guest.must("ls /sys/class/mock-accel").split() == ["mock0", "mock1"]


def test_faults_end_with_the_function(loaded: GuestModule, function: Function) -> None:
    function.set("errors", 1)
    function.set("hang", 1)
    function.set("enable", 0)
    for fault, value in (
        ("hang", 1),
        ("link", "down"),
        ("errors", 1),
        ("inject_error", "fatal"),
        ("surprise_remove", 1),
    ):
        assert function.refuses(fault, value) == "No such device"
    function.set("enable", 1)
    assert [function.get(fault) for fault in FAULTS] == ["0", "up", "0x00"]
    assert loaded.guest.must(f"cat {DEVICE}/status") == "0\n"


def test_functions_that_hang_can_be_unplugged_and_the_module_unloaded(loaded: GuestModule, function: Function) -> None:
    loaded.set_vfs("mock0", 2)
    function.set("hang", 1)
    Function(loaded, "mock1").set("link", "down")
    function.set("enable", 0)
    loaded.unload()
