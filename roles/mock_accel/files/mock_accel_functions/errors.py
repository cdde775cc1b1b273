# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way."""

from __future__ import annotations


class FunctionsError(Exception):
    """What stands in the way, one line each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
