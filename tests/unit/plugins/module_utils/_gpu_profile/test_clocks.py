# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of clocks become the ranges that they were made from, or stay lists."""

from __future__ import annotations

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import clocks


def printed(highest: float, lowest: float, step: float) -> list[int]:
    """What a board prints that has such a range: each clock rounded down."""
    found, tenths = [], round(highest * 10)
    while tenths >= lowest * 10:
        found.append(tenths // 10)
        tenths -= round(step * 10)
    return found


@pytest.mark.parametrize(
    ("highest", "lowest", "step"),
    [(1410, 210, 15), (2062.5, 120, 7.5), (2520, 210, 15), (1980, 345, 15), (2077.5, 120, 7.5), (1912, 405, 13)],
)
def test_a_regular_list_is_a_range(highest: float, lowest: float, step: float) -> None:
    found = clocks.as_range(printed(highest, lowest, step))
    assert found is not None
    assert found["step_mhz"] == step
    assert printed(found["max_mhz"], found["min_mhz"], found["step_mhz"]) == printed(highest, lowest, step)


def test_the_plainest_numbers_are_taken() -> None:
    assert clocks.as_range([1410, 1395, 1380, 1365]) == {"max_mhz": 1410, "min_mhz": 1365, "step_mhz": 15}
    assert clocks.as_range([2062, 2055, 2047, 2040]) == {"max_mhz": 2062.5, "min_mhz": 2040, "step_mhz": 7.5}


@pytest.mark.parametrize("irregular", [[1410, 1395, 1380], [1410, 1395, 1300, 1290], [50, 40, 30, 10], [9, 9, 9, 2]])
def test_an_irregular_or_short_list_is_none(irregular: list[int]) -> None:
    assert clocks.as_range(irregular) is None


def test_lists_are_sorted_and_what_has_no_room_is_said() -> None:
    found, whole = clocks.compact([{"freq_mhz": 5001, "graphics_clocks": [300, 1590, 645]}])
    assert (found, whole) == ([{"freq_mhz": 5001, "graphics_clocks": [1590, 645, 300]}], True)
    many = [{"freq_mhz": 9000 - n, "graphics_clocks": list(range(2100, 2100 - 300, -1))} for n in range(9)]
    found, whole = clocks.compact(many)
    assert not whole
    # Six times 300 clocks fit in 2048.
    assert [one["freq_mhz"] for one in found] == [9000, 8999, 8998, 8997, 8996, 8995]
