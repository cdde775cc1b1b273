# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices -> the pool of a node: what is published of each, what draws on what, and which slice it is in."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from accel_device import GI, pf, vf
from mock_accel_dra import slices
from mock_accel_dra.inventory import AccelDevice
from mock_accel_dra.slices import Features, Slice

DRIVER = "mock-accel.example.com"
SPLIT = Features()
INLINE = Features(counters="inline")
NO_COUNTERS = Features(counters="none")
NO_TAINTS = Features(taints=False)
PLAIN = Features(counters="none", taints=False)


def board(number: int, vfs: int = 2, **changes: t.Any) -> list[AccelDevice]:
    return [pf(number, num_vfs=vfs, **changes), *(vf(number, part) for part in range(vfs))]


SILENT = {"responding": False, "allocated": None, "errors": None}


def names(pool: t.Iterable[Slice]) -> dict[int, list[str]]:
    return {
        part.index: [item["name"] for item in (part.devices if part.devices is not None else part.counters) or ()]
        for part in pool
    }


def devices_of(pool: t.Iterable[Slice]) -> dict[str, t.Any]:
    return {device["name"]: device for part in pool for device in part.devices or ()}


def test_all_that_is_published_of_a_device() -> None:
    (part,) = slices.pool([pf()], SPLIT, DRIVER)
    assert part.content() == {
        "devices": [
            {
                "name": "mock0",
                "attributes": {
                    "uuid": {"string": "uuid-0"},
                    "memory": {"int": 16 * GI},
                    "deviceType": {"string": "pf"},
                    "pciAddress": {"string": "1000:00:00.0"},
                    "numaNode": {"int": 0},
                    "capabilities": {"int": 5},
                    "resource.kubernetes.io/pciBusID": {"string": "1000:00:00.0"},
                    "resource.kubernetes.io/pcieRoot": {"string": "pci1000:00"},
                },
                "capacity": {"memory": {"value": "16Gi"}},
            }
        ]
    }


def test_what_is_shared_says_so() -> None:
    devices, options = [*board(0), pf(1)], slices.Options(shared=("vf", "mock1"))
    found = devices_of(slices.pool(devices, Features(sharing=True), DRIVER, options=options))
    assert [name for name, one in found.items() if one.get("allowMultipleAllocations")] == [
        "mock0-vf0",
        "mock0-vf1",
        "mock1",
    ]
    policy = {"default": "4Gi", "validRange": {"min": "1Mi", "step": "1Mi"}}
    assert found["mock1"]["capacity"] == {"memory": {"value": "16Gi", "requestPolicy": policy}}
    assert found["mock0"]["capacity"] == {"memory": {"value": "16Gi"}}
    # A part draws on its board's counters all the same.
    assert found["mock0-vf0"]["consumesCounters"]


def test_what_the_scheduler_waits_for() -> None:
    options = slices.Options(binding=True)
    found = devices_of(slices.pool(board(0), Features(binding=True), DRIVER, options=options))
    for one in found.values():
        assert one["bindsToNode"] is True
        assert one["bindingConditions"] == [f"{DRIVER}/DeviceAnswers"]
        assert one["bindingFailureConditions"] == [f"{DRIVER}/DeviceFailed"]
    plain = slices.pool(board(0), Features(), DRIVER)
    assert slices.pool(board(0), Features(), DRIVER, options=options) == plain
    assert slices.pool(board(0), Features(binding=True), DRIVER) == plain


def test_where_sharing_is_not_served_or_not_wanted_nothing_is_shared() -> None:
    plain = slices.pool(board(0), Features(), DRIVER)
    assert slices.pool(board(0), Features(), DRIVER, options=slices.Options(shared=("all",))) == plain
    assert slices.pool(board(0), Features(sharing=True), DRIVER) == plain


@pytest.mark.parametrize(
    ("device", "features", "name", "value"),
    [
        pytest.param(pf(numa_node=None), SPLIT, "numaNode", None, id="no NUMA node"),
        pytest.param(pf(pcie_root=None), SPLIT, "resource.kubernetes.io/pcieRoot", None, id="no PCIe root"),
        pytest.param(pf(), SPLIT, "physfn", None, id="physical function"),
        pytest.param(pf(), SPLIT, "resource.kubernetes.io/numaNode", None, id="a name that is too new"),
        pytest.param(
            pf(numa_node=1),
            Features(numa_node=True),
            "resource.kubernetes.io/numaNode",
            {"int": 1},
            id="the newest name",
        ),
        pytest.param(
            pf(numa_node=None),
            Features(numa_node=True),
            "resource.kubernetes.io/numaNode",
            None,
            id="no node, new name",
        ),
    ],
)
def test_an_attribute(device: AccelDevice, features: Features, name: str, value: object) -> None:
    assert devices_of(slices.pool([device], features, DRIVER))["mock0"]["attributes"].get(name) == value


