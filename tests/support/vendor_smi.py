# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendor's own nvidia-smi, unpacked aside from Debian's packages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DRIVER_VERSION = "550.163.01"
# Its suite, unlike a release of Debian, keeps no version for long.
NEWER_VERSION, NEWER_SUITE = "555.58.02", "experimental"


def unpacked(cache: Path, version: str, suite: str) -> Path:
    from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

    package = _deb_unpack.unpack(
        name="nvidia-smi", version=version, suite=suite, components=["non-free"], cache_dir=cache
    )
    found = [path for path in package.path.rglob("nvidia-smi") if path.is_file() and os.access(path, os.X_OK)]
    assert found, f"no nvidia-smi below {package.path}"
    return found[0]


def newer(cache: Path) -> Path:
    """The program of NEWER_VERSION; tests that want it are skipped where Debian has another one by now.

    It lies in a folder of the tests' own: the role mock_nvml takes an nvidia-smi from the cache whatever its suite.
    """
    from ansible_collections.mirage.accel.plugins.module_utils._deb_unpack import DebError

    try:
        return unpacked(cache / "tests", NEWER_VERSION, NEWER_SUITE)
    except DebError as exc:
        # Only the archive's own answer: a network that fails leaves the question open.
        if "does not exist: " not in str(exc):
            raise
        pytest.skip(f"{exc}; tests/support/vendor_smi.py names the version")
