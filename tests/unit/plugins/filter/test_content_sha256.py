# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter as a playbook calls it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mirage.accel.plugins.filter.content_sha256 import FilterModule

content_sha256 = FilterModule().filters()["content_sha256"]


def test_binary_contents_are_hashed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert content_sha256(str(path)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnsibleFilterError, match=f"Error while reading {tmp_path}/none: No such file or directory"):
        content_sha256(f"{tmp_path}/none")
