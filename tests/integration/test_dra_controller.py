# SPDX-License-Identifier: GPL-3.0-or-later
"""The DRA driver's controller, as the process that it is, against a real kube-apiserver."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
import typing as t
from pathlib import Path

import apiserver as servers
import pytest
from accel_sysfs import AccelTree
from dra_controller import DRIVER, NODE, Cluster, Driver, Json, until


@pytest.fixture
def tree(tmp_path: Path) -> AccelTree:
    made = AccelTree(tmp_path / "sys")
    for number in range(3):
        made.add_pf(number)
    return made


@pytest.fixture
def cluster(apiserver: servers.ApiServer) -> t.Iterator[Cluster]:
    apiserver.make_node(NODE)
    made = Cluster(apiserver)
    yield made
    apiserver.request("DELETE", made.path)
    apiserver.delete_node(NODE)


Start = t.Callable[..., Driver]


@pytest.fixture
def start(repo: Path, tree: AccelTree, tmp_path: Path) -> t.Iterator[Start]:
    running: list[Driver] = []

    def begin(server: servers.ApiServer, **options: t.Any) -> Driver:
        running.append(Driver(repo, server, tree, tmp_path / f"driver-{len(running)}.log", **options))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            assert one.end() == 0, one.log.read_text()


def test_what_users_look_for(cluster: Cluster, start: Start, tree: AccelTree, kubectl: Path) -> None:
    tree.add_vfs(1, 2)
    driver = start(cluster.server)
    until(lambda: cluster.is_published("mock0", "mock1", "mock1-vf0", "mock1-vf1", "mock2"), driver)
    by_label = cluster.slices(labelSelector=f"driver%3D{DRIVER}")
    by_field = cluster.slices(fieldSelector=f"spec.driver%3D{DRIVER},spec.nodeName%3D{NODE}")
    assert by_label == by_field
    assert len(by_label) == 2
    uid = cluster.server.request("GET", f"/api/v1/nodes/{NODE}")["metadata"]["uid"]
    for one in by_label:
        (owner,) = one["metadata"]["ownerReferences"]
        assert owner == {"apiVersion": "v1", "kind": "Node", "name": NODE, "uid": uid, "controller": True}
        assert one["spec"]["pool"]["name"] == NODE
    vf = cluster.devices()["mock1-vf1"]
    assert vf["attributes"]["physfn"] == {"string": "1000:00:01.0"}
    assert vf["capacity"]["memory"]["value"] == "2Gi"
    assert vf["consumesCounters"][0]["counterSet"] == "mock1-shared"
    command = [
        kubectl,
        f"--kubeconfig={cluster.server.kubeconfig()}",
        "get",
        "resourceslices",
        "-l",
        f"driver={DRIVER}",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(re.findall(rf"^[08]0000-{DRIVER}-{NODE}-\w+ +{NODE} +{DRIVER} +{NODE} ", shown, re.MULTILINE)) == 2


def test_a_server_finds_no_field_that_it_does_not_know(cluster: Cluster, start: Start, tree: AccelTree) -> None:
    tree.add_vfs(0, 4)
    tree.write("mock2", "errors", "0x03")
    tree.silence("mock1")
    driver = start(cluster.server)
    until(lambda: len(cluster.devices()) == 7, driver)
    assert driver.said("dropped fields") == 0
    for one in cluster.slices():
        metadata = {name: one["metadata"][name] for name in ("labels", "ownerReferences", "generateName")}
        query = "fieldValidation=Strict&dryRun=All"
        cluster.server.request("POST", f"{cluster.path}?{query}", {**one, "metadata": metadata})


def versions(cluster: Cluster) -> dict[str, str]:
    return {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in cluster.slices()}


def test_a_fault_costs_one_write_and_keeps_its_time(cluster: Cluster, start: Start, tree: AccelTree) -> None:
    for number in range(3, 128):
        tree.add_pf(number)
    driver = start(cluster.server)
    until(lambda: len(cluster.devices()) == 128, driver)
    before = versions(cluster)
    tree.write("mock100", "errors", "0x04")
    until(lambda: cluster.devices().get("mock100", {}).get("taints"), driver)
    after = versions(cluster)
    assert before.keys() == after.keys()
    assert sum(before[name] != after[name] for name in before) == 1
    (taint,) = cluster.devices()["mock100"]["taints"]
    assert (taint["key"], taint["value"], taint["effect"]) == (f"{DRIVER}/errors", "power", "NoSchedule")
    time.sleep(1.1)
    tree.silence("mock101")
    until(lambda: cluster.devices().get("mock101", {}).get("taints"), driver)
    assert cluster.devices()["mock100"]["taints"] == [taint]
    tree.write("mock100", "errors", "0x00")
    until(lambda: "taints" not in cluster.devices().get("mock100", {"taints": 1}), driver)


def test_128_devices_within_a_second(cluster: Cluster, start: Start, tree: AccelTree) -> None:
    """From the start of the process until the pool is complete; the best of some, for the machine is not ours alone."""
    for number in range(3, 128):
        tree.add_pf(number)
    taken = []
    for _ in range(5):
        driver = start(cluster.server)
        until(lambda: len(cluster.devices()) == 128, driver)
        taken.append(time.monotonic() - driver.started)
        assert driver.end() == 0
        cluster.server.request("DELETE", cluster.path)
        if taken[-1] < 1:
            break
    assert min(taken) < 1, taken


def test_it_is_small_and_idle(cluster: Cluster, start: Start, tree: AccelTree) -> None:
    for number in range(3, 128):
        tree.add_pf(number)
    driver = start(cluster.server, interval="30s")
    until(lambda: len(cluster.devices()) == 128, driver)
    time.sleep(1)

    def switches() -> int:
        tasks = Path(f"/proc/{driver.process.pid}/task").glob("*/status")
        return sum(
            int(n) for task in tasks for n in re.findall(r"^vol\w+_ctxt_switches:\s*(\d+)", task.read_text(), re.M)
        )

    before = switches()
    time.sleep(5)
    assert switches() - before <= 5
    assert int(driver.status("VmRSS").split()[0]) < 60 * 1024


def test_kubelet_restart(cluster: Cluster, start: Start) -> None:
    driver = start(cluster.server, interval="1h")
    for _ in range(3):
        until(lambda: cluster.is_published("mock0", "mock1", "mock2"), driver)
        before = versions(cluster)
        cluster.delete_slices()
        until(lambda before=before: cluster.devices() and not before.keys() & versions(cluster).keys(), driver, 3)


def edit(cluster: Cluster, change: Json) -> None:
    name = cluster.slices()[0]["metadata"]["name"]
    cluster.server.request("PATCH", f"{cluster.path}/{name}", change, "application/merge-patch+json")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"spec": {"devices": []}}, id="devices"),
        pytest.param({"metadata": {"labels": {"driver": None}}}, id="label"),
        pytest.param({"metadata": {"ownerReferences": []}}, id="owner"),
        pytest.param({"spec": {"pool": {"resourceSliceCount": 2}}}, id="count"),
        pytest.param({"spec": {"pool": {"generation": 7}}}, id="generation"),
    ],
)
def test_somebody_writes_a_slice(cluster: Cluster, start: Start, change: Json) -> None:
    driver = start(cluster.server, interval="1h")
    until(lambda: cluster.is_published("mock0", "mock1", "mock2"), driver)
    edit(cluster, change)

    def mended() -> bool:
        (one,) = cluster.slices()
        return bool(
            len(one["spec"].get("devices") or ()) == 3
            and (one["metadata"].get("labels") or {}).get("driver") == DRIVER
            and one["metadata"].get("ownerReferences")
            and one["spec"]["pool"]["resourceSliceCount"] == 1
        )

    until(mended, driver, 3)


def test_a_node_without_devices(cluster: Cluster, start: Start, tree: AccelTree) -> None:
    for number in range(3):
        tree.remove(f"mock{number}")
    driver = start(cluster.server)
    until(cluster.slices, driver)
    assert [one["spec"].get("devices") for one in cluster.slices()] == [None]
    tree.add_pf(5)
    until(lambda: cluster.is_published("mock5"), driver)


def test_a_restart_changes_nothing(cluster: Cluster, start: Start, tree: AccelTree) -> None:
    tree.add_vfs(0, 2)
    tree.write("mock2", "errors", "1")
    driver = start(cluster.server)
    until(lambda: len(cluster.devices()) == 5, driver)
    before = versions(cluster)
    assert driver.end() == 0
    again = start(cluster.server)
    until(lambda: again.said("Looking at the devices") > 2, again)
    assert versions(cluster) == before
    assert again.said("Published the devices") == 0


def test_the_api_server_dies_and_comes_back(cluster: Cluster, start: Start, tree: AccelTree) -> None:
    driver = start(cluster.server, interval="1h")
    until(lambda: cluster.is_published("mock0", "mock1", "mock2"), driver)
    tree.add_pf(3)
    cluster.server.kill_and_start_again()
    until(lambda: cluster.is_published("mock0", "mock1", "mock2", "mock3"), driver, 30)
    cluster.delete_slices()
    until(lambda: cluster.is_published("mock0", "mock1", "mock2", "mock3"), driver, 10)


def test_it_waits_for_its_node(apiserver: servers.ApiServer, start: Start) -> None:
    cluster = Cluster(apiserver)
    driver = start(apiserver)
    until(lambda: driver.said("Could not publish the devices") > 1, driver)
    apiserver.make_node(NODE)
    until(lambda: cluster.is_published("mock0", "mock1", "mock2"), driver)
    # Registered anew, it is another node; a garbage collector then deletes the old one's slices.
    apiserver.delete_node(NODE)
    apiserver.make_node(NODE)
    cluster.delete_slices()
    until(lambda: cluster.is_published("mock0", "mock1", "mock2"), driver)
    uid = apiserver.request("GET", f"/api/v1/nodes/{NODE}")["metadata"]["uid"]
    assert [one["metadata"]["ownerReferences"][0]["uid"] for one in cluster.slices()] == [uid]
    driver.end()
    cluster.delete_slices()
    apiserver.delete_node(NODE)


@pytest.fixture
def bound(cluster: Cluster, chart_rules: t.Callable[[str], list[Json]]) -> t.Iterator[t.Callable[[], None]]:
    """Gives the chart's rights, and no more, to the user who has none."""
    path, names = "/apis/rbac.authorization.k8s.io/v1", ("clusterroles", "clusterrolebindings")

    def bind() -> None:
        role = {"metadata": {"name": "publisher"}, "rules": chart_rules("controller")}
        cluster.server.request("POST", f"{path}/{names[0]}", role)
        group = {"apiGroup": "rbac.authorization.k8s.io"}
        binding = {
            "metadata": {"name": "publisher"},
            "roleRef": {**group, "kind": "ClusterRole", "name": "publisher"},
            "subjects": [{**group, "kind": "User", "name": "nobody"}],
        }
        cluster.server.request("POST", f"{path}/{names[1]}", binding)

    yield bind
    for name in names:
        cluster.server.request("DELETE", f"{path}/{name}/publisher")


