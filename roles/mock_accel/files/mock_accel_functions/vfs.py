# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of virtual functions that physical ones have."""

from __future__ import annotations

import typing as t

from .errors import FunctionsError
from .kernel import Kernel
from .progress import Progress


class VfChange(t.NamedTuple):
    """The number of virtual functions of one physical function."""

    device: str
    before: int
    after: int

    def line(self) -> str:
        return f"virtual functions of {self.device}: {self.before} -> {self.after}"


def plan_vfs(kernel: Kernel, vfs: dict[str, int], others_may_come: bool = False) -> list[VfChange]:
    """What is to be done about numbers; all that stands in the way is known before the first is changed."""
    there = kernel.physical()
    problems = [f"{name} has no virtual functions to be had" for name in sorted(vfs) if name not in there]
    changes = [VfChange(name, kernel.numvfs(name), vfs[name]) for name in there if name in vfs]
    changes = [change for change in changes if change.before != change.after]
    problems = [] if others_may_come else problems
    for change in changes:
        most, used = kernel.totalvfs(change.device), kernel.uses_of_vfs(change.device)
        if change.after > most:
            problems.append(f"{change.device} cannot have {change.after} virtual functions: {most} at most")
        if used:
            problems.append(f"{change.line()} cannot be: {', '.join(used)}")
    if problems:
        raise FunctionsError(*problems)
    return changes


def apply_vfs(kernel: Kernel, vfs: dict[str, int], progress: Progress) -> None:
    for change in plan_vfs(kernel, vfs):
        try:
            # From one number to another the kernel goes by way of none.
            if change.before and change.after:
                kernel.set_numvfs(change.device, 0)
            kernel.set_numvfs(change.device, change.after)
        except FunctionsError as error:
            raise progress.failure(error, put_vfs_back(kernel, change)) from error
        progress.say(change.line())


def put_vfs_back(kernel: Kernel, change: VfChange) -> list[str]:
    try:
        if kernel.numvfs(change.device) != change.before:
            kernel.set_numvfs(change.device, change.before)
    except FunctionsError as error:
        return [str(error)]
    return [f"{change.device} has {change.before} virtual functions, as before"]
