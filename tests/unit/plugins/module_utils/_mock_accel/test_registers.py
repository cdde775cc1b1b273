# SPDX-License-Identifier: GPL-3.0-or-later
"""Registers in a configuration space: read where they are, and nothing made up where they are not."""

from __future__ import annotations

import pytest
from accel_host import config_space

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.registers import (
    Registers,
    answers,
    find_registers,
)

UUID = "46c8e2b2-eb85-840b-b820-6b53b1e0a161"
SPACE = config_space(UUID, 1 << 34, 5, 1 | 0x12 << 8)


def changed(start: int, data: bytes) -> bytes:
    return SPACE[:start] + data + SPACE[start + len(data) :]


def test_registers_are_found_behind_another_capability() -> None:
    assert find_registers(SPACE) == Registers(UUID, 1 << 34, 5, 1 | 0x12 << 8)


NOTHING = {
    "nothing was read": b"",
    "read without privileges": SPACE[:64],
    "cut off in the capability": SPACE[:0x14E],
    "cut off in the registers": SPACE[:0x160],
    "all ones": b"\xff" * 4096,
    "no capabilities": changed(0x100, bytes(4)),
    "another vendor's": changed(0x144, b"\x86\x80"),
    "another id": changed(0x148, b"\x02\x00"),
    "a capability of another kind": changed(0x140, b"\x0b\x00"),
    "a chain to itself": changed(0x102, b"\x01\x10"),
    "a chain into the header": changed(0x102, b"\x01\x04"),
    "a chain out of the space": changed(0x102, b"\xf1\xff"),
}


@pytest.mark.parametrize("space", NOTHING.values(), ids=NOTHING)
def test_no_registers(space: bytes) -> None:
    assert find_registers(space) is None


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        pytest.param(SPACE, True, id="physical"),
        pytest.param(config_space(UUID, 1, 6, virtual=True), True, id="virtual, whose ids are ones"),
        pytest.param(b"\xff" * 4096, False, id="hangs"),
        pytest.param(b"\xff" * 64, False, id="hangs, read without privileges"),
        pytest.param(b"", True, id="not read, so nobody knows better"),
        pytest.param(b"\xff\xff", False, id="cut short"),
        pytest.param(b"\xff" * 64 + bytes(64), False, id="ones in the header"),
    ],
)
def test_answers(space: bytes, expected: bool) -> None:
    assert answers(space) is expected
