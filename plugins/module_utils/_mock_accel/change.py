# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a plan: the numbers of virtual functions are written, and their devices waited for."""

from __future__ import annotations

import dataclasses
import errno
import os
import select
import time
import typing as t
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.function import Function
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.plan import (
    Change,
    still_missing,
    uses,
)
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import (
    Tree,
    read_family,
    read_files,
    read_users,
)

NUMBER_FILE = "sriov_numvfs"
# Between two looks at the tree while something is waited for: doubled up to the longest.
FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.25

LOG = "look at the kernel's log (dmesg)"
ADVICE = {
    errno.EACCES: "run the task as root (become: true)",
    errno.EPERM: "run the task as root (become: true)",
    errno.EROFS: "sysfs is mounted read-only here: run the task on the host itself, or in a privileged container",
    errno.EBUSY: "somebody else has set another number at the same time: run the task again",
    errno.ENOENT: "the function has lost its driver or is gone: run the task again",
    errno.ENODEV: "the function is gone: run the task again",
    errno.ERANGE: "that is more than it can have: run the task again",
    errno.ENOMEM: "the kernel has no memory left for it",
}


class VfsError(MirageError):
    """A number of virtual functions cannot be set."""


@dataclasses.dataclass(frozen=True)
class Done:
    """A physical function whose number has changed, be it halfway only."""

    function: Function
    before: int
    after: int

    def as_dict(self) -> dict[str, t.Any]:
        function = self.function
        return {"address": function.address, "name": function.name, "before": self.before, "after": self.after}

    def __str__(self) -> str:
        return f"{self.function.label} from {self.before} to {self.after}"


class PartialError(VfsError):
    """The change of one function failed; `done` has what was changed before, and how far that one came."""

    def __init__(self, reason: str, done: t.Sequence[Done]) -> None:
        before = f"changed so far: {', '.join(map(str, done))}" if done else "nothing was changed"
        super().__init__(f"{reason}; {before}")
        self.done = tuple(done)


def find_access_problems(tree: Tree, changes: t.Iterable[Change]) -> list[str]:
    """Which numbers cannot be written; opening a file of sysfs changes nothing."""
    problems = []
    for change in changes:
        try:
            os.close(os.open(_number_file(tree, change.function), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            problems.append(f"{change.function.label} cannot be changed: {_reason(error.errno)}")
    return problems


def carry_out(tree: Tree, changes: t.Sequence[Change], force: bool, timeout: float) -> None:
    """Bring one function after the other to its number; the error of one says what came before it."""
    done: list[Done] = []
    for change in changes:
        try:
            set_number(tree, change, force, timeout)
        except VfsError as error:
            after = read_family(tree, change.function.address)[0]
            now = change.before if after is None or after.num_vfs is None else after.num_vfs
            if now != change.before:
                done.append(Done(change.function, change.before, now))
            raise PartialError(str(error), done) from error
        done.append(Done(change.function, change.before, change.number))


def set_number(tree: Tree, change: Change, force: bool, timeout: float) -> None:
    """Set one function's number; the kernel takes another one only after 0."""
    attempt = f"Error while setting the number of virtual functions of {change.function.label} to {change.number}"
    end = time.monotonic() + timeout
    try:
        if change.before:
            # The last moment to notice: other functions may have taken seconds each since the plan was made.
            vfs = read_family(tree, change.function.address)[1]
            reasons = [] if force else uses(vfs, read_users(tree, vfs))
            if reasons:
                raise VfsError(f"{', '.join(reasons)} meanwhile: free it first, or set force")
            write_number(_number_file(tree, change.function), 0, end)
            _wait(tree, change.function, 0, end)
        if change.number:
            write_number(_number_file(tree, change.function), change.number, end)
            _wait(tree, change.function, change.number, end)
    except VfsError as error:
        raise VfsError(f"{attempt}: {error}") from error


def write_number(path: Path, number: int, end: float) -> None:
    """Write a number, until `end` at the longest.

    A process of its own writes: the kernel may block a writer for good, and whoever is blocked cannot even be killed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _write_and_exit(path, number, writer)
    os.close(writer)
    try:
        ready, _out, _error = select.select([reader], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise VfsError(f"the kernel has not answered in time, and process {child} still waits for it: {LOG}")
        answer = os.read(reader, 16)
    finally:
        os.close(reader)
    os.waitpid(child, 0)
    code = int(answer or errno.EIO)
    if code:
        raise VfsError(_reason(code))


def _write_and_exit(path: Path, number: int, writer: int) -> t.NoReturn:
    """In the child: write, tell the error's number, and end without anything that the parent has set up."""
    code = errno.EIO
    try:
        # Whoever waits for the output of the module must not wait for this process.
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        _write(path, number)
        code = 0
    except OSError as error:
        code = error.errno or errno.EIO
    finally:
        try:
            os.write(writer, str(code).encode())
        finally:
            # Also where nobody listens any more: this process must never return into the module.
            os._exit(0)


def _write(path: Path, number: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, f"{number}\n".encode())
    finally:
        os.close(descriptor)


def _wait(tree: Tree, function: Function, number: int, end: float) -> None:
    """Until all that the kernel and udev make of the number is there, or gone."""
    pause = FIRST_PAUSE
    probed, nodes = _is_probed(tree, function), bool(function.node and function.node.path)
    while True:
        now, vfs = read_family(tree, function.address)
        if now is None:
            raise VfsError("the function has gone meanwhile: run the task again")
        missing = still_missing(now, vfs, number, probed, nodes)
        if not missing:
            return
        if time.monotonic() >= end:
            raise VfsError(f"time is up, and there is not yet {', '.join(missing)}: {LOG}, or set a longer timeout")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _is_probed(tree: Tree, function: Function) -> bool:
    """Whether the kernel binds drivers to new virtual functions by itself; two files can forbid it."""
    own, _silent = read_files(tree.functions / function.address, ("sriov_drivers_autoprobe",))
    all_of_the_bus, _silent = read_files(tree.sysfs / "bus/pci", ("drivers_autoprobe",))
    return "0" not in (*own.values(), *all_of_the_bus.values())


def _number_file(tree: Tree, function: Function) -> Path:
    return tree.functions / function.address / NUMBER_FILE


def _reason(code: int | None) -> str:
    return f"{os.strerror(code or errno.EIO)}: {ADVICE.get(code or errno.EIO, LOG)}"
