# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages out of a small archive made here, fetched by the real apt."""

from __future__ import annotations

import gzip
import hashlib
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack as deb_unpack
from ansible_collections.mirage.accel.plugins.module_utils._deb_unpack import DebError, Wanted

ARCHITECTURE = deb_unpack.machine_architecture()


def build_package(pool: pathlib.Path, name: str, version: str) -> str:
    """Make a package with one file and return its paragraph of the archive's index."""
    tree = pool.parent / "build" / f"{name}-{version}"
    control = (
        f"Package: {name}\nVersion: {version}\nArchitecture: {ARCHITECTURE}\nMaintainer: T <t@e.x>\nDescription: t\n"
    )
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(control)
    (tree / "usr/bin").mkdir(parents=True)
    (tree / f"usr/bin/{name}").write_text(f"{name} {version}\n")
    (tree / f"usr/share/doc/{name}").mkdir(parents=True)
    pool.mkdir(exist_ok=True)
    file = pool / f"{name}_{version.replace(':', '%3a')}_{ARCHITECTURE}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(file)], check=True, capture_output=True)
    data = file.read_bytes()
    return f"{control}Filename: pool/{file.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A Debian archive in a folder: suite trixie, component non-free, three packages."""
    top = tmp_path_factory.mktemp("archive")
    versions = [("tool", "1.0-1"), ("tool", "1.0-2"), ("tool", "2.0-1"), ("epochal", "1:3.0-1")]
    index = "\n".join(build_package(top / "pool", name, version) for name, version in versions).encode()
    lists = top / f"dists/trixie/non-free/binary-{ARCHITECTURE}"
    lists.mkdir(parents=True)
    rows = []
    for name, data in (("Packages", index), ("Packages.gz", gzip.compress(index))):
        (lists / name).write_bytes(data)
        rows.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} non-free/binary-{ARCHITECTURE}/{name}")
    release = "\n".join(
        [
            "Suite: trixie",
            "Codename: trixie",
            f"Architectures: {ARCHITECTURE}",
            "Components: non-free",
            "SHA256:",
            *rows,
        ]
    )
    (top / "dists/trixie/Release").write_text(release + "\n")
    return top


