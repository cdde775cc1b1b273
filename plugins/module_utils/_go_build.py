# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building pinned Go programs into the cache: the description, its key, the command, and what a failure means."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import re
import shutil
import typing as t
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
Runner = t.Callable[[list[str], dict[str, str]], tuple[int, str, str]]


class GoBuildError(MirageError):
    """A build that cannot be described or carried out; the message is for the user."""


@dataclasses.dataclass(frozen=True)
class GoMod:
    """The lines of a go.mod file that a build depends on."""

    go_version: str
    tools: tuple[str, ...]
    requires: tuple[tuple[str, str], ...]

    def pinned_version(self, package: str) -> str:
        """The required version of the module that holds a package, empty where none does."""
        holders = [(path, version) for path, version in self.requires if f"{package}/".startswith(f"{path}/")]
        return max(holders, key=lambda holder: len(holder[0]), default=("", ""))[1]


@dataclasses.dataclass(frozen=True)
class GoBuild:
    """Everything that decides the bytes of the built programs, apart from the Go toolchain."""

    name: str
    version: str
    packages: tuple[str, ...]
    go_mod: bytes
    go_sum: bytes
    goos: str = "linux"
    goarch: str = "amd64"
    ldflags: str = ""
    tags: tuple[str, ...] = ()
    cgo: bool = False
    rename: tuple[tuple[str, str], ...] = ()

    def programs(self) -> list[str]:
        """The names of the files the build leaves, in the order of its packages."""
        renamed = dict(self.rename)
        names = [program_name(package) for package in self.packages]
        return [renamed.get(name, name) for name in names]


def parse_go_mod(text: str) -> GoMod:
    """Read the go version, the requirements and the tools; directives stand alone or in blocks."""
    found: dict[str, list[list[str]]] = {"go": [], "tool": [], "require": []}
    block = ""
    for raw in text.splitlines():
        words = raw.split("//")[0].split()
        if not words:
            continue
        if words[-1] == "(":
            block = words[0]
        elif words[0] == ")":
            block = ""
        elif block in found:
            found[block].append(words)
        elif not block and words[0] in found:
            found[words[0]].append(words[1:])
    return GoMod(
        go_version=found["go"][0][0] if found["go"] else "",
        tools=tuple(words[0] for words in found["tool"]),
        requires=tuple((words[0], words[1]) for words in found["require"]),
    )


def program_name(package: str) -> str:
    """The file name Go gives the program of a package: its last element, or the one before a major version."""
    parts = package.rstrip("/").split("/")
    if len(parts) > 1 and re.fullmatch(r"v[0-9]+", parts[-1]):
        return parts[-2]
    return parts[-1]


def select_packages(go_mod: GoMod, wanted: t.Sequence[str]) -> tuple[str, ...]:
    """The tool packages to build: all of them, or those named by package path or by program name."""
    if not go_mod.tools:
        raise GoBuildError("go.mod has no tool line: add one for each program to build")
    if not wanted:
        return go_mod.tools
    chosen = []
    for name in wanted:
        matches = [tool for tool in go_mod.tools if name in (tool, program_name(tool))]
        if not matches:
            known = ", ".join(program_name(tool) for tool in go_mod.tools)
            raise GoBuildError(f"tool {name} is not in go.mod, which has: {known}")
        chosen.append(matches[0])
    return tuple(chosen)


def read_pins(src: str) -> tuple[bytes, bytes]:
    """The bytes of go.mod and go.sum."""
    try:
        return Path(src, "go.mod").read_bytes(), Path(src, "go.sum").read_bytes()
    except OSError as exc:
        raise GoBuildError(f"Error while reading {exc.filename}: {exc.strerror}") from exc


def describe(options: t.Mapping[str, t.Any]) -> GoBuild:
    """The build that the options of the module, some of which may be left out, and the pins ask for."""
    go_mod, go_sum = read_pins(options["src"])
    machine = platform.machine()
    return GoBuild(
        name=options["name"],
        version=options["version"],
        packages=select_packages(parse_go_mod(go_mod.decode()), options.get("tools") or []),
        go_mod=go_mod,
        go_sum=go_sum,
        goarch=options.get("goarch") or GO_ARCHITECTURES.get(machine, machine),
        ldflags=options.get("ldflags") or "",
        tags=tuple(options.get("tags") or []),
        cgo=bool(options.get("cgo")),
        rename=tuple(sorted((options.get("rename") or {}).items())),
    )


def find_go() -> str | None:
    """The go command: that of PATH, else where the tarball of Go puts it."""
    return shutil.which("go") or shutil.which("/usr/local/go/bin/go")


def ask_go_version(go: str | None, run: Runner) -> str:
    """The version of the toolchain, empty where there is none."""
    if go is None:
        return ""
    rc, out, err = run([go, "env", "GOVERSION"], {"GOTOOLCHAIN": "local"})
    if rc != 0:
        raise GoBuildError(f"Error while asking {go} for its version: {err.strip()}")
    return out.strip()


