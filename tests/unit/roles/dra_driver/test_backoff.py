# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits after failures."""

from __future__ import annotations

import pytest
from mock_accel_dra.backoff import Backoff
from mock_accel_dra.errors import Unavailable

DOWN = Unavailable("down")


@pytest.mark.parametrize(
    ("longest", "expected"),
    [
        pytest.param(30, [0.25, 0.5, 1, 2, 4, 8, 10, 10], id="as by default"),
        pytest.param(1, [0.25, 0.5, 1, 1], id="a short interval"),
    ],
)
def test_backoff(longest: float, expected: list[float]) -> None:
    backoff = Backoff(longest)
    for seconds in expected:
        assert 0.79 * seconds < backoff.seconds(DOWN) < 1.21 * seconds
    backoff.reset()
    assert backoff.seconds(DOWN) < 0.31


def test_a_server_may_ask_for_more() -> None:
    assert Backoff(30).seconds(Unavailable("busy", 20)) >= 16