def test_a_virtual_function_says_whose_it_is() -> None:
    found = devices_of(slices.pool(board(3), SPLIT, DRIVER))["mock3-vf1"]["attributes"]
    assert (found["deviceType"], found["physfn"]) == ({"string": "vf"}, {"string": "1000:00:03.0"})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7, "7"),
        (1000, "1k"),
        (1024, "1Ki"),
        (1536, "1536"),
        (3_000_000_000, "3G"),
        (2 * GI, "2Gi"),
        (3 * GI // 2, "1536Mi"),
        (1 << 60, "1Ei"),
        (1 << 62, "4Ei"),
        (17179869185, "17179869185"),
    ],
    ids=str,
)
def test_quantities_are_as_the_server_writes_them(value: int, text: str) -> None:
    assert slices.quantity(value) == text


# --- faults ---


@pytest.mark.parametrize(
    ("changes", "taints"),
    [
        pytest.param({}, None, id="healthy"),
        pytest.param({"allocated": True}, None, id="in use"),
        pytest.param({"errors": 0x01}, [("errors", "memory", "NoSchedule")], id="memory"),
        pytest.param({"errors": 0x0E}, [("errors", "thermal.power.firmware", "NoSchedule")], id="three errors"),
        pytest.param({"errors": 0x80}, [("errors", "0x80", "NoSchedule")], id="an unknown error"),
        pytest.param(SILENT, [("not-responding", "", "NoExecute")], id="silent"),
    ],
)
def test_taints(changes: dict[str, t.Any], taints: list[tuple[str, str, str]] | None) -> None:
    device = devices_of(slices.pool([pf(**changes)], SPLIT, DRIVER))["mock0"]
    found = device.get("taints")
    assert found == (
        taints
        and [
            {"key": f"{DRIVER}/{key}", **({"value": value} if value else {}), "effect": effect}
            for key, value, effect in taints
        ]
    )


@pytest.mark.parametrize("changes", [SILENT, {"errors": 1}], ids=["silent", "with errors"])
def test_where_taints_are_not_served_a_faulty_device_is_left_out(changes: dict[str, t.Any]) -> None:
    found = devices_of(slices.pool([pf(0, **changes), pf(1)], NO_TAINTS, DRIVER))
    assert list(found) == ["mock1"]


# --- whole and parts ---


class Ledger:
    """What a scheduler does with counters: a device can be had while its sets have all that it draws."""

    def __init__(self, pool: t.Iterable[Slice]) -> None:
        pool = list(pool)
        self.left = {
            (one["name"], counter): amount(value["value"])
            for part in pool
            for one in part.counters or ()
            for counter, value in one["counters"].items()
        }
        self.devices = devices_of(pool)

    def take(self, name: str) -> bool:
        wanted = {
            (one["counterSet"], counter): amount(value["value"])
            for one in self.devices[name].get("consumesCounters") or ()
            for counter, value in one["counters"].items()
        }
        if any(self.left[key] < value for key, value in wanted.items()):
            return False
        for key, value in wanted.items():
            self.left[key] -= value
        return True


def amount(text: str) -> int:
    units = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "k": 10**3, "M": 10**6, "G": 10**9}
    unit = text.lstrip("0123456789")
    return int(text.removesuffix(unit)) * units.get(unit, 1)


BOARDS = {
    "as by default": board(0, 4),
    "parts fill the whole": [pf(memory=8 * GI, num_vfs=4), *(vf(0, part) for part in range(4))],
    "parts are more than the whole": [pf(memory=4 * GI, num_vfs=4), *(vf(0, part) for part in range(4))],
    "no memory at all": [pf(memory=0, num_vfs=2), *(vf(0, part, memory=0) for part in range(2))],
    "odd sizes": [pf(memory=3_000_000_000, num_vfs=2), vf(0, 0, memory=1 << 30), vf(0, 1, memory=1_999_999_999)],
    "more parts than it says": [pf(total_vfs=1, num_vfs=1), *(vf(0, part) for part in range(3))],
    "two boards": [*board(0, 2), *board(1, 1)],
}


