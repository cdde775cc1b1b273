# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices are shared, and in what portions."""

from __future__ import annotations

import typing as t

import pytest
from accel_device import GI, pf, vf
from mock_accel_dra import sharing
from mock_accel_dra.inventory import AccelDevice


@pytest.mark.parametrize(
    ("device", "words", "wanted"),
    [
        pytest.param(pf(), [], False, id="nothing asked"),
        pytest.param(pf(), ["all"], True, id="all"),
        pytest.param(pf(), ["pf"], True, id="its type"),
        pytest.param(pf(), ["vf"], False, id="the other type"),
        pytest.param(vf(0, 1), ["vf"], True, id="a virtual function"),
        pytest.param(pf(1), ["mock0", "mock1"], True, id="its name"),
        pytest.param(pf(1), ["mock"], False, id="a part of its name"),
        pytest.param(vf(1, 0), ["mock1_vf0"], True, id="its name in sysfs"),
        pytest.param(vf(1, 0), ["mock1-vf*"], True, id="a pattern"),
        pytest.param(vf(1, 0), ["mock1"], False, id="what it is a part of"),
        pytest.param(pf(1), ["mock?"], True, id="one character"),
    ],
)
def test_is_shared(device: AccelDevice, words: list[str], wanted: bool) -> None:
    assert sharing.is_shared(device, words) is wanted


@pytest.mark.parametrize(
    ("memory", "default"),
    [(16 * GI, "4Gi"), (5 * GI, "1280Mi"), (4 << 20, "1Mi"), ((4 << 20) + 7, "1Mi"), (16 * GI + 1, "4Gi")],
)
def test_a_quarter_unless_asked_otherwise_in_whole_mebibytes(memory: int, default: str) -> None:
    assert sharing.request_policy(memory) == {"default": default, "validRange": {"min": "1Mi", "step": "1Mi"}}


@pytest.mark.parametrize("memory", [0, (4 << 20) - 1])
def test_a_memory_too_small_to_be_divided(memory: int) -> None:
    policy: t.Any = sharing.request_policy(memory)
    assert policy is None
