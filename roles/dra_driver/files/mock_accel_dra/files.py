# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there whole or not at all: temporary file and rename, with fsync where the power may fail."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from . import points

SUFFIX = ".tmp"


def temporary(path: Path) -> Path:
    """Always the same: what a crash has left is overwritten the next time. Writers hold one lock."""
    return path.with_name(f".{path.name}{SUFFIX}")


def replace(path: Path, text: str, *, point: str, mode: int = 0o644, durable: bool = True) -> None:
    """Write `path` anew: whatever becomes of this process, it holds the old text or the new.

    `durable` says so of power failures too. `point` begins the names of the points.
    """
    unfinished = temporary(path)
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            points.reached(f"{point}-opened")
            half = len(text) // 2
            file.write(text[:half])
            file.flush()
            points.reached(f"{point}-half-written")
            file.write(text[half:])
            file.flush()
            points.reached(f"{point}-written")
            if durable:
                os.fsync(file.fileno())
                points.reached(f"{point}-synced")
        unfinished.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    points.reached(f"{point}-renamed")
    if durable:
        sync_folder(path.parent)
        points.reached(f"{point}-folder-synced")


def sync_folder(folder: Path) -> None:
    """So that a rename outlives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
