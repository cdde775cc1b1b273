# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what this command has made."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from .errors import FunctionsError

FORMAT = 1


class Record:
    """Names of the functions that were made, each with the settings it was last given."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.made: dict[str, dict[str, str]] = {}
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            text = path.read_text(encoding="utf-8")
            try:
                self.made = {str(name): dict(settings) for name, settings in json.loads(text)["functions"].items()}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise FunctionsError(
                    f"The record {path} is damaged ({type(error).__name__}: {error}): remove the functions that it is"
                    " about with rmdir in configfs, and then the file"
                ) from error

    def write(self) -> None:
        if not self.made:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"version": FORMAT, "functions": self.made}, indent=2) + "\n"
        with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self._path)
