# SPDX-License-Identifier: GPL-3.0-or-later
"""The module against a go command of the test, which writes down how it was called, and a release on loopback."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader

from ansible_collections.mirage.accel.plugins.modules import go_build

GO_MOD = "module x\n\ngo 1.26.0\n\ntool example.test/server/v3\n\nrequire example.test/server/v3 v3.7.3\n"
FAKE_GO = """\
#!/bin/sh
if [ "$1" = env ]; then echo "${FAKE_GO_VERSION:-go1.26.8}"; exit 0; fi
echo "$@" >>"$FAKE_GO_LOG"
env | grep -E '^(CGO|GO)' | sort >"$FAKE_GO_LOG.env"
if [ -n "$FAKE_GO_ERROR" ]; then echo "$FAKE_GO_ERROR" >&2; exit 1; fi
sleep "${FAKE_GO_SECONDS:-0}"
while [ "$1" != -o ]; do shift; done
mkdir -p "$2" && echo built >"$2/server"
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of the test's own go, which is the only one in PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "go").write_text(FAKE_GO)
    (programs / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_GO_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.fixture
def options(tmp_path: Path, log: Path) -> dict:
    src = tmp_path / "src"
    src.mkdir()
    (src / "go.mod").write_text(GO_MOD)
    (src / "go.sum").write_text("")
    return {
        "name": "etcd",
        "version": "v3.7.3",
        "src": str(src),
        "cache_dir": str(tmp_path / "cache"),
        "rename": {"server": "etcd"},
        "goarch": "amd64",
    }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", folder
        server.shutdown()


def test_builds_once_and_then_answers_from_the_cache(run_module, options: dict, log: Path, tmp_path: Path) -> None:
    predicted = run_module(go_build, **options, _ansible_check_mode=True)
    assert predicted["changed"]
    assert not log.exists()
    assert not (tmp_path / "cache").exists()

    built = run_module(go_build, **options, cgo=True, tags=["seccomp"], ldflags="-X a=b")
    built = run_module(go_build, **options)
    assert (built["changed"], built["source"], built["programs"]) == (True, "build", ["etcd"])
    assert built["path"] == predicted["path"]
    assert re.fullmatch(r"etcd-v3\.7\.3-[0-9a-f]{12}", Path(built["path"]).name)
    assert (Path(built["path"]) / "etcd").read_text() == "built\n"
    assert os.access(Path(built["path"]) / "etcd", os.X_OK)
    assert len(log.read_text().splitlines()) == 2

    again = run_module(go_build, **options)
    assert (again["changed"], again["source"], again["path"]) == (False, "cache", built["path"])
    assert not run_module(go_build, **options, _ansible_check_mode=True)["changed"]
    assert len(log.read_text().splitlines()) == 2
    assert not [path for path in (tmp_path / "cache/bin").iterdir() if path.is_dir() and path.name.startswith(".")]


def test_the_environment_of_the_build(run_module, options: dict, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "https://goproxy.example.test")
    run_module(go_build, **options, no_checksum_database=["example.test/x"])
    environment = dict(line.split("=", 1) for line in Path(f"{log}.env").read_text().splitlines())
    assert environment["GOPROXY"] == "https://goproxy.example.test"
    assert environment["GONOSUMDB"] == "example.test/x"
    assert environment["GOMODCACHE"] == f"{options['cache_dir']}/go/mod"
    assert environment["CGO_ENABLED"] == "0"


def test_a_failed_build_leaves_nothing_and_says_why(
    run_module, options: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAKE_GO_ERROR", "go: x: dial tcp 192.0.2.1:443: i/o timeout")
    failed = run_module(go_build, **options)
    assert failed["failed"]
    assert failed["msg"].startswith("Error while building etcd v3.7.3: the Go module proxy did not give what is pinned")
    assert "i/o timeout" in failed["msg"]
    assert [path.name for path in (tmp_path / "cache/bin").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"version": "v3.8.0"}, "go.mod pins v3.7.3 of example.test/server/v3, not v3.8.0", id="version"),
        pytest.param({"tools": ["nope"]}, "tool nope is not in go.mod", id="tool"),
        pytest.param({"src": "/nowhere"}, "Error while reading /nowhere/go.mod: No such file", id="source"),
    ],
)
def test_wishes_that_cannot_be_met(run_module, options: dict, log: Path, change: dict, words: str) -> None:
    failed = run_module(go_build, **{**options, **change})
    assert failed["failed"]
    assert words in failed["msg"]
    assert not log.exists()