@pytest.mark.parametrize("features", [SPLIT, INLINE], ids=["split", "inline"])
@pytest.mark.parametrize("devices", BOARDS.values(), ids=BOARDS)
def test_a_whole_and_its_parts_are_never_both_handed_out(devices: list[AccelDevice], features: Features) -> None:
    """In every order in which devices may be asked for."""
    pool = slices.pool(devices, features, DRIVER)
    by_name = {device.device_name: device for device in devices}
    orders = itertools.islice(itertools.permutations(by_name), 720)
    for order in orders:
        ledger = Ledger(pool)
        had = [by_name[name] for name in order if ledger.take(name)]
        for whole in (device for device in devices if device.kind == "pf"):
            parts = [device for device in had if device.parent == whole.name]
            assert not (whole in had and parts)
            assert sum(part.memory for part in parts) <= whole.memory
        # Whoever comes first gets what is asked for.
        first = by_name[order[0]]
        owner = by_name[first.parent or first.name]
        assert first in had or first.memory > owner.memory


@pytest.mark.parametrize(
    "name", ["as by default", "parts fill the whole", "no memory at all", "more parts than it says"]
)
def test_all_parts_can_be_had_where_there_is_memory_for_them(name: str) -> None:
    ledger = Ledger(slices.pool(BOARDS[name], SPLIT, DRIVER))
    assert all(ledger.take(device.device_name) for device in BOARDS[name] if device.kind == "vf")


def test_a_board_without_parts_draws_on_nothing() -> None:
    pool = slices.pool([pf(0), pf(1)], SPLIT, DRIVER)
    assert names(pool) == {0: ["mock0", "mock1"]}
    assert not any("consumesCounters" in device for device in devices_of(pool).values())


def test_where_counters_are_not_served_the_parts_stand_for_the_whole() -> None:
    pool = slices.pool([*board(0), pf(1)], NO_COUNTERS, DRIVER)
    assert names(pool) == {0: ["mock0-vf0", "mock0-vf1", "mock1"]}
    assert not any("consumesCounters" in device for device in devices_of(pool).values())


def test_where_counters_are_not_served_a_whole_in_use_keeps_its_parts_to_itself() -> None:
    devices = [pf(0, num_vfs=2, allocated=True), vf(0, 0), vf(0, 1)]
    assert names(slices.pool(devices, NO_COUNTERS, DRIVER)) == {0: ["mock0"]}
    assert len(devices_of(slices.pool(devices, SPLIT, DRIVER))) == 3


def test_where_counters_are_not_served_and_parts_are_about_to_come_there_is_no_whole() -> None:
    assert names(slices.pool([pf(0, num_vfs=2)], NO_COUNTERS, DRIVER)) == {0: []}


def test_parts_without_their_whole_have_nothing_to_draw_on() -> None:
    assert names(slices.pool([vf(0, 0), pf(1)], SPLIT, DRIVER)) == {0: ["mock1"]}
    assert names(slices.pool([vf(0, 0), pf(1)], PLAIN, DRIVER)) == {0: ["mock0-vf0", "mock1"]}


def test_parts_draw_on_a_whole_that_is_itself_left_out() -> None:
    devices = [pf(0, num_vfs=1, errors=1), vf(0, 0)]
    pool = slices.pool(devices, NO_TAINTS, DRIVER)
    assert names(pool) == {0: ["mock0-vf0"], slices.COUNTERS_INDEX: ["mock0-shared"]}


# --- which slice ---


def test_counters_are_in_slices_of_their_own_or_with_their_devices() -> None:
    devices = [*board(0, 1), *board(1, 1)]
    split = slices.pool(devices, SPLIT, DRIVER)
    assert names(split) == {
        0: ["mock0", "mock0-vf0", "mock1", "mock1-vf0"],
        slices.COUNTERS_INDEX: ["mock0-shared", "mock1-shared"],
    }
    assert [sorted(part.content()) for part in split] == [["devices"], ["sharedCounters"]]
    (inline,) = slices.pool(devices, INLINE, DRIVER)
    assert sorted(inline.content()) == ["devices", "sharedCounters"]


@pytest.mark.parametrize("features", [SPLIT, INLINE, NO_COUNTERS, PLAIN], ids=["split", "inline", "taints", "plain"])
def test_no_devices_are_one_empty_slice(features: Features) -> None:
    (part,) = slices.pool([], features, DRIVER)
    assert (part.index, part.content()) == (0, {"devices": []})


