# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions that are made, plugged in and unplugged at run time, and the GPUs of a profile among them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from guest_module import CONFIGFS, Function, GuestModule

PCI = "/sys/bus/pci/devices"
CLASS = "/sys/class/mock-accel"
# As an A100 has them, on root buses of one domain.
A100 = {"vendor": "0x10de", "device": "0x20b0", "class": "0x030200", "subsystem_vendor": "0x10de"}
A100 |= {"subsystem_device": "0x134f", "revision": "0xa1", "registers": 0, "total_vfs": 0}
A100_BUSES = {"07": 0, "0f": 0, "47": 1, "4e": 1}


@pytest.fixture
def one(accel: GuestModule) -> Iterator[GuestModule]:
    """One function of the parameters; what a test leaves in configfs goes with it."""
    accel.load("num_pfs=1 uuid_seed=test")
    yield accel
    accel.guest.must(f"for folder in {CONFIGFS}/mock-accel/*; do rmdir $folder 2>/dev/null || true; done")


def listed(accel: GuestModule, folder: str) -> list[str]:
    return accel.guest.must(f"ls {folder}").split()


def read(accel: GuestModule, path: str) -> str:
    return accel.guest.must(f"cat {path}").strip()


def test_functions_of_the_parameters_have_folders_that_stay(accel: GuestModule) -> None:
    accel.load("num_pfs=3 num_roots=2")
    assert listed(accel, f"{CONFIGFS}/mock-accel") == ["mock0", "mock1", "mock2"]
    assert [Function(accel, f"mock{number}").get("address") for number in range(3)] == [
        "1000:00:00.0",
        "1000:00:01.0",
        "1001:00:00.0",
    ]
    done = accel.guest.run(f"rmdir {CONFIGFS}/mock-accel/mock1")
    assert done.returncode and "not permitted" in done.stderr
    # A folder that nobody has made does not keep the module.
    accel.unload()
    assert listed(accel, CONFIGFS) == []


def test_a_new_function_is_plugged_in_and_unplugged(one: GuestModule) -> None:
    function = Function(one, "extra").make()
    assert (function.get("enable"), function.get("address"), function.get("device_name")) == ("0", "", "mock1")
    assert listed(one, CLASS) == ["mock0"]
    function.set("memory_size", "1G")
    function.set("enable", 1)
    assert (function.get("enable"), function.get("address")) == ("1", "1000:00:01.0")
    assert listed(one, CLASS) == ["mock0", "mock1"]
    assert read(one, f"{CLASS}/mock1/memory_size") == str(1 << 30)
    assert read(one, f"{CLASS}/mock1/uuid") == function.get("uuid")
    one.set_vfs("mock1", 2)
    assert listed(one, CLASS) == ["mock0", "mock1", "mock1_vf0", "mock1_vf1"]
    function.set("enable", 0)
    assert (function.get("enable"), function.get("address")) == ("0", "")
    assert listed(one, CLASS) == ["mock0"]
    assert one.guest.must("lspci -n -d 1de5:").split()[::6] == ["1000:00:00.0"]
    function.set("enable", 1)
    assert listed(one, CLASS) == ["mock0", "mock1"]
    function.remove()
    assert listed(one, CLASS) == ["mock0"]


def test_the_same_twice_changes_nothing(one: GuestModule) -> None:
    function = Function(one, "extra").make(enable=1)
    one.set_vfs("mock1", 1)
    function.set("enable", 1)
    assert "mock1_vf0" in listed(one, CLASS)
    function.set("enable", 0)
    function.set("enable", 0)


def test_plugging_is_announced(one: GuestModule) -> None:
    function = Function(one, "extra").make(registers=1)
    events = json.loads(one.script("events.py", f"{function.folder}/enable=1"))
    found = [
        (event["ACTION"], event["SUBSYSTEM"], event.get("PCI_SLOT_NAME") or event.get("DEVNAME")) for event in events
    ]
    assert found == [
        ("add", "pci", "1000:00:01.0"),
        ("add", "mock-accel", "mock1"),
        ("bind", "pci", "1000:00:01.0"),
    ]
    events = json.loads(one.script("events.py", f"{function.folder}/enable=0"))
    found = [(event["ACTION"], event["SUBSYSTEM"]) for event in events]
    assert found == [("remove", "mock-accel"), ("unbind", "pci"), ("remove", "pci")]


def test_functions_of_the_parameters_are_unplugged_too(accel: GuestModule) -> None:
    accel.load("num_pfs=2 num_roots=2 uuid_seed=test")
    uuid = read(accel, f"{CLASS}/mock1/uuid")
    function = Function(accel, "mock1")
    function.set("enable", 0)
    assert listed(accel, CLASS) == ["mock0"]
    # The root bus has gone with its last function.
    assert not accel.guest.must("ls -d /sys/devices/pci1001:00 2>/dev/null || true")
    function.set("enable", 1)
    assert listed(accel, CLASS) == ["mock0", "mock1"]
    assert function.get("address") == "1001:00:00.0"
    assert read(accel, f"{CLASS}/mock1/uuid") == uuid