def check_pinned_version(go_mod: GoMod, build: GoBuild) -> None:
    """Refuse to build one version under the name of another."""
    pinned = go_mod.pinned_version(build.packages[0])
    if pinned.split("+")[0] != build.version:
        raise GoBuildError(
            f"go.mod pins {pinned or 'no version'} of {build.packages[0]}, not {build.version}: "
            "ask for the pinned version, or give a src folder with pins of the other one"
        )


def build_key(build: GoBuild, go_version: str) -> str:
    """Twelve hexadecimal digits over every input, so that a changed pin, flag or toolchain never meets old programs."""
    digest = hashlib.sha256()
    flags = {
        "packages": build.packages,
        "goos": build.goos,
        "goarch": build.goarch,
        "ldflags": build.ldflags,
        "tags": build.tags,
        "cgo": build.cgo,
        "rename": build.rename,
        "go": go_version,
    }
    for part in (build.go_mod, build.go_sum, json.dumps(flags, sort_keys=True).encode()):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()[:12]


def cache_folder(cache_dir: str, build: GoBuild, go_version: str) -> Path:
    """Where the programs of this build lie once they are there."""
    return Path(cache_dir, "bin", f"{build.name}-{build.version}-{build_key(build, go_version)}")


def go_command(go: str, build: GoBuild, out_dir: Path) -> list[str]:
    """The one command that builds all programs into a folder; install would refuse to cross-compile into GOBIN."""
    command = [go, "build", "-trimpath", "-mod=readonly", "-ldflags", f"-s -w {build.ldflags}".strip()]
    if build.tags:
        command += ["-tags", ",".join(build.tags)]
    return command + ["-o", f"{out_dir}/", *build.packages]


def go_environment(build: GoBuild, cache_dir: str, no_checksum_database: t.Sequence[str]) -> dict[str, str]:
    """What is set for Go beside the caller's environment; the proxy settings stay the caller's."""
    environment = {
        "CGO_ENABLED": "1" if build.cgo else "0",
        "GOOS": build.goos,
        "GOARCH": build.goarch,
        "GOMODCACHE": str(Path(cache_dir, "go", "mod")),
        "GOCACHE": str(Path(cache_dir, "go", "build")),
        # A read-only module cache could not be removed by its own user.
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    if no_checksum_database:
        environment["GONOSUMDB"] = ",".join(no_checksum_database)
    return environment


def version_tuple(version: str) -> tuple[int, ...]:
    """Numbers of a Go version, "go1.26.8" and "1.26.0" alike; a release candidate counts as its release."""
    match = re.match(r"(?:go)?([0-9]+(?:\.[0-9]+)*)", version)
    return tuple(int(number) for number in match.group(1).split(".")) if match else ()


def is_too_old(go_version: str, wanted: str) -> bool:
    """Whether a toolchain would refuse a go.mod that asks for a version; an unreadable version is left to Go."""
    have, need = version_tuple(go_version), version_tuple(wanted)
    return bool(have and need) and have < need


_CAUSES = (
    (
        re.compile(r"no space left on device"),
        "the disk is full: free some space or point cache_dir to a larger disk (about 12 GB are needed for all builds)",
    ),
    (
        re.compile(r"SECURITY ERROR|checksum mismatch"),
        "a downloaded module differs from the pinned go.sum: do not use it; find out what the proxy in GOPROXY serves",
    ),
    (
        re.compile(r"missing go\.sum entry|updates to go\.(mod|sum) needed"),
        "go.mod and go.sum do not agree: run 'go mod tidy' in the src folder and commit both files",
    ),
    (
        re.compile(r"sum\.golang\.org|sumdb|verifying (go\.mod|module)"),
        "the checksum database did not answer: let it through, or, when go.sum has the sum, "
        "name the module in no_checksum_database",
    ),
    (
        re.compile(r'C compiler "[^"]*" not found|exec: "(gcc|cc|clang)"'),
        "there is no C compiler: install gcc and libc6-dev (Debian) or gcc and glibc-devel (Fedora)",
    ),
    (
        re.compile(r"pkg-config|fatal error: (\S+\.h): No such file"),
        "a C header is missing: install the development package that has it (runc needs libseccomp-dev and pkg-config)",
    ),
    (
        re.compile(
            r"dial tcp|no such host|i/o timeout|connection refused|connection reset|TLS handshake|x509:|"
            r"403 Forbidden|404 Not Found|410 Gone|502 Bad Gateway|503 Service|module lookup disabled"
        ),
        "the Go module proxy did not give what is pinned: set GOPROXY to a proxy that answers from this host",
    ),
    (re.compile(r"signal: killed"), "the compiler was killed: about 3 GB of free memory are needed"),
)


def explain_failure(stderr: str) -> str:
    """The first known cause in what Go printed, with what to do; otherwise Go's own last lines."""
    for pattern, meaning in _CAUSES:
        match = pattern.search(stderr)
        if match:
            line = next(line for line in stderr.splitlines() if pattern.search(line))
            return f"{meaning}. Go said: {line.strip()}"
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("go: downloading")]
    return "Go said: " + " | ".join(lines[-6:])
