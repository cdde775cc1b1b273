# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a `_verify` module reports: where the world is not as expected. Imports the standard library only."""

from __future__ import annotations

import dataclasses
import typing as t

SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Difference:
    """One place where expected and actual do not agree; None stands for "not there"."""

    path: str
    expected: t.Any
    actual: t.Any

    def as_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return f"{self.path}: expected {_shown(self.expected)}, found {_shown(self.actual)}"


def _shown(value: t.Any) -> str:
    return "nothing" if value is None else str(value)


def summary(differences: t.Sequence[Difference]) -> str:
    """The first three in words, and how many there are: "2 differences: ...; ..."."""
    count = len(differences)
    words = "1 difference" if count == 1 else f"{count} differences"
    shown = "; ".join(map(str, differences[:SHOWN]))
    more = f"; and {count - SHOWN} more" if count > SHOWN else ""
    return f"{words}: {shown}{more}"