def test_a_disk_that_is_too_small_is_named_before_the_build(run_module, options: dict, log: Path) -> None:
    failed = run_module(go_build, **options, disk_mib=10**9)
    assert "1000000000 MiB are needed: free some, or move the cache" in failed["msg"]
    assert options["cache_dir"] in failed["msg"]
    assert not log.exists()


def test_go_is_missing_or_too_old(run_module, options: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.25.9")
    old = run_module(go_build, **options, _ansible_check_mode=True)
    assert "go1.25.9, too old: install Go 1.26.0 or newer" in old["msg"]
    monkeypatch.setattr(go_build, "find_go", lambda: None)
    missing = run_module(go_build, **options)
    assert "there is no go in PATH: install Go 1.26.0 or newer" in missing["msg"]


def test_the_release_is_taken_where_it_answers(run_module, options: dict, log: Path, site: tuple[str, Path]) -> None:
    url, folder = site
    (folder / "etcd.amd64").write_bytes(b"released")
    (folder / "sums").write_text(f"{hashlib.sha256(b'released').hexdigest()}  etcd.amd64\n")
    release = [{"url": f"{url}/etcd.amd64", "sha256_url": f"{url}/sums", "name": "etcd"}]
    taken = run_module(go_build, **options, release=release)
    assert (taken["changed"], taken["source"]) == (True, "release")
    assert (Path(taken["path"]) / "etcd").read_bytes() == b"released"
    assert os.access(Path(taken["path"]) / "etcd", os.X_OK)
    assert not log.exists()
    assert run_module(go_build, **options, release=release)["source"] == "cache"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param({"url": "http://127.0.0.1:9/etcd", "sha256": "a" * 64, "name": "etcd"}, "refused", id="silent"),
        pytest.param({"url": "{url}/etcd", "sha256": "a" * 64, "name": "etcd"}, "SHA-256 is", id="tampered"),
        pytest.param({"url": "{url}/etcd", "sha256": "{sum}", "name": "x"}, "does not bring etcd", id="incomplete"),
    ],
)
def test_a_release_that_does_not_serve_is_built_instead(
    run_module, options: dict, log: Path, site: tuple[str, Path], entry: dict, reason: str
) -> None:
    url, folder = site
    (folder / "etcd").write_bytes(b"released")
    known = {"{url}": url, "{sum}": hashlib.sha256(b"released").hexdigest()}
    for placeholder, value in known.items():
        entry = {key: text.replace(placeholder, value) for key, text in entry.items()}
    built = run_module(go_build, **options, release=[entry])
    assert (built["changed"], built["source"]) == (True, "build")
    assert reason in built["release_error"]
    assert (Path(built["path"]) / "etcd").read_text() == "built\n"


def test_two_at_once_build_once(
    options: dict, log: Path, tmp_path: Path, repo: Path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_SECONDS", "2")
    play = tmp_path / "play.yml"
    arguments = "\n".join(f"        {key}: {value}" for key, value in options.items() if key != "rename")
    play.write_text(
        "- hosts: one,two\n  gather_facts: false\n  tasks:\n    - mirage.accel.go_build:\n"
        f"{arguments}\n        rename: {{server: etcd}}\n"
    )
    inventory = (
        "[all:vars]\nansible_connection=local\nansible_python_interpreter={{ ansible_playbook_python }}\n[all]\n"
    )
    (tmp_path / "hosts").write_text(f"{inventory}one\ntwo\n")
    playbook = Path(os.sys.executable).with_name("ansible-playbook")
    started = time.monotonic()
    done = run(os.sys.executable, playbook, "-i", tmp_path / "hosts", play, cwd=repo)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - started > 2
    assert len(log.read_text().splitlines()) == 1
    assert done.stdout.count("changed=1") == 1
    assert done.stdout.count("changed=0") == 1


def test_the_lookup_names_the_modules_folder(run_module, options: dict) -> None:
    lookup = lookup_loader.get("mirage.accel.go_build_folder")
    term = {key: value for key, value in options.items() if key != "cache_dir"}
    expected = run_module(go_build, **options)["path"]
    assert lookup.run([term], cache_dir=options["cache_dir"]) == [expected]
    with pytest.raises(AnsibleError, match="Error while looking for a build"):
        lookup.run([{**term, "src": "/nowhere"}], cache_dir=options["cache_dir"])
