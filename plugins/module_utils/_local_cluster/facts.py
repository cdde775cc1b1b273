# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a host that the cluster's choices and its preflight need; nothing is judged or changed here."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._local_cluster import kernel
from ansible_collections.mirage.accel.plugins.module_utils._local_cluster.processes import (
    own_processes,
    read_link,
    read_listeners,
    read_processes,
    supervisor_files,
)

HOST_RECORD = "host.json"
COMMANDS = ("ip", "iptables", "mount", "setpriv", "unshare")
# Each is tried in a network namespace of its own, which takes what was made with it when the command ends.
FEATURE_PROBES = {
    "veth pairs": ["ip", "link", "add", "mirage-a", "type", "veth", "peer", "name", "mirage-b"],
    "bridges": ["ip", "link", "add", "mirage-br", "type", "bridge"],
    "iptables nat": ["iptables", "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE"],
    "iptables conntrack": ["iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP"],
}


def read_text(path: Path) -> str:
    """The text of a file, empty where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def read_cgroups(root: Path) -> tuple[int, list[str]]:
    """The cgroup version that is in charge, and its controllers."""
    unified = root / "sys/fs/cgroup/cgroup.controllers"
    if unified.exists():
        return 2, sorted(read_text(unified).split())
    mounted = set()
    for line in read_text(root / "proc/self/mountinfo").splitlines():
        fields, _dash, rest = line.partition(" - ")
        if rest.startswith("cgroup "):
            mounted.update(rest.split()[2].split(","))
    named = [line.split()[0] for line in read_text(root / "proc/cgroups").splitlines() if not line.startswith("#")]
    return 1, sorted(name for name in named if name in mounted)


def read_memory(root: Path) -> int:
    """Memory that is available, in MiB."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB", read_text(root / "proc/meminfo"), re.MULTILINE)
    return int(match.group(1)) // 1024 if match else 0


def read_capabilities(root: Path) -> int:
    """The effective capabilities of this process, as a bit set."""
    match = re.search(r"^CapEff:\s+([0-9a-f]+)", read_text(root / "proc/self/status"), re.MULTILINE)
    return int(match.group(1), 16) if match else 0


def read_resolvers(root: Path) -> dict[str, list[str]]:
    """Name servers of each resolv.conf that there is."""
    found = {}
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        text = read_text(root / path.lstrip("/"))
        found[path] = re.findall(r"^\s*nameserver\s+(\S+)", text, re.MULTILINE)
    return found


def disk_free(path: Path) -> int:
    """MiB free where a path is, or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free >> 20


def probe_features() -> dict[str, str]:
    """The error of each feature that does not work; empty where it works, or where its tool is not installed yet."""
    found = {}
    for feature, command in FEATURE_PROBES.items():
        found[feature] = ""
        if shutil.which(command[0]) and shutil.which("unshare"):
            done = subprocess.run(["unshare", "--net", *command], capture_output=True, text=True, check=False)
            if done.returncode:
                found[feature] = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return found


def can_write_sysctl(root: Path) -> bool:
    """Whether /proc/sys takes a write; the value that is there is written back."""
    path = root / "proc/sys/net/ipv4/ip_forward"
    try:
        path.write_text(path.read_text())
    except OSError:
        return False
    return True


def list_names(folder: Path) -> list[str]:
    """What is in a folder, nothing where there is none."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def read_snapshotter(state_dir: str) -> str:
    """The snapshotter that the cluster was made with; empty where there is no cluster."""
    try:
        return str(json.loads(read_text(Path(state_dir) / HOST_RECORD)).get("snapshotter", ""))
    except (ValueError, AttributeError):
        return ""


def list_foreign(state_dir: str) -> list[str]:
    """What is in the state folder although no record says that it is the cluster's."""
    names = list_names(Path(state_dir))
    return [] if HOST_RECORD in names else [name for name in names if not name.startswith(f".{HOST_RECORD}.")]


def read_running(state_dir: str) -> dict[str, t.Any]:
    """Listeners, kubelets that are not the cluster's, and what of the cluster runs."""
    processes = read_processes()
    own = own_processes(processes, state_dir)
    ours = {process.pid for process in own}
    keeper, configuration = supervisor_files(state_dir)
    network = read_link(Path("/proc/self/ns/net"))
    listeners = [
        {
            "port": port,
            "pid": process.pid if process else 0,
            "program": process.program if process else "",
            "ours": bool(process and process.pid in ours),
        }
        for port, process in read_listeners(processes)
    ]
    foreign = [
        {"pid": process.pid, "program": process.executable}
        for process in processes
        if process.program == "kubelet" and process.pid not in ours and process.network == network
    ]
    return {
        "listeners": sorted(listeners, key=lambda listener: (listener["port"], listener["pid"])),
        "foreign_kubelets": foreign,
        "running": any(process.program in ("kube-apiserver", "kubelet") for process in own),
        "keeper": any(keeper in process.arguments for process in own),
        "supervisord": any(configuration in process.arguments for process in own),
    }


def gather(
    state_dir: str, node_address: str, root: Path = Path("/"), libraries: t.Sequence[str] = ("cryptography",)
) -> dict[str, t.Any]:
    """All facts as plain data."""
    cgroup_version, controllers = read_cgroups(root)
    return {
        "uid": os.geteuid(),
        "python": str(Path(sys.executable).resolve()),
        "init": "systemd" if kernel.runs_systemd(root) else "other",
        "cgroup_version": cgroup_version,
        "cgroup_controllers": controllers,
        "capabilities": read_capabilities(root),
        "memory_available_mib": read_memory(root),
        "state_dir": state_dir,
        "disk_free_mib": disk_free(Path(state_dir)),
        "filesystems": [line.split()[-1] for line in read_text(root / "proc/filesystems").splitlines() if line],
        "bridge_netfilter": kernel.is_there("br_netfilter", root),
        "loadable_modules": kernel.loadable_modules(root),
        "snapshotter": read_snapshotter(state_dir),
        "resolvers": read_resolvers(root),
        "kmsg": os.access(root / "dev/kmsg", os.R_OK),
        "sysctl_writable": can_write_sysctl(root),
        "features": probe_features(),
        "kubelet_root": bool(list_names(root / "var/lib/kubelet")),
        "foreign_state": list_foreign(state_dir),
        "owned": (Path(state_dir) / HOST_RECORD).exists(),
        "programs": list_names(Path(state_dir) / "programs"),
        "missing_libraries": [name for name in libraries if importlib.util.find_spec(name) is None],
        "missing_commands": [name for name in COMMANDS if shutil.which(name) is None],
        "node_address": node_address,
        **read_running(state_dir),
    }
