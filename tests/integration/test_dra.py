# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules for DRA against a real kube-apiserver, to which a publisher writes that makes every mistake there is."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
import typing as t
from pathlib import Path

import apiserver as servers
import pytest

GROUP = "/apis/resource.k8s.io/v1"
NODES = ("node-0", "node-1")
CLAIMS = f"{GROUP}/namespaces/default/resourceclaims"
BROKEN = ["right-sum", "stale", "missing-slice", "duplicate", "wrong-owner", "tainted", "changed-type"]


def device(node: str, number: int) -> dict[str, t.Any]:
    attributes = {
        "uuid": {"string": f"GPU-{node}-{number}"},
        "productName": {"string": "Board"},
        "driverVersion": {"version": "550.163.1"},
    }
    return {"name": f"gpu-{number}", "attributes": attributes, "capacity": {"memory": {"value": "40Gi"}}}


class Publisher:
    """A driver of four devices on each node, in two slices each."""

    def __init__(self, apiserver, driver: str) -> None:
        self.apiserver = apiserver
        self.driver = driver
        uids = {n["metadata"]["name"]: n["metadata"]["uid"] for n in apiserver.request("GET", "/api/v1/nodes")["items"]}
        self.slices = {(node, part): self._slice(node, part, uids[node]) for node in NODES for part in (0, 1)}

    def _slice(self, node: str, part: int, uid: str) -> dict[str, t.Any]:
        owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid, "controller": True}
        return {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": f"{self.driver}-{node}-{part}", "ownerReferences": [owner]},
            "spec": {
                "driver": self.driver,
                "nodeName": node,
                "pool": {"name": node, "generation": 2, "resourceSliceCount": 2},
                "devices": [device(node, 2 * part + number) for number in (0, 1)],
            },
        }

    def last(self) -> dict[str, t.Any]:
        return self.slices["node-1", 1]

    def publish(self, *, but: t.Collection[tuple[str, int]] = ()) -> None:
        for key, one in self.slices.items():
            if key not in but:
                self.apiserver.request("POST", f"{GROUP}/resourceslices", one)


def make_mistake(publisher: Publisher, mistake: str) -> None:
    """Publish with one mistake, on node-1."""
    spec = publisher.last()["spec"]
    if mistake == "right-sum":
        publisher.slices["node-0", 1]["spec"]["devices"].append(device("node-0", 9))
        spec["devices"].pop()
    elif mistake == "stale":
        spec["pool"]["generation"] = 1
    elif mistake == "duplicate":
        spec["devices"][1] = device("node-1", 0)
    elif mistake == "wrong-owner":
        other = publisher.slices["node-0", 0]["metadata"]["ownerReferences"]
        publisher.slices["node-1", 0]["metadata"]["ownerReferences"] = other
    elif mistake == "tainted":
        spec["devices"][1]["taints"] = [{"key": "example.com/xid", "value": "79", "effect": "NoSchedule"}]
    elif mistake == "changed-type":
        spec["devices"][0]["attributes"]["driverVersion"] = {"string": "550.163.1"}
    publisher.publish(but=[("node-1", 1)] if mistake == "missing-slice" else [])


@pytest.fixture
def cluster(apiserver):
    for node in NODES:
        apiserver.make_node(node)
    Publisher(apiserver, "good.example.com").publish()
    yield apiserver
    for path in (f"{GROUP}/resourceslices", CLAIMS, f"{GROUP}/deviceclasses"):
        apiserver.request("DELETE", path)
    for node in NODES:
        apiserver.delete_node(node)


@contextlib.contextmanager
def later(begun: Path, work: t.Callable[[], None]) -> t.Iterator[None]:
    """Do the work some seconds after the play has begun to wait for it."""
    stop = threading.Event()

    def run() -> None:
        while not begun.exists() and not stop.wait(0.1):
            pass
        # A module needs some seconds to start on a busy machine; before that there is nothing to wait for.
        if not stop.wait(10):
            work()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def assert_played(done) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"ok=\d+ .*failed=0", done.stdout), done.stdout
    assert "All assertions passed" in done.stdout


@pytest.fixture
def server_without_dra(kubernetes_programs):
    """Another server, which does not speak resource.k8s.io."""

    class Old(servers.ApiServer):
        def _apiserver_command(self, etcd: int, port: int) -> list[str]:
            # The authorizer for nodes waits for ResourceSlices, so the server would never be ready with it.
            command = [word.replace("Node,RBAC", "RBAC") for word in super()._apiserver_command(etcd, port)]
            return [*command, "--runtime-config=resource.k8s.io/v1=false"]

    with servers.running(kubernetes_programs, Old) as server:
        yield server


def test_resource_slice_verify(playbook, cluster, server_without_dra, tmp_path: Path) -> None:
    for mistake in BROKEN:
        make_mistake(Publisher(cluster, f"{mistake}.example.com"), mistake)
    late = Publisher(cluster, "late.example.com")
    late.publish(but=[("node-1", 1)])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        kubeconfigs = {
            "admin": cluster.kubeconfig(),
            "nobody": cluster.kubeconfig("nobody"),
            "unknown_token": cluster.kubeconfig(token="0123456789abcdef"),
            "closed_port": cluster.kubeconfig(server=f"https://127.0.0.1:{taken.getsockname()[1]}"),
            "without_dra": server_without_dra.kubeconfig(),
        }
        variables = {
            "kubeconfigs": {name: str(path) for name, path in kubeconfigs.items()},
            "broken": [f"{mistake}.example.com" for mistake in BROKEN],
        }
        with later(
            tmp_path / "begun", lambda: cluster.request("POST", f"{GROUP}/resourceslices", late.last()) and None
        ):
            done = playbook("resource_slice_verify", variables)
    assert_played(done)


