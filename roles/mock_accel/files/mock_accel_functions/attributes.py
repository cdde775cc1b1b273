# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of a function in configfs: from what people write or the kernel shows to one form."""

from __future__ import annotations

import re
import typing as t

SIZES = {"K": 10, "M": 20, "G": 30, "T": 40}
MAX_MEMORY = 1 << 62
# Of mockN.
MAX_NUMBER = 511
BUS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def number(allowed: t.Container[int]) -> t.Callable[[str], str]:
    def normal(text: str) -> str:
        value = int(text, 0)
        if value not in allowed:
            raise ValueError
        return str(value)

    return normal


def hexadecimal(digits: int, first: int = 0, last: int | None = None) -> t.Callable[[str], str]:
    most = (1 << 4 * digits) - 1 if last is None else last

    def normal(text: str) -> str:
        value = int(text, 0)
        if not first <= value <= most:
            raise ValueError
        return f"0x{value:0{digits}x}"

    return normal


def size(text: str) -> str:
    shift = SIZES.get(text[-1:].upper(), 0)
    value = int(text[:-1] if shift else text, 0) << shift
    if not 1 <= value <= MAX_MEMORY:
        raise ValueError
    return str(value)


def switch(text: str) -> str:
    return {"true": "1", "1": "1", "false": "0", "0": "0"}[text.lower()]


def matching(pattern: re.Pattern[str]) -> t.Callable[[str], str]:
    def normal(text: str) -> str:
        if not pattern.fullmatch(text.lower()):
            raise ValueError
        return text.lower()

    return normal


# In the order in which they are written: the bus before what is decided on it.
ATTRIBUTES: dict[str, t.Callable[[str], str]] = {
    "registers": switch,
    "vendor": hexadecimal(4, 0x2, 0xFFFE),
    "device": hexadecimal(4, last=0xFFFE),
    "subsystem_vendor": hexadecimal(4),
    "subsystem_device": hexadecimal(4),
    "vf_device": hexadecimal(4, last=0xFFFE),
    "class": hexadecimal(6),
    "revision": hexadecimal(2),
    "uuid": matching(UUID),
    "root_bus": matching(BUS),
    "slot": number(range(-1, 32)),
    "numa_node": number(range(-1, 1 << 16)),
    "total_vfs": number(range(8)),
    "memory_size": size,
    "vf_memory_size": size,
    "link_speed": number(range(1, 7)),
    "link_width": number((1, 2, 4, 8, 16, 32)),
}
