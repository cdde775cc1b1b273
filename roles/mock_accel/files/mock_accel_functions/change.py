# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done to single functions, and why it may not be."""

from __future__ import annotations

import contextlib
import re
import typing as t

from .attributes import ATTRIBUTES
from .description import Function
from .errors import FunctionsError
from .kernel import Kernel
from .record import Record


class Change(t.NamedTuple):
    """What is to be done to one function, and what it was; the lines say it to people."""

    name: str
    lines: list[str]
    unplug: bool = False
    remove: bool = False
    make: bool = False
    settings: dict[str, str] | None = None
    plug: bool = False
    before: dict[str, str] | None = None


def plan_function(kernel: Kernel, record: Record, wanted: Function) -> Change | None:
    is_on = kernel.read(wanted.name, "enable") == "1"
    given = record.made[wanted.name]
    if set(given) - set(wanted.settings):
        # Only a new function has the defaults again.
        gone = sorted(set(given) - set(wanted.settings))
        line = f"make function {wanted.name} anew: {', '.join(gone)} back to the default"
        return Change(wanted.name, [line], is_on, True, True, wanted.settings, wanted.enabled, given)
    settings, lines, before = {}, [], {}
    for key, value in wanted.settings.items():
        now = kernel.read(wanted.name, key)
        with contextlib.suppress(ValueError, KeyError):
            now = ATTRIBUTES[key](now)
        # The slot of -1 is the kernel's to choose.
        if now != value and not (key in ("slot", "numa_node") and value == "-1"):
            settings[key], before[key] = value, now
            lines.append(f"change function {wanted.name}: {key} {now or 'nothing'} -> {value}")
    if not settings and is_on != wanted.enabled:
        lines.append(f"{'plug in' if wanted.enabled else 'unplug'} function {wanted.name}")
    if not lines:
        return None
    unplug = is_on and (bool(settings) or not wanted.enabled)
    return Change(wanted.name, lines, unplug, settings=settings, plug=wanted.enabled, before=before)


def plan(kernel: Kernel, record: Record, functions: list[Function]) -> list[Change]:
    there = set(kernel.names())
    if functions and not kernel.is_there():
        raise FunctionsError("No function can be made: the module mock_accel is not loaded, or is one without configfs")
    changes, problems = [], []
    wanted = {function.name for function in functions}
    for name in sorted(set(record.made) & there - wanted):
        is_on = kernel.read(name, "enable") == "1"
        changes.append(Change(name, [f"remove function {name}"], is_on, True))
    # Those that ask for a number go before those that take the lowest free one.
    for function in sorted(functions, key=lambda one: not re.fullmatch(r"mock\d+", one.name)):
        if function.name not in there:
            line = f"make function {function.name}"
            changes.append(Change(function.name, [line], make=True, settings=function.settings, plug=function.enabled))
        elif function.name not in record.made:
            problems.append(f"Function {function.name} is there and was not made by this command: choose another name")
        else:
            change = plan_function(kernel, record, function)
            changes += [change] if change else []
    for change in changes:
        used = kernel.uses(change.name) if change.unplug else []
        if used:
            problems.append(f"Function {change.name} cannot be changed or removed: {', '.join(used)}")
    if problems:
        raise FunctionsError(*problems)
    return changes
