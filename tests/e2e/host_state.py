# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host looks like from outside, as plain data, so that before and after can be compared."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, fields
from pathlib import Path

# Where a role could leave something behind. Distribution packages may stay, so what dpkg owns is left out, and so are
# the package manager's own books, caches, logs and what every boot changes by itself.
ROOTS = ("/dev", "/etc", "/lib/firmware", "/opt", "/run", "/usr/local", "/var/lib", "/var/spool", "/srv")
IGNORED = (
    "/dev/pts",
    "/dev/shm",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/.pwd.lock",
    "/run/lock",
    "/run/mount",
    "/run/xtables.lock",
    "/run/sudo",
    "/var/lib/apt",
    "/var/lib/dpkg",
    "/var/lib/systemd",
    "/var/lib/ucf",
    "/var/lib/polkit-1",
)
# Accounts of distribution packages (libcontainers, sshd...) are the packages' business.
ACCOUNT_FILES = ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")
PACKAGE_WRITTEN = {f"/etc/{name}{suffix}" for name in ACCOUNT_FILES for suffix in ("", "-")} | {"/etc/shells"}


@dataclass(frozen=True)
class HostState:
    processes: frozenset[str]
    mounts: frozenset[str]
    links: frozenset[str]
    rules: frozenset[str]
    files: frozenset[str]


def _processes(ignore: frozenset[int]) -> frozenset[str]:
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in ignore:
            continue
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if argv[0]:
            found.add(Path(argv[0].decode("utf-8", "replace")).name)
    return frozenset(found)


def _mounts() -> frozenset[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return frozenset(line.split()[4] for line in lines)


def _links() -> frozenset[str]:
    return frozenset(link.name for link in Path("/sys/class/net").iterdir())


def _rules() -> frozenset[str]:
    """Every chain and rule of the filter, nat and mangle tables; policies' packet counters are left out."""
    rules: set[str] = set()
    for family in ("iptables-save", "ip6tables-save"):
        try:
            saved = subprocess.run([family], capture_output=True, text=True, check=True).stdout
        except FileNotFoundError:
            continue  # no iptables on the host yet, so no rules either
        table = ""
        for line in saved.splitlines():
            if line.startswith("*"):
                table = line
            elif line.startswith((":", "-")):
                rules.add(f"{family} {table} {line.split(' [')[0]}")
    # An untouched table and one that was emptied again differ only in these built-in chains.
    return frozenset(rule for rule in rules if not rule.split()[2].startswith(":") or rule.endswith(" -"))


def _owned_by_packages() -> frozenset[str]:
    owned: set[str] = set()
    for listing in Path("/var/lib/dpkg/info").glob("*.list"):
        owned.update(listing.read_text().splitlines())
    return frozenset(owned)


def _files() -> frozenset[str]:
    owned = _owned_by_packages()
    # Of the home folder only its own entries: toolchains below it are none of ours.
    found = {str(entry) for entry in Path.home().iterdir()}
    for root in ROOTS:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if f"{folder}/{name}" not in IGNORED]
            found.update(f"{folder}/{name}" for name in [*names, *folders])
    return frozenset(
        path for path in found if path not in owned and path not in PACKAGE_WRITTEN and path not in IGNORED
    )


def observe() -> HostState:
    return HostState(_processes(frozenset({os.getpid()})), _mounts(), _links(), _rules(), _files())


def added(before: HostState, after: HostState) -> dict[str, list[str]]:
    """What `after` has and `before` had not, by kind; empty when nothing was left behind."""
    differences = {
        field.name: sorted(getattr(after, field.name) - getattr(before, field.name)) for field in fields(HostState)
    }
    return {kind: items for kind, items in differences.items() if items}


def left_behind(before: HostState, patience: float = 30) -> dict[str, list[str]]:
    """What is there and was not before, once processes that are ending have had their time."""
    deadline = time.monotonic() + patience
    while True:
        left = added(before, observe())
        if "processes" not in left or time.monotonic() > deadline:
            return left
        time.sleep(1)


def dump(state: dict[str, list[str]]) -> str:
    return json.dumps(state, indent=2)
