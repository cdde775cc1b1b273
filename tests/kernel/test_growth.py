# SPDX-License-Identifier: GPL-3.0-or-later
"""A leak is told from caches that come and go."""

from __future__ import annotations

import pytest
from growth import growing


@pytest.mark.parametrize(
    ("counts", "grows"),
    [
        pytest.param([100, 106, 112, 118, 124, 130], True, id="one for each unit of work"),
        pytest.param([1541, 1547, 1554, 1560, 1564, 1570], True, id="nearly one for each"),
        pytest.param([2239, 2282, 2331, 2363, 2421, 2467], True, id="several for each"),
        pytest.param([100, 100, 100, 100, 100, 100], False, id="nothing"),
        pytest.param([1571, 1570, 1570, 1899, 1571, 1572], False, id="hundreds that are gone again"),
        pytest.param([799, 877, 955, 955, 799, 799], False, id="some more processes"),
        pytest.param([1553, 1559, 1564, 1568, 1568, 1570], False, id="a rise that ends"),
    ],
)
def test_growing(counts: list[int], grows: bool) -> None:
    samples = [{"one": count, "still": 7} for count in counts]
    assert growing(samples, 6) == ({"one": counts} if grows else {})


def test_a_cache_that_came_later_is_not_judged() -> None:
    assert growing([{}, {"new": 10}, {"new": 30}], 6) == {}
