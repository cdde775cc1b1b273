# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where GPUs sit: PCI addresses by index, and which GPUs share a host bridge. Imports the standard library only."""

from __future__ import annotations

import re
import typing as t
from collections import Counter

# Items of a list by index (native/nvml/profile_internal.h).
MAX_LISTED = 32
# nvmlGpuTopologyLevel_t
LEVELS = {0: "internal", 10: "single", 20: "multiple", 30: "hostbridge", 40: "node", 50: "system"}
HOST_BRIDGE, NODE, SYSTEM = 30, 40, 50

Json = dict[str, t.Any]


class Address(t.NamedTuple):
    domain: int
    place: str  # bus:device.function

    @property
    def whole(self) -> str:
        return f"{self.domain:04x}:{self.place}"


def parse(bus_id: str | None) -> Address | None:
    match = re.fullmatch(r"([0-9A-Fa-f]{4,8}):([0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])", bus_id or "")
    return Address(int(match[1], 16), match[2].lower()) if match else None


class Slots(t.NamedTuple):
    listed: list[str]
    # Whether they are written without their domains, which then follow from the node's name.
    bare: bool


def slots(gpus: t.Sequence[Json], scrub: bool) -> Slots:
    """PCI addresses by index; none where one of them is not told."""
    addresses = [address for address in (parse(gpu["bus_id"]) for gpu in gpus) if address is not None]
    if len(addresses) < len(gpus):
        return Slots([], scrub)
    if scrub:
        for count in range(1, len(gpus) + 1):
            if repeats(gpus, addresses, count):
                return Slots([address.place for address in addresses[:count]], True)
    # Only their domains tell them apart.
    return Slots([address.whole for address in addresses], False)


def repeats(gpus: t.Sequence[Json], addresses: t.Sequence[Address], count: int) -> bool:
    """Whether the first `count` addresses come again in the next domain, and so on, each with the same CPUs."""
    if len({address.place for address in addresses[:count]}) < count:
        return False
    return all(
        address.place == addresses[i % count].place
        and address.domain == addresses[0].domain + i // count
        and all(gpus[i][name] == gpus[i % count][name] for name in ("numa_node", "cpus"))
        for i, address in enumerate(addresses)
    )


def root_complexes(gpus: t.Sequence[Json]) -> list[Json]:
    """The host bridges of those GPUs whose NUMA node is told, by index."""
    roots: list[Json] = []
    for group in groups(gpus):
        gpu = gpus[group[0]]
        root: Json = {"numa_node": gpu["numa_node"]}
        pairs = Counter(level(gpus, a, b) for a in group for b in group if a < b)
        if pairs:
            root["level"] = LEVELS.get(pairs.most_common(1)[0][0], "hostbridge")
            root["level"] = "single" if root["level"] == "internal" else root["level"]
        root["indexes"] = group
        if gpu["cpus"]:
            root["cpu_affinity"] = spans(gpu["cpus"])
        roots.append(root)
    return roots


def level(gpus: t.Sequence[Json], a: int, b: int) -> int | None:
    """How near two of the GPUs are, by their places among these; levels are those of all GPUs of the host."""
    levels = gpus[a]["levels"]
    return levels[gpus[b]["index"]] if levels else None


def groups(gpus: t.Sequence[Json]) -> list[list[int]]:
    """Indexes of GPUs that meet at one host bridge or below, with the same NUMA node and CPUs."""
    found: list[list[int]] = []
    for i, gpu in enumerate(gpus):
        if gpu["numa_node"] is None:
            continue
        for group in found:
            first = gpus[group[0]]
            near = level(gpus, group[0], i)
            same = all(first[name] == gpu[name] for name in ("numa_node", "cpus"))
            if same and near is not None and near <= HOST_BRIDGE:
                group.append(i)
                break
        else:
            found.append([i])
    return found


def default_level(gpus: t.Sequence[Json]) -> str | None:
    """The one nearness of all pairs, where no NUMA node is told and the format therefore needs it."""
    pairs = {level(gpus, a, b) for a in range(len(gpus)) for b in range(a)}
    if any(gpu["numa_node"] is not None for gpu in gpus) or len(pairs) != 1:
        return None
    only = pairs.pop()
    return LEVELS.get(only) if only is not None and only != SYSTEM else None


def is_told_exactly(gpus: t.Sequence[Json], roots: t.Sequence[Json]) -> bool:
    """Whether the format's one level for a host bridge, and NUMA nodes for the rest, give every pair's nearness."""
    root_of = {index: root for root in roots for index in root["indexes"]}
    for a in range(len(gpus)):
        for b in range(a):
            told = level(gpus, a, b)
            if told is None or a not in root_of or b not in root_of:
                continue
            if root_of[a] is root_of[b]:
                given = root_of[a].get("level")
            else:
                given = LEVELS[NODE if gpus[a]["numa_node"] == gpus[b]["numa_node"] else SYSTEM]
            if LEVELS.get(told) != given:
                return False
    return True


def spans(numbers: t.Sequence[int]) -> str:
    """0-3,8 of [0, 1, 2, 3, 8]."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
