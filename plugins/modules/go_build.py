#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: go_build
short_description: Build pinned Go programs into a cache, or take them from their release
version_added: 0.1.0
description:
  - Builds the programs named by the C(tool) lines of a C(go.mod) file, with the module versions and checksums that
    C(go.mod) and C(go.sum) pin.
  - Modules come from the Go module proxy. No source is cloned and no Go code of one's own is needed.
  - The programs land in a folder of the cache whose name holds a key over C(go.mod), C(go.sum), all flags and the
    version of Go. When that folder exists, nothing is built and nothing is downloaded.
  - Where O(release) is given, the files of the upstream release are tried first and compared with their checksum.
    When the release site does not answer, or a checksum differs, the programs are built and RV(release_error) says why.
author:
  - mirage.accel contributors (@mirage-accel)
requirements:
  - Go, at least the version that C(go.mod) asks for, unless the programs come from O(release).
options:
  name:
    description: Name of the group of programs. It begins the name of the folder.
    type: str
    required: true
  version:
    description: Version to get. What is built must be pinned to it in O(src).
    type: str
    required: true
  src:
    description: Folder that holds C(go.mod) and C(go.sum).
    type: path
    required: true
  cache_dir:
    description:
      - Folder of the cache. Programs go to C(bin/), modules to C(go/mod/), compiled packages to C(go/build/) below it.
    type: path
    required: true
  tools:
    description:
      - Programs to build, by program name or by package path.
      - All tool lines of C(go.mod) when left out.
    type: list
    elements: str
    default: []
  rename:
    description: New names for programs whose own name says too little, for example C(server) to C(etcd).
    type: dict
    default: {}
  ldflags:
    description: Flags for the linker, beside C(-s -w).
    type: str
    default: ""
  tags:
    description: Build tags.
    type: list
    elements: str
    default: []
  cgo:
    description: Whether the programs need a C compiler.
    type: bool
    default: false
  goarch:
    description:
      - Architecture to build for, in Go's words (V(amd64), V(arm64)).
      - The architecture of the host that builds when left out.
    type: str
  no_checksum_database:
    description: Modules that the public checksum database does not know. Their sums in C(go.sum) are still enforced.
    type: list
    elements: str
    default: []
  disk_mib:
    description:
      - Space that must be free at O(cache_dir) before a build starts, in MiB. Modules and compiled packages stay in the
        cache, so that the next build is short.
    type: int
    default: 1024
  release:
    description: Files of the upstream release, tried first. Together they must bring every program.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description: Address of a program or of a tar archive.
        type: str
        required: true
      sha256:
        description: SHA-256 of the file.
        type: str
      sha256_url:
        description: Address of a file that holds the SHA-256, alone or in lines of sum and file name.
        type: str
      name:
        description: Name of the program, when the file is a program and not an archive.
        type: str
      members:
        description: For an archive, which members become which programs.
        type: dict
  release_timeout:
    description: Seconds to wait for the release site before building instead.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: Says whether programs would be built; nothing is written.
  diff_mode:
    support: none
    description: Programs are opaque; nothing could be shown.
  platform:
    support: full
    description: Runs on the host that builds.
    platforms: linux
"""

EXAMPLES = r"""
- name: Build etcd (about half a minute, once)
  mirage.accel.go_build:
    name: etcd
    version: v3.7.3
    src: files/go/etcd
    cache_dir: /var/cache/mirage.accel
    rename:
      server: etcd
  register: etcd

- name: Take runc from its release, or build it
  mirage.accel.go_build:
    name: runc
    version: v1.5.1
    src: files/go/runc
    cache_dir: /var/cache/mirage.accel
    cgo: true
    tags: [seccomp]
    release:
      - url: https://github.com/opencontainers/runc/releases/download/v1.5.1/runc.amd64
        sha256_url: https://github.com/opencontainers/runc/releases/download/v1.5.1/runc.sha256sum
        name: runc
"""

RETURN = r"""
path:
  description: Folder that holds the programs.
  type: str
  returned: success
  sample: /var/cache/mirage.accel/bin/etcd-v3.7.3-0a1b2c3d4e5f
programs:
  description: Names of the programs in RV(path).
  type: list
  elements: str
  returned: success
  sample: [etcd]
source:
  description: Where the programs come from.
  type: str
  returned: success
  sample: build
  choices: [cache, release, build]
release_error:
  description: Why the release was not used.
  type: str
  returned: when O(release) is given and was not used
seconds:
  description: How long it took to get the programs.
  type: float
  returned: when they were not in the cache
