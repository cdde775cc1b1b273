# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices several claims may have at once, and how their memory is divided among them (consumable capacity)."""

from __future__ import annotations

import fnmatch
import typing as t

from .inventory import AccelDevice
from .quantity import quantity

Json = dict[str, t.Any]

ALL = "all"
# Shares are counted in whole ones of these.
STEP = 1 << 20
# What a claim gets that does not say how much it wants: so many of these are the whole.
USUAL_SHARES = 4


def is_shared(device: AccelDevice, words: t.Collection[str]) -> bool:
    """Whether one of the words means the device: all, its type, or a pattern of its name in Kubernetes."""
    return any(
        word in (ALL, device.kind) or fnmatch.fnmatchcase(device.device_name, word.replace("_", "-")) for word in words
    )


def request_policy(memory: int) -> Json | None:
    """How claims may take from a device's memory; none where it is too small to be divided so."""
    usual = memory // USUAL_SHARES // STEP * STEP
    if not usual:
        return None
    return {"default": quantity(usual), "validRange": {"min": quantity(STEP), "step": quantity(STEP)}}
