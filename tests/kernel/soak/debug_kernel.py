# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel that watches itself (lockdep, KASAN, kmemleak), built from Debian's sources into the cache.

It is that of debug.config in the very version of the guest's other kernel. Building it takes six minutes of two
processors, so only `make soak` does it, once. Its build programs are unpacked aside too.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from debian_kernel import DebianKernel

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

SUITE = "bookworm"
CONFIG = Path(__file__).with_name("debug.config")
# Another one where this file builds something else from the same configuration.
RECIPE = b"1"
# The two that write parsers, with what they call; bc calculates constants of time; objtool reads object files.
TOOLS = ("flex", "bison", "m4", "bc", "libsigsegv2", "libreadline8", "libelf-dev", "libelf1")
# What the build of a module reads; the rest of the tree is a gigabyte.
KEPT = ("Makefile", "Module.symvers", ".config", "arch/x86", "include", "scripts", "tools/objtool")


class DebugKernel(DebianKernel):
    """Made here, by the compiler of this machine."""

    @property
    def compiler_suite(self) -> str:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")

    @functools.cached_property
    def image(self) -> Path:
        return self.headers.parent / "bzImage"

    @functools.cached_property
    def modules(self) -> list[Path]:
        return [self.headers.parent / "modules"]


class BuildError(Exception):
    """The kernel could not be built; the text says at what, and what was said there."""


def find(cache: Path, version: str) -> DebugKernel:
    """The debug kernel of a version of Debian's packages, built where the cache has it not."""
    series = ".".join(version.split(".")[:2])
    recipe = CONFIG.read_bytes() + RECIPE
    target = cache / "kernel" / f"debug-{version}-{hashlib.sha256(recipe).hexdigest()[:12]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / "debug.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            source = _deb_unpack.unpack(f"linux-source-{series}", version, suite=SUITE, cache_dir=cache)
            tarball = source.path / "usr/src" / f"linux-source-{series}.tar.xz"
            with tempfile.TemporaryDirectory(dir=target.parent) as place:
                _build(Path(place), tarball, _environment(cache, Path(place))).rename(target)
    release = (target / "headers/include/config/kernel.release").read_text().strip()
    # The disk of a guest is named by both.
    return DebugKernel(SUITE, release=release, version=target.name, headers=target / "headers", cache=cache)


def _environment(cache: Path, place: Path) -> dict[str, str]:
    """Variables with which the build finds programs and libraries that are not installed."""
    folders = {name: _deb_unpack.unpack(name, suite=SUITE, cache_dir=cache).path / "usr" for name in TOOLS}
    programs = ":".join(str(folder / "bin") for folder in folders.values())
    libraries = [path.parent for folder in folders.values() for path in folder.glob("lib/*/*.so.*")]
    # The package's own link only leads somewhere where both packages are installed.
    (place / "link").mkdir()
    (place / "link/libelf.so").symlink_to(next(folders["libelf1"].glob("lib/*/libelf.so.1")))
    return {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": ":".join(sorted({str(folder) for folder in libraries})),
        "C_INCLUDE_PATH": str(folders["libelf-dev"] / "include"),
        "LIBRARY_PATH": str(place / "link"),
        "BISON_PKGDATADIR": str(folders["bison"] / "share/bison"),
        "M4": str(folders["m4"] / "bin/m4"),
        "KBUILD_BUILD_USER": "mirage",
        "KBUILD_BUILD_HOST": "mirage",
        "KBUILD_BUILD_VERSION": "1",
    }


def _build(place: Path, tarball: Path, environment: dict[str, str]) -> Path:
    tree, built = place / "tree", place / "built"
    tree.mkdir()
    built.mkdir()

    def run(*argv: str | Path) -> None:
        command = ["nice", *(str(arg) for arg in argv)]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"Error while building the debug kernel: {argv[0]} said {done.stderr.strip()[-3000:]}")

    print(f"Building the debug kernel from {tarball.name}, once", file=sys.stderr, flush=True)
    run("tar", "--extract", "--xz", "--strip-components=1", "--file", tarball)
    run("make", "-s", f"KCONFIG_ALLCONFIG={CONFIG}", "allnoconfig")
    _check(tree / ".config")
    run("make", "-s", f"-j{os.cpu_count()}", "bzImage", "modules")
    shutil.copy(tree / "arch/x86/boot/bzImage", built / "bzImage")
    (built / "modules").mkdir()
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(tree / name, built / "modules" / name)
    for name in KEPT:
        target = built / "headers" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (tree / name).rename(target)
    shutil.rmtree(tree)
    return built


def _check(config: Path) -> None:
    """An option that depends on another which is off vanishes without a word."""
    there = set(config.read_text().splitlines())
    missing = [line for line in CONFIG.read_text().splitlines() if line.startswith("CONFIG_") and line not in there]
    if missing:
        raise BuildError(f"Error while configuring the debug kernel: it has not taken {', '.join(missing)}")
