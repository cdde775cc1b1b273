# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody uses a function of mock_accel: judged here, and nowhere else.

The modules ask before they take virtual functions off or the module out of the kernel; the command
mock-accel-functions, which has a link to this file, before it unplugs one. Imports the standard library only.
"""

from __future__ import annotations

import dataclasses
import typing as t

# Name of the PCI driver, and of the class of its devices.
DRIVER = "mock-accel"


@dataclasses.dataclass(frozen=True)
class Sighting:
    """What was seen of a physical or virtual function."""

    # How messages call it.
    label: str
    allocated: bool = False
    # One that does not answer does not say either whether it is allocated.
    responding: bool = True
    driver: str | None = None
    # Processes that have its device open: number and command.
    openers: t.Sequence[tuple[int, str]] = ()


def reasons(seen: Sighting) -> list[str]:
    """What speaks against taking a function away from under its users; nothing where there are none."""
    found = [f"{seen.label} is open in process {pid} ({command})" for pid, command in seen.openers]
    if seen.allocated:
        found.insert(0, f"{seen.label} is allocated")
    elif seen.driver not in (None, "", DRIVER):
        found.insert(0, f"{seen.label} is bound to the driver {seen.driver}")
    elif not seen.responding:
        found.insert(0, f"{seen.label} does not answer and may be allocated")
    return found


def all_reasons(sightings: t.Iterable[Sighting]) -> list[str]:
    """The same of several, one after the other: those of a physical function with its virtual ones, say."""
    return [reason for seen in sightings for reason in reasons(seen)]