def test_there_may_be_no_function_of_the_parameters(accel: GuestModule) -> None:
    accel.load("num_pfs=0 total_vfs=2 first_domain=0x2000")
    assert listed(accel, f"{CONFIGFS}/mock-accel") == []
    function = Function(accel, "first").make(enable=1)
    assert (function.get("address"), function.get("total_vfs")) == ("2000:00:00.0", "2")
    accel.set_vfs("mock0", 2)
    function.remove()
    assert not accel.guest.must("ls -d /sys/devices/pci2000:00 2>/dev/null || true")


def test_gpus_of_a_profile(one: GuestModule) -> None:
    for number, (bus, node) in enumerate(A100_BUSES.items()):
        Function(one, f"gpu{number}").make(**A100, root_bus=f"2345:{bus}", numa_node=node, slot=0, enable=1)
    lines = one.guest.must("lspci -n -d 10de:").splitlines()
    assert lines == [f"2345:{bus}:00.0 0302: 10de:20b0 (rev a1)" for bus in A100_BUSES]
    for bus, node in A100_BUSES.items():
        function = f"{PCI}/2345:{bus}:00.0"
        assert one.guest.must(f"readlink -f {function}").strip() == f"/sys/devices/pci2345:{bus}/2345:{bus}:00.0"
        assert one.guest.must(f"basename $(readlink {function}/driver)").strip() == "mock-accel"
        assert read(one, f"{function}/driver_override") == "mock-accel"
        assert read(one, f"{function}/numa_node") == str(node)
        assert read(one, f"{function}/subsystem_device") == "0x134f"
    # They are GPUs, and no accelerators of ours.
    assert listed(one, CLASS) == ["mock0"]
    assert Function(one, "gpu0").get("device_name") == ""
    # Nor do they come back otherwise after they have been removed by hand.
    one.guest.must(f"echo 1 >{PCI}/2345:47:00.0/remove && echo 1 >/sys/bus/pci/rescan")
    assert one.guest.must(f"basename $(readlink {PCI}/2345:47:00.0/driver)").strip() == "mock-accel"


def test_no_other_driver_takes_a_function_with_its_ids(one: GuestModule) -> None:
    """These are the ids of a network device that the guest has a driver for, which is loaded."""
    ids = {"vendor": "0x1af4", "device": "0x1041", "class": "0x020000", "total_vfs": 2, "vf_device": "0x1041"}
    Function(one, "net").make(**ids, registers=0, root_bus="2345:01", enable=1)
    address = "2345:01:00.0"
    one.guest.must(f"echo 2 >{PCI}/{address}/sriov_numvfs")
    drivers = one.guest.must(f"for function in {PCI}/2345:01:*; do basename $(readlink $function/driver); done")
    assert drivers.split() == ["mock-accel"] * 3
    one.guest.must(f"echo {address} >/sys/bus/pci/drivers/mock-accel/unbind")
    done = one.guest.run(f"echo {address} >/sys/bus/pci/drivers/virtio-pci/bind")
    assert done.returncode and "No such device" in done.stderr
    one.guest.must(f"echo {address} >/sys/bus/pci/drivers_probe")
    assert one.guest.must(f"basename $(readlink {PCI}/{address}/driver)").strip() == "mock-accel"


def test_no_other_driver_takes_a_function_by_its_class(one: GuestModule) -> None:
    """That of NVMe takes whatever is of the class; it is part of the guest's kernels."""
    assert "nvme" in listed(one, "/sys/bus/pci/drivers")
    Function(one, "disk").make(**{"class": "0x010802"}, enable=1)
    assert one.guest.must(f"basename $(readlink {PCI}/1000:00:01.0/driver)").strip() == "mock-accel"
    assert listed(one, CLASS) == ["mock0", "mock1"]


def test_plugging_in_while_the_bus_is_scanned(one: GuestModule) -> None:
    """Whoever finds the function first, it is plugged in."""
    function = Function(one, "extra").make()
    one.guest.must(
        "(while [ ! -e /tmp/enough ]; do echo 1 >/sys/bus/pci/rescan; done) & "
        f"for i in $(seq 40); do echo 1 >{function.folder}/enable && echo 0 >{function.folder}/enable || exit; done; "
        "touch /tmp/enough; wait; rm /tmp/enough"
    )
    assert listed(one, CLASS) == ["mock0"]
    assert one.guest.must("lspci -n -d 1de5:").split()[::6] == ["1000:00:00.0"]


