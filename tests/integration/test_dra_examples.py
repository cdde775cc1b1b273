# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file of examples/claims in a real cluster without a kubelet: what it is given is what its comment says."""

from __future__ import annotations

import subprocess
import time
import typing as t
from collections import Counter
from pathlib import Path

import dra_scheduling
import pytest
from accel_sysfs import AccelTree
from claim_examples import Example, examples
from dra_controller import DRIVER, NODE, Json, until
from dra_scheduling import GROUP, Scheduling, results_of

REPO = Path(__file__).resolve().parents[2]
EXAMPLES = {example.path.stem: example for example in examples(REPO)}
# What a cluster has that makes claims of templates, and pods of Deployments.
CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "resourceclaim-controller",
    "serviceaccount-controller",
)


@pytest.fixture(scope="module")
def scheduling(
    kubernetes_programs: dict[str, str], repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Scheduling]:
    """A pool in which the first two devices are neither of one NUMA node nor below one root; the last one is shared."""
    folder = tmp_path_factory.mktemp("examples")
    tree = AccelTree(folder / "sys")
    for number, (numa_node, domain) in enumerate([(0, 0x1000), (1, 0x1001), (1, 0x1001), (0, 0x1000)]):
        tree.add_pf(number, numa_node=numa_node, domain=domain)
    tree.add_vfs(0, 2)
    flags = ("--shared-devices=mock3",)
    with dra_scheduling.running(kubernetes_programs, repo, folder, tree, *flags, controllers=CONTROLLERS) as made:
        # A kubelet that is ready takes it off.
        made.server.request(
            "PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"taints": None}}, "application/merge-patch+json"
        )
        yield made


class Cluster:
    """The objects of one example, and what has become of them."""

    def __init__(self, scheduling: Scheduling, example: Example) -> None:
        self._scheduling = scheduling
        self._server = scheduling.server
        self.example = example

    def items(self, path: str) -> list[Json]:
        return self._server.request("GET", path)["items"]

    def pods(self) -> list[Json]:
        return [pod for pod in self.items("/api/v1/pods") if not pod["metadata"].get("deletionTimestamp")]

    def bound(self) -> list[Json]:
        return [pod for pod in self.pods() if pod["spec"].get("nodeName")]

    def refused(self) -> list[Json]:
        """Pods for which the scheduler has looked for devices and found none."""
        return [
            pod
            for pod in self.pods()
            for condition in pod["status"].get("conditions") or ()
            if condition["type"] == "PodScheduled"
            and condition["status"] == "False"
            and "cannot allocate all claims" in condition["message"]
        ]

    def results(self) -> list[Json]:
        return [result for claim in self.items(f"{GROUP}/resourceclaims") for result in results_of(claim)]

    def attributes(self, result: Json) -> Json:
        assert result["driver"] == DRIVER
        return self._scheduling.cluster.devices()[result["device"]]["attributes"]

    def apply(self, kubectl: Path) -> None:
        command = [kubectl, f"--kubeconfig={self._server.kubeconfig()}", "apply", "--validate=strict"]
        subprocess.run([*command, f"--filename={self.example.path}"], check=True, capture_output=True, text=True)

    def clear(self) -> None:
        """Without a kubelet nobody ends pods, and without a collector nobody deletes what belongs to them."""
        namespaces = {one["metadata"].get("namespace", "default") for one in self.example.objects}
        for namespace in namespaces:
            core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
            for path in (f"{apps}/deployments", f"{apps}/replicasets"):
                self._server.request("DELETE", path)
            self._server.request("DELETE", f"{core}/pods?gracePeriodSeconds=0")
            claims = f"{GROUP}/namespaces/{namespace}"
            self._server.request("DELETE", f"{claims}/resourceclaims")
            self._server.request("DELETE", f"{claims}/resourceclaimtemplates")
        until(lambda: not self.pods() and not self.items(f"{GROUP}/resourceclaims"), self._scheduling.driver, 60)


@pytest.fixture
def cluster(scheduling: Scheduling, kubectl: Path, request: pytest.FixtureRequest) -> t.Iterator[Cluster]:
    made = Cluster(scheduling, EXAMPLES[request.param])
    made.apply(kubectl)
    yield made
    made.clear()


@pytest.mark.parametrize("cluster", EXAMPLES, indirect=True)
def test_what_the_comment_says_is_what_happens(cluster: Cluster, scheduling: Scheduling) -> None:
    expected = cluster.example.expected
    running, pending = expected["running"], expected.get("pending", 0)
    until(lambda: (len(cluster.bound()), len(cluster.refused())) == (running, pending), scheduling.driver, 60)
    if pending:
        # It is not a matter of time.
        time.sleep(3)
        assert len(cluster.bound()) == running
    results = cluster.results()
    types = Counter(cluster.attributes(result)["deviceType"]["string"] for result in results)
    assert dict(types) in cluster.example.outcomes
    held = [result["device"] for result in results if not result.get("adminAccess")]
    assert len(results) - len(held) == expected.get("admin", 0)
    assert len(set(held)) == expected.get("distinct", len(held))
    if "same" in expected:
        name = expected["same"].removeprefix(f"{DRIVER}/")
        values = [cluster.attributes(result)[name] for result in results]
        assert len(values) > 1
        assert all(value == values[0] for value in values)


def test_the_pool_is_one_in_which_the_first_devices_do_not_fit(scheduling: Scheduling) -> None:
    """Otherwise two devices would have a node and a root in common whatever the claim says."""
    devices = scheduling.cluster.devices()
    for name in ("numaNode", "resource.kubernetes.io/pcieRoot"):
        assert devices["mock0"]["attributes"][name] != devices["mock1"]["attributes"][name]
