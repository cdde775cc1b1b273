# SPDX-License-Identifier: GPL-3.0-or-later
"""What resource_slice_info and resource_slice_verify cost, as whole processes against a real API server.

KWOK keeps the nodes; slices are as NVIDIA's DRA driver publishes them. Seconds are of the clock, CPU seconds of the
module's process alone, each with min, median and p99. The start of a module is its run for a driver that has published
nothing. What devices cost is the median of what the run beside it took more, so that the ratio of many nodes over few
tells whether a device costs the same among many.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path

from figures import run, summary

REPO = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPO / "tests" / "support"))

import apiserver as servers  # noqa: E402

DRIVER = "gpu.nvidia.com"
KWOK = "v0.8.0"
DEVICES = 8
# Nodes, and how often each module runs then: a small difference wants many runs.
SIZES = {100: 31, 1000: 11, 5000: 7}
QUICK_SIZES = {2: 2, 4: 2}
MODULES = ("resource_slice_info", "resource_slice_verify")
# Of the clock, and of the module's process alone.
KINDS = ("seconds", "cpu_seconds")
EMPTY = """\
from ansible.module_utils.basic import AnsibleModule

if __name__ == "__main__":
    AnsibleModule(argument_spec={}, supports_check_mode=True).exit_json(changed=False)
