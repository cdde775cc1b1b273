# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a character device open, whatever path it was opened by.

A node can have any name: a container has one of its own in its /dev. Only the device's number is the same everywhere.
The command mock-accel-functions has a link to this file, so it imports the standard library only.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import typing as t
from pathlib import Path


class Opener(t.NamedTuple):
    """A process that has a device open."""

    pid: int
    command: str


def device_number(text: str) -> int | None:
    """The number of a device, from what its file `dev` in sysfs holds; nothing for anything else."""
    match = re.fullmatch(r"(\d{1,7}):(\d{1,7})", text.strip())
    return os.makedev(int(match[1]), int(match[2])) if match else None


def read_openers(processes: Path, is_wanted: t.Callable[[int], bool]) -> dict[int, list[Opener]]:
    """Wanted devices that are open, by number, each with who has it; whoever is not root sees only its own processes.

    `processes` is where /proc is.
    """
    found: dict[int, set[Opener]] = {}
    for process in processes.glob("[0-9]*"):
        wanted = [number for number in _opened_numbers(process) if is_wanted(number)]
        for number in wanted:
            found.setdefault(number, set()).add(Opener(int(process.name), _command(process)))
    return {number: sorted(openers) for number, openers in found.items()}


def _opened_numbers(process: Path) -> set[int]:
    """Numbers of the character devices that a process has open."""
    numbers: set[int] = set()
    # It may end while it is looked at, and each of its files may be closed: the others count all the same.
    with contextlib.suppress(OSError):
        for entry in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                # Of the open file itself, be its path gone or another's by now.
                status = entry.stat()
                if stat.S_ISCHR(status.st_mode):
                    numbers.add(status.st_rdev)
    return numbers


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "ended meanwhile"
