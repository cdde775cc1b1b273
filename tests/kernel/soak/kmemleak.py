# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that nobody refers to any more, as the debug kernel finds it, and who has asked for it."""

from __future__ import annotations

import re
from typing import Any

from guest import Guest

FILE = "/sys/kernel/debug/kmemleak"
# Everything else is built into that kernel, so what is in the space of modules is ours; its names are gone with it.
_OURS = re.compile(r"\[mock_accel\]|ffffffff[ac]0")


def scan(guest: Guest) -> str:
    """An object counts when it is some seconds old, and nothing has referred to it in a scan after that."""
    guest.must(f"sleep 6; echo scan >{FILE}; sleep 6; echo scan >{FILE}", timeout=600)
    return guest.must(f"cat {FILE}")


def objects(text: str) -> list[str]:
    return [found for found in re.split(r"^(?=unreferenced object )", text, flags=re.MULTILINE) if found.strip()]


def summary(text: str) -> dict[str, Any]:
    found = objects(text)
    return {"objects": len(found), "ours": [one for one in found if _OURS.search(one)]}
