# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readiness probe reads: a file `ready` that is there or not, and one line that says why."""

from __future__ import annotations

from pathlib import Path

from . import log


class Status:
    """The state of this pod; each change is logged once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = ""
        folder.mkdir(parents=True, exist_ok=True)
        self._flag.unlink(missing_ok=True)

    @property
    def _flag(self) -> Path:
        return self._folder / "ready"

    def ready(self, message: str) -> None:
        self._say(f"Ready: {message}")
        self._flag.touch()

    def not_ready(self, reason: str) -> None:
        self._flag.unlink(missing_ok=True)
        self._say(f"Not ready: {reason}")

    def _say(self, text: str) -> None:
        (self._folder / "reason").write_text(text + "\n")
        if text != self._last:
            log.line(text)
            self._last = text
