# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds in the checkout, which stages that run side by side both ask for."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NATIVE = Path(__file__).resolve().parent.parent.parent / "native" / "nvml"


class BuildFailed(Exception):
    """What make said when it failed, whole."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have the folder to oneself among all who ask so: two makes in one take each other's half-made files away."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make_in(folder: Path, *words: str | Path, timeout: float = 600) -> str:
    """Run make in a folder where nobody else does meanwhile, and return what it prints; others wait their turn."""
    argv = ["make", "-C", str(folder), *map(str, words)]
    with alone_in(folder):
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=timeout
        )
    if done.returncode:
        raise BuildFailed(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def make_native(*words: str | Path) -> str:
    """Run make in native/nvml for its own folder `build`: whoever does that in a test does it by this function."""
    return make_in(NATIVE, *words)


def nvml_header() -> Path:
    """The official nvml.h that the library is built with, which is fetched where it is not there."""
    return Path(make_native("-s", "header").strip())
