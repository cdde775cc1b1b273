# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registers of a function, as native/mock_accel/ABI.md lists them, found in its configuration space.

They are there whether a driver is bound or not. Imports the standard library only.
"""

from __future__ import annotations

import dataclasses
import typing as t
import uuid

VENDOR = 0x1DE5
DVSEC_ID = 1
# Id of the extended capability that vendors may use as they like, and how much of it comes before the registers.
DVSEC = 0x23
HEADERS = 12
SIZE = 0x30
FIRST_EXTENDED = 0x100
# All that a reader without privileges gets, and enough to tell whether anybody answers.
STANDARD = 64


@dataclasses.dataclass(frozen=True)
class Registers:
    """What never changes of a function, and its register STATUS."""

    uuid: str
    memory_size: int
    capabilities: int
    status: int


def answers(config: bytes) -> bool:
    """Whether a function answers: one that does not reads as ones and nothing else. Unread, it has the benefit."""
    return not config or config[:STANDARD].strip(b"\xff") != b""


def find_registers(config: bytes) -> Registers | None:
    """The registers in a configuration space; nothing where it was not read so far or has none."""
    for start in _capabilities(config):
        vendor, dvsec_id = _number(config, start + 4, 2), _number(config, start + 8, 2)
        block = config[start + HEADERS : start + HEADERS + SIZE]
        if _number(config, start, 2) == DVSEC and (vendor, dvsec_id) == (VENDOR, DVSEC_ID) and len(block) == SIZE:
            return Registers(
                uuid=str(uuid.UUID(bytes=block[0x08:0x18])),
                memory_size=_number(block, 0x20, 8),
                capabilities=_number(block, 0x28, 4),
                status=_number(block, 0x2C, 4),
            )
    return None


def _capabilities(config: bytes) -> t.Iterator[int]:
    """Where the extended capabilities start; each names the next one, and a damaged chain may run in a circle."""
    seen: set[int] = set()
    at = FIRST_EXTENDED
    while at >= FIRST_EXTENDED and at not in seen and at + 4 <= len(config):
        seen.add(at)
        yield at
        at = _number(config, at + 2, 2) >> 4


def _number(data: bytes, start: int, size: int) -> int:
    return int.from_bytes(data[start : start + size], "little")