@pytest.fixture
def apt_dir(archive: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A machine whose apt is configured for that archive, for another suite."""
    path = tmp_path / "apt"
    path.mkdir()
    (path / "sources.list").write_text(f"deb [trusted=yes] file:{archive} bookworm main\n")
    return path


@pytest.fixture
def fetch(apt_dir: pathlib.Path, tmp_path: pathlib.Path) -> t.Callable[..., deb_unpack.Unpacked]:
    def call(name: str, version: str | None = None, **options: t.Any) -> deb_unpack.Unpacked:
        return deb_unpack.unpack(
            name, version, cache_dir=tmp_path / "cache", components=["non-free"], apt_dir=apt_dir, **options
        )

    return call


def tree(path: pathlib.Path) -> set[str]:
    return {str(entry.relative_to(path)) for entry in path.rglob("*")}


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        pytest.param("tool", None, "2.0-1", id="newest"),
        pytest.param("tool", "1.0-1", "1.0-1", id="exact"),
        pytest.param("tool", "1.0", "1.0-2", id="newest-revision"),
        pytest.param("epochal", "3.0", "1:3.0-1", id="epoch"),
    ],
)
def test_unpacks_once(fetch, archive, tmp_path, name: str, version: str | None, expected: str) -> None:
    first = fetch(name, version)
    assert (first.version, first.changed) == (expected, True)
    assert first.path == tmp_path / "cache/deb" / f"{name}-{expected.replace(':', '%3a')}-{ARCHITECTURE}"
    assert (first.path / f"usr/bin/{name}").read_text() == f"{name} {expected}\n"
    second = fetch(name, version)
    assert (second.path, second.version, second.changed) == (first.path, expected, False)


def test_cache_answers_without_an_archive(fetch, tmp_path) -> None:
    path = fetch("tool", "1.0").path
    (tmp_path / "apt/sources.list").unlink()
    assert fetch("tool", "1.0").path == path


def test_two_cached_versions_are_settled_by_the_archive(fetch) -> None:
    fetch("tool", "1.0-1")
    fetch("tool", "2.0-1")
    assert fetch("tool", "1.0").version == "1.0-1"
    assert fetch("tool", "1.0", refresh=True).version == "1.0-2"
    assert fetch("tool").version == "2.0-1"


def test_a_name_that_begins_alike_is_another_package(fetch, tmp_path) -> None:
    other = tmp_path / f"cache/deb/tool-2-extra-1.0-{ARCHITECTURE}"
    (other / "usr/share/doc/tool-2-extra").mkdir(parents=True)
    assert fetch("tool").version == "2.0-1"


def test_dry_run_predicts_and_writes_nothing(fetch, tmp_path) -> None:
    predicted = fetch("tool", "1.0", dry_run=True)
    assert predicted.changed
    assert not (tmp_path / "cache").exists()
    assert fetch("tool", "1.0") == predicted


def test_machine_apt_is_left_alone(fetch, apt_dir) -> None:
    machine = [pathlib.Path(path) for path in ("/var/lib/apt/lists", "/var/cache/apt", "/var/lib/dpkg")]
    before = [tree(path) for path in machine]
    fetch("tool")
    assert [tree(path) for path in machine] == before
    assert tree(apt_dir) == {"sources.list"}


def test_a_broken_unpacking_leaves_no_package(fetch, archive, tmp_path, monkeypatch) -> None:
    real = deb_unpack._run

    def failing(wanted: Wanted, command: list[str], cwd: pathlib.Path | None = None) -> str:
        if command[0] == "dpkg-deb":
            raise DebError("disk full")
        return real(wanted, command, cwd)

    monkeypatch.setattr(deb_unpack, "_run", failing)
    with pytest.raises(DebError, match="disk full"):
        fetch("tool")
    assert not list((tmp_path / "cache/deb").glob("tool-*"))
    monkeypatch.undo()
    assert fetch("tool").changed


@pytest.mark.parametrize(
    ("name", "version", "reason"),
    [
        pytest.param("tool", "9.9", r"tool 9\.9 .*does not exist: there is only 2\.0-1, 1\.0-2, 1\.0-1", id="version"),
        pytest.param("nothing", None, "nothing .*the archive has no package of that name", id="name"),
    ],
)
def test_names_what_the_archive_lacks(fetch, name: str, version: str | None, reason: str) -> None:
    with pytest.raises(DebError, match=reason):
        fetch(name, version)


def test_names_an_archive_that_does_not_answer(fetch, apt_dir) -> None:
    (apt_dir / "sources.list").write_text("deb [trusted=yes] file:/nonexistent bookworm main\n")
    with pytest.raises(DebError, match=r"Error while fetching Debian package tool \(trixie, non-free, .*nonexistent"):
        fetch("tool")


def test_names_a_machine_without_debian_archive(fetch, apt_dir) -> None:
    (apt_dir / "sources.list").write_text("deb http://third.example/party nodistro main\n")
    with pytest.raises(DebError, match="no Debian archive is configured in .*; set the option mirror"):
        fetch("tool")


def test_names_missing_tools(fetch, monkeypatch) -> None:
    monkeypatch.setattr(deb_unpack.shutil, "which", lambda tool: None)
    with pytest.raises(DebError, match="this machine has no apt-get and no dpkg-deb"):
        fetch("tool")


def test_a_mirror_of_the_user_replaces_the_configured_one(fetch, archive, apt_dir) -> None:
    (apt_dir / "sources.list").unlink()
    # The archive made here carries no signature, and only a configured source may say that it is trusted.
    with pytest.raises(DebError, match="not signed"):
        fetch("tool", mirror=f"file:{archive}")
