# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pods of the chart mock-device may do, and that it is enough for them."""

from __future__ import annotations

import json
import tempfile
import typing as t
from pathlib import Path

import apiserver as servers
import pytest
from accel_sysfs import AccelTree
from dra_agent import wait_for
from dra_controller import DRIVER, Cluster, Driver, Json, until
from dra_node import Node
from mock_device import CLAIMS, MERGE, NODES, SLICES, Helm, Pods, a_slice, an_allocated_claim, ask, must, until_true


def test_a_controller_writes_its_own_nodes_slices(installed: Pods, apiserver: servers.ApiServer) -> None:
    own = {"Authorization": f"Bearer {installed.token('mock-device-controller', NODES[0])}"}
    other = {"Authorization": f"Bearer {installed.token('mock-device-controller', NODES[1])}"}

    status, answer = ask(apiserver, own, "POST", SLICES, a_slice(NODES[0]))
    assert status == 201, answer
    made = json.loads(answer)
    path = f"{SLICES}/{made['metadata']['name']}"
    assert ask(apiserver, own, "PUT", path, made)[0] == 200

    words = 'mock-device on node \\"worker-2\\" may not write a ResourceSlice of node \\"worker-1\\"'
    for method, body in (("PUT", made), ("DELETE", None)):
        status, answer = ask(apiserver, other, method, path, body)
        assert (status, words in answer) == (422, True), answer
    status, answer = ask(apiserver, other, "POST", SLICES, a_slice(NODES[0]))
    assert (status, words in answer) == (422, True), answer

    # Nor one of another node's pool.
    pool = {"name": NODES[1], "generation": 9, "resourceSliceCount": 1}
    status, answer = ask(apiserver, own, "POST", SLICES, a_slice(NODES[0], pool=pool))
    assert status == 422, answer
    assert "of the pool \\\"worker-2\\\": a node's pool has the node's name" in answer

    # Nor one of all nodes, nor of another driver, in any version of the API.
    status, answer = ask(
        apiserver, own, "POST", SLICES, {**a_slice("", pool={"name": "p", "generation": 1, "resourceSliceCount": 1})}
    )
    assert (status, 'of node \\"\\"' in answer) == (422, True), answer
    status, answer = ask(apiserver, own, "POST", SLICES, a_slice(NODES[0], driver="gpu.example.com"))
    assert (status, f"of the driver {DRIVER} only, not of gpu.example.com" in answer) == (422, True), answer
    assert ask(apiserver, own, "DELETE", path)[0] == 200


def test_a_token_that_names_no_node_writes_nothing(installed: Pods, apiserver: servers.ApiServer) -> None:
    path = "/api/v1/namespaces/mock-device/serviceaccounts/mock-device-controller/token"
    token = apiserver.request("POST", path, {"spec": {"audiences": []}})["status"]["token"]
    status, answer = ask(apiserver, {"Authorization": f"Bearer {token}"}, "POST", SLICES, a_slice(NODES[0]))
    assert status == 422
    assert 'mock-device on node \\"\\" may not write' in answer


def test_the_real_controller_gets_by_with_it(
    installed: Pods, apiserver: servers.ApiServer, repo: Path, tmp_path: Path
) -> None:
    """The process with the pod's own token: it makes, changes and deletes slices, and watches them."""
    tree = AccelTree(tmp_path / "sys")
    for number in range(2):
        tree.add_pf(number)
    token = installed.token("mock-device-controller", NODES[0])
    driver = Driver(repo, apiserver, tree, tmp_path / "log", token=token)
    cluster = Cluster(apiserver)
    try:
        until(lambda: cluster.is_published("mock0", "mock1"), driver)
        tree.add_vfs(0, 2)
        until(lambda: len(cluster.devices()) == 4, driver)
        tree.remove("mock0")
        until(lambda: cluster.is_published("mock1"), driver)
        cluster.delete_slices()
        until(lambda: cluster.is_published("mock1"), driver)
        assert driver.said("Lost sight") == 0
        assert driver.said("forbidden") == 0
    finally:
        assert driver.end() == 0


def test_a_node_agent_reports_its_devices_and_no_more(installed: Pods, apiserver: servers.ApiServer) -> None:
    own = {"Authorization": f"Bearer {installed.token('mock-device-node-agent', NODES[0])}"}
    with an_allocated_claim(apiserver) as claim:
        path = f"{CLAIMS}/{claim['metadata']['name']}"
        device = {"driver": DRIVER, "pool": NODES[0], "device": "mock0", "data": {"uuid": "u"}}
        for devices in ([device], None):
            status, answer = ask(apiserver, own, "PATCH", f"{path}/status", {"status": {"devices": devices}}, MERGE)
            assert status == 200, answer
        assert ask(apiserver, own, "GET", path)[0] == 200
        assert ask(apiserver, own, "GET", CLAIMS)[0] == 403
        assert ask(apiserver, own, "DELETE", path)[0] == 403
    assert ask(apiserver, own, "POST", SLICES, a_slice(NODES[0]))[0] == 403


