# SPDX-License-Identifier: GPL-3.0-or-later
"""What readings say of functions: tables of what was read and what follows."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from accel_host import config_space

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.function import (
    DeviceReading,
    Function,
    Listed,
    Node,
    Parent,
    Reading,
    describe,
    describe_all,
    number,
    own_addresses,
    pcie_root,
    select,
)

UUID = "46c8e2b2-eb85-840b-b820-6b53b1e0a161"
NODE = Node("/dev/mock0", 240, 0, "0600", "root", "root")
FILES = {
    **{"vendor": "0x1de5", "device": "0x0001", "class": "0x120000", "numa_node": "1", "revision": "0x01"},
    **{"subsystem_vendor": "0x1de5", "subsystem_device": "0x0001", "sriov_totalvfs": "4", "sriov_numvfs": "2"},
    **{"current_link_speed": "16.0 GT/s PCIe", "current_link_width": "16"},
    **{"max_link_speed": "32.0 GT/s PCIe", "max_link_width": "16"},
}
DEVICE = {"uuid": UUID, "memory_size": "17179869184", "capabilities": "0x00000005", "status": "0", "errors": "0x00"}
PHYSICAL = Reading(
    address="1000:00:00.0",
    path="devices/pci1000:00/1000:00:00.0",
    files=FILES,
    links={"driver": "mock-accel", "virtfn1": "1000:00:00.2", "virtfn0": "1000:00:00.1"},
    device=DeviceReading("mock0", DEVICE, NODE),
)
VIRTUAL = Reading(
    address="1000:00:00.1",
    path="devices/pci1000:00/1000:00:00.1",
    files={name: text for name, text in FILES.items() if not name.startswith("sriov")},
    links={"driver": "mock-accel", "physfn": "1000:00:00.0"},
    device=DeviceReading("mock0_vf0", {**DEVICE, "capabilities": "0x00000006", "status": "1"}),
)


def test_a_physical_function() -> None:
    assert describe(PHYSICAL, {}) == Function(
        address="1000:00:00.0",
        name="mock0",
        kind="physical",
        path="devices/pci1000:00/1000:00:00.0",
        pcie_root="pci1000:00",
        numa_node=1,
        vendor="0x1de5",
        device="0x0001",
        pci_class="0x120000",
        subsystem_vendor="0x1de5",
        subsystem_device="0x0001",
        revision="0x01",
        driver="mock-accel",
        parent=None,
        total_vfs=4,
        num_vfs=2,
        vfs=("1000:00:00.1", "1000:00:00.2"),
        link_speed="16.0 GT/s PCIe",
        link_width=16,
        max_link_speed="32.0 GT/s PCIe",
        max_link_width=16,
        uuid=UUID,
        memory_size=1 << 34,
        capabilities=("sriov", "passphrase"),
        status="free",
        errors=0,
        responding=True,
        node=NODE,
    )


def test_a_virtual_function_knows_its_parent() -> None:
    physical, virtual = describe_all([VIRTUAL, PHYSICAL])
    assert physical.name == "mock0"
    assert (virtual.kind, virtual.parent) == ("virtual", Parent("1000:00:00.0", "mock0"))
    assert (virtual.total_vfs, virtual.num_vfs, virtual.vfs) == (None, None, ())
    assert (virtual.status, virtual.capabilities) == ("allocated", ("vf", "passphrase"))


def device(**files: str | None) -> Reading:
    """The physical function, whose device has other files, or (None) not even that."""
    kept = {name: text for name, text in {**DEVICE, **files}.items() if text is not None}
    return dataclasses.replace(PHYSICAL, device=DeviceReading("mock0", kept, NODE))


def files(**files: str | None) -> Reading:
    kept = {name: text for name, text in {**FILES, **files}.items() if text is not None}
    return dataclasses.replace(PHYSICAL, files=kept)


def bare(config: bytes, **changes: t.Any) -> Reading:
    """The physical function without a device of our class."""
    return dataclasses.replace(PHYSICAL, device=None, config=config, **changes)


SPACE = config_space(UUID, 1 << 34, 5, 1 | 0x12 << 8)

# Each: what was read, and the values that differ from those of the physical function above.
CASES: dict[str, tuple[Reading, dict[str, t.Any]]] = {
    "allocated": (device(status="1"), {"status": "allocated"}),
    "a status without a name": (device(status="7"), {"status": "unknown"}),
    "a status that is no number": (device(status="maybe"), {"status": None}),
    "an empty status": (device(status=""), {"status": None}),
    "a status that was not read": (device(status=None), {"status": None}),
    "error bits": (device(errors="0x12"), {"errors": 0x12}),
    "a module without errors": (device(errors=None), {"errors": None}),
    "no capabilities": (device(capabilities="0x00000000"), {"capabilities": ()}),
    "a capability without a name": (device(capabilities="0x80000010"), {"capabilities": ("bit 4", "bit 31")}),
    "capabilities of nonsense": (device(capabilities="0xyz"), {"capabilities": None}),
    "more capabilities than there are": (
        device(capabilities="-1"),
        {"capabilities": ("sriov", "vf", "passphrase", *(f"bit {n}" for n in range(3, 32)))},
    ),
    "an empty uuid": (device(uuid=""), {"uuid": None}),
    "memory of nonsense": (device(memory_size="lots"), {"memory_size": None}),
    "no NUMA node": (files(numa_node="-1"), {"numa_node": -1}),
    "a NUMA node that was not read": (files(numa_node=None), {"numa_node": None}),
    "ids that were not read": (files(vendor=None, device=None), {"vendor": None, "device": None}),
    "no SR-IOV": (files(sriov_totalvfs=None, sriov_numvfs=None), {"total_vfs": 0, "num_vfs": 0}),
    "a number of VFs that is none": (files(sriov_numvfs="x"), {"num_vfs": None}),
    "an unknown link speed": (files(current_link_speed="Unknown speed"), {"link_speed": None}),
    "an older kernel's unknown": (files(max_link_speed="Unknown"), {"max_link_speed": None}),
    "no link": (files(current_link_width="0", max_link_width="255"), {"link_width": None, "max_link_width": None}),
    "unbound": (
        bare(SPACE, links={}),
        {
            **{"name": None, "driver": None, "node": None, "vfs": (), "status": "allocated", "errors": 0x12},
        },
    ),
    "unbound, read without privileges": (
        bare(SPACE[:64], links={}),
        {
            **{"name": None, "driver": None, "node": None, "vfs": (), "status": None, "errors": None, "uuid": None},
            **{"memory_size": None, "capabilities": None},
        },
    ),
    "unbound, a status without a name": (
        bare(config_space(UUID, 1 << 34, 5, 9), links={}),
        {"name": None, "driver": None, "node": None, "vfs": (), "status": "unknown"},
    ),
    "hangs": (
        dataclasses.replace(device(status=None), silent=True),
        {
            **{"responding": False, "status": None},
            **dict.fromkeys(("link_speed", "link_width", "max_link_speed", "max_link_width")),
        },
    ),
    "hangs without a device": (
        bare(b"\xff" * 4096),
        {
            **{"responding": False, "name": None, "node": None},
            **dict.fromkeys(("status", "errors", "uuid", "memory_size", "capabilities")),
            **dict.fromkeys(("link_speed", "link_width", "max_link_speed", "max_link_width")),
        },
    ),
    "a link out of sysfs": (dataclasses.replace(PHYSICAL, path=None), {"path": None, "pcie_root": None}),
    "another driver": (
        bare(SPACE, links={"driver": "vfio-pci"}),
        {"name": None, "driver": "vfio-pci", "node": None, "vfs": (), "status": "allocated", "errors": 0x12},
    ),
    "nothing was read": (
        Reading("1000:00:00.0", None, {}, {}),
        {
            **{field.name: None for field in dataclasses.fields(Function)},
            **{"address": "1000:00:00.0", "kind": "physical", "total_vfs": 0, "num_vfs": 0, "vfs": ()},
            **{"responding": True},
        },
    ),
    "a parent that is itself": (
        dataclasses.replace(PHYSICAL, links={"physfn": "1000:00:00.0", "driver": "mock-accel"}),
        {
            **{"kind": "virtual", "parent": Parent("1000:00:00.0", None), "vfs": ()},
            **{"total_vfs": None, "num_vfs": None},
        },
    ),
    "links of other names": (
        dataclasses.replace(
            PHYSICAL, links={"driver": "mock-accel", "virtfn": "a", "virtfnx": "b", "virtfn10": "d", "virtfn9": "c"}
        ),
        {"vfs": ("c", "d")},
    ),
}


@pytest.mark.parametrize(("reading", "different"), CASES.values(), ids=CASES)
def test_describe(reading: Reading, different: dict[str, t.Any]) -> None:
    assert describe(reading, {}) == dataclasses.replace(describe(PHYSICAL, {}), **different)


def test_a_parent_that_is_not_there_has_no_name() -> None:
    (virtual,) = describe_all([VIRTUAL])
    assert virtual.parent == Parent("1000:00:00.0", None)


def test_users_get_plain_data() -> None:
    physical, virtual = (function.as_dict() for function in describe_all([PHYSICAL, VIRTUAL]))
    assert (physical["class"], "pci_class" in physical) == ("0x120000", False)
    assert physical["node"] == {
        **{"path": "/dev/mock0", "major": 240, "minor": 0, "mode": "0600", "owner": "root", "group": "root"}
    }
    assert virtual["parent"] == {"address": "1000:00:00.0", "name": "mock0"}
    assert virtual["node"] is None


def test_order_is_that_of_numbers() -> None:
    addresses = ["10000:00:00.0", "ffff:00:00.0", "1000:00:1f.7", "1000:00:0a.0", "1000:07:00.0"]
    found = describe_all(Reading(address, None, {}, {}) for address in addresses)
    assert [one.address for one in found] == [addresses[i] for i in (3, 2, 4, 1, 0)]


def test_labels_have_the_name_where_there_is_one() -> None:
    assert describe(PHYSICAL, {}).label == "mock0 (1000:00:00.0)"
    assert describe(bare(SPACE), {}).label == "1000:00:00.0"


@pytest.mark.parametrize(
    ("path", "root"),
    [
        pytest.param("devices/pci1000:00/1000:00:00.0", "pci1000:00", id="ours"),
        pytest.param("devices/pci1000:0f/1000:0f:00.0", "pci1000:0f", id="another bus of the domain"),
        pytest.param("devices/pci0000:00/0000:00:01.0/0000:01:00.0", "pci0000:00", id="behind a bridge"),
        pytest.param("devices/platform/soc/pci0000:00/0000:00:01.0", None, id="not straight below devices"),
        pytest.param("devices/pci1000:00", None, id="the root itself"),
        pytest.param("devices/pci10000:00/10000:00:00.0", None, id="a domain that Kubernetes does not know"),
        pytest.param("class/pci1000:00/x", None, id="elsewhere"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="unknown"),
    ],
)
def test_pcie_root(path: str | None, root: str | None) -> None:
    assert pcie_root(path) == root


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 12), ("0x10", 16), ("-1", -1), ("", None), (None, None), ("1.5", None), ("x", None), ("9" * 5000, None)],
    ids=["decimal", "hexadecimal", "negative", "empty", "none", "fraction", "word", "endless"],
)
def test_number(text: str | None, expected: int | None) -> None:
    assert number(text) == expected


OURS = Listed("1000:00:00.0", "pci1000:00", "mock-accel")
UNBOUND = Listed("1000:00:01.0", "pci1000:00", None)
TAKEN = Listed("1000:00:01.1", "pci1000:00", "vfio-pci")
GPU = Listed("2000:07:00.0", "pci2000:07", "mock-accel")
MACHINE = Listed("0000:00:01.0", "pci0000:00", None)
OTHER_DOMAIN = Listed("3000:00:00.0", "pci3000:00", "nvme")


@pytest.mark.parametrize(
    ("listed", "parameters", "described", "own"),
    [
        pytest.param([OURS, GPU, MACHINE, OTHER_DOMAIN], {}, [], [OURS, GPU], id="by driver"),
        pytest.param([OURS, UNBOUND, TAKEN], {}, [], [OURS, UNBOUND, TAKEN], id="neighbours of ours"),
        pytest.param([UNBOUND], {}, [], [], id="unbound, and nothing says whose bus it is"),
        pytest.param([UNBOUND], {"first_domain": "4096", "num_roots": "1"}, [], [UNBOUND], id="by parameters"),
        pytest.param([UNBOUND], {"first_domain": "0x0fff", "num_roots": "2"}, [], [UNBOUND], id="the second root"),
        pytest.param([UNBOUND], {"first_domain": "4097", "num_roots": "2"}, [], [], id="parameters of other roots"),
        pytest.param(
            [UNBOUND],
            {"first_domain": "4096", "num_roots": "1", "num_pfs": "0"},
            [],
            [],
            id="parameters of no function",
        ),
        pytest.param([UNBOUND], {"first_domain": "four", "num_roots": "?"}, [], [], id="parameters of nonsense"),
        pytest.param([UNBOUND], {"first_domain": "1", "num_roots": "9" * 12}, [], [UNBOUND], id="endless roots"),
        pytest.param([UNBOUND, TAKEN], {}, [UNBOUND.address], [UNBOUND, TAKEN], id="by configfs"),
        pytest.param(
            [MACHINE, Listed("0000:00:02.0", "pci0000:00", "mock-accel")],
            {"first_domain": "0", "num_roots": "1"},
            ["0000:00:02.0"],
            [Listed("0000:00:02.0", "pci0000:00", "mock-accel")],
            id="domain 0 is the machine's",
        ),
        pytest.param(
            [Listed("1000:00:00.0", None, "mock-accel"), Listed("1000:00:01.0", None, None)],
            {},
            [],
            [Listed("1000:00:00.0", None, "mock-accel")],
            id="without a root",
        ),
    ],
)
def test_own_addresses(
    listed: list[Listed], parameters: dict[str, str], described: list[str], own: list[Listed]
) -> None:
    assert own_addresses(listed, parameters, described) == [one.address for one in own]


@pytest.mark.parametrize(
    ("wanted", "kind", "found"),
    [
        pytest.param(None, None, ["mock0", "mock0_vf0"], id="all"),
        pytest.param([], None, [], id="none"),
        pytest.param(["mock0"], None, ["mock0"], id="by name"),
        pytest.param(["1000:00:00.1", "mock9"], None, ["mock0_vf0"], id="by address"),
        pytest.param(["mock0", "1000:00:00.0"], None, ["mock0"], id="twice the same"),
        pytest.param(None, "virtual", ["mock0_vf0"], id="by kind"),
        pytest.param(["mock0"], "virtual", [], id="by name and kind"),
    ],
)
def test_select(wanted: list[str] | None, kind: str | None, found: list[str]) -> None:
    assert [one.name for one in select(describe_all([PHYSICAL, VIRTUAL]), wanted, kind)] == found


def test_addresses_may_be_written_in_capitals() -> None:
    functions = describe_all([Reading("10ab:00:0c.0", None, {}, {})])
    assert select(functions, ["10AB:00:0C.0"]) == functions
