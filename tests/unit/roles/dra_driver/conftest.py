# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with the DRA plugin on it (tests/unit/shared/dra_node.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dra_node
import pytest


@pytest.fixture
def node(tmp_path: Path) -> Iterator[dra_node.Node]:
    made = dra_node.Node(tmp_path)
    yield made
    made.close()
