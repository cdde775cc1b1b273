# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The character devices of GPUs: which a host should have, which it has, and what brings one to the other.

`wanted()` and `plan()` are pure; `observe()` and `carry_out()` touch folders. Imports: standard library and `_errors`.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import stat
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

MAJOR = 195
CONTROL_MINOR = 255
CONTROL_NAME = "nvidiactl"
_NAME = re.compile(r"nvidia(ctl|\d+)")


class DeviceNodeError(MirageError):
    """A device node cannot be made, or something else stands in its place."""


@dataclasses.dataclass(frozen=True)
class Node:
    """A character device as it is or should be."""

    major: int
    minor: int
    mode: int

    def __str__(self) -> str:
        return f"char {self.major}:{self.minor} {self.mode:04o}"


@dataclasses.dataclass(frozen=True)
class Other:
    """Something that is no character device but has the name of one."""

    kind: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """Paths in the order of work: what goes, what is made anew, what only gets another mode."""

    remove: tuple[str, ...]
    make: tuple[str, ...]
    set_mode: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.remove or self.make or self.set_mode)


def wanted(folders: t.Iterable[str], count: int, mode: int) -> dict[str, Node]:
    """The nodes of `count` GPUs and their control node, in each folder."""
    nodes = {}
    for folder in folders:
        for minor in range(count):
            nodes[f"{folder}/nvidia{minor}"] = Node(MAJOR, minor, mode)
        nodes[f"{folder}/{CONTROL_NAME}"] = Node(MAJOR, CONTROL_MINOR, mode)
    return nodes


def plan(
    observed: t.Mapping[str, Node | Other],
    target: t.Mapping[str, Node],
    removable: t.Collection[str] | None = None,
) -> Plan:
    """What has to happen. A node of another driver is never taken away, and a file in the way is an error.

    Where `removable` is given, no surplus node goes that it does not name: numbers alone do not tell whose it is.
    """
    remove, make, set_mode = [], [], []
    for path, node in target.items():
        there = observed.get(path)
        if there is None:
            make.append(path)
        elif isinstance(there, Other):
            raise DeviceNodeError(
                f"Error while making device node {path}: a {there.kind} of that name is there: move it away"
            )
        elif (there.major, there.minor) != (node.major, node.minor):
            if there.major != MAJOR:
                raise DeviceNodeError(
                    f"Error while making device node {path}: it belongs to another driver ({there}): remove that first"
                )
            remove.append(path)
            make.append(path)
        elif there.mode != node.mode:
            set_mode.append(path)
    for path, there in observed.items():
        if removable is not None and path not in removable:
            continue
        if path not in target and isinstance(there, Node) and there.major == MAJOR:
            remove.append(path)
    return Plan(tuple(remove), tuple(make), tuple(set_mode))


def observe(folders: t.Iterable[str]) -> dict[str, Node | Other]:
    """Everything in the folders that has the name of a GPU's node; a folder that is missing has nothing."""
    found: dict[str, Node | Other] = {}
    for folder in map(pathlib.Path, folders):
        if not folder.is_dir():
            continue
        for entry in os.scandir(folder):
            if _NAME.fullmatch(entry.name):
                found[entry.path] = _describe(entry.stat(follow_symlinks=False))
    return found


def carry_out(work: Plan, target: t.Mapping[str, Node]) -> None:
    """Remove, make and set modes; the folders are made where they are missing."""
    for path in work.remove:
        pathlib.Path(path).unlink()
    for path in work.make:
        node = target[path]
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.mknod(path, stat.S_IFCHR | node.mode, os.makedev(node.major, node.minor))
        except PermissionError as error:
            raise DeviceNodeError(
                f"Error while making device node {path}: {error.strerror}: run as root with the capability CAP_MKNOD"
            ) from error
    # mknod leaves out what the umask forbids.
    for path in (*work.make, *work.set_mode):
        pathlib.Path(path).chmod(target[path].mode)


def listing(nodes: t.Mapping[str, Node | Other]) -> str:
    """The nodes as text for a diff, GPUs in the order of their numbers."""
    lines = (f"{path} {nodes[path]}" for path in sorted(nodes, key=_by_number) if isinstance(nodes[path], Node))
    return "".join(f"{line}\n" for line in lines)


def _by_number(path: str) -> tuple[str, int]:
    folder, _slash, name = path.rpartition("/")
    digits = name.removeprefix("nvidia")
    return folder, int(digits) if digits.isdigit() else CONTROL_MINOR


def _describe(status: os.stat_result) -> Node | Other:
    if stat.S_ISCHR(status.st_mode):
        return Node(os.major(status.st_rdev), os.minor(status.st_rdev), stat.S_IMODE(status.st_mode))
    kinds = {stat.S_IFLNK: "link", stat.S_IFDIR: "folder", stat.S_IFBLK: "block device"}
    return Other(kinds.get(stat.S_IFMT(status.st_mode), "file"))
