# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel of the guest, the module built against it, and the guest itself, one for the whole stage."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import debian_kernel
import pytest
from guest import Guest, running
from guest_module import GuestModule

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack


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


@pytest.fixture(scope="session")
def rootfs(repo: Path, ansible_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory, run) -> Path:
    """The one root file system that all test hosts start from."""
    answer = tmp_path_factory.mktemp("rootfs") / "path"
    playbook = [Path(sys.executable).parent / "ansible-playbook", repo / "tests/rootfs.yml"]
    done = run(*playbook, "-e", f"answer={answer}", cwd=repo, env=ansible_env, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(answer.read_text())


@pytest.fixture(scope="session")
def guest(cache: Path, rootfs: Path, kernel: debian_kernel.DebianKernel) -> Iterator[Guest]:
    busybox = _deb_unpack.unpack("busybox-static", suite="bookworm", cache_dir=cache).path / "bin/busybox"
    with running(cache, rootfs, kernel, busybox) as guest:
        yield guest


@pytest.fixture(scope="session")
def accel(guest: Guest, module: Path) -> GuestModule:
    return GuestModule(guest, module.read_bytes())


@pytest.fixture(autouse=True)
def _no_warning(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does in the guest, its kernel warns of nothing that the test has not asked for."""
    yield
    if "accel" in request.fixturenames:
        assert request.getfixturevalue("accel").new_warnings() == []
