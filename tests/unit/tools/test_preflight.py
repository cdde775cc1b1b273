# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/preflight.sh with a Go and a compiler that are put in front of the machine's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Preflight = Callable[..., "tuple[int, str]"]


@pytest.fixture
def preflight(tmp_path: Path, repo: Path, run) -> Preflight:
    """Run it with programs that are these lines of shell; the exit status and what it says on stderr."""

    def check(**programs: str) -> tuple[int, str]:
        for name, line in {"id": "echo 0", "go": "echo go1.26.8", "gcc": "exit 0", **programs}.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
            (tmp_path / name).chmod(0o755)
        done = run(repo / "tools/preflight.sh", env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
        return done.returncode, done.stderr

    return check


@pytest.mark.parametrize("version", ["go1.26.8", "go1.26", "go1.27rc1", "devel go1.30-0123abc", "go1.100.1"])
def test_go_that_is_new_enough(preflight: Preflight, version: str) -> None:
    assert preflight(go=f"echo '{version}'") == (0, "")


@pytest.mark.parametrize("version", ["go1.19.8", "go1.25.9", "go1.9", ""])
def test_go_that_is_too_old(preflight: Preflight, tmp_path: Path, version: str) -> None:
    status, said = preflight(go=f"echo '{version}'")
    assert status == 1
    assert said.startswith(
        f"preflight: {tmp_path}/go is {version or 'of unknown version'}, older than go1.26: install Go"
    )


def test_compiler_without_headers(preflight: Preflight) -> None:
    headers = "preflight: gcc finds no headers of the C library: install the Debian package libc6-dev\n"
    assert preflight(gcc="exit 1") == (1, headers)


def test_everything_is_named_at_once(preflight: Preflight) -> None:
    status, said = preflight(id="echo 1000", gcc="exit 1", go="echo go1.19.8")
    assert (status, said.count("preflight: ")) == (1, 3)
