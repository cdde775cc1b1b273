# SPDX-License-Identifier: GPL-3.0-or-later
"""What a built kernel module says of itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.filter.kernel_module_file import FilterModule, kernel_module_file

MODULE = b"\x7fELF\2\1\1" + b"\0license=GPL\0vermagic=6.1.0-50-cloud-amd64 SMP preempt mod_unload \0name=x\0"
SIGNATURE = b"\x30\x82" + b"\0" * 10 + b"~Module signature appended~\n"


@pytest.mark.parametrize(
    ("content", "vermagic", "signed"),
    [
        pytest.param(MODULE, "6.1.0-50-cloud-amd64 SMP preempt mod_unload ", False, id="module"),
        pytest.param(MODULE + SIGNATURE, "6.1.0-50-cloud-amd64 SMP preempt mod_unload ", True, id="signed"),
        pytest.param(MODULE[1:], "", False, id="no-elf"),
        pytest.param(b"\x7fELF", "", False, id="program"),
    ],
)
def test_content(tmp_path: Path, content: bytes, vermagic: str, signed: bool) -> None:
    path = tmp_path / "x.ko"
    path.write_bytes(content)
    assert kernel_module_file(str(path)) == {
        "exists": True,
        "vermagic": vermagic,
        "signed": signed,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_nothing_is_no_error(tmp_path: Path) -> None:
    assert FilterModule().filters()["kernel_module_file"](str(tmp_path / "no.ko")) == {
        "exists": False,
        "vermagic": "",
        "signed": False,
        "sha256": "",
    }
