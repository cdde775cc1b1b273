# SPDX-License-Identifier: GPL-3.0-or-later
"""Which PCI domains there are to choose from."""

from __future__ import annotations

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _pci_domains


@pytest.mark.parametrize(
    ("count", "first", "last"),
    [
        pytest.param(1, 0x1000, 0xFFFF, id="one"),
        pytest.param(16, 0x1000, 0xFFF0, id="sixteen"),
        pytest.param(0xF000, 0x1000, 0x1000, id="all"),
    ],
)
def test_as_many_follow_as_are_needed(count: int, first: int, last: int) -> None:
    places = _pci_domains.places(count)
    assert (places[0], places[-1]) == (first, last)


def test_there_is_no_place_for_more_than_all() -> None:
    assert len(_pci_domains.places(0xF001)) == 0


def test_nothing_follows_the_last() -> None:
    assert list(_pci_domains.following(0xFFFE, 4)) == [0xFFFE, 0xFFFF]
    assert list(_pci_domains.following(0x1000, 0)) == []