def make_claim(apiserver, name: str, count: int) -> dict[str, t.Any]:
    request = {"name": "gpu", "exactly": {"deviceClassName": "good.example.com", "count": count}}
    body = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"devices": {"requests": [request]}},
    }
    return apiserver.request("POST", CLAIMS, body)


def allocate(apiserver, made: dict[str, t.Any], node: str, *devices: str, user: str = "") -> None:
    """What a scheduler writes."""
    results = [{"request": "gpu", "driver": "good.example.com", "pool": node, "device": name} for name in devices]
    made["status"] = {"allocation": {"devices": {"results": results}}}
    if user:
        made["status"]["reservedFor"] = [{"resource": "pods", "name": user, "uid": "0"}]
    apiserver.request("PUT", f"{CLAIMS}/{made['metadata']['name']}/status", made)


def test_resource_claim_verify(playbook, cluster, tmp_path: Path) -> None:
    selector = {"cel": {"expression": 'device.driver == "good.example.com"'}}
    kind = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "good.example.com"}}
    cluster.request("POST", f"{GROUP}/deviceclasses", {**kind, "spec": {"selectors": [selector]}})
    allocate(cluster, make_claim(cluster, "two", 2), "node-0", "gpu-0", "gpu-1", user="train-0")
    allocate(cluster, make_claim(cluster, "one", 1), "node-1", "gpu-0")
    make_claim(cluster, "greedy", 4)
    late = make_claim(cluster, "late", 1)
    with later(tmp_path / "begun", lambda: allocate(cluster, late, "node-1", "gpu-3")):
        done = playbook("resource_claim_verify", {"kubeconfigs": {"admin": str(cluster.kubeconfig())}})
    assert_played(done)


def make_pod(apiserver, name: str, **status: t.Any) -> t.Callable[[], None]:
    """A pod bound to node-0, and what a kubelet does to have it run."""
    container = {"name": "main", "image": "example.com/image", "resources": {"claims": [{"name": "gpu"}]}}
    spec = {
        "nodeName": "node-0",
        "containers": [container],
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "two"}],
        "serviceAccountName": "default",
    }
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    path = "/api/v1/namespaces/default/pods"
    apiserver.request("POST", path, body)

    def report(**values: t.Any) -> None:
        apiserver.request("PATCH", f"{path}/{name}/status", {"status": values}, "application/merge-patch+json")

    if status:
        report(**status)
    resource = {"resourceID": "gpu.nvidia.com/node-0/gpu-0", "health": "Healthy"}
    running = {
        **{"name": "main", "image": "example.com/image", "imageID": "i", "ready": True, "restartCount": 0},
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        "allocatedResourcesStatus": [{"name": "claim:gpu", "resources": [resource]}],
    }
    return lambda: report(phase="Running", containerStatuses=[running])


@pytest.fixture
def pods(cluster):
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    cluster.request("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "watcher"}}
    cluster.request("POST", f"{rbac}/roles", {**kind, "kind": "Role", "rules": rules})
    binding = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "watcher"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}],
    }
    cluster.request("POST", f"{rbac}/rolebindings", {**kind, "kind": "RoleBinding", **binding})
    yield cluster
    for path in (f"{rbac}/rolebindings/watcher", f"{rbac}/roles/watcher"):
        cluster.request("DELETE", path)
    for name in ("runs", "waits", "late"):
        cluster.request("DELETE", f"/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds=0")
    cluster.request("DELETE", "/api/v1/namespaces/default/serviceaccounts/default")


def test_pod_device_verify(playbook, pods, tmp_path: Path) -> None:
    make_pod(pods, "runs")()
    reason = {"reason": "Unschedulable", "message": "0/1 nodes are available: 1 cannot allocate all claims."}
    make_pod(pods, "waits", phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", **reason}])
    start = make_pod(pods, "late")
    kubeconfigs = {"admin": str(pods.kubeconfig()), "watcher": str(pods.kubeconfig("nobody"))}
    with later(tmp_path / "begun", start):
        done = playbook("pod_device_verify", {"kubeconfigs": kubeconfigs})
    assert_played(done)


def test_a_wait_outlives_an_outage(cluster) -> None:
    """kill -9 of etcd and kube-apiserver while the module's wait goes on; what comes after is seen."""
    from ansible_collections.mirage.accel.plugins.module_utils import _dra_api, _kubernetes_client, _wait

    api = _dra_api.discover(_kubernetes_client.connect({"kubeconfig": str(cluster.kubeconfig())}))
    late = Publisher(cluster, "late.example.com")
    late.publish(but=[("node-1", 1)])
    outcome: list[_wait.Outcome] = []
    source = api.slices("late.example.com")
    thread = threading.Thread(
        target=lambda: outcome.append(_wait.watch_until(source, lambda items: len(items) == 4, 120))
    )
    thread.start()
    time.sleep(1)
    cluster.kill_and_start_again()
    assert thread.is_alive()
    cluster.request("POST", f"{GROUP}/resourceslices", late.last())
    thread.join(60)
    assert outcome
    assert outcome[0].satisfied
