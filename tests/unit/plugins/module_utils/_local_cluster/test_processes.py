# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is the cluster's, who descends from whom, and how processes end, with real ones where that is what counts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._local_cluster import processes
from ansible_collections.mirage.accel.plugins.module_utils._local_cluster.processes import Process

STATE = "/var/lib/mirage-accel/cluster"
KUBECONFIG = f"{STATE}/admin.kubeconfig"


@pytest.mark.parametrize(
    ("executable", "arguments", "ours"),
    [
        pytest.param(f"{STATE}/programs/etcd-v1-a/etcd", ("etcd",), True, id="component"),
        pytest.param(f"{STATE}/programs/containerd-v2-b/containerd-shim-runc-v2", ("shim",), True, id="shim"),
        pytest.param("/usr/bin/dash", ("/bin/sh", f"{STATE}/supervisor/keeper", STATE), True, id="keeper"),
        pytest.param(
            "/usr/bin/python3.11",
            ("python3", "-m", "supervisor.supervisord", "--configuration", f"{STATE}/supervisor/supervisord.conf"),
            True,
            id="supervisord",
        ),
        pytest.param("/usr/bin/python3.11", ("python3", "watch.py", KUBECONFIG), False, id="a person's script"),
        pytest.param("/usr/bin/tail", ("tail", "-f", f"{STATE}/log/etcd.log"), False, id="a person reading a log"),
        pytest.param("/usr/bin/etcd", ("etcd",), False, id="another etcd"),
        pytest.param(f"{STATE}-old/programs/etcd", ("etcd",), False, id="a neighbour's folder"),
    ],
)
def test_ours(executable: str, arguments: tuple[str, ...], ours: bool) -> None:
    process = Process(pid=5, parent=1, program="x", arguments=arguments, executable=executable)
    assert processes.is_ours(process, STATE) is ours


def test_descendants() -> None:
    table = [(10, 1), (11, 10), (12, 11), (20, 1), (21, 20)]
    everything = [Process(pid, parent, "x", (), "") for pid, parent in table]
    assert processes.with_descendants(everything, [10]) == {10, 11, 12}
    assert processes.with_descendants(everything, []) == set()


def test_listeners_of_a_recorded_table() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:0948 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0\n"
        "   1: 0100007F:192B 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0\n"
    )
    assert processes.parse_listeners(table) == {"4711": 2376}


def test_a_process_with_a_strange_name_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "42"
    folder.mkdir()
    (folder / "stat").write_text("42 (a) b (c) S 7 42 42 0 -1 0\n")
    (folder / "cmdline").write_bytes(b"prog\0--flag\0")
    (folder / "exe").symlink_to("/opt/prog (deleted)")
    assert processes.read_processes(tmp_path) == [
        Process(pid=42, parent=7, program="a) b (c", arguments=("prog", "--flag"), executable="/opt/prog")
    ]


def test_a_process_that_ignores_the_request_is_made_to_end() -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        started = time.monotonic()
        assert processes.end_processes([child.pid], patience=0.3) == []
        assert time.monotonic() - started > 0.3
        assert child.wait(5) == -9


def test_a_process_that_obeys_is_not_killed() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        assert processes.end_processes([child.pid], patience=10) == []
        assert child.wait(5) == -15
