# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPUs and NUMA nodes of the machine that the tests run on, and where a described GPU sits among them.

Written from the rule in docs/profiles.md and not from the library, so that the two can disagree.
"""

from __future__ import annotations

from pathlib import Path

SYSTEM = Path("/sys/devices/system")


def numbers(text: str) -> set[int]:
    """0-3,8 -> {0, 1, 2, 3, 8}"""
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def text_of(cpus: set[int]) -> str:
    """The other way round, as nvidia-smi prints it."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and parts[-1][1] == cpu - 1:
            parts[-1][1] = cpu
        else:
            parts.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def nodes() -> dict[int, set[int]]:
    """NUMA node -> its CPUs; only nodes that have any."""
    ids = SYSTEM / "node" / "has_cpu"
    if not ids.exists():
        return {0: numbers((SYSTEM / "cpu" / "online").read_text())}
    return {i: numbers((SYSTEM / "node" / f"node{i}" / "cpulist").read_text()) for i in numbers(ids.read_text())}


def place(root: dict) -> tuple[set[int], int]:
    """CPUs and NUMA node that a GPU of this root complex shows here."""
    described, own = numbers(root["cpu_affinity"]), nodes()
    node = sorted(own)[root["numa_node"] % len(own)]
    if not described <= set().union(*own.values()):
        return own[node], node
    return described, root["numa_node"] if root["numa_node"] in own else node
