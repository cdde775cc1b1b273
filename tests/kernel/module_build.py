# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds of the module for a kernel that need not be this machine's, with the compiler that has made that kernel."""

from __future__ import annotations

import fcntl
import hashlib
import platform
import subprocess
import tempfile
from pathlib import Path

import root_file_system
from debian_kernel import DebianKernel

SOURCES = root_file_system.REPO / "native/mock_accel"

# Lays the programs of another suite over this machine's, only for one command and what it starts. Whatever lies
# elsewhere keeps its name: sources, headers and the folder of the build.
WITH_TOOLS = 'mount --bind "$0/usr" /usr; mount --bind "$0/etc/alternatives" /etc/alternatives; exec "$@"'


def build(kernel: DebianKernel, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Build the module in a folder, which then holds module/mock_accel.ko; a failure is a result."""
    argv = ["make", "-C", SOURCES, f"BUILD={folder}", f"KDIR={kernel.headers}", *arguments, "modules"]
    if platform.freedesktop_os_release().get("VERSION_CODENAME") != kernel.compiler_suite:
        tools = toolchain(kernel)
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", WITH_TOOLS, tools, *argv]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def toolchain(kernel: DebianKernel) -> Path:
    """The programs of the kernel's suite that build modules: folders usr and etc/alternatives, kept in the cache."""
    # Beside the compiler what the package of the headers needs: its programs' libraries, perl for the check of
    # comments, and pahole, whose version is compared with that which the kernel was built with.
    packages = (kernel.compiler, "libelf1t64", "libssl3t64", "make", "pahole", "perl")
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    target = kernel.cache / "kernel" / f"toolchain-{kernel.compiler_suite}-{key}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            archive = root_file_system.archive(packages, kernel.compiler_suite)
            with tempfile.TemporaryDirectory(dir=target.parent) as place:
                tree = Path(place) / "tree"
                tree.mkdir()
                subprocess.run(
                    ["tar", "--directory", tree, "--extract", "--file", archive, "./usr", "./etc/alternatives"],
                    check=True,
                )
                tree.rename(target)
    return target
