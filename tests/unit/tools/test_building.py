# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds that stages ask for side by side."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import building

# Fails where another one is under way.
MAKEFILE = "all:\n\t@mkdir busy && sleep 0.1 && rmdir busy\n"


def test_one_build_of_a_folder_waits_for_the_other(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(MAKEFILE)

    def build(_: int) -> int:
        with building.alone_in(tmp_path):
            return subprocess.run(["make", "-s", "-C", tmp_path], check=False).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(build, range(4))) == [0, 0, 0, 0]


def test_a_build_that_fails_leaves_the_folder_to_the_next(tmp_path: Path) -> None:
    try:
        with building.alone_in(tmp_path):
            raise RuntimeError
    except RuntimeError:
        pass
    with building.alone_in(tmp_path):
        pass