"""

import contextlib
import fcntl
import shutil
import tempfile
import time
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._go_build import (
    GoBuild,
    GoBuildError,
    ask_go_version,
    cache_folder,
    check_pinned_version,
    describe,
    explain_failure,
    find_go,
    go_command,
    go_environment,
    is_too_old,
    parse_go_mod,
)
from ansible_collections.mirage.accel.plugins.module_utils._release import ReleaseError, fetch


def runner(module: AnsibleModule) -> t.Callable[[list[str], dict[str, str]], tuple[int, str, str]]:
    """How a command with some more environment is run, for functions that know no Ansible."""
    return lambda command, environment: module.run_command(command, environ_update=environment, cwd="/")


def check_possible(go: str | None, version: str, build: GoBuild) -> None:
    """Refuse to start what the pins or the toolchain do not allow."""
    go_mod = parse_go_mod(build.go_mod.decode())
    wanted = go_mod.go_version
    check_pinned_version(go_mod, build)
    advice = f"install Go {wanted} or newer from https://go.dev/dl/ and put its bin folder into PATH"
    if go is None:
        raise GoBuildError(f"there is no go in PATH: {advice}")
    if is_too_old(version, wanted):
        raise GoBuildError(f"{go} is {version}, too old: {advice}")


@contextlib.contextmanager
def locked(folder: Path) -> t.Iterator[None]:
    """Let one process at a time work on a folder; the second finds the work done."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def take_release(params: dict[str, t.Any], build: GoBuild, out_dir: Path) -> str:
    """Fill a folder from the release; the reason where that was not possible."""
    try:
        for entry in params["release"]:
            fetch(entry, out_dir, params["release_timeout"])
    except ReleaseError as exc:
        return str(exc)
    missing = [name for name in build.programs() if not (out_dir / name).exists()]
    return f"the release does not bring {', '.join(missing)}" if missing else ""


def check_room(folder: Path, needed: int) -> None:
    """Refuse to start a build that would fill the disk."""
    free = shutil.disk_usage(folder).free >> 20
    if free < needed:
        raise GoBuildError(f"{free} MiB are free at {folder}, {needed} MiB are needed: free some, or move the cache")


def compile_programs(module: AnsibleModule, go: str, build: GoBuild, out_dir: Path) -> None:
    """Build into a folder; GoBuildError explains a failure."""
    environment = go_environment(build, module.params["cache_dir"], module.params["no_checksum_database"])
    command = go_command(go, build, out_dir)
    rc, _out, err = module.run_command(command, cwd=module.params["src"], environ_update=environment)
    if rc != 0:
        raise GoBuildError(explain_failure(err))
    for old, new in build.rename:
        if (out_dir / old).exists():
            (out_dir / old).rename(out_dir / new)


def produce(module: AnsibleModule, go: str | None, version: str, build: GoBuild, folder: Path) -> dict[str, t.Any]:
    """Get the programs beside the final folder, then rename: a folder that exists is whole."""
    started = time.monotonic()
    result: dict[str, t.Any] = {"source": "release"}
    with tempfile.TemporaryDirectory(prefix=f".{build.name}-", dir=folder.parent) as work_name:
        released, built = Path(work_name, "release"), Path(work_name, "build")
        reason = "none is given"
        programs = released
        if module.params["release"]:
            released.mkdir()
            reason = take_release(module.params, build, released)
            if reason:
                result["release_error"] = reason
        if reason:
            check_possible(go, version, build)
            check_room(folder.parent, module.params["disk_mib"])
            compile_programs(module, go, build, built)
            result["source"] = "build"
            programs = built
        for name in build.programs():
            (programs / name).chmod(0o755)
        programs.chmod(0o755)
        programs.rename(folder)
    return dict(result, seconds=round(time.monotonic() - started, 1))


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Bring the programs into the cache and say where they are."""
    build = describe(module.params)
    go = find_go()
    version = ask_go_version(go, runner(module))
    folder = cache_folder(module.params["cache_dir"], build, version)
    result = {"path": str(folder), "programs": build.programs(), "changed": False, "source": "cache"}
    if folder.is_dir():
        return result
    if module.check_mode:
        if not module.params["release"]:
            check_possible(go, version, build)
        return dict(result, changed=True, source="build")
    with locked(folder):
        if folder.is_dir():
            return result
        return dict(result, changed=True, **produce(module, go, version, build, folder))


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "src": {"type": "path", "required": True},
            "cache_dir": {"type": "path", "required": True},
            "tools": {"type": "list", "elements": "str", "default": []},
            "rename": {"type": "dict", "default": {}},
            "ldflags": {"type": "str", "default": ""},
            "tags": {"type": "list", "elements": "str", "default": []},
            "cgo": {"type": "bool", "default": False},
            "goarch": {"type": "str"},
            "no_checksum_database": {"type": "list", "elements": "str", "default": []},
            "release": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "url": {"type": "str", "required": True},
                    "sha256": {"type": "str"},
                    "sha256_url": {"type": "str"},
                    "name": {"type": "str"},
                    "members": {"type": "dict"},
                },
                "required_one_of": [("sha256", "sha256_url")],
                "mutually_exclusive": [("sha256", "sha256_url"), ("name", "members")],
            },
            "release_timeout": {"type": "int", "default": 5},
            "disk_mib": {"type": "int", "default": 1024},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (GoBuildError, OSError) as exc:
        module.fail_json(msg=f"Error while building {module.params['name']} {module.params['version']}: {exc}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
