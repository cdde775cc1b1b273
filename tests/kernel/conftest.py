# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel of a guest, the module built against it, and the guest itself, one at a time for the whole stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import debian_kernel
import guest_image
import module_build
import pytest
import root_file_system
from guest import Guest, running
from guest_module import GuestModule


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that has to do with a kernel runs on each that its marker names."""
    if "kernel" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("kernels")
        # As a parameter of the session: pytest sorts the tests by it, so that no two guests run at the same time.
        metafunc.parametrize("kernel", marker.args if marker else ["bookworm"], indirect=True, scope="session")


@pytest.fixture(scope="session")
def kernel(request: pytest.FixtureRequest, cache: Path) -> debian_kernel.DebianKernel:
    return debian_kernel.find(cache, request.param)


@pytest.fixture(scope="session")
def module(kernel: debian_kernel.DebianKernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mock_accel.ko, built with the kernel's extra warnings as errors."""
    folder = tmp_path_factory.mktemp("module")
    done = module_build.build(kernel, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stderr
    return folder / "module/mock_accel.ko"


@pytest.fixture(scope="session")
def rootfs() -> Path:
    """What the disk of every guest is made of."""
    return root_file_system.archive(root_file_system.GUEST_PACKAGES)


@pytest.fixture(scope="session")
def guest(cache: Path, rootfs: Path, kernel: debian_kernel.DebianKernel) -> Iterator[Guest]:
    with running(cache, rootfs, kernel, guest_image.busybox(cache)) as guest:
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
