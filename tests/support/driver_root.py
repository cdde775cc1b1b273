# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver root that tests lay out from what was built: the libraries, and a profile in force."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

VERSION = "550.163.01"
PAGE = f"lib/firmware/nvidia/{VERSION}/gsp_mock.bin"


def place_libraries(root: Path, build: Path, *names: str, version: str = VERSION) -> None:
    """The libraries of these names, or that of NVML alone, each with the link by which programs find it.

    By its file's name a library knows the version of the driver that it is of.
    """
    folder = root / "usr/lib64"
    folder.mkdir(parents=True)
    for name in names or ("libnvidia-ml",):
        shutil.copy(build / f"{name}.so.{VERSION}", folder / f"{name}.so.{version}")
        (folder / f"{name}.so.1").symlink_to(f"{name}.so.{version}")


def apply(root: Path, build: Path, run: Callable, profile: Path, *options: str) -> None:
    """Put a profile in force."""
    done = run(build / "mock-nvml", "--root", root, "apply", *options, profile)
    assert done.returncode == 0, done.stderr


def boot(page: Path) -> None:
    """As if the machine had been booted anew: the page is of another boot (struct page_header)."""
    with page.open("r+b") as file:
        file.seek(80)
        high = int.from_bytes(file.read(8), "little") >> 32 ^ 1
        # As boot_of(): the low half says that the high one is right.
        number = high << 32 | (high ^ high >> 15) * 0x9E3779B1 & 0xFFFFFFFF
        file.seek(80)
        file.write(number.to_bytes(8, "little"))
