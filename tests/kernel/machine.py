# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest with the module at hand for programs that are no tests: `make soak` and `make bench ARGS=kernel`."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

REPO = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mirage.accel"

# What follows needs the collection, which is this checkout.
_AnsibleCollectionFinder(paths=[str(REPO / ".collections")])._install()

import guest_image  # noqa: E402
import module_build  # noqa: E402
import root_file_system  # noqa: E402
from debian_kernel import DebianKernel  # noqa: E402
from guest import running  # noqa: E402
from guest_module import GuestModule  # noqa: E402


class MachineError(Exception):
    """What a guest needs could not be made; the text says what."""


@contextlib.contextmanager
def machine(kernel: DebianKernel) -> Iterator[GuestModule]:
    """A guest with this kernel and the module of this checkout, not yet loaded."""
    rootfs = root_file_system.archive(root_file_system.GUEST_PACKAGES)
    with tempfile.TemporaryDirectory(prefix="machine-") as name:
        done = module_build.build(kernel, Path(name))
        if done.returncode:
            raise MachineError(f"the module was not built for Linux {kernel.release}:\n{done.stdout}{done.stderr}")
        module = (Path(name) / "module/mock_accel.ko").read_bytes()
    with running(CACHE, rootfs, kernel, guest_image.busybox(CACHE)) as guest:
        yield GuestModule(guest, module)
