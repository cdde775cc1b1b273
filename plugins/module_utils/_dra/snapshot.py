# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare pools with those that resource_slice_info has once returned, device by device.

Names of slices and generations are the publisher's own affair and may differ. Imports the standard library only.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._dra import quantity
from ansible_collections.mirage.accel.plugins.module_utils._dra.compare import same_value
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import ExpectationError
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import Device, Pool

Json = dict[str, t.Any]
Key = tuple[str, str]
Saved = dict[Key, dict[str, Json]]


def read(data: t.Any, driver: str) -> Saved:
    """The saved devices of that driver by pool and name; ExpectationError where it is no result of the module."""
    pools = data.get("pools") if isinstance(data, dict) else None
    if not isinstance(pools, list):
        raise ExpectationError("snapshot: expected a result of resource_slice_info, which has a list named pools")
    try:
        return {
            (pool["driver"], pool["pool"]): {device["name"]: _device(device) for device in pool["devices"]}
            for pool in pools
            if pool["driver"] == driver
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ExpectationError(f"snapshot: a pool is not of the form of resource_slice_info: {error!r}") from error


def _device(data: Json) -> Json:
    """What is compared of a device, which has all of it."""
    attributes = {name: {key: value[key] for key in ("type", "value")} for name, value in data["attributes"].items()}
    return {"node": data["node"], "attributes": attributes, "capacity": dict(data["capacity"].items())}


def compare(saved: Saved, pools: t.Sequence[Pool]) -> t.Iterator[Difference]:
    """Every difference between the saved devices and those that there are."""
    actual = {pool.key: {device.name: device for device in pool.devices} for pool in pools}
    for key in sorted(set(saved) | set(actual)):
        path = f"pools[{key[1]}]"
        if key not in actual:
            yield Difference(path, f"{len(saved[key])} devices", None)
        elif key not in saved:
            yield Difference(path, None, f"{len(actual[key])} devices")
        else:
            yield from _compare_pool(saved[key], actual[key], path)


def _compare_pool(saved: dict[str, Json], actual: dict[str, Device], path: str) -> t.Iterator[Difference]:
    for name in sorted(set(saved) | set(actual)):
        place = f"{path}.devices[{name}]"
        if name not in actual:
            yield Difference(place, "present", None)
        elif name not in saved:
            yield Difference(place, None, "present")
        else:
            yield from _compare_device(saved[name], actual[name], place)


def _compare_device(saved: Json, device: Device, path: str) -> t.Iterator[Difference]:
    if saved["node"] != device.node:
        yield Difference(f"{path}.node", saved["node"], device.node)
    attributes = {name: value.as_dict() for name, value in device.attributes.items()}
    for name in sorted(set(saved["attributes"]) | set(attributes)):
        yield from _compare_attribute(saved["attributes"].get(name), attributes.get(name), f"{path}.attributes[{name}]")
    for name in sorted(set(saved["capacity"]) | set(device.capacity)):
        before, now = saved["capacity"].get(name), device.capacity.get(name)
        if not quantity.equal(before, now):
            yield Difference(f"{path}.capacity[{name}]", before, now)


def _compare_attribute(before: Json | None, now: Json | None, path: str) -> t.Iterator[Difference]:
    if before is None or now is None:
        yield Difference(path, before and before["value"], now and now["value"])
        return
    if before["type"] != now["type"]:
        yield Difference(f"{path}.type", before["type"], now["type"])
    if not same_value(before["value"], now["value"]):
        yield Difference(path, before["value"], now["value"])
