# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCI domains that are chosen for functions which are not there. Imports the standard library only."""

from __future__ import annotations

# Firmware numbers its own from 0 on; Linux gives domains above four digits to what is no firmware's.
FIRST = 0x1000
# Kubernetes reads four digits, and so does lspci.
LAST = 0xFFFF


def places(count: int) -> range:
    """The domains from which on there are as many as `count` to choose from, each as the first of them."""
    return range(FIRST, LAST - count + 2)


def following(first: int, count: int) -> range:
    """As many domains from `first` on, but none that there cannot be."""
    return range(first, min(first + count, LAST + 1))
