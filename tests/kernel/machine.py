# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest with the module at hand for programs that are no tests: `make soak` and `make bench ARGS=kernel`.

Whoever imports this has put tests/ on the path, whose conftest.py makes this checkout importable as a collection.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from conftest import REPO, run_command
from debian_kernel import DebianKernel
from guest import running
from guest_module import GuestModule

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mirage.accel"


class MachineError(Exception):
    """What a guest needs could not be made; the text says what."""


@contextlib.contextmanager
def machine(kernel: DebianKernel) -> Iterator[GuestModule]:
    """A guest with this kernel and the module of this checkout, not yet loaded."""
    with tempfile.TemporaryDirectory(prefix="machine-") as name:
        module = build_module(kernel, Path(name))
        busybox = _deb_unpack.unpack("busybox-static", suite="bookworm", cache_dir=CACHE).path / "bin/busybox"
        with running(CACHE, _rootfs(Path(name)), kernel, busybox) as guest:
            yield GuestModule(guest, module.read_bytes())


def build_module(kernel: DebianKernel, place: Path) -> Path:
    _must("make", "-C", REPO / "native/mock_accel", "modules", f"KDIR={kernel.headers}", f"BUILD={place}")
    return place / "module/mock_accel.ko"


def _rootfs(place: Path) -> Path:
    answer = place / "rootfs"
    playbook = [Path(sys.executable).parent / "ansible-playbook", REPO / "tests/rootfs.yml", "-e", f"answer={answer}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg")}
    _must(*playbook, cwd=REPO, env=environment, timeout=1800)
    return Path(answer.read_text())


def _must(*argv: str | Path, **options: object) -> None:
    done = run_command(*argv, **options)
    if done.returncode:
        raise MachineError(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
