# SPDX-License-Identifier: GPL-3.0-or-later
"""The two checkers that are not Python packages, fetched aside into the cache."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shellcheck(cache: Path) -> Path:
    """shellcheck from the Debian package of the running release, unpacked aside."""
    from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

    unpacked = _deb_unpack.unpack(name="shellcheck", suite="bookworm", components=["main"], cache_dir=cache)
    return Path(unpacked.path) / "usr" / "bin" / "shellcheck"
