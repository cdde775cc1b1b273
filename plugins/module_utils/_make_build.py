# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make install` makes of a folder of sources, kept in the cache under a key over its inputs.

This file imports the standard library and `_errors` only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

# Results of builds, editors' leftovers and tests do not change what is installed.
_NOT_INPUT = re.compile(r"(^|/)(\.|build/|tests/|__pycache__/)|(\.o|\.d|~|\.md)$")


class BuildError(MirageError):
    """A build that failed; the text names the sources and the compiler's own words."""


@dataclasses.dataclass(frozen=True)
class Build:
    """What to make: everything here and every source file is part of the key."""

    name: str
    version: str
    src: pathlib.Path
    variables: tuple[tuple[str, str], ...]
    compiler: str = ""


def input_files(src: pathlib.Path) -> list[str]:
    """Names below src of the files that the result depends on, in a fixed order."""
    names = (str(path.relative_to(src)) for path in src.rglob("*") if path.is_file())
    return sorted(name for name in names if not _NOT_INPUT.search(name))


def build_key(build: Build) -> str:
    """Twelve hexadecimal digits over version, variables, compiler, machine and every source file."""
    digest = hashlib.sha256()
    for text in (build.version, repr(build.variables), build.compiler, os.uname().machine):
        digest.update(text.encode() + b"\0")
    for name in input_files(build.src):
        digest.update(name.encode() + b"\0" + hashlib.sha256((build.src / name).read_bytes()).digest())
    return digest.hexdigest()[:12]


def target_folder(build: Build, cache_dir: pathlib.Path) -> pathlib.Path:
    return cache_dir / "bin" / f"{build.name}-{build.version}-{build_key(build)}"


def install(build: Build, target: pathlib.Path, jobs: int) -> bool:
    """Make the target folder by `make install`; False when another process made it meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent / f".{build.name}.lock"):
        if target.is_dir():
            return False
        with tempfile.TemporaryDirectory(prefix=f".{build.name}.", dir=target.parent) as name:
            place = pathlib.Path(name)
            _make(build, place, jobs)
            (place / "root").chmod(0o755)
            # The name appears only when everything is there.
            (place / "root").rename(target)
    return True


def compiler_version(compiler: str = "") -> str:
    """The C compiler's first line about itself, so that a new compiler builds anew; empty where there is none."""
    compiler = compiler or os.environ.get("CC") or "gcc"
    with contextlib.suppress(OSError):
        done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
        return done.stdout.partition("\n")[0]
    return ""


def _make(build: Build, place: pathlib.Path, jobs: int) -> None:
    if shutil.which("make") is None:
        raise BuildError(f"Error while building {build.src}: make is missing: install the Debian packages make and gcc")
    folders = {"BUILD": place / "build", "DESTDIR": place / "root"}
    assignments = [f"{key}={value}" for key, value in (*build.variables, *folders.items())]
    command = ["make", f"--jobs={jobs}", "--directory", str(build.src), *assignments, "install"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"Error while building {build.src}: {explain(done.stderr)}")
    if not (place / "root").is_dir():
        raise BuildError(f"Error while building {build.src}: make install put nothing into DESTDIR")


def explain(stderr: str) -> str:
    """The first lines that name an error, without make's own report about them."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("make")]
    errors = [line for line in telling if re.search(r"\berror\b|missing|not found|could not", line)]
    # make's $(error) begins like a file name: "Makefile:60: *** libyaml.a is missing: ... Stop."
    return "; ".join((errors or telling or lines)[:3]) or "make said nothing"


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> t.Iterator[None]:
    with path.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
