# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter for files of the controller."""

from __future__ import annotations

import hashlib
import pathlib
import typing as t

from ansible.errors import AnsibleFilterError


def content_sha256(path: str) -> str:
    """The SHA-256 of a file's contents."""
    try:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise AnsibleFilterError(f"Error while reading {path}: {error.strerror}") from error


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"content_sha256": content_sha256}
