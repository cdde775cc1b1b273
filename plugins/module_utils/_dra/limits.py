# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of resource.k8s.io on what a slice may hold. The API server refuses most of what is beyond them today; an
object that an older server has let in, or that another tool has written down, may be beyond them all the same.

Imports the standard library only.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import Device, Slice

DEVICES = 128
# Where a device has taints, counters or lists of values.
DEVICES_WITH_MORE = 64
ATTRIBUTES_AND_CAPACITIES = 32
TAINTS = 16
COUNTER_SETS = 8
COUNTERS = 32
COUNTER_SETS_OF_A_DEVICE = 2
TEXT = 64


def beyond(one: Slice, path: str) -> t.Iterator[Difference]:
    """A difference for each limit that the slice does not keep."""
    rich = any(device.taints or device.uses_counters or _lists(device) for device in one.devices)
    yield from _most(f"{path}.devices", DEVICES_WITH_MORE if rich else DEVICES, len(one.devices), "devices")
    yield from _most(f"{path}.counter_sets", COUNTER_SETS, len(one.counter_sets), "counter sets")
    for counter_set in one.counter_sets:
        counters = len(counter_set.get("counters") or ())
        yield from _most(f"{path}.counter_sets[{counter_set.get('name')}]", COUNTERS, counters, "counters")
    for device in one.devices:
        yield from _beyond_of_device(device, f"{path}.devices[{device.name}]")


def _beyond_of_device(device: Device, path: str) -> t.Iterator[Difference]:
    held = len(device.attributes) + len(device.capacity)
    yield from _most(path, ATTRIBUTES_AND_CAPACITIES, held, "attributes and capacities")
    yield from _most(f"{path}.taints", TAINTS, len(device.taints), "taints")
    yield from _most(f"{path}.counters", COUNTER_SETS_OF_A_DEVICE, device.uses_counters, "counter sets used")
    for name, attribute in sorted(device.attributes.items()):
        longest = _longest(attribute.value)
        if longest > TEXT:
            yield from _most(f"{path}.attributes[{name}]", TEXT, longest, "characters")


def _longest(value: t.Any) -> int:
    """Characters of the longest text of an attribute; 0 where it has none."""
    if isinstance(value, str):
        return len(value)
    return max(map(_longest, value), default=0) if isinstance(value, list) else 0


def _lists(device: Device) -> bool:
    return any(isinstance(attribute.value, list) for attribute in device.attributes.values())


def _most(path: str, limit: int, actual: int, what: str) -> t.Iterator[Difference]:
    if actual > limit:
        yield Difference(path, f"at most {limit} {what}", f"{actual} {what}")
