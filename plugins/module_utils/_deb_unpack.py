# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages unpacked into the cache, without installing them and without touching the machine's own apt.

`unpack()` answers from the cache where it can; else it asks the machine's Debian archive through an apt
configuration of its own. This file imports the standard library, `_apt_sources` and `_errors` only.
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

from ansible_collections.mirage.accel.plugins.module_utils._apt_sources import (
    Source,
    as_deb822,
    debian_archive,
    read_sources,
)
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

DEBIAN_KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_APT_CONF = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::State "{state}/state";
Dir::State::status "/dev/null";
Dir::Cache "{state}/cache";
Dir::Etc::sourcelist "{state}/archive.sources";
Dir::Etc::sourceparts "{state}/parts";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "{user}";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
"""


class DebError(MirageError):
    """A package could not be had; the text says which, from where, and why."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Which package is asked for. A version without Debian revision means any revision of it."""

    name: str
    version: str | None
    suite: str
    components: tuple[str, ...]
    architecture: str

    def __str__(self) -> str:
        what = self.name if self.version is None else f"{self.name} {self.version}"
        return f"Debian package {what} ({self.suite}, {' '.join(self.components)}, {self.architecture})"


@dataclasses.dataclass(frozen=True)
class Unpacked:
    """Where a package lies. `changed` says that it was not there before."""

    path: pathlib.Path
    version: str
    architecture: str
    changed: bool


def upstream_version(version: str) -> str:
    """A Debian version without its epoch and its Debian revision: 1:2.3-4 -> 2.3."""
    without_epoch = version.rpartition(":")[2]
    return without_epoch.rpartition("-")[0] or without_epoch


def matches(version: str, wanted: str | None) -> bool:
    """Whether a version of the archive is the one asked for."""
    return wanted is None or wanted in (version, upstream_version(version))


def parse_madison(output: str) -> list[str]:
    """Versions in the output of `apt-cache madison`, newest first as apt lists them."""
    rows = [line.split("|") for line in output.splitlines()]
    return [row[1].strip() for row in rows if len(row) >= 3 and "Sources" not in row[2]]


def choose(wanted: Wanted, versions: t.Sequence[str]) -> str:
    """The newest version that is the one asked for."""
    for version in versions:
        if matches(version, wanted.version):
            return version
    there = f"there is only {', '.join(versions)}" if versions else "the archive has no package of that name"
    raise DebError(f"{wanted} does not exist: {there}")


def cached(wanted: Wanted, cache_dir: pathlib.Path) -> Unpacked | None:
    """The package from the cache, where exactly one folder there can be the one asked for."""
    folder = re.compile(re.escape(wanted.name) + r"-(?P<version>\d[^/]*)-" + re.escape(wanted.architecture))
    found = []
    for path in (cache_dir / "deb").glob(f"{wanted.name}-*-{wanted.architecture}"):
        match = folder.fullmatch(path.name)
        # Each package ships its own documentation folder, which tells "a 2-b-1" from "a-2-b 1".
        if match is None or not os.path.lexists(path / "usr/share/doc" / wanted.name):
            continue
        version = _from_file_name(match["version"])
        if matches(version, wanted.version):
            found.append(Unpacked(path, version, wanted.architecture, changed=False))
    return found[0] if len(found) == 1 else None


def unpack(
    name: str,
    version: str | None = None,
    *,
    cache_dir: pathlib.Path,
    suite: str = "trixie",
    components: t.Sequence[str] = ("main",),
    architecture: str | None = None,
    mirror: str = "",
    apt_dir: pathlib.Path = pathlib.Path("/etc/apt"),
    refresh: bool = False,
    dry_run: bool = False,
) -> Unpacked:
    """Bring the package into `cache_dir/deb/NAME-VERSION-ARCHITECTURE`, or find it there."""
    wanted = Wanted(name, version, suite, tuple(components), architecture or machine_architecture())
    known = None if refresh else cached(wanted, cache_dir)
    if known is not None:
        return known
    source = _archive(wanted, mirror, apt_dir)
    with _workplace(cache_dir, dry_run) as place:
        # Another process may have brought it while this one waited for the lock.
        known = None if refresh else cached(wanted, cache_dir)
        if known is not None:
            return known
        apt = _Apt(wanted, source, place)
        version = choose(wanted, apt.versions())
        target = cache_dir / "deb" / f"{wanted.name}-{_to_file_name(version)}-{wanted.architecture}"
        if target.is_dir():
            return Unpacked(target, version, wanted.architecture, changed=False)
        if not dry_run:
            _extract(wanted, apt.download(version, place), place / "tree", target)
        return Unpacked(target, version, wanted.architecture, changed=True)


