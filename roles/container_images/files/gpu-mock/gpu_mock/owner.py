# SPDX-License-Identifier: GPL-3.0-or-later
"""owner.json in the driver root: who placed the mock driver on this node, and which files exactly."""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import RefusedError

VERSION = 1


@dataclass(frozen=True)
class Owner:
    """The record, with the paths as the host sees them."""

    owner: str
    profile: str
    count: int
    driver_version: str
    config_sha256: str
    files: tuple[str, ...]


def path_in(driver_root: Path) -> Path:
    return driver_root / "config/owner.json"


def read(driver_root: Path) -> Owner | None:
    """The record, or None where nobody left one."""
    path = path_in(driver_root)
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RefusedError(f"Error while reading {path}: {error}") from error
    try:
        return _from_json(data)
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedError(
            f"Error while reading {path}: it has not the form of version {VERSION}: {error!r}"
        ) from error


def _from_json(data: t.Any) -> Owner:
    if data["version"] != VERSION:
        raise ValueError(f"version {data['version']}")
    return Owner(
        owner=str(data["owner"]),
        profile=str(data["profile"]),
        count=int(data["count"]),
        driver_version=str(data["driver_version"]),
        config_sha256=str(data["config_sha256"]),
        files=tuple(str(name) for name in data["files"]),
    )


def write(driver_root: Path, record: Owner) -> bool:
    """Write the record if it differs; it must hold after a power cut, because removal goes by it."""
    if read(driver_root) == record:
        return False
    path = path_in(driver_root)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w") as file:
        json.dump({"version": VERSION, **asdict(record)}, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return True