@pytest.mark.parametrize(
    ("boards", "vfs", "features", "sizes", "sets"),
    [
        pytest.param(128, 0, PLAIN, [128], [], id="128 plain ones"),
        pytest.param(129, 0, PLAIN, [128, 1], [], id="129 plain ones"),
        pytest.param(128, 0, NO_COUNTERS, [64, 64], [], id="room for taints"),
        pytest.param(64, 0, SPLIT, [64], [], id="64 with no counters"),
        pytest.param(16, 7, SPLIT, [64, 64], [8, 8], id="16 boards of eight"),
        pytest.param(13, 4, SPLIT, [60, 5], [8, 5], id="a board stays together"),
        pytest.param(17, 1, INLINE, [32, 2], [16, 1], id="32 counters in a slice"),
        pytest.param(512, 7, SPLIT, [64] * 64, [8] * 64, id="all that the module can make"),
    ],
)
def test_the_limits_of_a_slice(boards: int, vfs: int, features: Features, sizes: list[int], sets: list[int]) -> None:
    devices = [device for number in range(boards) for device in board(number, vfs)]
    pool = slices.pool(devices, features, DRIVER)
    assert [len(part.devices) for part in pool if part.devices is not None] == sizes
    assert [len(part.counters) for part in pool if part.counters] == sets
    assert sorted(devices_of(pool)) == sorted(device.device_name for device in devices)


def published(pool: t.Iterable[Slice]) -> list[dict[str, t.Any]]:
    return [{"metadata": {"name": f"{part.index:05x}-{DRIVER}-n-x"}, "spec": part.content()} for part in pool]


def changed(before: t.Sequence[AccelDevice], after: t.Sequence[AccelDevice], features: Features = SPLIT) -> list[int]:
    """The indices of the slices that differ."""
    old = slices.pool(before, features, DRIVER)
    new = slices.pool(after, features, DRIVER, slices.placement(published(old)))
    contents = [{part.index: part.content() for part in pool} for pool in (old, new)]
    return sorted(
        key for key in contents[0].keys() | contents[1].keys() if contents[0].get(key) != contents[1].get(key)
    )


MANY = [device for number in range(128) for device in board(number, 0)]
PARTED = [device for number in range(16) for device in board(number, 7)]


@pytest.mark.parametrize(
    ("before", "after", "features", "slices_changed"),
    [
        pytest.param(MANY, MANY, SPLIT, [], id="nothing"),
        pytest.param(MANY, [pf(0, errors=1), *MANY[1:]], SPLIT, [0], id="a taint in the first"),
        pytest.param(MANY, [*MANY[:-1], pf(127, **SILENT)], SPLIT, [1], id="a taint in the last"),
        pytest.param(MANY, MANY[1:], SPLIT, [0], id="the first goes"),
        pytest.param(MANY[1:], MANY, SPLIT, [1], id="the first comes"),
        pytest.param(MANY, [*MANY[:70], *MANY[71:]], SPLIT, [1], id="one in the middle goes"),
        pytest.param(MANY, [*MANY[:5], *MANY[6:]], PLAIN, [0], id="one goes, no features"),
        pytest.param(PARTED, [*PARTED[:9], vf(1, 0, errors=1), *PARTED[10:]], SPLIT, [0], id="a part"),
        pytest.param(MANY, [*MANY, pf(128)], SPLIT, [2], id="one more than two slices hold"),
        pytest.param([], MANY[:1], SPLIT, [0], id="the first of all"),
        pytest.param(MANY[:1], [], SPLIT, [0], id="the last of all"),
        pytest.param(MANY[64:], [*MANY[64:], pf(0)], SPLIT, [1], id="a gap at the end"),
    ],
)
def test_a_change_of_one_device_is_a_change_of_one_slice(
    before: list[AccelDevice], after: list[AccelDevice], features: Features, slices_changed: list[int]
) -> None:
    assert changed(before, after, features) == slices_changed


def test_a_board_that_outgrows_its_slice_moves_whole() -> None:
    before = [*(pf(number) for number in range(63)), pf(63)]
    after = [*before[:-1], *board(63, 4)]
    pool = slices.pool(after, SPLIT, DRIVER, slices.placement(published(slices.pool(before, SPLIT, DRIVER))))
    found = names(pool)
    assert found[1] == ["mock63", "mock63-vf0", "mock63-vf1", "mock63-vf2", "mock63-vf3"]
    assert len(found[0]) == 63


@pytest.mark.parametrize(
    ("name", "index"),
    [("00000-d-n-abc", 0), ("8000a-d-n-abc", 0x8000A), ("0000-d", None), ("node-1-abc", None), ("0000g-d", None)],
)
def test_the_index_of_a_slice(name: str, index: int | None) -> None:
    assert slices.index_of({"metadata": {"name": name}}) == index