def machine_architecture() -> str:
    """The Debian name of this machine's architecture."""
    names = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64el", "armv7l": "armhf"}
    machine = os.uname().machine
    return names.get(machine, machine)


class _Apt:
    """apt with a configuration of its own: one archive, no installed packages, none of the machine's hooks."""

    def __init__(self, wanted: Wanted, source: Source, place: pathlib.Path) -> None:
        self._wanted = wanted
        text = as_deb822(source, wanted.suite, wanted.components)
        # Package lists are kept per archive, so that a second package of the same suite does not fetch them again.
        key = hashlib.sha256((text + wanted.architecture).encode()).hexdigest()[:12]
        state = place / f"apt-{key}"
        for folder in ("state/lists/partial", "cache/archives/partial", "parts"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        (state / "archive.sources").write_text(text, encoding="utf-8")
        user = "root" if os.geteuid() == 0 else ""
        self._conf = state / "apt.conf"
        self._conf.write_text(
            _APT_CONF.format(state=state, architecture=wanted.architecture, user=user), encoding="utf-8"
        )

    def versions(self) -> list[str]:
        self._run(["apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"])
        return parse_madison(self._run(["apt-cache", "madison", self._wanted.name]))

    def download(self, version: str, folder: pathlib.Path) -> pathlib.Path:
        for old in folder.glob(f"{self._wanted.name}_*.deb"):
            old.unlink()
        self._run(["apt-get", "-q", "download", f"{self._wanted.name}={version}"], cwd=folder)
        return next(folder.glob(f"{self._wanted.name}_*.deb"))

    def _run(self, command: list[str], cwd: pathlib.Path | None = None) -> str:
        return _run(self._wanted, [command[0], "-c", str(self._conf), *command[1:]], cwd)


def _archive(wanted: Wanted, mirror: str, apt_dir: pathlib.Path) -> Source:
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise DebError(f"Error while looking for {wanted}: this machine has no {' and no '.join(missing)}")
    if mirror:
        keyring = str(DEBIAN_KEYRING) if DEBIAN_KEYRING.exists() else ""
        return Source(uris=(mirror,), suites=(), components=(), signed_by=keyring)
    source = debian_archive(read_sources(apt_dir))
    if source is None:
        raise DebError(
            f"Error while looking for {wanted}: no Debian archive is configured in {apt_dir}; set the option mirror"
        )
    return source


@contextlib.contextmanager
def _workplace(cache_dir: pathlib.Path, dry_run: bool) -> t.Iterator[pathlib.Path]:
    """The folder in which apt works: in the cache and locked, or for a dry run one that is gone afterwards."""
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="deb_unpack.") as name:
            yield pathlib.Path(name)
        return
    place = cache_dir / "deb" / ".apt"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield place


def _extract(wanted: Wanted, archive: pathlib.Path, tree: pathlib.Path, target: pathlib.Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    _run(wanted, ["dpkg-deb", "--extract", str(archive), str(tree)])
    tree.chmod(0o755)
    # The name appears only when everything is there: a broken run leaves no half package behind.
    tree.rename(target)
    archive.unlink()


def _run(wanted: Wanted, command: list[str], cwd: pathlib.Path | None = None) -> str:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DebError(f"Error while fetching {wanted}: {_reason(done)}")
    return done.stdout


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """apt's own errors on one line, or the end of what the command said."""
    said = (done.stderr or done.stdout).strip().splitlines()
    errors = [line.removeprefix("E: ").strip() for line in said if line.startswith("E: ")]
    return "; ".join(errors) or (said[-1] if said else f"{done.args[0]} ended with {done.returncode}")


def _to_file_name(version: str) -> str:
    return version.replace(":", "%3a")


def _from_file_name(version: str) -> str:
    return version.replace("%3a", ":")
