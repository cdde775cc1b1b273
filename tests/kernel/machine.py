# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest with the module at hand for programs that are no tests: `make soak` and `make bench ARGS=kernel`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

REPO = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mirage.accel"

# What follows needs the collection, which is this checkout.
_AnsibleCollectionFinder(paths=[str(REPO / ".collections")])._install()

from debian_kernel import DebianKernel  # noqa: E402
from guest import running  # noqa: E402
from guest_module import GuestModule  # noqa: E402

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack  # noqa: E402


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
    _must(*playbook, env=environment)
    return Path(answer.read_text())


def _must(*argv: str | Path, env: dict[str, str] | None = None) -> None:
    command = [str(arg) for arg in argv]
    done = subprocess.run(
        command, cwd=REPO, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MachineError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
