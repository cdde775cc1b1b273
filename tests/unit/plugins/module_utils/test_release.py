# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases from a server on loopback: verified, unpacked, and refused when anything differs."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._release import ReleaseError, expected_sha256, fetch

SUM = "a" * 64
OTHER = "b" * 64


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server and the folder that it serves."""
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", folder
        server.shutdown()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{SUM}\n", id="bare"),
        pytest.param(f"{SUM}  tool.tgz\n{OTHER}  other.tgz\n", id="list"),
        pytest.param(f"{OTHER} *other.tgz\n{SUM} *tool.tgz\n", id="binary marks"),
        pytest.param(f"{SUM}  ./dist/tool.tgz\n", id="with a folder"),
        pytest.param(f"SHA256 (tool.tgz) = {SUM}\n", id="BSD"),
        pytest.param(f"# tool.tgz\n{SUM.upper()}  tool.tgz\n", id="capitals and a comment"),
    ],
)
def test_checksum_is_found(text: str) -> None:
    assert expected_sha256(text, "tool.tgz") == SUM


@pytest.mark.parametrize("text", ["", f"{OTHER}  other.tgz\n", f"{SUM}\n{OTHER}\n", f"{SUM}  tool.tgz.asc\n"])
def test_checksum_of_another_file_does_not_serve(text: str) -> None:
    with pytest.raises(ReleaseError, match=r"has none for tool\.tgz"):
        expected_sha256(text, "tool.tgz")


def test_program(site: tuple[str, Path], out: Path) -> None:
    url, folder = site
    (folder / "tool.amd64").write_bytes(b"program")
    (folder / "sums").write_text(f"{sha256(b'program')}  tool.amd64\n")
    fetch({"url": f"{url}/tool.amd64", "sha256_url": f"{url}/sums", "name": "tool"}, out, 5)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"tool": b"program"}


def test_members_of_an_archive(site: tuple[str, Path], out: Path) -> None:
    url, folder = site
    with tarfile.open(folder / "tool.tgz", "w:gz") as tar:
        for name, data in (("./bin/tool", b"one"), ("bin/other", b"two"), ("../evil", b"three")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    entry = {"url": f"{url}/tool.tgz", "sha256": sha256((folder / "tool.tgz").read_bytes())}
    fetch({**entry, "members": {"bin/tool": "renamed"}}, out, 5)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"renamed": b"one"}
    with pytest.raises(ReleaseError, match="no member bin/missing"):
        fetch({**entry, "members": {"bin/missing": "x"}}, out, 5)


def test_what_differs_from_its_checksum_is_not_kept(site: tuple[str, Path], out: Path) -> None:
    url, folder = site
    (folder / "tool").write_bytes(b"tampered")
    with pytest.raises(ReleaseError, match=f"SHA-256 is {sha256(b'tampered')}, expected {SUM}"):
        fetch({"url": f"{url}/tool", "sha256": SUM}, out, 5)
    assert list(out.iterdir()) == []
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".")] == []


def test_what_is_no_archive_is_refused(site: tuple[str, Path], out: Path) -> None:
    url, folder = site
    (folder / "tool.tgz").write_bytes(b"<html>")
    with pytest.raises(ReleaseError, match="Error while unpacking"):
        fetch({"url": f"{url}/tool.tgz", "sha256": sha256(b"<html>"), "members": {"a": "b"}}, out, 5)


def test_a_missing_file_and_a_silent_server_are_errors(site: tuple[str, Path], out: Path) -> None:
    with pytest.raises(ReleaseError, match="404"):
        fetch({"url": f"{site[0]}/nope", "sha256": SUM}, out, 5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/tool"
        with pytest.raises(ReleaseError, match="timed out"):
            fetch({"url": url, "sha256": SUM}, out, 1)
