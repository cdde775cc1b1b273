# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices and what the server serves -> the whole pool of a node, slice by slice. Plain data in, plain data out.

Slices are in the form of resource.k8s.io/v1; resource_slice.py makes objects of them, for other versions too. A device
stays in the slice in which it was published, so that a change of one device changes one slice. A physical function and
its virtual ones are always in one slice, which Kubernetes 1.34 needs and which harms nobody.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from . import conditions, sharing
from .inventory import AccelDevice
from .quantity import quantity

Json = dict[str, t.Any]

MAX_DEVICES = 128
# Where a device of the slice has taints or draws on counters.
MAX_DEVICES_ADVANCED = 64
MAX_COUNTER_SETS = 8
# Kubernetes 1.34: 32 counters in a slice, of which a set has two.
MAX_COUNTER_SETS_INLINE = 16

# Slices with counters have indices of their own, behind those with devices.
COUNTERS_INDEX = 0x80000
_INDEX = re.compile(r"([0-9a-f]{5})-")

# In the order of their bits in the register.
ERRORS = {0x01: "memory", 0x02: "thermal", 0x04: "power", 0x08: "firmware"}

Counters = t.Literal["none", "inline", "split"]


@dataclass(frozen=True, slots=True)
class Features:
    """What a server does with our slices."""

    version: str = "v1"
    # Where shared counters are: nowhere, in the slice of the devices (1.34), or in slices of their own (1.35 and up).
    counters: Counters = "split"
    taints: bool = True
    # Whether resource.kubernetes.io/numaNode is a name that the server's Kubernetes knows (1.37).
    numa_node: bool = False
    # Whether several claims can have one device (consumable capacity); asked for only where it is wanted.
    sharing: bool = False
    # Whether the scheduler waits for a word on the devices that it gives out; asked for only where it is wanted.
    binding: bool = False

    @property
    def max_devices(self) -> int:
        """The same whether or not a device has a taint just now: a taint must not move its neighbours."""
        return MAX_DEVICES_ADVANCED if self.taints or self.counters != "none" else MAX_DEVICES


@dataclass(frozen=True, slots=True)
class Options:
    """What is published only where somebody has asked for it."""

    # Words that say which devices are shared (sharing.py).
    shared: tuple[str, ...] = ()
    # Whether the scheduler is to wait for the node agent's word that a device answers (conditions.py).
    binding: bool = False


NO_OPTIONS = Options()


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of a pool that one ResourceSlice holds."""

    index: int
    devices: tuple[Json, ...] | None = None
    counters: tuple[Json, ...] | None = None

    def content(self) -> Json:
        """What it adds to a ResourceSlice's spec."""
        content: Json = {}
        if self.counters is not None:
            content["sharedCounters"] = list(self.counters)
        if self.devices is not None:
            content["devices"] = list(self.devices)
        return content


def pool(
    devices: t.Sequence[AccelDevice],
    features: Features,
    driver: str,
    placed: t.Mapping[str, int] | None = None,
    options: Options = NO_OPTIONS,
) -> tuple[Slice, ...]:
    """The whole pool. `placed` says in which slice each device and each counter set is now."""
    placed = placed or {}
    boards = _boards(devices, features)
    groups = {
        name: [_device(one, boards[name], features, driver, options) for one in board.published]
        for name, board in boards.items()
        if board.published
    }
    sets = {name: board.counter_set() for name, board in boards.items() if board.counters}
    inline = features.counters == "inline"
    buckets = _arrange(
        {name: len(group) for name, group in groups.items()},
        {name: _where(group, placed) for name, group in groups.items()},
        features.max_devices,
        set(sets) if inline else set(),
    )
    slices = [
        Slice(
            index,
            tuple(device for name in names for device in groups[name]),
            tuple(sets[name] for name in names if name in sets) or None if inline else None,
        )
        for index, names in buckets.items()
    ]
    if sets and not inline:
        buckets = _arrange(
            dict.fromkeys(sets, 1),
            {name: placed[key] for name in sets if (key := sets[name]["name"]) in placed},
            MAX_COUNTER_SETS,
            set(),
            COUNTERS_INDEX,
        )
        slices += [Slice(index, counters=tuple(sets[name] for name in names)) for index, names in buckets.items()]
    return tuple(slices)


def placement(observed: t.Iterable[Json]) -> dict[str, int]:
    """In which slice each device and counter set of these ResourceSlices is."""
    placed: dict[str, int] = {}
    for one in observed:
        index = index_of(one)
        if index is not None:
            for item in (*(one["spec"].get("devices") or ()), *(one["spec"].get("sharedCounters") or ())):
                placed.setdefault(item["name"], index)
    return placed


def index_of(observed: Json) -> int | None:
    """The index with which a ResourceSlice of ours begins its name."""
    match = _INDEX.match(observed["metadata"]["name"])
    return int(match[1], 16) if match else None


# --- which devices, and what they draw on ---


@dataclass(frozen=True, slots=True)
class _Board:
    """A physical function with what the pool shows of it and of its virtual ones."""

    pf: AccelDevice | None
    published: tuple[AccelDevice, ...]
    counters: bool
    units: int

    def counter_set(self) -> Json:
        assert self.pf
        return {"name": _counter_set_name(self.pf), "counters": counters_of(self.pf.memory, self.units)}


def _counter_set_name(pf: AccelDevice) -> str:
    # No device is called so, thus devices and sets can be looked up in one table.
    return f"{pf.device_name}-shared"


