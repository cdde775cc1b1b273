# SPDX-License-Identifier: GPL-3.0-or-later
"""The C tests, each a program built with address and undefined-behaviour sanitizers, or with the one for threads."""

from __future__ import annotations

import building


def test_c_tests_under_sanitizers() -> None:
    said = building.make_native("check")
    passed = {line.split()[1] for line in said.splitlines() if line.startswith("ok ")}
    programs = {f"build/check/{path.stem}" for path in building.NATIVE.glob("tests/test_*.c")}
    scripts = {f"tests/{path.name}" for path in building.NATIVE.glob("tests/test_*.sh")}
    # Those that the thread sanitizer watches.
    threads = {"build/tsan/threads", "build/tsan/test_cuda_context"}
    assert passed == programs | scripts | threads