def test_the_rights_that_it_needs(cluster: Cluster, start: Start, tree: AccelTree, bound: t.Callable[[], None]) -> None:
    driver = start(cluster.server, user="nobody")
    until(lambda: driver.said('nodes \\"worker-1\\" is forbidden'), driver)
    bound()
    until(lambda: cluster.is_published("mock0", "mock1", "mock2"), driver)
    tree.add_vfs(0, 2)
    until(lambda: len(cluster.devices()) == 5, driver)
    tree.remove("mock0")
    until(lambda: cluster.is_published("mock1", "mock2"), driver)
    cluster.delete_slices()
    until(lambda: cluster.is_published("mock1", "mock2"), driver)
    assert driver.said("Lost sight") == 0


# --- servers that serve less ---

OFF = "DRADeviceTaints=false,DRADeviceTaintRules=false,DRAPartitionableDevices=false"
SERVERS = {
    "v1beta1": ("v1beta1", ["--runtime-config=resource.k8s.io/v1=false,resource.k8s.io/v1beta1=true"], True),
    "v1beta2": ("v1beta2", ["--runtime-config=resource.k8s.io/v1=false,resource.k8s.io/v1beta2=true"], True),
    "without the gates": ("v1", [f"--feature-gates={OFF}"], False),
}


@contextlib.contextmanager
def another_server(programs: dict[str, str], flags: list[str]) -> t.Iterator[servers.ApiServer]:
    class Other(servers.ApiServer):
        def _apiserver_command(self, etcd: int, port: int) -> list[str]:
            # The authorizer for nodes waits for ResourceSlices of v1, so the server might never be ready with it.
            command = [word.replace("Node,RBAC", "RBAC") for word in super()._apiserver_command(etcd, port)]
            return [*command, *flags]

    with servers.running(programs, Other) as server:
        yield server


