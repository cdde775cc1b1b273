# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting the keys of a GPU from the answers of an NVML library.

Runs in the child of `_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import nvml_calls, words
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_calls import Board
from ansible_collections.mirage.accel.plugins.module_utils._nvml_library import (
    FUNCTION_NOT_FOUND,
    NOT_SUPPORTED,
    CallError,
)

# A library or a driver too old for a question, or too new: the board may have what was asked for all the same.
UNTOLD = (FUNCTION_NOT_FOUND, nvml_calls.ARGUMENT_VERSION_MISMATCH, nvml_calls.DEPRECATED, nvml_calls.NOT_READY)


Json = dict[str, t.Any]


class Teller:
    """Sets one key after the other: N/A for what the board does not have, nothing for what the library does not say."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.keys: Json = {}
        self.errors: dict[str, str] = {}
        # Numbers of which no more is told than that they are above 0.
        self.least: list[str] = []

    def get(self, name: str, read: t.Callable[[], t.Any], untold: tuple[int, ...] = UNTOLD) -> t.Any:
        try:
            return read()
        except CallError as error:
            if error.code == NOT_SUPPORTED:
                return words.NONE
            if error.code not in untold:
                self.errors[name] = str(error)
            return None

    def tell(self, path: str, read: t.Callable[[], t.Any], untold: tuple[int, ...] = UNTOLD) -> t.Any:
        value = self.get(path, read, untold)
        words.put(self.keys, path, value)
        return value