"""

Json = dict[str, t.Any]
Figures = list[dict[str, float]]


def measure(quick: bool) -> Json:
    sizes = QUICK_SIZES if quick else SIZES
    with tempfile.TemporaryDirectory(prefix="mirage-bench-") as name:
        folder = Path(name)
        programs = get_programs(folder)
        with servers.running(programs) as server, kwok(server, programs["kwok"]) as keeper:
            cluster = Cluster(server, keeper)
            taken: dict[int, dict[str, Figures]] = {}
            for nodes, rounds in sizes.items():
                say(f"{nodes} nodes")
                cluster.grow(nodes)
                taken[nodes] = run_modules(folder, server, nodes, rounds)
    return report(taken)


def say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


def get_programs(folder: Path) -> dict[str, str]:
    """Folders of the programs by name, from the cache, else a release, else built."""
    say("getting etcd, kube-apiserver and KWOK")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mirage.accel"
    variables = {
        "top": str(REPO),
        "role_path": str(REPO / "roles" / "local_cluster"),
        "programs_cache": str(cache),
        "programs_file": str(folder / "programs.json"),
        "kwok_version": KWOK,
        "kwok_file": str(folder / "kwok"),
    }
    bin_dir = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{bin_dir}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(REPO / "ansible.cfg")}
    playbook = REPO / "tests" / "bench" / "programs.yml"
    run(bin_dir / "ansible-playbook", playbook, "-e", json.dumps(variables), env=env)
    return {**json.loads((folder / "programs.json").read_text()), "kwok": (folder / "kwok").read_text()}


@contextlib.contextmanager
def kwok(server: servers.ApiServer, program: str) -> Iterator[subprocess.Popen[bytes]]:
    """KWOK for all nodes, in a session of its own, as long as the block lasts."""
    (port,) = servers.free_ports(1)
    command = [
        f"{program}/kwok",
        f"--kubeconfig={server.kubeconfig()}",
        f"--config={Path(__file__).with_name('nodes.yaml')}",
        "--manage-all-nodes",
        f"--server-address=127.0.0.1:{port}",
        # Renewed after a quarter of it: heartbeats of thousands of nodes must not be what is measured.
        "--node-lease-duration-seconds=2400",
    ]
    with (server.folder / "kwok.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Cluster:
    """Nodes with published devices; written over one connection, for there are thousands."""

    def __init__(self, server: servers.ApiServer, keeper: subprocess.Popen[bytes]) -> None:
        self._server = server
        self._keeper = keeper
        self._nodes = 0

    def grow(self, nodes: int) -> None:
        """More nodes, until there are so many, all of them Ready and with their slices."""
        address = urllib.parse.urlsplit(self._server.url).netloc
        context = ssl.create_default_context(cafile=str(self._server.ca_cert))
        with contextlib.closing(http.client.HTTPSConnection(address, timeout=30, context=context)) as connection:
            for number in range(self._nodes, nodes):
                node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"worker-{number}"}}
                made = self._post(connection, "/api/v1/nodes", node)["metadata"]
                one = resource_slice(made["name"], made["uid"])
                self._post(connection, "/apis/resource.k8s.io/v1/resourceslices", one)
        self._nodes = nodes
        self._wait_ready(120 + nodes / 10)

    def _post(self, connection: http.client.HTTPSConnection, path: str, body: Json) -> Json:
        headers = {"Authorization": f"Bearer {self._server.tokens['admin']}", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        with connection.getresponse() as response:
            answer = response.read()
        if response.status != 201:
            sys.exit(f"bench: Error while writing to {path}: {response.status} {answer.decode()}")
        return json.loads(answer)

    def _wait_ready(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (ready := self._ready()) < self._nodes:
            if self._keeper.poll() is not None or time.monotonic() > deadline:
                log = (self._server.folder / "kwok.log").read_text(errors="replace")[-2000:]
                sys.exit(f"bench: {ready} of {self._nodes} nodes are Ready after {seconds:g} s; KWOK: {log}")
            time.sleep(1)

    def _ready(self) -> int:
        ready, after = 0, ""
        while True:
            page = self._server.request("GET", f"/api/v1/nodes?limit=500&continue={after}")
            for node in page["items"]:
                conditions = node.get("status", {}).get("conditions", [])
                ready += any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
            after = urllib.parse.quote(page["metadata"].get("continue", ""))
            if not after:
                return ready


def resource_slice(node: str, uid: str) -> Json:
    owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid, "controller": True}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"generateName": f"00000-{DRIVER}-{node}-", "ownerReferences": [owner]},
        "spec": {
            "driver": DRIVER,
            "nodeName": node,
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
            "devices": [device(node, number) for number in range(DEVICES)],
        },
    }


def device(node: str, number: int) -> Json:
    """An A100 as tests/unit/fixtures/dra has it recorded."""
    return {
        "name": f"gpu-{number}",
        "attributes": {
            "architecture": {"string": "Ampere"},
            "brand": {"string": "Nvidia"},
            "cudaComputeCapability": {"version": "8.0.0"},
            "cudaDriverVersion": {"version": "12.4.0"},
            "driverVersion": {"version": "550.163.1"},
            "productName": {"string": "NVIDIA A100-SXM4-40GB"},
            "resource.kubernetes.io/pciBusID": {"string": f"0000:{8 * number + 7:02x}:00.0"},
            "resource.kubernetes.io/pcieRoot": {"string": f"pci0000:{number // 2:02x}"},
            "type": {"string": "gpu"},
            "uuid": {"string": f"GPU-{uuid.uuid5(uuid.NAMESPACE_DNS, f'{number}.{node}')}"},
        },
        "capacity": {"memory": {"value": "40Gi"}},
    }


def arguments(module: str, kubeconfig: str, nodes: int) -> Json:
    """What each module is asked: all devices of the driver, or whether each node has its own; of no nodes, nothing."""
    common = {"kubeconfig": kubeconfig, "driver": DRIVER if nodes else "none.example.com"}
    if module == "resource_slice_info":
        return common
    rule = {
        "count": DEVICES,
        "attributes": [
            {"name": "productName", "type": "string", "value": "NVIDIA A100-SXM4-40GB"},
            {"name": "uuid", "type": "string", "regex": "^GPU-", "unique": True},
        ],
        "capacity": {"memory": "40Gi"},
    }
    return {**common, "nodes": {f"worker-{number}": rule for number in range(nodes)}, "exact": nodes > 0}


def run_modules(folder: Path, server: servers.ApiServer, nodes: int, rounds: int) -> dict[str, Figures]:
    """What each run took, by what was run; all take turns, so that what else the machine does meets all of them."""
    payloads = write_payloads(folder, str(server.kubeconfig()), nodes)
    taken: dict[str, Figures] = {name: [] for name in payloads}
    output = folder / "output.json"
    once = Path(__file__).with_name("once.py")
    for _ in range(rounds):
        for name, payload in payloads.items():
            taken[name].append(json.loads(run(sys.executable, "-IS", once, output, sys.executable, payload)))
            check(name, nodes if name in MODULES else 0, output)
    return taken


def write_payloads(folder: Path, kubeconfig: str, nodes: int) -> dict[str, Path]:
    """An empty module, the start of each module, and each module, as Ansible would send them."""
    (folder / "empty.py").write_text(EMPTY)
    requests = [{"name": "empty", "path": str(folder / "empty.py"), "arguments": {}, "file": "empty"}]
    for module in MODULES:
        source = {"name": f"mirage.accel.{module}", "path": str(REPO / "plugins" / "modules" / f"{module}.py")}
        requests.append({**source, "arguments": arguments(module, kubeconfig, 0), "file": f"{module} start"})
        requests.append({**source, "arguments": arguments(module, kubeconfig, nodes), "file": module})
    for request in requests:
        request["file"] = str(folder / request["file"])
    (folder / "requests.json").write_text(json.dumps(requests))
    run(sys.executable, Path(__file__).with_name("payload.py"), folder / "requests.json")
    return {Path(request["file"]).name: Path(request["file"]) for request in requests}


def check(name: str, nodes: int, output: Path) -> None:
    """A module that fails is soon done, which must not count as fast."""
    answer = json.loads(output.read_text())
    if answer.get("failed") or answer.get("device_count", 0) != nodes * DEVICES:
        sys.exit(f"bench: {name} of {nodes} nodes: {answer.get('msg') or answer.get('device_count')}")


def report(taken: dict[int, dict[str, Figures]]) -> Json:
    few, many = min(taken), max(taken)
    answer: Json = {"kwok": KWOK, "devices_per_node": DEVICES, "empty_module": row(taken[few]["empty"])}
    for module in MODULES:
        start = f"{module} start"
        answer[module] = {
            "start": row(taken[few][start])
            | {f"{kind}_over_empty": round(more(taken[few], start, "empty", kind), 3) for kind in KINDS},
            "nodes": {str(nodes): row(taken[nodes][module]) | costs(taken[nodes], module, nodes) for nodes in taken},
            f"us_per_device_{many}_over_{few}": {
                kind: ratio(more(taken[many], module, start, kind) / many, more(taken[few], module, start, kind) / few)
                for kind in KINDS
            },
        }
    return answer


def costs(taken: dict[str, Figures], module: str, nodes: int) -> Json:
    """Microseconds that a device costs on top of the start."""
    return {
        kind.replace("seconds", "us_per_device"): round(
            more(taken, module, f"{module} start", kind) / (nodes * DEVICES) * 1e6, 1
        )
        for kind in KINDS
    }


def more(taken: dict[str, Figures], name: str, base: str, kind: str) -> float:
    """What a run takes more than another of the same round, in the middle of all rounds."""
    return statistics.median(one[kind] - other[kind] for one, other in zip(taken[name], taken[base], strict=True))


def row(figures: Figures) -> Json:
    return {
        "seconds": summary([one["seconds"] for one in figures]),
        "cpu_seconds": summary([one["cpu_seconds"] for one in figures]),
        "peak_rss_mb": round(max(one["peak_rss_mb"] for one in figures), 1),
    }


def ratio(many: float, few: float) -> float | None:
    """None where so few devices cost less than can be told from the start."""
    return round(many / few, 2) if few > 0 else None
