# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a profile: its text, and whether a file that is there is the same board's. Imports nothing but `text`.

Temperatures and the like move from one reading to the next. So the file says by two numbers what it is: one of the
profile without readings, one of the text itself. Both are as they were: the file stays, readings and all.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import text
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.profile import Made

MARK = re.compile(r"^# Fingerprints: board ([0-9a-f]{16}), text ([0-9a-f]{16})\.\n", re.MULTILINE)


class File(t.NamedTuple):
    text: str
    board: str

    def is_kept_by(self, before: str) -> bool:
        """Whether the text is one that this module has made from the same board, and that nobody has changed."""
        mark = MARK.search(before)
        return mark is not None and mark[1] == self.board and mark[2] == fingerprint(MARK.sub("", before, count=1))


def make(made: Made, still: Made, kinds: t.Sequence[str]) -> File:
    """still is the profile without readings, kinds what the source is called in the file."""
    board = fingerprint(json.dumps([still.profile, still.untold, kinds], sort_keys=True))
    body = text.dump(made.profile, comment(made, kinds))
    head, rest = body.split('version: "1.0"', 1)
    return File(f'{head}# Fingerprints: board {board}, text {fingerprint(body)}.\nversion: "1.0"{rest}', board)


def fingerprint(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def comment(made: Made, kinds: t.Sequence[str]) -> list[str]:
    count, driver = made.profile["system"]["num_devices"], made.profile["system"].get("driver_version", "unknown")
    paragraphs = [
        f"{made.profile['device_defaults'].get('name', 'GPU')}, {count} of them in one machine.",
        f"Made by mirage.accel.gpu_profile from what {' and '.join(kinds) or 'the driver'} of driver {driver} told."
        " What it answers with N/A is N/A here.",
    ]
    if made.untold:
        paragraphs.append(
            f"Not told, and therefore missing or at the least number that is possible: {', '.join(made.untold)}."
        )
    return paragraphs + list(made.notes)
