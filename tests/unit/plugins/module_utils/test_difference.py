# SPDX-License-Identifier: GPL-3.0-or-later
"""How differences are told."""

from __future__ import annotations

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference, summary


@pytest.mark.parametrize(
    ("expected", "actual", "words"),
    [
        (8, "7", "a: expected 8, found 7"),
        (8, None, "a: expected 8, found nothing"),
        (None, "8", "a: expected nothing, found 8"),
        ("true", "", "a: expected true, found "),
    ],
)
def test_words(expected: object, actual: object, words: str) -> None:
    assert str(Difference("a", expected, actual)) == words


def test_as_dict() -> None:
    assert Difference("a", 8, None).as_dict() == {"path": "a", "expected": 8, "actual": None}


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 difference: p0: expected 1, found 2"),
        (2, "2 differences: p0: expected 1, found 2; p1: expected 1, found 2"),
        (3, "3 differences: p0: expected 1, found 2; p1: expected 1, found 2; p2: expected 1, found 2"),
        (5, "5 differences: p0: expected 1, found 2; p1: expected 1, found 2; p2: expected 1, found 2; and 2 more"),
    ],
)
def test_summary_shows_three_and_the_number(count: int, words: str) -> None:
    assert summary([Difference(f"p{i}", 1, 2) for i in range(count)]) == words
