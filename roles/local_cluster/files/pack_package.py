#!/usr/bin/env python3
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pack an installed pure Python package into a zip file, to unpack it elsewhere: pack_package.py PACKAGE ZIP."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


def package_files(folder: Path) -> list[Path]:
    """The package's files without its tests and without what was compiled for one version of Python."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", "tests"} & set(path.relative_to(folder).parts)
    )


def pack(package: str, target: Path) -> None:
    """Write the zip beside its place, then rename; the same package always gives the same bytes."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"the Python package {package} is not installed for {sys.executable}")
    folder = Path(next(iter(spec.submodule_search_locations)))
    new = target.with_name(f".{target.name}.new")
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in package_files(folder):
            name = path.relative_to(folder.parent).as_posix()
            archive.writestr(zipfile.ZipInfo(name, EPOCH), path.read_bytes())
    new.rename(target)


if __name__ == "__main__":
    pack(sys.argv[1], Path(sys.argv[2]))
