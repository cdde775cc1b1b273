# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ResourceSlices of v1, v1beta2 and v1beta1 as records of one form, and the pools that they make up.

Plain data in, records out. Imports the standard library only.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import typing as t

Json = dict[str, t.Any]
# Of an attribute, in the order in which the API lists them; the plural ones hold lists.
TYPES = ("bool", "int", "string", "version", "bools", "ints", "strings", "versions")
# A taint of another effect (None) only informs.
HARMFUL = ("NoSchedule", "NoExecute")


class FormError(ValueError):
    """The object is no ResourceSlice or ResourceClaim as the API server gives them."""


@dataclasses.dataclass(frozen=True)
class Attribute:
    """One value of a device, with its type."""

    type: str
    value: t.Any

    def as_dict(self) -> Json:
        # As dataclasses.asdict would, without its looking for more to copy: a device has ten of these.
        return {"type": self.type, "value": self.value}


@dataclasses.dataclass(frozen=True)
class Device:
    """One device of a slice. Names of attributes and capacities carry a domain only where it is not the driver's."""

    driver: str
    pool: str
    name: str
    node: str
    slice: str
    attributes: dict[str, Attribute]
    capacity: dict[str, str]
    taints: tuple[Json, ...]
    uses_counters: int
    # Whether several claims may share it.
    shared: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """What an allocation result names a device by."""
        return self.driver, self.pool, self.name

    def attribute(self, name: str) -> Attribute | None:
        """By its name, with the driver's own domain or without."""
        return self.attributes.get(without_domain(name, self.driver))

    def amount(self, name: str) -> str | None:
        """The capacity of that name, with the driver's own domain or without."""
        return self.capacity.get(without_domain(name, self.driver))

    def harmful_taints(self) -> list[Json]:
        return [taint for taint in self.taints if taint.get("effect") in HARMFUL]

    def as_dict(self) -> Json:
        return {
            "name": self.name,
            "node": self.node,
            "slice": self.slice,
            "attributes": {name: value.as_dict() for name, value in sorted(self.attributes.items())},
            "capacity": dict(sorted(self.capacity.items())),
            "taints": list(self.taints),
        }


@dataclasses.dataclass(frozen=True)
class Slice:
    """One ResourceSlice."""

    name: str
    driver: str
    pool: str
    # Empty where the slice is for all nodes, for those of a selector, or for each device's own.
    node: str
    reach: str
    generation: int
    # How many slices the pool has in this generation, as this slice says.
    count: int
    owners: tuple[Json, ...]
    devices: tuple[Device, ...]
    counter_sets: tuple[Json, ...]

    @property
    def pool_key(self) -> tuple[str, str]:
        return self.driver, self.pool

    def controller(self) -> str | None:
        """What owns the slice, as "Node worker-0"; None where nothing does."""
        for owner in sorted(self.owners, key=lambda owner: not owner.get("controller")):
            return f"{owner.get('kind', '')} {owner.get('name', '')}"
        return None

    def as_dict(self) -> Json:
        return {
            "name": self.name,
            "driver": self.driver,
            "pool": self.pool,
            "node": self.node,
            "reach": self.reach,
            "generation": self.generation,
            "resource_slice_count": self.count,
            "owner": self.controller(),
            "devices": [device.name for device in self.devices],
        }


@dataclasses.dataclass(frozen=True)
class Pool:
    """The slices of one driver's pool: those of the newest generation count, older ones are only named."""

    driver: str
    name: str
    generation: int
    slices: tuple[Slice, ...]
    stale: tuple[Slice, ...]

    @property
    def key(self) -> tuple[str, str]:
        return self.driver, self.name

    @property
    def devices(self) -> list[Device]:
        return [device for one in self.slices for device in one.devices]

    @property
    def nodes(self) -> list[str]:
        return sorted({device.node for device in self.devices if device.node} | {s.node for s in self.slices if s.node})

    @property
    def counts(self) -> list[int]:
        """Numbers of slices that the slices claim; more than one means that they do not agree."""
        return sorted({one.count for one in self.slices})

    @property
    def complete(self) -> bool:
        return self.counts == [len(self.slices)]

    def duplicates(self) -> dict[str, list[str]]:
        """Names that several devices of the pool have, and the slices where they are."""
        places: dict[str, list[str]] = collections.defaultdict(list)
        for device in self.devices:
            places[device.name].append(device.slice)
        return {name: slices for name, slices in sorted(places.items()) if len(slices) > 1}


