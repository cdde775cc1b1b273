# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Supported clocks: a list of MHz back to the range that it was made from. Imports the standard library only.

A board steps in tenths of a MHz and tells each step rounded down: from 2062.5 by 7.5 come 2062, 2055, 2047, 2040.
"""

from __future__ import annotations

import typing as t

# What a description has room for (native/nvml/profile.h).
MEMORY_CLOCKS = 8
GRAPHICS_CLOCKS = 2048
HIGHEST = 65535
# Fewer say nothing about a step.
REGULAR = 4

Json = dict[str, t.Any]


def as_range(clocks: t.Sequence[int]) -> Json | None:
    """max_mhz, min_mhz and step_mhz that give just these clocks, or None where they are not regular."""
    count = len(clocks)
    if count < REGULAR:
        return None
    about = (clocks[0] - clocks[-1]) * 10 / (count - 1)
    # The exact ends are less than one MHz away from the rounded ones, so the step is this near to the average.
    slack = 10 / (count - 1)
    steps = range(max(1, int(about - slack)), int(about + slack) + 2)
    for step in sorted(steps, key=lambda one: (plainness(one), one)):
        for part in sorted(range(10), key=plainness):
            first = clocks[0] * 10 + part
            if all((first - n * step) // 10 == clock for n, clock in enumerate(clocks)):
                return {"max_mhz": tenths(first), "min_mhz": clocks[-1], "step_mhz": tenths(step)}
    return None


def plainness(number: int) -> int:
    """Whole numbers are likelier than halves, and halves than other tenths."""
    return 0 if number % 10 == 0 else 1 if number % 5 == 0 else 2


def tenths(number: int) -> int | float:
    return number // 10 if number % 10 == 0 else number / 10


def compact(memory_clocks: t.Sequence[Json]) -> tuple[list[Json], bool]:
    """The list of a profile, and whether a description has room for all of it; the highest clocks come first."""
    room = GRAPHICS_CLOCKS
    kept: list[Json] = []
    for memory in memory_clocks[:MEMORY_CLOCKS]:
        clocks = sorted((clock for clock in memory["graphics_clocks"] if 0 < clock <= HIGHEST), reverse=True)
        if not clocks or len(clocks) > room:
            continue
        room -= len(clocks)
        regular = as_range(clocks)
        found = {"graphics_range": regular} if regular else {"graphics_clocks": clocks}
        kept.append({"freq_mhz": memory["freq_mhz"], **found})
    return kept, len(kept) == len(memory_clocks)
