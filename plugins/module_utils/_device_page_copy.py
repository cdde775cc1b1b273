# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver root that has a copy of another's device page: what is tried there, nobody meets.

Imports: standard library and `_errors`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

# As long as mock-nvml waits for the page's lock itself.
LOCK_SECONDS = 10.0
BLOCK = 1 << 20


class DevicePageCopyError(MirageError):
    """A device page could not be copied."""


@contextlib.contextmanager
def driver_root(page: Path, folder: str) -> t.Iterator[Path]:
    """A driver root in a folder for temporary files, with a copy of the page; it goes when the block ends."""
    with contextlib.ExitStack() as stack:
        try:
            root = Path(tempfile.mkdtemp(prefix="mirage-accel-", dir=folder))
            # What cannot be removed goes with Ansible's folder.
            stack.callback(shutil.rmtree, root, ignore_errors=True)
            copy_page(page, root / "lib/firmware/nvidia" / page.parent.name / page.name)
        except OSError as error:
            raise DevicePageCopyError(
                f"Error while copying the device page {page} to a folder in {folder}: {error.strerror}; check mode"
                " tries a change on a copy: let the page be read, and let the folder for Ansible's temporary files be"
                " there, be writable and have room"
            ) from error
        yield root


def copy_page(page: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True)
    with page.open("rb") as source, copy.open("wb") as target:
        lock(source.fileno())
        copy_data(source.fileno(), target.fileno())


def lock(descriptor: int) -> None:
    """Against who writes the page: half of a change must not be copied."""
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise OSError(errno.EBUSY, f"it was locked for {LOCK_SECONDS:g} seconds") from error
            time.sleep(0.01)


def copy_data(source: int, target: int) -> None:
    """What is on the disk: most of a page is holes, and written out they would take a hundred times the room."""
    size = os.fstat(source).st_size
    os.truncate(target, size)
    position = 0
    while position < size:
        try:
            position = os.lseek(source, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return
        end = os.lseek(source, position, os.SEEK_HOLE)
        while position < end:
            block = os.pread(source, min(end - position, BLOCK), position)
            if not block:
                return
            position += os.pwrite(target, block, position)
