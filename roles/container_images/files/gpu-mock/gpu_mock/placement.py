# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of things that are placed on a node: each knows whether it is there and how to put it there."""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
import typing as t
from dataclasses import dataclass
from pathlib import Path

from .errors import RefusedError

# Numbers of the real driver's nodes.
MAJOR = 195
CONTROL_MINOR = 255


class Item(t.Protocol):
    """One path on the node."""

    @property
    def path(self) -> Path: ...

    def is_placed(self) -> bool: ...

    def place(self) -> None: ...


@dataclass(frozen=True)
class Copy:
    """A file of the image."""

    path: Path
    source: Path
    mode: int

    def is_placed(self) -> bool:
        if self.path.is_symlink() or not self.path.is_file():
            return False
        same_mode = stat.S_IMODE(self.path.stat().st_mode) == self.mode
        return same_mode and filecmp.cmp(self.source, self.path, shallow=False)

    def place(self) -> None:
        # Renamed into place: a process that has the old library open keeps the old one.
        temporary = self.path.with_name(f".{self.path.name}.new")
        shutil.copyfile(self.source, temporary)
        temporary.chmod(self.mode)
        temporary.replace(self.path)


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    path: Path
    target: str

    def is_placed(self) -> bool:
        return self.path.is_symlink() and str(self.path.readlink()) == self.target

    def place(self) -> None:
        temporary = self.path.with_name(f".{self.path.name}.new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(self.target)
        temporary.replace(self.path)


@dataclass(frozen=True)
class Node:
    """A character device of the real driver's number."""

    path: Path
    minor: int
    mode: int = 0o666

    def is_placed(self) -> bool:
        found = device_of(self.path)
        if found is None:
            return False
        if found != (MAJOR, self.minor):
            what = f"device {found[0]}:{found[1]}" if found[0] >= 0 else "no character device"
            raise RefusedError(f"{self.path.name} is there already and is {what}, not {MAJOR}:{self.minor}: remove it")
        return stat.S_IMODE(self.path.lstat().st_mode) == self.mode

    def place(self) -> None:
        if device_of(self.path) is None:
            os.mknod(self.path, stat.S_IFCHR | self.mode, os.makedev(MAJOR, self.minor))
        # mknod heeds the umask.
        self.path.chmod(self.mode)


def device_of(path: Path) -> tuple[int, int] | None:
    """Major and minor number; (-1, -1) for what is no character device, None for nothing."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISCHR(status.st_mode):
        return (-1, -1)
    return (os.major(status.st_rdev), os.minor(status.st_rdev))
