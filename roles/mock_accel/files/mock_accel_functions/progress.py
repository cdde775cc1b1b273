# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done so far."""

from __future__ import annotations

import typing as t

from .errors import FunctionsError


class Progress:
    """Says what is done when it is done, and remembers it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, *lines: str) -> None:
        self.lines += lines
        for line in lines:
            print(line, flush=True)

    def failure(self, error: FunctionsError, more: t.Iterable[str]) -> FunctionsError:
        done = [f"Done before that: {'; '.join(self.lines)}"] if self.lines else []
        return FunctionsError(str(error), *more, *done)
