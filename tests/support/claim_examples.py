# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of examples/claims, and what each says must be seen (examples/claims/README.md)."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from pathlib import Path

import yaml

KEYS = {"running", "pending", "devices", "distinct", "same", "admin", "needs"}
_BLOCK = re.compile(r"^# expect:\n(?:#.*\n)+", re.MULTILINE)
Json = dict[str, t.Any]


@dataclass(frozen=True)
class Example:
    """One file."""

    path: Path
    text: str

    @property
    def objects(self) -> list[Json]:
        return list(yaml.safe_load_all(self.text))

    @property
    def expected(self) -> Json:
        (block,) = _BLOCK.findall(self.text)
        return yaml.safe_load(re.sub(r"^# ?", "", block, flags=re.MULTILINE))["expect"]

    @property
    def outcomes(self) -> list[dict[str, int]]:
        """Devices by type, in each way that it may come."""
        devices = self.expected["devices"]
        return devices if isinstance(devices, list) else [devices]


def examples(repo: Path) -> list[Example]:
    return [Example(path, path.read_text()) for path in sorted((repo / "examples/claims").glob("*.yaml"))]
