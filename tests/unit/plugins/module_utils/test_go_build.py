# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a build: pins read, programs chosen, keys that change with every input, failures explained."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _go_build as go_build

GO_MOD = """\
module example.test/build // a comment

go 1.26.0

tool (
\texample.test/server/v3
\texample.test/kit/cmd/ctl
)

tool example.test/kit/cmd/hook

require example.test/server/v3 v3.7.3

require (
\texample.test/kit v1.2.0+incompatible
\texample.test/kit/cmd/hook v0.9.0 // indirect
)

replace example.test/kit => example.test/fork v1.2.1
"""
BUILD = go_build.GoBuild(
    name="kit", version="v1.2.0", packages=("example.test/kit/cmd/ctl",), go_mod=GO_MOD.encode(), go_sum=b"sums"
)


def test_go_mod_is_read_in_both_forms() -> None:
    go_mod = go_build.parse_go_mod(GO_MOD)
    assert go_mod.go_version == "1.26.0"
    assert go_mod.tools == ("example.test/server/v3", "example.test/kit/cmd/ctl", "example.test/kit/cmd/hook")
    assert go_mod.pinned_version("example.test/kit/cmd/ctl") == "v1.2.0+incompatible"
    assert go_mod.pinned_version("example.test/kit/cmd/hook") == "v0.9.0"
    assert go_mod.pinned_version("example.test/kitten") == ""


@pytest.mark.parametrize(
    ("package", "name"),
    [("example.test/a/cmd/b", "b"), ("example.test/server/v3", "server"), ("example.test/v", "v"), ("v2", "v2")],
)
def test_program_name(package: str, name: str) -> None:
    assert go_build.program_name(package) == name


def test_programs_are_chosen_by_name_or_package() -> None:
    go_mod = go_build.parse_go_mod(GO_MOD)
    assert go_build.select_packages(go_mod, []) == go_mod.tools
    assert go_build.select_packages(go_mod, ["hook", "example.test/server/v3"]) == (
        "example.test/kit/cmd/hook",
        "example.test/server/v3",
    )
    with pytest.raises(go_build.GoBuildError, match="tool nope is not in go.mod, which has: server, ctl, hook"):
        go_build.select_packages(go_mod, ["nope"])
    with pytest.raises(go_build.GoBuildError, match="no tool line"):
        go_build.select_packages(go_build.parse_go_mod("go 1.26"), [])


def test_renamed_programs() -> None:
    build = dataclasses.replace(BUILD, packages=("example.test/server/v3", "a/ctl"), rename=(("server", "etcd"),))
    assert build.programs() == ["etcd", "ctl"]


@pytest.mark.parametrize(
    "change",
    [
        {"go_mod": b"other"},
        {"go_sum": b"other"},
        {"packages": ("example.test/kit/cmd/hook",)},
        {"goarch": "arm64"},
        {"ldflags": "-X a=b"},
        {"tags": ("seccomp",)},
        {"cgo": True},
        {"rename": (("ctl", "kitctl"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_input_changes_the_key(change: dict) -> None:
    key = go_build.build_key(BUILD, "go1.26.8")
    assert len(key) == 12
    assert key == go_build.build_key(BUILD, "go1.26.8")
    assert key != go_build.build_key(dataclasses.replace(BUILD, **change), "go1.26.8")
    assert key != go_build.build_key(BUILD, "go1.26.9")


def test_folder_of_the_cache() -> None:
    folder = go_build.cache_folder("/cache", BUILD, "go1.26.8")
    assert folder == Path("/cache/bin", f"kit-v1.2.0-{go_build.build_key(BUILD, 'go1.26.8')}")


def test_command() -> None:
    build = dataclasses.replace(BUILD, tags=("a", "b"), ldflags="-X v=1")
    command = go_build.go_command("/usr/bin/go", build, Path("/out"))
    assert command[:2] == ["/usr/bin/go", "build"]
    assert command[command.index("-ldflags") + 1] == "-s -w -X v=1"
    assert command[command.index("-tags") + 1] == "a,b"
    # The slash makes it a folder even for one program.
    assert command[command.index("-o") + 1] == "/out/"
    assert command[-1] == "example.test/kit/cmd/ctl"
    assert "-mod=readonly" in command


def test_environment_leaves_the_proxy_to_the_caller() -> None:
    environment = go_build.go_environment(BUILD, "/cache", [])
    assert environment["GOMODCACHE"] == "/cache/go/mod"
    assert environment["GOCACHE"] == "/cache/go/build"
    assert environment["CGO_ENABLED"] == "0"
    assert environment["GOTOOLCHAIN"] == "local"
    assert not {"GOPROXY", "GOSUMDB", "GONOSUMDB"} & environment.keys()
    assert go_build.go_environment(BUILD, "/cache", ["a.test/x", "b.test/y"])["GONOSUMDB"] == "a.test/x,b.test/y"


@pytest.mark.parametrize(
    ("have", "need", "old"),
    [
        ("go1.26.8", "1.26.0", False),
        ("go1.26.0", "1.26.6", True),
        ("go1.9", "1.26", True),
        ("go1.27rc1", "1.26.6", False),
        ("devel +abc", "1.26.6", False),
    ],
)
def test_too_old(have: str, need: str, old: bool) -> None:
    assert go_build.is_too_old(have, need) is old


def test_one_version_is_not_built_under_the_name_of_another() -> None:
    go_mod = go_build.parse_go_mod(GO_MOD)
    go_build.check_pinned_version(go_mod, BUILD)
    with pytest.raises(go_build.GoBuildError, match=r"go.mod pins v1.2.0\+incompatible of .*/ctl, not v2.0.0"):
        go_build.check_pinned_version(go_mod, dataclasses.replace(BUILD, version="v2.0.0"))


@pytest.mark.parametrize(
    ("stderr", "advice"),
    [
        (
            'go: a.test@v1: Get "https://proxy.test/a": dial tcp: lookup proxy.test: no such host',
            "set GOPROXY to a proxy that answers",
        ),
        ("go: a.test@v1: reading https://proxy.test/a.info: 403 Forbidden", "set GOPROXY"),
        ("verifying a.test@v1: checksum mismatch\nSECURITY ERROR", "differs from the pinned go.sum"),
        ("missing go.sum entry for module providing package a.test/b", "run 'go mod tidy'"),
        ("a.test@v1: verifying module: reading https://sumdb.test/lookup/a: 404 Not Found", "no_checksum_database"),
        ('# runtime/cgo\ncgo: C compiler "gcc" not found: exec: "gcc": not found', "install gcc and libc6-dev"),
        ("seccomp.go:5:10: fatal error: seccomp.h: No such file or directory", "libseccomp-dev"),
        ("write /cache/x: no space left on device", "the disk is full"),
        ("compile: signal: killed", "free memory"),
    ],
)
def test_known_failures_say_what_to_do(stderr: str, advice: str) -> None:
    explained = go_build.explain_failure(f"go: downloading a.test v1\n{stderr}\n")
    assert advice in explained
    assert "Go said: " in explained


def test_an_unknown_failure_shows_what_go_said_last() -> None:
    explained = go_build.explain_failure("go: downloading x\n# pkg\nfile.go:3:1: syntax error\n")
    assert explained == "Go said: # pkg | file.go:3:1: syntax error"
