# SPDX-License-Identifier: GPL-3.0-or-later
"""The DRA driver's node agent with claims of a real kube-apiserver."""

from __future__ import annotations

import json
import sys
import tempfile
import typing as t
from pathlib import Path

import apiserver as servers
import pytest
from dra_agent import DRIVER, NODE, wait_for
from dra_node import Node

CLAIMS = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
Json = dict[str, t.Any]


class Claims:
    """Claims of the real server, allocated as the scheduler does it."""

    def __init__(self, server: servers.ApiServer) -> None:
        self._server = server

    def make(self, name: str, *devices: str | Json, **more: t.Any) -> Json:
        requests = [{"name": f"r{i}", "exactly": {"deviceClassName": "any"}} for i in range(len(devices))]
        head = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name}}
        made = self._server.request("POST", CLAIMS, {**head, "spec": {"devices": {"requests": requests}}})
        return self.allocate(made, *devices, **more)

    def allocate(
        self,
        claim: Json,
        *devices: str | Json,
        parameters: Json | None = None,
        entries: t.Sequence[Json] = (),
        write: t.Callable[[Json], bytes] = lambda body: json.dumps(body).encode(),
    ) -> Json:
        """Devices of ours by their names, or whole results; `entries` are status.devices, `write` makes JSON of it."""
        results = []
        for i, device in enumerate(devices):
            one = {"device": device} if isinstance(device, str) else device
            results.append({"request": f"r{i}", "driver": DRIVER, "pool": NODE, **one})
        allocation: Json = {"devices": {"results": results}}
        if parameters:
            opaque = {"driver": DRIVER, "parameters": parameters}
            allocation["devices"]["config"] = [{"source": "FromClaim", "opaque": opaque}]
        status = {"allocation": allocation, "devices": list(entries)} if devices else {}
        body = {**self.get(claim), "status": status}
        return self._server.request("PUT", f"{CLAIMS}/{claim['metadata']['name']}/status", write(body))

    def get(self, claim: Json) -> Json:
        return self._server.request("GET", f"{CLAIMS}/{claim['metadata']['name']}")

    def delete(self, claim: Json) -> None:
        self._server.request("DELETE", f"{CLAIMS}/{claim['metadata']['name']}")

    def reported(self, claim: Json) -> list[str]:
        return [entry["device"] for entry in self.get(claim).get("status", {}).get("devices") or []]


@pytest.fixture
def claims(apiserver: servers.ApiServer) -> t.Iterator[Claims]:
    yield Claims(apiserver)
    apiserver.request("DELETE", CLAIMS)


@pytest.fixture
def node(apiserver: servers.ApiServer) -> t.Iterator[Node]:
    with tempfile.TemporaryDirectory(prefix="dra-") as folder:
        made = Node(Path(folder))
        (made.folder / "kubeconfig").write_text(apiserver.kubeconfig().read_text())
        yield made
        made.close()


def test_a_claims_life(node: Node, claims: Claims) -> None:
    claim = claims.make("life", "mock0", "mock1")
    uid = claim["metadata"]["uid"]
    node.start()
    with node.kubelet() as kubelet:
        for _ in range(2):
            answer = kubelet.prepare(claim)[uid]
            assert not answer.error
            assert [list(device.request_names) for device in answer.devices] == [["r1"], ["r0"]]
        wait_for(lambda: claims.reported(claim) == ["mock0", "mock1"])
        entry = claims.get(claim)["status"]["devices"][0]
        assert entry["data"]["pciAddress"] == "1000:00:00.0"
        assert entry["conditions"][0]["type"] == "Ready"
        assert not kubelet.unprepare(claim)[uid].error
        wait_for(lambda: not claims.reported(claim))


WRITERS = {
    "as kubectl writes": lambda body: json.dumps(body, separators=(",", ":"), sort_keys=True).encode(),
    "as Python writes": lambda body: json.dumps(body).encode(),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_the_status_of_a_claim_with_parameters(node: Node, claims: Claims, write: t.Callable[[Json], bytes]) -> None:
    """The server compares the allocation byte by byte; and entries of other drivers stay."""
    environment = {"Z": "1", "A": "2"}
    parameters = {"kind": "DeviceConfig", "apiVersion": "mock-accel.example.com/v1", "environment": environment}
    foreign = {"driver": "gpu.example.com", "pool": "p", "device": "gpu0"}
    entry = {**foreign, "data": {"b": 1, "a": [2]}}
    claim = claims.make("parameters", "mock0", foreign, parameters=parameters, entries=[entry], write=write)
    node.start()
    with node.kubelet() as kubelet:
        assert not kubelet.prepare(claim)[claim["metadata"]["uid"]].error
        wait_for(lambda: claims.reported(claim) == ["gpu0", "mock0"], otherwise=node.log.read_text)
        (condition,) = claims.get(claim)["status"]["devices"][1]["conditions"]
        assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "True", "Prepared")
        assert not kubelet.unprepare(claim)[claim["metadata"]["uid"]].error
        wait_for(lambda: claims.reported(claim) == ["gpu0"], otherwise=node.log.read_text)
    # The server shows conditions that are not there.
    assert claims.get(claim)["status"]["devices"] == [{**entry, "conditions": None}]