@pytest.mark.parametrize(("version", "flags", "all_served"), SERVERS.values(), ids=SERVERS)
def test_another_server(
    kubernetes_programs: dict[str, str],
    start: Start,
    tree: AccelTree,
    version: str,
    flags: list[str],
    all_served: bool,
) -> None:
    tree.add_vfs(0, 2)
    tree.write("mock1", "errors", "1")
    with another_server(kubernetes_programs, flags) as server:
        server.make_node(NODE)
        cluster = Cluster(server, version)
        driver = start(server)
        until(cluster.devices, driver)
        assert driver.said(f"version={version} ") == 1
        devices = cluster.devices()
        if all_served:
            assert sorted(devices) == ["mock0", "mock0-vf0", "mock0-vf1", "mock1", "mock2"]
            assert devices["mock1"]["taints"]
            assert devices["mock0"]["consumesCounters"]
        else:
            # Nothing says there that a part excludes the whole, or that a device is ill.
            assert sorted(devices) == ["mock0-vf0", "mock0-vf1", "mock2"]
        before = versions(cluster)
        seen = driver.said("Looking at the devices")
        until(lambda: driver.said("Looking at the devices") > seen + 1, driver)
        assert versions(cluster) == before
        assert driver.said("dropped fields") == 0
        assert driver.end() == 0