@pytest.fixture
def agent_token(installed: Pods) -> str:
    return installed.token("mock-device-node-agent", NODES[0])


@pytest.fixture
def agent(agent_token: str, apiserver: servers.ApiServer) -> t.Iterator[Node]:
    """The process with the pod's own token, when it is started."""
    with tempfile.TemporaryDirectory(prefix="dra-") as folder:
        node = Node(Path(folder))
        (node.folder / "kubeconfig").write_text(apiserver.kubeconfig(token=agent_token).read_text())
        yield node
        node.close()


def conditions(server: servers.ApiServer, claim: Json) -> dict[str, str]:
    entries = server.request("GET", f"{CLAIMS}/{claim['metadata']['name']}")["status"].get("devices") or []
    return {one["type"]: one["status"] for entry in entries for one in entry["conditions"]}


ANSWERS, FAILED = f"{DRIVER}/DeviceAnswers", f"{DRIVER}/DeviceFailed"
PARAMETERS = {"apiVersion": "mock-accel.example.com/v1", "kind": "DeviceConfig", "access": "ReadOnly"}


def serves(node: Node, server: servers.ApiServer, claim: Json, answers: dict[str, str]) -> None:
    """What the agent says of a claim before it is prepared, while it is, and afterwards."""
    with node.kubelet() as kubelet:
        wait_for(lambda: conditions(server, claim) == answers, otherwise=node.log.read_text)
        assert not kubelet.prepare(claim)[claim["metadata"]["uid"]].error
        wait_for(lambda: conditions(server, claim) == {**answers, "Ready": "True"}, otherwise=node.log.read_text)
        assert not kubelet.unprepare(claim)[claim["metadata"]["uid"]].error
        wait_for(lambda: conditions(server, claim) == answers, otherwise=node.log.read_text)
    assert "forbidden" not in node.log.read_text()


@pytest.mark.parametrize("parameters", [None, PARAMETERS], ids=["plain", "with parameters"])
def test_the_real_node_agent_gets_by_with_it(
    agent: Node, apiserver: servers.ApiServer, parameters: Json | None
) -> None:
    agent.start(f"--node-name={NODES[0]}")
    with an_allocated_claim(apiserver, parameters=parameters) as claim:
        serves(agent, apiserver, claim, {})


def test_the_node_agent_that_pods_wait_for(
    agent: Node, agent_token: str, helm_to: Helm, apiserver: servers.ApiServer
) -> None:
    must(helm_to("upgrade", "--namespace=mock-device", "--reuse-values", "--set=draDriver.bindingConditions=true"))
    # RBAC is read from a cache of the server's.
    until_true(lambda: ask(apiserver, {"Authorization": f"Bearer {agent_token}"}, "GET", CLAIMS)[0] == 200)
    agent.start(f"--node-name={NODES[0]}", "--binding-conditions")
    published = {"bindingConditions": [ANSWERS], "bindingFailureConditions": [FAILED]}
    with an_allocated_claim(apiserver, **published) as claim:
        serves(agent, apiserver, claim, {ANSWERS: "True"})


@pytest.fixture
def too_many_rights(apiserver: servers.ApiServer) -> t.Iterator[None]:
    """Servers before 1.36 let whoever may patch a claim's status change all of it; this one asks for more rights."""
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    account = {"kind": "ServiceAccount", "name": "mock-device-node-agent", "namespace": "mock-device"}
    binding = {"metadata": {"name": "too-many-rights"}, "roleRef": role, "subjects": [account]}
    apiserver.request("POST", path, binding)
    yield
    apiserver.request("DELETE", f"{path}/too-many-rights")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param({"reservedFor": None}, "may not change the allocation of a claim, or who uses it", id="users"),
        pytest.param(
            {"allocation": None, "reservedFor": None, "devices": None}, "may not change the allocation", id="allocation"
        ),
        pytest.param(
            {"devices": [{"driver": "gpu.example.com", "pool": "p", "device": "gpu0", "data": {}}]},
            f"may report the devices of the driver {DRIVER} only",
            id="another-drivers-device",
        ),
    ],
)
@pytest.mark.usefixtures("too_many_rights")
def test_a_node_agent_cannot_hand_out(installed: Pods, apiserver: servers.ApiServer, status: Json, words: str) -> None:
    own = {"Authorization": f"Bearer {installed.token('mock-device-node-agent', NODES[0])}"}
    # RBAC is read from a cache of the server's.
    until_true(lambda: ask(apiserver, own, "GET", CLAIMS)[0] == 200)
    with an_allocated_claim(apiserver, "gpu.example.com") as claim:
        path = f"{CLAIMS}/{claim['metadata']['name']}/status"
        code, answer = ask(apiserver, own, "PATCH", path, {"status": status}, MERGE)
        assert (code, words in answer) == (422, True), answer
