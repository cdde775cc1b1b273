# SPDX-License-Identifier: GPL-3.0-or-later
"""Small changes to the recorded ResourceSlices (fixtures/dra), each a function of the items, for tables of cases."""

from __future__ import annotations

import copy
import typing as t
from collections.abc import Callable

Items = list[dict[str, t.Any]]
Edit = Callable[[Items], t.Any]

DRIVER = "gpu.nvidia.com"
# The three slices by their place: worker-0 has one, worker-1 has two.
ZERO, ONE_A, ONE_B = 0, 1, 2
SLICES = [
    "00000-gpu.nvidia.com-worker-0-x7kqp",
    "00000-gpu.nvidia.com-worker-1-5hd2w",
    "00001-gpu.nvidia.com-worker-1-m4c8z",
]
TAINT = {
    "key": "gpu.example.com/broken",
    "value": "xid-79",
    "effect": "NoSchedule",
    "timeAdded": "2026-11-22T10:00:00Z",
}


def leave(items: Items) -> None:
    """As recorded."""


def devices(items: Items, number: int) -> Items:
    return items[number]["spec"]["devices"]


def edit(number: int, device: int, section: str, **values: t.Any) -> Edit:
    """Change attributes or capacities of a device; None takes one away."""

    def change(items: Items) -> None:
        held = devices(items, number)[device].setdefault(section, {})
        for name, value in values.items():
            name = name.replace("__", "/")
            held.pop(name, None) if value is None else held.update({name: value})

    return change


def body(number: int, device: int, **values: t.Any) -> Edit:
    """Change a device itself."""
    return lambda items: devices(items, number)[device].update(values)


def spec(number: int, **values: t.Any) -> Edit:
    return lambda items: items[number]["spec"].update(values)


def drop(number: int, device: int) -> Edit:
    return lambda items: devices(items, number).pop(device) and None


def pool(number: int, **values: t.Any) -> Edit:
    return lambda items: items[number]["spec"]["pool"].update(values)


def taint(number: int, device: int, **values: str) -> Edit:
    return body(number, device, taints=[{**TAINT, **values}])


def owners(number: int, *references: dict[str, t.Any]) -> Edit:
    return lambda items: items[number]["metadata"].update(ownerReferences=list(references))


def duplicate(items: Items) -> None:
    devices(items, ONE_B)[0]["name"] = "gpu-1"


def gather(items: Items) -> None:
    """All slices are of worker-0, which has two pools with devices of the same names then."""
    for item in items:
        item["spec"]["nodeName"] = item["metadata"]["ownerReferences"][0]["name"] = "worker-0"


def lose_a_slice(items: Items) -> None:
    items.pop()


def many(number: int, count: int, **more: t.Any) -> Edit:
    """A slice of more devices than any server would take."""

    def change(items: Items) -> None:
        first = devices(items, number)[0]
        items[number]["spec"]["devices"] = [{**copy.deepcopy(first), "name": f"gpu-{i}", **more} for i in range(count)]

    return change


def both(*edits: Edit) -> Edit:
    """One edit after the other."""
    return lambda items: [edit(items) for edit in edits] and None
