# SPDX-License-Identifier: GPL-3.0-or-later
"""The C tests, each a program built with address and undefined-behaviour sanitizers, or with the one for threads."""

from __future__ import annotations

from pathlib import Path


def test_c_tests_under_sanitizers(repo: Path, run) -> None:
    folder = repo / "native/nvml"
    done = run("make", "-C", folder, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("ok ")}
    programs = {f"build/check/{path.stem}" for path in folder.glob("tests/test_*.c")}
    scripts = {f"tests/{path.name}" for path in folder.glob("tests/test_*.sh")}
    # Those that the thread sanitizer watches.
    threads = {"build/tsan/threads", "build/tsan/test_cuda_context"}
    assert passed == programs | scripts | threads
