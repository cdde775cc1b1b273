# SPDX-License-Identifier: GPL-3.0-or-later
"""A release of the chart mock-device in a real API server, as far as several files of tests need it."""

from __future__ import annotations

import contextlib
import json
import ssl
import time
import typing as t
import urllib.error
import urllib.request

import apiserver as servers
from dra_controller import DRIVER, Json

NODES = ("worker-1", "worker-2")
SLICES = "/apis/resource.k8s.io/v1/resourceslices"
CLAIMS = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims"
MERGE = "application/merge-patch+json"
Helm = t.Callable[..., t.Any]


def must(done: t.Any) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def exists(server: servers.ApiServer, path: str) -> bool:
    try:
        server.request("GET", path)
    except AssertionError as error:
        assert ": 404 " in str(error), error
        return False
    return True


def remove_namespace(server: servers.ApiServer, name: str) -> None:
    """Without a controller manager nobody does what a deletion waits for; what is in it is in nobody's way."""
    path = f"/api/v1/namespaces/{name}"
    if exists(server, path):
        server.request("DELETE", path)
        found = server.request("GET", path)
        server.request("PUT", f"{path}/finalize", {**found, "spec": {"finalizers": []}})


def until_true(condition: t.Callable[[], bool], seconds: float = 30) -> None:
    """A server that is not ready for a question answers it with an error."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(AssertionError):
            if condition():
                return
        assert time.monotonic() < deadline
        time.sleep(0.2)


class Pods:
    """Pods of the release as far as the API server knows them: each with a token that names its node."""

    def __init__(self, server: servers.ApiServer) -> None:
        self.server = server

    def token(self, account: str, node: str) -> str:
        """As the kubelet asks for it: bound to a pod that is on that node."""
        path = "/api/v1/namespaces/mock-device"
        container = {"name": "c", "image": "none"}
        spec = {"nodeName": node, "serviceAccountName": account, "containers": [container]}
        pod = self.server.request(
            "POST",
            f"{path}/pods",
            {"metadata": {"generateName": f"{account}-"}, "spec": {**spec, "automountServiceAccountToken": False}},
        )["metadata"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": pod["name"], "uid": pod["uid"]}
        request = {"spec": {"audiences": [], "boundObjectRef": bound}}
        return self.server.request("POST", f"{path}/serviceaccounts/{account}/token", request)["status"]["token"]


def ask(
    server: servers.ApiServer,
    headers: dict[str, str],
    method: str,
    path: str,
    body: Json | None = None,
    kind: str = "application/json",
) -> tuple[int, str]:
    """Status and body of a request as somebody else."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        server.url + path, data=data, method=method, headers={"Content-Type": kind, **headers}
    )
    context = ssl.create_default_context(cafile=str(server.ca_cert))
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def a_slice(node: str, driver: str = DRIVER, **spec: t.Any) -> Json:
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    where = {"nodeName": node} if node else {"allNodes": True}
    return {
        "metadata": {"generateName": "a-"},
        "spec": {"driver": driver, "pool": pool, **where, "devices": [{"name": "mock0"}], **spec},
    }


@contextlib.contextmanager
def an_allocated_claim(
    server: servers.ApiServer, *other_drivers: str, driver: str = DRIVER, parameters: Json | None = None, **more: t.Any
) -> t.Iterator[Json]:
    """A device of the driver, and one of each other driver, which a claim may have too."""
    request = {"name": "accel", "exactly": {"deviceClassName": "mock-accel-pf", "count": 1}}
    claim = {"metadata": {"generateName": "claim-"}, "spec": {"devices": {"requests": [request]}}}
    claim = server.request("POST", CLAIMS, claim)
    results = [{"request": "accel", "driver": driver, "pool": NODES[0], "device": "mock0", **more}]
    results += [{"request": "accel", "driver": one, "pool": "p", "device": "gpu0"} for one in other_drivers]
    fields = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [NODES[0]]}]}]
    devices: Json = {"results": results}
    if parameters:
        devices["config"] = [{"source": "FromClaim", "opaque": {"driver": driver, "parameters": parameters}}]
    claim["status"] = {
        "allocation": {"devices": devices, "nodeSelector": {"nodeSelectorTerms": fields}},
        "reservedFor": [{"resource": "pods", "name": "test-pod", "uid": "1"}],
    }
    path = f"{CLAIMS}/{claim['metadata']['name']}"
    yield server.request("PUT", f"{path}/status", claim)
    server.request("PATCH", f"{path}/status", {"status": None}, "application/merge-patch+json")
    server.request("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    server.request("DELETE", path)
