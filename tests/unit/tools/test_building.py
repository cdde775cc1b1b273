# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds that stages ask for side by side."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import building
import pytest

# Fails where another one is under way.
MAKEFILE = "all:\n\t@mkdir busy && sleep 0.1 && rmdir busy\n\nfail:\n\t@echo out; echo why >&2; false\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    return tmp_path


def test_one_build_of_a_folder_waits_for_the_other(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: building.make_in(folder, "-s"), range(4))) == [""] * 4


def test_a_build_that_fails_says_why_and_leaves_the_folder_to_the_next(folder: Path) -> None:
    with pytest.raises(building.BuildFailed, match=r"(?s)fail ended with 2:\nout\n\nwhy\n"):
        building.make_in(folder, "-s", "fail")
    building.make_in(folder, "-s")


def test_nobody_runs_make_beside_the_lock(repo: Path) -> None:
    """In native/nvml. For another folder than `build`, as the other architecture's, there is nothing to wait for."""
    words = re.compile(r'"make",[^\]\)]*native.{1,5}nvml')
    found = {path.name for path in (repo / "tests").rglob("*.py") if words.search(path.read_text())}
    assert found == {"test_aarch64.py"}
