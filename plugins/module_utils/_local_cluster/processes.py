# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the host, read from /proc: who listens where, who descends from whom, and which are the cluster's."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
import typing as t
from pathlib import Path

_LISTEN = "0A"


@dataclasses.dataclass(frozen=True)
class Process:
    """One process as /proc shows it."""

    pid: int
    parent: int
    program: str
    arguments: tuple[str, ...]
    executable: str
    # Inode names of the mount and the network namespace; a container's differ from the host's.
    mounts: str = ""
    network: str = ""


def read_link(path: Path) -> str:
    """Where a link points, empty where it cannot be read."""
    try:
        return str(path.readlink())
    except OSError:
        return ""


def read_process(folder: Path) -> Process | None:
    """The process of a /proc folder; None when it ended meanwhile."""
    try:
        status = (folder / "stat").read_text(errors="replace")
        arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    program, rest = status[status.index("(") + 1 : status.rindex(")")], status[status.rindex(")") + 2 :].split()
    return Process(
        pid=int(folder.name),
        parent=int(rest[1]),
        program=program,
        arguments=tuple(argument for argument in arguments if argument),
        executable=read_link(folder / "exe").replace(" (deleted)", ""),
        mounts=read_link(folder / "ns" / "mnt"),
        network=read_link(folder / "ns" / "net"),
    )


def read_processes(proc: Path = Path("/proc")) -> list[Process]:
    """All processes of this pid namespace."""
    found = (read_process(folder) for folder in proc.iterdir() if folder.name.isdigit())
    return [process for process in found if process is not None]


def is_ours(process: Process, state_dir: str) -> bool:
    """Whether a process runs a program of the state folder, as the shims do, or is supervisord or its keeper."""
    state = state_dir.rstrip("/")
    if process.executable.startswith(f"{state}/"):
        return True
    return any(argument in process.arguments[1:] for argument in supervisor_files(state))


def supervisor_files(state_dir: str) -> tuple[str, str]:
    """The two files that only the keeper and supervisord are started with."""
    return f"{state_dir}/supervisor/keeper", f"{state_dir}/supervisor/supervisord.conf"


def own_processes(processes: t.Iterable[Process], state_dir: str) -> list[Process]:
    """The cluster's processes on this very host, not those of a cluster inside one of its containers."""
    here = read_link(Path("/proc/self/ns/mnt"))
    return [p for p in processes if p.mounts == here and is_ours(p, state_dir) and p.pid != os.getpid()]


def with_descendants(processes: t.Iterable[Process], roots: t.Iterable[int]) -> set[int]:
    """The pids of some processes and of everything below them."""
    children: dict[int, list[int]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, []))
    return found


def parse_listeners(table: str) -> dict[str, int]:
    """Socket inode to port, for the listening sockets of a /proc/net/tcp table."""
    found = {}
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:
            found[fields[9]] = int(fields[1].rsplit(":", 1)[1], 16)
    return found


def socket_inodes(folder: Path) -> set[str]:
    """Inodes of the sockets a process holds open."""
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    found.add(target[8:-1])
    return found


def read_listeners(processes: t.Iterable[Process], proc: Path = Path("/proc")) -> list[tuple[int, Process | None]]:
    """Every listening TCP port with the process that has it, where that can be seen."""
    ports: dict[str, int] = {}
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            ports.update(parse_listeners((proc / "net" / name).read_text()))
    found: list[tuple[int, Process | None]] = []
    for process in processes:
        for inode in socket_inodes(proc / str(process.pid)) & ports.keys():
            found.append((ports.pop(inode), process))
    return found + [(port, None) for port in ports.values()]


def end_processes(pids: t.Iterable[int], patience: float) -> list[int]:
    """Ask processes to end, then make them; returns those that are still there (stuck in the kernel)."""
    waiting = set(pids) - {os.getpid()}
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        for pid in waiting:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while waiting and time.monotonic() < deadline:
            waiting = {pid for pid in waiting if is_alive(pid)}
            time.sleep(0.1 if waiting else 0)
    return sorted(waiting)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        status = Path("/proc", str(pid), "stat").read_text(errors="replace")
    except OSError:
        return False
    return status[status.rindex(")") + 2] != "Z"
