# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts read from folders that look like /proc and /sys of several hosts, and from this host."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._local_cluster import facts

CGROUPS_V1 = """\
30 27 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 30 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
33 30 0:28 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
"""
PROC_CGROUPS = (
    "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\ncpuacct\t1\t1\t1\nmemory\t2\t9\t1\nhugetlb\t0\t1\t1\n"
)


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_cgroup_v1_counts_only_mounted_controllers(tmp_path: Path) -> None:
    root = put(tmp_path, {"proc/self/mountinfo": CGROUPS_V1, "proc/cgroups": PROC_CGROUPS})
    assert facts.read_cgroups(root) == (1, ["cpu", "cpuacct", "memory"])


def test_cgroup_v2(tmp_path: Path) -> None:
    root = put(tmp_path, {"sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n"})
    assert facts.read_cgroups(root) == (2, ["cpu", "cpuset", "io", "memory", "pids"])


def test_memory_capabilities_and_resolvers(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        {
            "proc/meminfo": "MemTotal: 4096000 kB\nMemAvailable:    2048000 kB\n",
            "proc/self/status": "Name:\tx\nCapEff:\t000001fffeffffff\n",
            "etc/resolv.conf": "# comment\nnameserver 127.0.0.53\noptions edns0\n",
            "run/systemd/resolve/resolv.conf": "nameserver 192.0.2.1\nnameserver 2001:db8::1\n",
        },
    )
    assert facts.read_memory(root) == 2000
    assert facts.read_capabilities(root) == 0x1FFFEFFFFFF
    assert facts.read_resolvers(root) == {
        "/etc/resolv.conf": ["127.0.0.53"],
        "/run/systemd/resolve/resolv.conf": ["192.0.2.1", "2001:db8::1"],
    }


@pytest.mark.parametrize(
    ("files", "init"),
    [
        pytest.param({"proc/1/comm": "systemd\n", "run/systemd/system/x": ""}, "systemd", id="systemd"),
        pytest.param({"proc/1/comm": "systemd\n"}, "other", id="named systemd, without its folder"),
        pytest.param({"proc/1/comm": "sh\n", "run/systemd/system/x": ""}, "other", id="container with the host's /run"),
    ],
)
def test_systemd_is_known_by_process_and_folder(tmp_path: Path, files: dict[str, str], init: str) -> None:
    gathered = facts.gather(str(tmp_path / "state"), "192.0.2.2", put(tmp_path, files))
    assert gathered["init"] == init


def test_what_the_cluster_left_is_seen(tmp_path: Path) -> None:
    put(tmp_path, {"var/lib/kubelet/config": "", "state/host.json": "{}", "state/programs/etcd-v1-abc/etcd": ""})
    gathered = facts.gather(str(tmp_path / "state"), "192.0.2.2", tmp_path)
    assert gathered["kubelet_root"] is True
    assert gathered["owned"] is True
    assert gathered["programs"] == ["etcd-v1-abc"]
    assert (gathered["snapshotter"], gathered["foreign_state"]) == ("", [])
    assert gathered["keeper"] is gathered["supervisord"] is gathered["running"] is False


def test_a_listening_port_is_found_with_its_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [item for item in facts.read_running(str(tmp_path))["listeners"] if item["port"] == port]
    assert [(item["pid"], item["ours"]) for item in found] == [(os.getpid(), False)]


def test_a_feature_that_fails_is_named_with_the_kernels_words(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = {
        "good": ["true"],
        "bad": ["sh", "-c", "echo first >&2; echo 'not supported' >&2; false"],
        "later": ["nope"],
    }
    monkeypatch.setattr(facts, "FEATURE_PROBES", probes)
    # A tool that is not installed yet says nothing about the kernel.
    assert facts.probe_features() == {"good": "", "bad": "not supported", "later": ""}


def test_the_snapshotter_of_a_cluster_is_read_from_its_record(tmp_path: Path) -> None:
    put(tmp_path, {"host.json": '{"snapshotter": "native"}'})
    assert facts.read_snapshotter(str(tmp_path)) == "native"


def test_a_state_folder_without_the_record_is_not_the_clusters(tmp_path: Path) -> None:
    put(tmp_path, {"data": "", ".host.json.x1": "{"})
    assert facts.list_foreign(str(tmp_path)) == ["data"]
    put(tmp_path, {"host.json": "{}"})
    assert facts.list_foreign(str(tmp_path)) == []
