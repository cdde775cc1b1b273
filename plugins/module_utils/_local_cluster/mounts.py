# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of the host: where they are, how they propagate, and how those of the cluster are taken away."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError


class MountError(MirageError):
    """A mount that could not be changed or taken away."""


@dataclasses.dataclass(frozen=True)
class Mount:
    """One line of mountinfo."""

    point: str
    shared: bool


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def parse_mounts(mountinfo: str) -> list[Mount]:
    """Mounts in the order of mountinfo, which is the order they were made in."""
    found = []
    for line in mountinfo.splitlines():
        fields = line.partition(" - ")[0].split()
        found.append(Mount(point=_unescape(fields[4]), shared=any(f.startswith("shared:") for f in fields[6:])))
    return found


def read_mounts() -> list[Mount]:
    return parse_mounts(Path("/proc/self/mountinfo").read_text())


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it."""
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")


def mounts_below(mounts: list[Mount], folders: list[str]) -> list[str]:
    """Mount points in some folders, those made last first: they may lie on the others."""
    return [mount.point for mount in reversed(mounts) if any(is_below(mount.point, folder) for folder in folders)]


def mounts_to_share(mounts: list[Mount], folders: list[str]) -> list[str]:
    """The private mounts that some folders lie on; what is mounted in those folders must reach the containers."""
    found = []
    for folder in folders:
        holder = max((m for m in mounts if is_below(folder, m.point)), key=lambda m: len(m.point.rstrip("/")))
        if not holder.shared and holder.point not in found:
            found.append(holder.point)
    return found


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"


def set_propagation(points: list[str], shared: bool) -> None:
    """Make mounts shared or private."""
    for point in points:
        error = _run("mount", "--make-shared" if shared else "--make-private", point)
        if error:
            raise MountError(f"Error while making the mount {point} {'shared' if shared else 'private'}: {error}")


def unmount(points: list[str]) -> None:
    """Take mounts away, at once where nobody uses them, otherwise as soon as nobody does."""
    for point in points:
        if _run("umount", point):
            error = _run("umount", "--lazy", point)
            if error and point in {mount.point for mount in read_mounts()}:
                raise MountError(f"Error while unmounting {point}: {error}")
