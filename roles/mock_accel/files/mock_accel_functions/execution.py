# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to functions, carried out; what fails midway is put back."""

from __future__ import annotations

import contextlib

from .attributes import ATTRIBUTES
from .change import Change
from .description import Function
from .errors import FunctionsError
from .kernel import Kernel
from .progress import Progress
from .record import Record


def carry_out(
    kernel: Kernel, record: Record, changes: list[Change], wanted: dict[str, Function], progress: Progress
) -> None:
    unfinished: list[Change] = []
    vfs: dict[str, int] = {}
    try:
        # All unplugging comes first, so that functions can change places.
        for change in changes:
            if change.unplug:
                # Others may have taken it since all was judged.
                used = kernel.uses(change.name)
                if used:
                    raise FunctionsError(f"Function {change.name} cannot be changed or removed: {', '.join(used)}")
                vfs[change.name] = kernel.vfs_of(change.name)
                kernel.write(change.name, "enable", "0")
                unfinished.append(change)
        remove(kernel, changes, unfinished, progress)
        record.made = {name: made for name, made in record.made.items() if name in kernel.names()}
        record.write()
        for change in changes:
            if change.make or not change.remove:
                unfinished += [] if change in unfinished else [change]
                if change.make:
                    record.made[change.name] = change.settings or {}
                    record.write()
                    kernel.make(change.name)
                set_up(kernel, change)
                unfinished.remove(change)
                progress.say(*change.lines)
                record.made[change.name] = wanted[change.name].settings
    except FunctionsError as error:
        more = put_back(kernel, record, unfinished, vfs)
        record.made = {name: made for name, made in record.made.items() if name in kernel.names()}
        record.write()
        raise progress.failure(error, more) from error
    record.made.update({name: function.settings for name, function in wanted.items()})
    record.write()


def remove(kernel: Kernel, changes: list[Change], unfinished: list[Change], progress: Progress) -> None:
    for change in changes:
        if not change.remove:
            continue
        kernel.remove(change.name)
        if change.make:
            unfinished += [] if change in unfinished else [change]
        else:
            unfinished[:] = [one for one in unfinished if one != change]
            progress.say(*change.lines)


def set_up(kernel: Kernel, change: Change) -> None:
    try:
        give(kernel, change.name, change.settings or {}, change.plug)
    except FunctionsError:
        # Half a function is none; the next run makes it anew.
        if change.make:
            with contextlib.suppress(FunctionsError):
                kernel.remove(change.name)
        raise


def give(kernel: Kernel, name: str, settings: dict[str, str], plug: bool) -> None:
    for key in ATTRIBUTES:
        if key in settings:
            kernel.write(name, key, settings[key])
    if plug:
        kernel.write(name, "enable", "1")


def put_back(kernel: Kernel, record: Record, unfinished: list[Change], vfs: dict[str, int]) -> list[str]:
    """Functions that were taken apart for a change that did not come, as they were, with as many virtual ones (`vfs`).

    Returns what became of each.
    """
    lines = []
    for change in unfinished:
        if change.make and not change.remove:
            # A new one: there is nothing to put back.
            continue
        try:
            if change.name not in kernel.names():
                # Its owner is still this command.
                record.made[change.name] = change.before or {}
                record.write()
                kernel.make(change.name)
            give(kernel, change.name, change.before or {}, change.unplug)
            if vfs.get(change.name):
                kernel.set_numvfs(kernel.read(change.name, "device_name"), vfs[change.name])
            lines.append(f"Function {change.name} is as it was")
        except FunctionsError as error:
            lines.append(f"Function {change.name} could not be put back: {error}")
    return lines
