# SPDX-License-Identifier: GPL-3.0-or-later
"""What is chosen for, and what is said about, hosts whose facts were recorded."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._local_cluster.choices import choose, find_problems

ALL_CAPABILITIES = 0x1FFFFFFFFFF
WITHOUT_SYS_RESOURCE = 0x1FFFEFFFFFF
# Docker's default set: no NET_ADMIN, no SYS_ADMIN.
CONTAINER = 0xA80425FB
PORTS = {"6443": "kube-apiserver", "10250": "kubelet"}

# The machine this was first made on: a small virtual machine, control groups v1, another init than systemd.
VIRTUAL_MACHINE: dict[str, t.Any] = {
    "uid": 0,
    "init": "other",
    "cgroup_version": 1,
    "cgroup_controllers": ["blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"],
    "capabilities": WITHOUT_SYS_RESOURCE,
    "memory_available_mib": 22777,
    "state_dir": "/var/lib/mirage-accel/cluster",
    "disk_free_mib": 64981,
    "filesystems": ["tmpfs", "ext4", "overlay"],
    "bridge_netfilter": True,
    "loadable_modules": [],
    "snapshotter": "",
    "foreign_state": [],
    "resolvers": {"/etc/resolv.conf": ["10.255.255.53"], "/run/systemd/resolve/resolv.conf": []},
    "kmsg": True,
    "sysctl_writable": True,
    "features": {"veth pairs": "", "bridges": "", "iptables nat": "", "iptables conntrack": ""},
    "python": "/usr/bin/python3",
    "missing_libraries": [],
    "missing_commands": [],
    "kubelet_root": False,
    "owned": False,
    "listeners": [{"port": 22, "pid": 400, "program": "sshd", "ours": False}],
    "foreign_kubelets": [],
    "running": False,
    "node_address": "192.0.2.2",
}
# A server as distributions set it up today.
SERVER = {
    **VIRTUAL_MACHINE,
    "init": "systemd",
    "cgroup_version": 2,
    "cgroup_controllers": ["cpu", "cpuset", "hugetlb", "io", "memory", "pids", "rdma"],
    "capabilities": ALL_CAPABILITIES,
    "resolvers": {"/etc/resolv.conf": ["127.0.0.53"], "/run/systemd/resolve/resolv.conf": ["192.0.2.53"]},
}


@pytest.mark.parametrize(
    ("facts", "chosen"),
    [
        pytest.param(
            VIRTUAL_MACHINE,
            {
                "supervisor": "supervisord",
                "cgroup_driver": "cgroupfs",
                "fail_cgroup_v1": False,
                "restrict_oom_score_adj": True,
                "snapshotter": "overlayfs",
                "resolv_conf": "/etc/resolv.conf",
                "forward_dns": True,
            },
            id="virtual machine without systemd, cgroup v2, CAP_SYS_RESOURCE",
        ),
        pytest.param(
            SERVER,
            {
                "supervisor": "systemd",
                "cgroup_driver": "systemd",
                "fail_cgroup_v1": True,
                "restrict_oom_score_adj": False,
                "snapshotter": "overlayfs",
                "resolv_conf": "/run/systemd/resolve/resolv.conf",
                "forward_dns": True,
            },
            id="server with all of them",
        ),
        pytest.param(
            {**SERVER, "cgroup_version": 1}, {"fail_cgroup_v1": False, "cgroup_driver": "systemd"}, id="older server"
        ),
        pytest.param(
            {**VIRTUAL_MACHINE, "cgroup_version": 2},
            {"fail_cgroup_v1": True, "cgroup_driver": "cgroupfs"},
            id="cgroup v2 without systemd",
        ),
        pytest.param({**SERVER, "filesystems": ["ext4"]}, {"snapshotter": "native"}, id="no overlayfs"),
        pytest.param(
            {**SERVER, "filesystems": ["ext4"], "loadable_modules": ["overlay"]},
            {"snapshotter": "overlayfs"},
            id="overlayfs not loaded yet",
        ),
        pytest.param(
            {**SERVER, "snapshotter": "native"}, {"snapshotter": "native"}, id="cluster made without overlayfs"
        ),
        pytest.param(
            {**SERVER, "resolvers": {"/etc/resolv.conf": ["127.0.0.1", "::1"]}},
            {"resolv_conf": "", "forward_dns": False},
            id="resolver on loopback only",
        ),
        pytest.param(
            {**SERVER, "resolvers": {"/etc/resolv.conf": []}},
            {"resolv_conf": "", "forward_dns": False},
            id="no resolver",
        ),
    ],
)
def test_choices(facts: dict[str, t.Any], chosen: dict[str, t.Any]) -> None:
    assert choose(facts).items() >= chosen.items()


def problems(facts: dict[str, t.Any]) -> list[str]:
    return find_problems(facts, PORTS, memory_mib=1536, disk_mib=4096)


@pytest.mark.parametrize("facts", [VIRTUAL_MACHINE, SERVER], ids=["virtual machine", "server"])
def test_a_good_host_has_no_problem(facts: dict[str, t.Any]) -> None:
    assert problems(facts) == []


def listener(port: int, **more: t.Any) -> dict[str, t.Any]:
    return {"port": port, "pid": 77, "program": "nginx", "ours": False, **more}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"uid": 1000}, ["need root"], id="not root"),
        pytest.param({"node_address": ""}, ["no IPv4 address", "local_cluster_node_address"], id="no address"),
        pytest.param(
            {"missing_libraries": ["cryptography"]},
            ["library cryptography is missing for /usr/bin/python3", "install python3-cryptography"],
            id="no cryptography",
        ),
        pytest.param({"missing_commands": ["iptables"]}, ["command iptables is missing", "install"], id="no iptables"),
        pytest.param(
            {"listeners": [listener(6443)]},
            ["port 6443 (kube-apiserver) is in use by nginx (pid 77)", "kubeconfig"],
            id="port in use",
        ),
        pytest.param(
            {"listeners": [listener(10250, pid=0, program="")]},
            ["port 10250 (kubelet) is in use by a process that this host does not show"],
            id="port of another namespace",
        ),
        pytest.param(
            {"memory_available_mib": 900}, ["900 MiB of memory", "1536 MiB", "local_cluster_memory_mib"], id="memory"
        ),
        pytest.param(
            {"disk_free_mib": 100},
            ["100 MiB are free at /var/lib/mirage-accel/cluster", "4096 MiB", "local_cluster_disk_mib"],
            id="disk",
        ),
        pytest.param({"capabilities": CONTAINER}, ["CAP_NET_ADMIN, CAP_SYS_ADMIN"], id="capabilities of a container"),
        pytest.param({"cgroup_controllers": ["cpu", "pids"]}, ["lacks the controllers cpuset, memory"], id="cgroups"),
        pytest.param({"bridge_netfilter": False}, ["lacks br_netfilter", "install the modules"], id="br_netfilter"),
        pytest.param(
            {"foreign_state": ["data", "www"]},
            ["/var/lib/mirage-accel/cluster holds data, www", "local_cluster_state_dir"],
            id="state folder of others",
        ),
        pytest.param({"kmsg": False}, ["/dev/kmsg", "mknod"], id="kmsg"),
        pytest.param({"sysctl_writable": False}, ["/proc/sys is read-only"], id="read-only sysctls"),
        pytest.param(
            {"features": {"bridges": "Operation not supported"}},
            ["cannot do bridges (Operation not supported)"],
            id="kernel without bridges",
        ),
        pytest.param(
            {"kubelet_root": True}, ["/var/lib/kubelet belongs to another kubelet"], id="foreign kubelet root"
        ),
        pytest.param(
            {"foreign_kubelets": [{"program": "/usr/bin/kubelet", "pid": 9}]},
            ["another kubelet runs on this host (/usr/bin/kubelet, pid 9)"],
            id="foreign kubelet",
        ),
    ],
)
def test_each_problem_is_named_once_with_what_to_do(change: dict[str, t.Any], words: list[str]) -> None:
    found = problems({**VIRTUAL_MACHINE, **change})
    assert len(found) == 1
    for word in words:
        assert word in found[0]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"listeners": [listener(6443, ours=True)]}, id="own port"),
        pytest.param({"bridge_netfilter": False, "loadable_modules": ["br_netfilter"]}, id="module that can be loaded"),
        pytest.param({"listeners": [listener(8080)]}, id="port of no interest"),
        pytest.param({"kubelet_root": True, "owned": True}, id="own kubelet root"),
        pytest.param({"running": True, "memory_available_mib": 10, "disk_free_mib": 10}, id="own memory and disk"),
    ],
)
def test_what_the_cluster_itself_does_is_no_problem(change: dict[str, t.Any]) -> None:
    assert problems({**VIRTUAL_MACHINE, **change}) == []


def test_all_problems_are_named_at_once() -> None:
    facts = {**VIRTUAL_MACHINE, "listeners": [listener(6443), listener(6443), listener(10250)], "kmsg": False}
    assert len(problems({**facts, "memory_available_mib": 1})) == 4
