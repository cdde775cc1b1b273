# SPDX-License-Identifier: GPL-3.0-or-later
"""What the DRA driver's node agent costs: claims of a real API server, one at a time, a client that plays the kubelet.

Milliseconds of whole calls as the client sees them, with fsync, 8 devices, CDI files on a tmpfs; `again` is the same
claim once more. `crowded` is the same with 120 other claims prepared. Memory and CPU time are of the agent's process,
the latter for all three calls together; what it writes into a claim's status 0.1 s later is not in it, as these claims
are gone by then. `fsync` is what the disk alone takes for a small file: each prepare and each unprepare has one of a
file and one of a folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from figures import summary

REPO = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(REPO / "tests" / "support"), str(REPO / "tests" / "unit" / "shared")]
sys.path.insert(0, str(REPO / "roles" / "dra_driver" / "files"))

import apiserver as servers  # noqa: E402
import dra  # noqa: E402
import dra_node  # noqa: E402
from dra_agent import DRIVER, NODE  # noqa: E402

CLAIMS = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims"
DEVICES = 8
CROWD = 120
IDLE_S = 30.0

Json = dict[str, t.Any]


def measure(quick: bool) -> Json:
    rounds, crowd, idle = (10, 4, 2.0) if quick else (500, CROWD, IDLE_S)
    with tempfile.TemporaryDirectory(prefix="mirage-bench-") as name:
        programs = dra.get_programs(Path(name))
        with servers.running(programs) as server, tempfile.TemporaryDirectory(prefix="dra-") as folder:
            node = dra_node.Node(Path(folder), pfs=DEVICES + CROWD, vfs=0)
            # As on a node, where /var/run is a tmpfs.
            node.cdi_dir = Path(tempfile.mkdtemp(prefix="dra-", dir="/dev/shm"))
            try:
                (node.folder / "kubeconfig").write_text(server.kubeconfig().read_text())
                return measure_node(node, server, rounds, crowd, idle)
            finally:
                node.close()
                shutil.rmtree(node.cdi_dir)


def measure_node(node: dra_node.Node, server: servers.ApiServer, rounds: int, crowd: int, idle: float) -> Json:
    dra.say(f"{rounds} claims")
    started = time.monotonic()
    process = node.start("--verbosity=0")
    answer: Json = {"start_seconds": round(time.monotonic() - started, 3)}
    with node.kubelet() as kubelet:
        call_all(kubelet, make(server, "warm", 20))
        claims = make(server, "one", rounds)
        before = cpu_seconds(process.pid)
        answer |= call_all(kubelet, claims)
        answer["cpu_ms_per_claim"] = round(1000 * (cpu_seconds(process.pid) - before) / rounds, 3)
        dra.say(f"{crowd} claims are prepared")
        others = [make_claim(server, f"crowd-{n}", f"mock{DEVICES + n}") for n in range(crowd)]
        for other in others:
            expect(kubelet.prepare(other))
        answer["crowded"] = call_all(kubelet, make(server, "many", rounds // 2))
        wait_until_idle(process.pid)
        before = cpu_seconds(process.pid)
        time.sleep(idle)
        answer["idle_cpu_percent"] = round(100 * (cpu_seconds(process.pid) - before) / idle, 3)
    answer["rss_mb"] = round(resident(process.pid), 1)
    answer["fsync_ms"] = disk(node.plugin_dir, rounds)
    node.stop()
    return answer


def make(server: servers.ApiServer, name: str, count: int) -> list[Json]:
    return [make_claim(server, f"{name}-{n}", f"mock{n % DEVICES}") for n in range(count)]


def make_claim(server: servers.ApiServer, name: str, device: str) -> Json:
    """Allocated, as by the scheduler."""
    requests = [{"name": "accel", "exactly": {"deviceClassName": "mock-accel-pf"}}]
    head = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name}}
    made = server.request("POST", CLAIMS, {**head, "spec": {"devices": {"requests": requests}}})
    result = {"request": "accel", "driver": DRIVER, "pool": NODE, "device": device}
    made["status"] = {"allocation": {"devices": {"results": [result]}}}
    return server.request("PUT", f"{CLAIMS}/{name}/status", made)


def call_all(kubelet: dra_node.Kubelet, claims: list[Json]) -> Json:
    times: dict[str, list[float]] = {"prepare_ms": [], "again_ms": [], "unprepare_ms": []}
    for claim in claims:
        for kind, call in zip(times, (kubelet.prepare, kubelet.prepare, kubelet.unprepare), strict=True):
            started = time.perf_counter()
            answers = call(claim)
            times[kind].append(1000 * (time.perf_counter() - started))
            expect(answers)
    return {kind: summary(taken) for kind, taken in times.items()}


def expect(answers: t.Mapping[str, t.Any]) -> None:
    for answer in answers.values():
        if answer.error:
            sys.exit(f"bench: {answer.error}")


def disk(folder: Path, rounds: int) -> dict[str, float]:
    times = []
    path = folder / "fsync"
    for _ in range(rounds):
        started = time.perf_counter()
        with path.open("w") as file:
            file.write("x" * 1000)
            file.flush()
            os.fsync(file.fileno())
        times.append(1000 * (time.perf_counter() - started))
    path.unlink()
    return summary(times)


def wait_until_idle(pid: int) -> None:
    """Until what is done in the background is done."""
    before = -1.0
    while (now := cpu_seconds(pid)) - before > 0.005:
        before = now
        time.sleep(1)


def cpu_seconds(pid: int) -> float:
    """Of all threads that still live, finer than the ticks of /proc/PID/stat."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
