# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel of the guest, the module built against it, and the guest itself, one for the whole stage."""

from __future__ import annotations

from pathlib import Path

import debian_kernel
import pytest


@pytest.fixture(scope="session")
def kernel(cache: Path) -> debian_kernel.DebianKernel:
    return debian_kernel.find(cache)


@pytest.fixture(scope="session")
def module(repo: Path, run, kernel: debian_kernel.DebianKernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mock_accel.ko, built with the kernel's extra warnings as errors."""
    build = tmp_path_factory.mktemp("module")
    done = run("make", "-C", repo / "native/mock_accel", "modules", f"KDIR={kernel.headers}", f"BUILD={build}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stderr
    return build / "module/mock_accel.ko"
