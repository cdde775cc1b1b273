# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels of Debian with their modules and headers, laid out in the cache without installing anything."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

FLAVOUR = "cloud-amd64"

# Those that the module must fit: Debian 12's, Debian 13's, and whatever is the newest.
NAMES = ("bookworm", "trixie", "newest")

# Where a newest kernel may be. Debian makes backports from testing, but at times they are ahead of unstable.
NEWEST_SUITES = ("trixie-backports", "sid")


@dataclass(frozen=True)
class DebianKernel:
    suite: str
    release: str  # as `uname -r` says
    version: str  # of the Debian packages
    headers: Path  # what a module's build calls KDIR
    cache: Path

    @property
    def compiler_suite(self) -> str:
        """The suite whose compiler has made the kernel."""
        return self.suite.removesuffix("-backports")

    @functools.cached_property
    def compiler(self) -> str:
        """The name of that compiler, as gcc-12."""
        match = re.search(r"^CC = .*\b(gcc-\d+)$", (self.headers / ".kernelvariables").read_text(), re.M)
        assert match, f"{self.headers} names no compiler"
        return match[1]

    @functools.cached_property
    def image(self) -> Path:
        return next(path for package in self._packages for path in package.rglob("vmlinuz*") if path.is_file())

    @functools.cached_property
    def modules(self) -> list[Path]:
        """The folders that together become /lib/modules/RELEASE."""
        places = (f"lib/modules/{self.release}", f"usr/lib/modules/{self.release}")
        return [package / place for package in self._packages for place in places if (package / place).is_dir()]

    @functools.cached_property
    def _packages(self) -> list[Path]:
        names = [f"linux-image-{self.release}"]
        # Since 7.0 that package only depends on these.
        if not any(_unpack(self.suite, names[0], self.cache, self.version).path.rglob("vmlinuz*")):
            names = [f"linux-{part}-{self.release}" for part in ("base", "binary", "modules")]
        return [_unpack(self.suite, name, self.cache, self.version).path for name in names]


def find(cache: Path, name: str = "bookworm") -> DebianKernel:
    """A kernel by its name of NAMES: the one in the cache, else the newest of the archive."""
    suite = _newest_suite(cache) if name == "newest" else name
    release, version = _release(suite, cache)
    headers = _unpack(suite, f"linux-headers-{release}", cache, version).path / "usr/src" / f"linux-headers-{release}"
    common = f"linux-headers-{release.removesuffix(f'-{FLAVOUR}')}-common"
    # .../lib/linux-kbuild-6.1/scripts
    kbuild = (headers / "scripts").readlink().parent.name
    joined = _join_headers(
        cache / "kernel" / f"headers-{release}-{version}",
        headers,
        _unpack(suite, common, cache, version).path / "usr/src" / common,
        _unpack(suite, kbuild, cache, version).path / "usr/lib" / kbuild,
    )
    return DebianKernel(suite, release, version, joined, cache)


def _unpack(suite: str, name: str, cache: Path, version: str | None = None) -> _deb_unpack.Unpacked:
    # A cache for each suite, because a package without a version is looked up by its name alone.
    place = cache if suite == "bookworm" else cache / "kernel" / suite
    return _deb_unpack.unpack(name, version, suite=suite, cache_dir=place)


def _release(suite: str, cache: Path) -> tuple[str, str]:
    """Release and version of a suite's newest kernel, which an empty package names by the link of its documentation."""
    name = f"linux-headers-{FLAVOUR}"
    version = ""
    # Since 7.0 the link leads to another empty package first.
    while not re.match(r"linux-[a-z]+-\d", name):
        package = _unpack(suite, name, cache)
        name, version = (package.path / "usr/share/doc" / name).readlink().name, package.version
    return re.sub(r"^linux-[a-z]+-", "", name), version


def _newest_suite(cache: Path) -> str:
    """The suite with the newest kernel; which one that was is kept, so that another day's archive changes nothing."""
    record = cache / "kernel" / "newest"
    if not record.exists():
        newest, suite = "0", ""
        for candidate in NEWEST_SUITES:
            version = _release(candidate, cache)[1]
            if subprocess.run(["dpkg", "--compare-versions", version, "gt", newest], check=False).returncode == 0:
                newest, suite = version, candidate
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(suite)
    return record.read_text()


def _join_headers(target: Path, headers: Path, common: Path, kbuild: Path) -> Path:
    """One folder of links to the three packages, which only fit each other when they are installed below /usr."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as place:
            tree = Path(place) / "tree"
            for name, source in (("flavour", headers), ("common", common)):
                (tree / name).mkdir(parents=True)
                for entry in source.iterdir():
                    link = kbuild / entry.name if entry.name in ("scripts", "tools") else entry
                    (tree / name / entry.name).symlink_to(link)
            makefile = tree / "flavour" / "Makefile"
            text = makefile.read_text().replace(f"/usr/src/{headers.name}", f"{target}/flavour")
            makefile.unlink()
            makefile.write_text(text.replace(f"/usr/src/{common.name}", f"{target}/common"))
            # A build that ran beside this one has made the same.
            shutil.rmtree(target, ignore_errors=True)
            tree.rename(target)
    return target / "flavour"