def without_domain(name: str, driver: str) -> str:
    """An attribute's name as records have it: the driver's own domain is left out."""
    domain, slash, rest = name.partition("/")
    return rest if slash and domain == driver else name


def objects(items: t.Iterable[t.Any] | None) -> tuple[Json, ...]:
    """The items, none of which is anything but an object."""
    found = tuple(items or ())
    for one in found:
        if not isinstance(one, dict):
            raise TypeError(f"{one!r} is no object")
    return found


def parse_slice(item: Json) -> Slice:
    """The record of a ResourceSlice; FormError where it is none."""
    name = "without a name"
    try:
        name = item["metadata"]["name"]
        spec = item["spec"]
        driver, pool = spec["driver"], spec["pool"]
        node = spec.get("nodeName") or ""
        return Slice(
            name=name,
            driver=driver,
            pool=pool["name"],
            node=node,
            reach=_reach(spec),
            generation=pool.get("generation", 0),
            count=pool["resourceSliceCount"],
            owners=objects(item["metadata"].get("ownerReferences")),
            devices=tuple(_device(device, driver, pool["name"], node, name) for device in spec.get("devices") or ()),
            counter_sets=tuple(map(_counter_set, spec.get("sharedCounters") or ())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise FormError(f"ResourceSlice {name} is not of a known form: {error!r}") from error


def pools(slices: t.Iterable[Slice]) -> list[Pool]:
    """The pools in the order of driver and name."""
    grouped: dict[tuple[str, str], list[Slice]] = collections.defaultdict(list)
    for one in slices:
        grouped[one.pool_key].append(one)
    return [_pool(key, grouped[key]) for key in sorted(grouped)]


def _pool(key: tuple[str, str], slices: list[Slice]) -> Pool:
    newest = max(one.generation for one in slices)
    ordered = sorted(slices, key=lambda one: one.name)
    return Pool(
        *key,
        generation=newest,
        slices=tuple(one for one in ordered if one.generation == newest),
        stale=tuple(one for one in ordered if one.generation != newest),
    )


def _reach(spec: Json) -> str:
    """Which nodes can use the devices, in one word."""
    if spec.get("nodeName"):
        return "node"
    if spec.get("allNodes"):
        return "all_nodes"
    if spec.get("perDeviceNodeSelection"):
        return "per_device"
    return "node_selector"


def _device(item: Json, driver: str, pool: str, node: str, slice_name: str) -> Device:
    # v1beta1 keeps everything but the name one level deeper.
    body = item.get("basic") or item
    return Device(
        driver=driver,
        pool=pool,
        name=item["name"],
        node=node or body.get("nodeName") or "",
        slice=slice_name,
        attributes={
            without_domain(name, driver): _attribute(value) for name, value in (body.get("attributes") or {}).items()
        },
        capacity={
            without_domain(name, driver): value["value"] if isinstance(value, dict) else value
            for name, value in (body.get("capacity") or {}).items()
        },
        taints=objects(body.get("taints")),
        uses_counters=len(body.get("consumesCounters") or ()),
        shared=bool(body.get("allowMultipleAllocations")),
    )


def _counter_set(item: Json) -> Json:
    objects((item.get("counters") or {}).values())
    if "name" not in item:
        raise KeyError("name")
    return item


def _attribute(value: Json) -> Attribute:
    for kind in TYPES:
        if kind in value:
            held = value[kind]
            return Attribute(kind, held) if isinstance(held, list) else _shared(kind, held)
    # A type that a newer API has: named, so that a difference can tell it.
    for kind in sorted(value):
        return Attribute(kind, value[kind])
    return Attribute("none", None)


@functools.lru_cache(maxsize=1024)
def _shared(kind: str, value: t.Any) -> Attribute:
    """Most devices of a cluster have most values in common; one record of each saves half of the memory."""
    return Attribute(kind, value)
