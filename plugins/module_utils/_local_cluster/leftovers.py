# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster's programs leave in folders that others, installed later, may use as well."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import typing as t
from pathlib import Path

POD_LOGS = "/var/log/pods"
# A namespace, a pod and its UID; for a static pod the UID is a hash.
POD_LOG = re.compile(r"[^_]+_[^_]+_[0-9a-f-]{32,36}")


def bound_sockets(listing: str) -> set[str]:
    """The names of all sockets that some process still has, from /proc/net/unix."""
    return {line.split()[-1].rpartition("/")[2] for line in listing.splitlines()[1:] if "/" in line}


def mentions(path: Path, text: str) -> bool:
    try:
        return text in path.read_text(errors="replace")
    except OSError:
        return False


def entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def pod_logs(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if path.is_dir() and POD_LOG.fullmatch(path.name)]


def container_logs(folder: Path) -> list[Path]:
    """Links into the logs of pods."""
    return [path for path in entries(folder) if path.is_symlink() and str(path.readlink()).startswith(f"{POD_LOGS}/")]


def network_records(folder: Path, network: str, runtime_dir: str) -> list[Path]:
    """Addresses of the cluster's network, and what was kept of calls for network namespaces of the cluster."""
    leases = folder / "networks" / network
    results = [
        path
        for path in entries(folder / "results")
        if path.name.startswith(f"{network}-") or mentions(path, f"{runtime_dir}/")
    ]
    return [*([leases] if leases.is_dir() else []), *results]


def dead_sockets(folder: Path) -> list[Path]:
    """Sockets of shims that are gone; the name of one does not say whose it was, but nobody can use it."""
    alive = bound_sockets(Path("/proc/net/unix").read_text())
    return [path for path in entries(folder / "s") if path.is_socket() and path.name not in alive]


def server_certificates(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if path.name in ("apiserver.crt", "apiserver.key")]


def find_leftovers(folder: str, network: str, runtime_dir: str) -> list[Path]:
    """What of a shared folder is the cluster's."""
    finders: dict[str, t.Callable[[Path], list[Path]]] = {
        POD_LOGS: pod_logs,
        "/var/log/containers": container_logs,
        "/var/lib/cni": lambda path: network_records(path, network, runtime_dir),
        "/run/containerd": dead_sockets,
        "/run/kubernetes": server_certificates,
    }
    return finders[folder](Path(folder)) if folder in finders else []


def has_files(folder: Path) -> bool:
    """Whether there is anything but folders in it."""
    return any(files or any(Path(top, name).is_symlink() for name in names) for top, names, files in os.walk(folder))


def remove_leftovers(folder: str, leftovers: list[Path]) -> bool:
    """Remove what is the cluster's, then the folder where nothing of others is in it; whether it is gone."""
    for path in leftovers:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            if str(path.parent) != folder:
                path.parent.rmdir()
    if has_files(Path(folder)):
        return False
    # Only empty folders are left; one that somebody fills meanwhile stays.
    for top, _names, _files in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            Path(top).rmdir()
    return not Path(folder).exists()
