# SPDX-License-Identifier: GPL-3.0-or-later
"""The C tests, each a program built with address and undefined-behaviour sanitizers."""

from __future__ import annotations

from pathlib import Path


def test_c_tests_under_sanitizers(repo: Path, run) -> None:
    folder = repo / "native/nvml"
    done = run("make", "-C", folder, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = {line.split()[1].rpartition("/")[2] for line in done.stdout.splitlines() if line.startswith("ok ")}
    sources = [*folder.glob("tests/test_*.c"), *folder.glob("tests/test_*.sh")]
    assert passed == {path.stem if path.suffix == ".c" else path.name for path in sources}