def counters_of(memory: int, functions: int) -> Json:
    """Memory cannot be oversold; the functions keep a board from being whole and in parts, whatever the sizes."""
    return {"memory": {"value": quantity(memory)}, "functions": {"value": quantity(functions)}}


def _boards(devices: t.Sequence[AccelDevice], features: Features) -> dict[str, _Board]:
    families: dict[str, list[AccelDevice]] = {}
    for device in sorted(devices, key=lambda device: device.order):
        families.setdefault(device.parent or device.name, []).append(device)
    return {name: _board(family, features) for name, family in families.items()}


def _board(family: list[AccelDevice], features: Features) -> _Board:
    pf = family[0] if family[0].kind == "pf" else None
    vfs = family[1:] if pf else family
    parted = bool(vfs) or bool(pf and pf.num_vfs)
    with_counters = features.counters != "none"
    shown = [device for device in family if features.taints or not faults(device)]
    if with_counters and not pf:
        # They are about to go with their physical function, and there is nothing that they could draw on.
        shown = []
    elif not with_counters and parted:
        # Nothing would keep the scheduler from giving the whole to one and the parts to others: the parts stand for it,
        # unless somebody has had the whole since before they were made.
        whole_in_use = bool(pf and pf.allocated)
        shown = [device for device in shown if (device is pf) == whole_in_use]
    counters = with_counters and parted and pf is not None
    return _Board(pf, tuple(shown), counters, max(pf.total_vfs, len(vfs), 1) if pf else 0)


def faults(device: AccelDevice) -> dict[str, tuple[str, str]]:
    """What is wrong with a device: name -> value and effect of the taint that says so."""
    if not device.responding:
        return {"not-responding": ("", "NoExecute")}
    if device.errors:
        names = [name for bit, name in ERRORS.items() if device.errors & bit]
        # The four upper bits mean nothing yet, but they are no sign of health.
        return {"errors": (".".join(names) or f"0x{device.errors:02x}", "NoSchedule")}
    return {}


# --- one device ---


def _device(device: AccelDevice, board: _Board, features: Features, driver: str, options: Options) -> Json:
    made: Json = {
        "name": device.device_name,
        "attributes": attributes_of(device, features.numa_node),
        "capacity": {"memory": {"value": quantity(device.memory)}},
    }
    if features.sharing and sharing.is_shared(device, options.shared):
        made["allowMultipleAllocations"] = True
        if policy := sharing.request_policy(device.memory):
            made["capacity"]["memory"]["requestPolicy"] = policy
    if features.binding and options.binding:
        made.update(conditions.published(driver))
    if board.counters:
        assert board.pf
        taken = counters_of(device.memory, board.units if device.kind == "pf" else 1)
        made["consumesCounters"] = [{"counterSet": _counter_set_name(board.pf), "counters": taken}]
    taints = [
        {"key": f"{driver}/{name}", **({"value": value} if value else {}), "effect": effect}
        for name, (value, effect) in faults(device).items()
    ]
    if taints:
        made["taints"] = taints
    return made


def attributes_of(device: AccelDevice, standard_numa_node: bool = False) -> Json:
    """What is told of a device, in the form of a ResourceSlice."""
    values: dict[str, str | int | None] = {
        "uuid": device.uuid,
        "memory": device.memory,
        "deviceType": device.kind,
        "pciAddress": device.pci_address,
        "numaNode": device.numa_node,
        "physfn": device.physfn,
        "capabilities": device.capabilities,
        "resource.kubernetes.io/pciBusID": device.pci_address,
        "resource.kubernetes.io/pcieRoot": device.pcie_root,
    }
    if standard_numa_node:
        values["resource.kubernetes.io/numaNode"] = device.numa_node
    return {
        name: {"int" if isinstance(value, int) else "string": value}
        for name, value in values.items()
        if value is not None
    }


# --- which slice ---


def _where(group: list[Json], placed: t.Mapping[str, int]) -> int:
    """Where the first of a group is that is anywhere; -1 for a new group."""
    return next((placed[device["name"]] for device in group if device["name"] in placed), -1)


def _arrange(
    sizes: t.Mapping[str, int],
    where: t.Mapping[str, int],
    room: int,
    with_set: set[str],
    first: int = 0,
) -> dict[int, list[str]]:
    """Index -> groups in it. Each stays where it is while there is room; others fill the gaps, the lowest first."""
    buckets: dict[int, list[str]] = {}

    def fits(name: str, index: int) -> bool:
        there = [*buckets.get(index, ()), name]
        sets = sum(one in with_set for one in there)
        return sum(sizes[one] for one in there) <= room and sets <= MAX_COUNTER_SETS_INLINE

    homeless = []
    for name in sizes:
        index = where.get(name, -1)
        if index >= first and fits(name, index):
            buckets.setdefault(index, []).append(name)
        else:
            homeless.append(name)
    for name in homeless:
        index = next((index for index in sorted(buckets) if fits(name, index)), None)
        if index is None:
            index = next(free for free in range(first, first + len(buckets) + 1) if free not in buckets)
        buckets.setdefault(index, []).append(name)
    order = {name: number for number, name in enumerate(sizes)}
    # An empty pool is one slice: a pool that is not there looks like a driver that is not there.
    return {index: sorted(buckets[index], key=order.__getitem__) for index in sorted(buckets)} or {first: []}
