# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's facts mean for the cluster: how its parts are set up, and what stands in the way."""

from __future__ import annotations

import typing as t

# Numbers of linux/capability.h.
CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_ADMIN": 21,
    "CAP_MKNOD": 27,
}
CAP_SYS_RESOURCE = 24
NEEDED_CONTROLLERS = ("cpu", "cpuset", "memory", "pids")

Facts = t.Mapping[str, t.Any]


def has_capability(facts: Facts, number: int) -> bool:
    return bool(facts["capabilities"] >> number & 1)


def is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def choose_resolver(facts: Facts) -> dict[str, t.Any]:
    """The resolv.conf that pods get: a resolver on the host's loopback is another machine's nothing inside a pod."""
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        servers = facts["resolvers"].get(path, [])
        if servers and not any(is_loopback(server) for server in servers):
            return {"resolv_conf": path, "forward_dns": True}
    return {"resolv_conf": "", "forward_dns": False}


def choose_snapshotter(facts: Facts) -> str:
    """The one that the cluster was made with: with another its images would be gone."""
    if facts["snapshotter"]:
        return facts["snapshotter"]
    overlay = "overlay" in facts["filesystems"] or "overlay" in facts["loadable_modules"]
    return "overlayfs" if overlay else "native"


def choose(facts: Facts) -> dict[str, t.Any]:
    """How the cluster's parts are set up on this host."""
    systemd = facts["init"] == "systemd"
    return {
        "supervisor": "systemd" if systemd else "supervisord",
        "cgroup_driver": "systemd" if systemd else "cgroupfs",
        "fail_cgroup_v1": facts["cgroup_version"] == 2,
        # Without the capability nobody may lower an oom_score_adj, and every sandbox would die trying.
        "restrict_oom_score_adj": not has_capability(facts, CAP_SYS_RESOURCE),
        "snapshotter": choose_snapshotter(facts),
        **choose_resolver(facts),
    }


def port_problems(facts: Facts, ports: t.Mapping[str, str]) -> list[str]:
    """Ports that somebody else listens on, each with what it is for and who has it."""
    found = []
    for listener in facts["listeners"]:
        purpose = ports.get(str(listener["port"]))
        if purpose is None or listener["ours"]:
            continue
        holder = "a process that this host does not show"
        if listener["pid"]:
            holder = f"{listener['program']} (pid {listener['pid']})"
        text = f"port {listener['port']} ({purpose}) is in use by {holder}: stop it, or give that cluster's kubeconfig"
        if text not in found:
            found.append(text)
    return found


def room_problems(facts: Facts, memory_mib: int, disk_mib: int) -> list[str]:
    """Too little memory or disk; a cluster that already runs has taken its share."""
    if facts["running"]:
        return []
    found = []
    if facts["memory_available_mib"] < memory_mib:
        found.append(
            f"{facts['memory_available_mib']} MiB of memory are available, {memory_mib} MiB are needed: "
            "stop something, or set local_cluster_memory_mib if you know that less is enough"
        )
    if facts["disk_free_mib"] < disk_mib:
        found.append(
            f"{facts['disk_free_mib']} MiB are free at {facts['state_dir']}, {disk_mib} MiB are needed: "
            "free some, or set local_cluster_disk_mib if you know that less is enough"
        )
    return found


def kernel_problems(facts: Facts) -> list[str]:
    """What the kernel, or the container this host may be, does not offer."""
    found = []
    missing = [name for name, number in CAPABILITIES.items() if not has_capability(facts, number)]
    if missing:
        found.append(f"root lacks {', '.join(missing)}: run on a host, or in a container that is given them")
    missing = [name for name in NEEDED_CONTROLLERS if name not in facts["cgroup_controllers"]]
    if missing:
        found.append(
            f"cgroup v{facts['cgroup_version']} lacks the controllers {', '.join(missing)}: "
            "enable them on the kernel's command line or mount them under /sys/fs/cgroup"
        )
    if not facts["kmsg"]:
        found.append("/dev/kmsg cannot be read, which the kubelet does: make the device with 'mknod /dev/kmsg c 1 11'")
    if not facts["sysctl_writable"]:
        found.append("/proc/sys is read-only: run on a host, or in a container with its own writable /proc/sys")
    if not facts["bridge_netfilter"] and "br_netfilter" not in facts["loadable_modules"]:
        found.append(
            "the kernel lacks br_netfilter, without which services do not answer pods of the same node, and modprobe "
            "does not find that module: install the modules of the running kernel, or use a kernel that has it"
        )
    for feature, error in facts["features"].items():
        if error:
            found.append(f"the kernel cannot do {feature} ({error}): load its module or use a kernel that has it")
    return found


def owner_problems(facts: Facts) -> list[str]:
    """Signs of another cluster on this host, which ours must not touch."""
    found = []
    if facts["foreign_state"]:
        found.append(
            f"{facts['state_dir']} holds {', '.join(facts['foreign_state'][:3])}, which is not the cluster's: "
            "give local_cluster_state_dir a folder of its own, or empty that one"
        )
    if facts["kubelet_root"] and not facts["owned"]:
        found.append(
            "/var/lib/kubelet belongs to another kubelet: give that cluster's kubeconfig (-e kubeconfig=FILE), "
            "or remove that kubelet and the folder"
        )
    for process in facts["foreign_kubelets"]:
        found.append(
            f"another kubelet runs on this host ({process['program']}, pid {process['pid']}): "
            "give that cluster's kubeconfig (-e kubeconfig=FILE), or stop it"
        )
    return found


def find_problems(facts: Facts, ports: t.Mapping[str, str], memory_mib: int, disk_mib: int) -> list[str]:
    """Everything that stands in the way of a cluster on this host, each with what to do."""
    found = [] if facts["uid"] == 0 else ["the cluster's parts need root: set become, or run as root"]
    if not facts["node_address"]:
        found.append("the host has no IPv4 address besides loopback: set local_cluster_node_address")
    for library in facts["missing_libraries"]:
        found.append(f"the Python library {library} is missing for {facts['python']}: install python3-{library}")
    for command in facts["missing_commands"]:
        found.append(f"the command {command} is missing: install iproute2, iptables and util-linux")
    return [
        *found,
        *owner_problems(facts),
        *port_problems(facts, ports),
        *room_problems(facts, memory_mib, disk_mib),
        *kernel_problems(facts),
    ]
