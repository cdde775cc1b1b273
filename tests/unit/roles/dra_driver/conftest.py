# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with the DRA plugin on it (tests/unit/shared/dra_node.py)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import dra_node
import pytest


@pytest.fixture
def node() -> Iterator[dra_node.Node]:
    # Not tmp_path: with a socket's name behind it, it is longer than the kernel allows.
    with tempfile.TemporaryDirectory(prefix="dra-") as folder:
        made = dra_node.Node(Path(folder))
        yield made
        made.close()