def test_unplugging_while_the_bus_finds_the_function_again(one: GuestModule) -> None:
    """Neither waits for what the other holds; afterwards it can be plugged in again, and its VFs are its own."""
    function = Function(one, "extra").make(root_bus="2345:47")
    one.guest.must(
        f"for i in $(seq 30); do echo 1 >{function.folder}/enable && echo 1 >{PCI}/2345:47:00.0/remove || exit; "
        f"echo 1 >/sys/bus/pci/rescan & echo 0 >{function.folder}/enable || exit; wait; done",
        timeout=100,
    )
    assert listed(one, CLASS) == ["mock0"]
    function.set("enable", 1)
    one.set_vfs("mock1", 2)
    assert listed(one, CLASS) == ["mock0", "mock1", "mock1_vf0", "mock1_vf1"]


def test_settings_are_fixed_while_it_is_plugged_in(one: GuestModule) -> None:
    function = Function(one, "extra").make(enable=1)
    assert function.refuses("memory_size", "1G") == "Device or resource busy"
    assert one.new_warnings() == ["mock_accel: extra: memory_size can be set while enable is 0 only"]
    assert function.get("memory_size") == str(16 << 30)


WRONG = {
    "vendor=0xffff": "vendor must be 0x2 to 0xfffe",
    "class=0x060000": "class must be 0x0 to 0xffffff, neither a bridge nor an IDE controller",
    "root_bus=0000:00": "root_bus must be DDDD:BB in hexadecimal digits, with a domain above 0000",
    "uuid=x": "uuid must be 32 hexadecimal digits with four hyphens",
    "slot=32": "slot must be 0 to 31, or -1 for any",
    "numa_node=65536": "numa_node must be 0 to 65535, or -1 for any",
    # The guest has nodes 0 and 1; the last is more than its kernel could have.
    "numa_node=2": "numa_node names node 2, which this machine does not have",
    "numa_node=65535": "numa_node names node 65535, which this machine does not have",
}


def test_impossible_settings_are_refused_in_one_line(one: GuestModule) -> None:
    function = Function(one, "extra").make()
    before = {name: function.get(name) for name in sorted({setting.split("=")[0] for setting in WRONG})}
    for setting in WRONG:
        assert function.refuses(*setting.split("=")) == "Invalid argument"
    assert one.new_warnings() == [f"mock_accel: extra: {reason}" for reason in WRONG.values()]
    assert {name: function.get(name) for name in before} == before


def test_a_numa_node_that_the_machine_has_can_be_set(one: GuestModule) -> None:
    function = Function(one, "extra").make(root_bus="2345:47")
    for node in (1, 0, -1, 1):
        function.set("numa_node", node)
        assert function.get("numa_node") == str(node)
    assert function.refuses("numa_node", 9) == "Invalid argument"
    assert function.get("numa_node") == "1"
    assert one.new_warnings() == ["mock_accel: extra: numa_node names node 9, which this machine does not have"]
    function.set("enable", 1)
    assert read(one, f"{PCI}/2345:47:00.0/numa_node") == "1"


IMPOSSIBLE = {
    "slot=0": ("Device or resource busy", "root bus 1000:00 has something in that slot"),
    "numa_node=1": ("Invalid argument", "root bus 1000:00 is at NUMA node 0, not 1"),
}


@pytest.mark.parametrize("setting", IMPOSSIBLE)
def test_a_place_that_it_cannot_have_is_refused(one: GuestModule, setting: str) -> None:
    error, reason = IMPOSSIBLE[setting]
    function = Function(one, "extra").make(**dict([setting.split("=")]))
    assert function.refuses("enable", 1) == error
    assert one.new_warnings() == [f"mock_accel: extra: {reason}"]
    assert (function.get("enable"), function.get("address")) == ("0", "")
    function.set("numa_node", -1)
    function.set("slot", 5)
    function.set("enable", 1)
    assert function.get("address") == "1000:00:05.0"


def test_a_root_bus_can_be_full(accel: GuestModule) -> None:
    accel.load("num_pfs=32")
    function = Function(accel, "extra").make()
    assert function.refuses("enable", 1) == "No space left on device"
    assert accel.new_warnings() == ["mock_accel: extra: root bus 1000:00 has no free slot"]
    function.set("root_bus", "1000:01")
    function.set("enable", 1)
    assert function.get("address") == "1000:01:00.0"
    function.remove()


def test_names_and_numbers(one: GuestModule) -> None:
    assert Function(one, "mock7").make().get("device_name") == "mock7"
    assert Function(one, "mock07").make().get("device_name") == "mock1"
    done = one.guest.run(f"mkdir {CONFIGFS}/mock-accel/mock512")
    assert done.returncode and "Invalid argument" in done.stderr
    done = one.guest.run(f"mkdir {CONFIGFS}/mock-accel/mock1")
    assert done.returncode and "File exists" in done.stderr
    # A number is free again when its folder has gone.
    Function(one, "mock07").remove()
    assert Function(one, "mock1").make().get("device_name") == "mock1"


def test_a_folder_keeps_the_module(one: GuestModule) -> None:
    function = Function(one, "extra").make(enable=1)
    done = one.guest.run("rmmod mock_accel")
    assert done.returncode and "in use" in done.stderr
    function.remove()
    one.unload()