def test_other_devices_under_the_same_uid(node: Node, claims: Claims) -> None:
    """Deallocated and allocated anew: whoever kept what it has read would prepare the wrong device."""
    claim = claims.make("again", "mock0")
    uid = claim["metadata"]["uid"]
    node.start()
    with node.kubelet() as kubelet:
        assert [d.device_name for d in kubelet.prepare(claim)[uid].devices] == ["mock0"]
        assert not kubelet.unprepare(claim)[uid].error
        claims.allocate(claim)
        assert "the claim is not allocated" in kubelet.prepare(claim)[uid].error
        claims.allocate(claim, "mock1")
        assert [d.device_name for d in kubelet.prepare(claim)[uid].devices] == ["mock1"]


def test_what_was_deleted_meanwhile_is_cleaned_up(node: Node, claims: Claims) -> None:
    gone, stays, anew = claims.make("gone", "mock0"), claims.make("stays", "mock1"), claims.make("anew", "mock2")
    node.sysfs.add_pf(2)
    node.start()
    with node.kubelet() as kubelet:
        assert not any(answer.error for answer in kubelet.prepare(gone, stays, anew).values())
    node.kill()
    claims.delete(gone)
    claims.delete(anew)
    claims.make("anew", "mock2")
    node.start()
    uid = stays["metadata"]["uid"]
    wait_for(lambda: set(node.recorded()) == {uid})
    assert node.cdi_files() == [f"{DRIVER}_{uid}.json"]
    assert node.sysfs.statuses() == {"mock1": 1}


def test_the_server_does_not_know_our_parameters_but_we_do(node: Node, claims: Claims) -> None:
    parameters = {"apiVersion": "mock-accel.example.com/v1", "kind": "DeviceConfig", "environment": {"A": 1}}
    claim = claims.make("bad", "mock0", parameters=parameters)
    node.start()
    with node.kubelet() as kubelet:
        error = kubelet.prepare(claim)[claim["metadata"]["uid"]].error
    assert "config[0].opaque.parameters.environment.A: a number where a string is wanted" in error


@pytest.mark.parametrize("may_write", [True, False])
def test_the_least_rights(
    node: Node,
    apiserver: servers.ApiServer,
    claims: Claims,
    chart_rules: t.Callable[[str], list[Json]],
    may_write: bool,
) -> None:
    """Those of the chart: all of them, or without those of the status."""
    rules = chart_rules("node-agent")
    for rule in rules:
        # A service account's token names its node, for which associated-node:patch is enough; a user's does not.
        rule["verbs"] = [verb.replace("associated-node:", "arbitrary-node:") for verb in rule["verbs"]]
    if not may_write:
        rules = [rule for rule in rules if rule["resources"] == ["resourceclaims"]]
        assert len(rules) == 1
    subject = {"kind": "User", "name": "nobody", "apiGroup": "rbac.authorization.k8s.io"}
    ref = {"kind": "ClusterRole", "name": "agent", "apiGroup": "rbac.authorization.k8s.io"}
    apiserver.request("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "agent"}, "rules": rules})
    binding = {"metadata": {"name": "agent"}, "subjects": [subject], "roleRef": ref}
    apiserver.request("POST", f"{RBAC}/clusterrolebindings", binding)
    (node.folder / "kubeconfig").write_text(apiserver.kubeconfig("nobody").read_text())
    try:
        claim = claims.make("rights", "mock0")
        uid = claim["metadata"]["uid"]
        node.start()
        with node.kubelet() as kubelet:
            # RBAC is read from a cache of the server's.
            wait_for(lambda: not kubelet.prepare(claim)[uid].error)
            if may_write:
                wait_for(lambda: claims.reported(claim) == ["mock0"], otherwise=node.log.read_text)
            else:
                wait_for(lambda: "The devices in the claims' status are not kept" in node.log.read_text())
            assert not kubelet.unprepare(claim)[uid].error
            if may_write:
                wait_for(lambda: not claims.reported(claim), otherwise=node.log.read_text)
    finally:
        apiserver.request("DELETE", f"{RBAC}/clusterrolebindings/agent")
        apiserver.request("DELETE", f"{RBAC}/clusterroles/agent")


def test_its_benchmark_runs(repo: Path, run, clean_env: dict[str, str]) -> None:
    done = run(sys.executable, repo / "tests" / "bench" / "bench.py", "agent", "--quick", env=clean_env)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["agent"]
    assert figures["rss_mb"] < 60
    for kind in ("prepare_ms", "again_ms", "unprepare_ms"):
        for taken in (figures[kind], figures["crowded"][kind]):
            assert 0 < taken["min"] <= taken["median"] <= taken["p99"]
