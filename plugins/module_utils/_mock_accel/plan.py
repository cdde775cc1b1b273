# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which physical functions get how many virtual ones, whether they may, and what then is still to come.

Functions as they are in, changes and problems out: nothing is read or written here. Imports the standard library only.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.function import DRIVER, Function
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.use import Sighting, all_reasons

# What a slot has room for beside the physical function.
MOST_VFS = 7
# Devices that are open, by number, each with the processes that have it: number and command.
Openers = t.Mapping[int, t.Sequence[tuple[int, str]]]
NOBODY: Openers = {}
# So many functions are named where one is looked for in vain.
SHOWN = 8


@dataclasses.dataclass(frozen=True)
class Change:
    """One physical function, with the virtual ones that it has, and the number that it shall have."""

    function: Function
    vfs: tuple[Function, ...]
    number: int

    @property
    def before(self) -> int:
        return self.function.num_vfs or 0


@dataclasses.dataclass(frozen=True)
class Plan:
    """The chosen functions, those of them that have to change, and why nothing may be changed at all."""

    chosen: tuple[Function, ...]
    changes: tuple[Change, ...]
    problems: tuple[str, ...]


def make_plan(
    functions: t.Sequence[Function],
    wanted: t.Sequence[str] | None,
    number: int,
    force: bool = False,
    loaded: bool = True,
    openers: Openers = NOBODY,
) -> Plan:
    """Judge the wish as a whole; `wanted` holds names and addresses, or is None for all that can have any."""
    if number < 0:
        return Plan((), (), (f"number is {number}: set 0 or more",))
    if not loaded and (wanted or number):
        # Without the module there is nothing to take off either, but a name cannot be right.
        return Plan((), (), ("the kernel module mock_accel is not loaded: load it (modprobe mock_accel)",))
    chosen, problems = _choose(functions, wanted)
    if wanted is None:
        able = [function for function in chosen if function.total_vfs]
        if number and not able:
            problems += [no_vfs(function) for function in chosen] or ["there is no physical function"]
        chosen = able
    changes = []
    for function in chosen:
        change = Change(function, virtual_functions(functions, function), number)
        reason = find_problem(change, force, openers)
        problems += [reason] if reason else []
        if function.num_vfs != number:
            changes.append(change)
    return Plan(tuple(chosen), tuple(changes), tuple(problems))


def _choose(functions: t.Sequence[Function], wanted: t.Sequence[str] | None) -> tuple[list[Function], list[str]]:
    """The wanted physical functions, each once, in the order of their addresses."""
    physical = [function for function in functions if function.kind == "physical"]
    if wanted is None:
        return physical, []
    known = {**{function.name: function for function in functions}, **{one.address: one for one in functions}}
    chosen, problems = set(), []
    for name in wanted:
        function = known.get(name) or known.get(name.lower())
        if function is None:
            problems.append(f"{name} does not exist: {_those_there(physical)}")
        elif function.parent:
            parent = function.parent.name or function.parent.address
            problems.append(f"{name} is a virtual function: name its physical function {parent}")
        else:
            chosen.add(function.address)
    return [function for function in physical if function.address in chosen], problems


def _those_there(physical: t.Sequence[Function]) -> str:
    if not physical:
        return "there is no physical function"
    labels = [function.label + ("" if function.driver else ", unbound") for function in physical]
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return f"there are {'; '.join(labels[:SHOWN])}{more}"


def summarize(problems: t.Sequence[str], number: int) -> str:
    """The message for a wish that is refused."""
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return (
        f"Error while setting the number of virtual functions to {number}, nothing was changed: "
        f"{'; '.join(problems[:SHOWN])}{more}"
    )


def virtual_functions(functions: t.Iterable[Function], physical: Function) -> tuple[Function, ...]:
    """Those of a physical function."""
    return tuple(one for one in functions if one.parent and one.parent.address == physical.address)


def find_problem(change: Change, force: bool, openers: Openers = NOBODY) -> str:
    """Why a function may not be brought to its number, and what to do; empty where it may."""
    function, number = change.function, change.number
    if function.num_vfs == number and number <= (function.total_vfs or 0):
        return ""
    if not number:
        return "" if not function.total_vfs else _problem_of_removal(change, force, openers)
    if not function.total_vfs:
        return no_vfs(function)
    if number > function.total_vfs:
        larger = ", or load the module with a larger total_vfs" if number <= MOST_VFS else ""
        return f"{function.label} can have {function.total_vfs} at most: set number to that or less{larger}"
    if function.driver is None:
        return f"{function.label} is bound to no driver: bind it to {DRIVER}, or unload and load the module"
    if function.driver != DRIVER:
        return f"{function.label} is bound to the driver {function.driver}: bind it to {DRIVER}"
    if not function.responding:
        return f"{function.label} does not answer: take its fault off (hang, link), or unplug it and plug it in again"
    return _problem_of_removal(change, force, openers)


def _problem_of_removal(change: Change, force: bool, openers: Openers) -> str:
    reasons = [] if force else uses(change.vfs, openers)
    if change.function.num_vfs is None:
        return f"the number of virtual functions of {change.function.label} cannot be read: look at its sriov_numvfs"
    if not change.before or not reasons:
        return ""
    return f"{', '.join(reasons)}: free what is in use first, or set force to take it off all the same"


def uses(vfs: t.Iterable[Function], openers: Openers) -> list[str]:
    """What speaks against taking virtual functions off, one after the other."""
    return all_reasons(
        Sighting(
            function.label,
            function.status == "allocated",
            function.responding,
            function.driver,
            openers.get(function.node.number, ()) if function.node else (),
        )
        for function in vfs
    )


def no_vfs(function: Function) -> str:
    """Why a physical function can have no virtual ones at all."""
    if "sriov" in (function.capabilities or ()):
        return (
            f"{function.label} could have virtual functions, but the kernel offers none: "
            "use one that was built with SR-IOV (CONFIG_PCI_IOV)"
        )
    return f"{function.label} can have no virtual functions: have it made with a total_vfs above 0"


def still_missing(
    function: Function, vfs: t.Sequence[Function], number: int, probed: bool = True, nodes: bool = True
) -> list[str]:
    """What is not yet as it shall be after the number was written, in words.

    Devices are only waited for where the kernel binds drivers by itself (`probed`), where the physical function has one
    too, and where no other driver has come first; nodes where /dev has those of devices (`nodes`).
    """
    if function.num_vfs != number:
        return [f"the number {number} in sriov_numvfs, which is {function.num_vfs}"]
    if len(vfs) != number or len(function.vfs) != number:
        return [f"{number} virtual functions of {function.label}, of which there are {len(vfs)}"]
    missing = []
    for vf in vfs if probed and function.name else ():
        if vf.driver not in (None, DRIVER):
            continue
        if vf.name is None:
            missing.append(f"the device of {vf.address}")
        elif nodes and not (vf.node and vf.node.path):
            missing.append(f"the device node of {vf.name}")
    return missing
