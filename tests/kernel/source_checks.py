# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads the module's sources as the kernel's own developers have theirs read: sparse and checkpatch."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from debian_kernel import DebianKernel

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

CHECKPATCH_FILES = ("checkpatch.pl", "const_structs.checkpatch", "spelling.txt")


def sparse(kernel: DebianKernel) -> list[str]:
    """What `make` is told so that it runs sparse over every file."""
    # One that knows the language of the newest headers comes from unstable; it needs a C library that bookworm has not.
    suite = "bookworm" if kernel.suite in ("bookworm", "trixie") else "sid"
    place = kernel.cache if suite == "bookworm" else kernel.cache / "kernel" / suite
    program = _deb_unpack.unpack("sparse", suite=suite, cache_dir=place).path / "usr/bin/sparse"
    # The second is what the first comes to, said so that it holds: the package of the newest headers lacks a script
    # that decides whether the checker is good enough, and goes on without one.
    return ["C=2", "KBUILD_CHECKSRC=2", f"CHECK={program}"]


def checkpatch(kernel: DebianKernel) -> Path:
    """The script of the kernel's source, which no smaller package has (137 MB, once)."""
    target = kernel.cache / "kernel" / f"checkpatch-{kernel.version}"
    if not target.exists():
        name = f"linux-source-{'.'.join(kernel.version.split('.')[:2])}"
        package = _deb_unpack.unpack(name, kernel.version, suite=kernel.suite, cache_dir=kernel.cache)
        archive = package.path / "usr/src" / f"{name}.tar.xz"
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as place:
            tree = Path(place) / "tree"
            tree.mkdir()
            members = [f"{name}/scripts/{file}" for file in CHECKPATCH_FILES]
            argv = ["tar", "--directory", tree, "--strip-components=2", "--extract", "--file", archive, *members]
            subprocess.run(argv, check=True)
            tree.rename(target)
    return target / "checkpatch.pl"
