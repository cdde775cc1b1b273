# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes' own scheduler makes of the slices that the DRA driver publishes: whole and parts, memory, taints."""

from __future__ import annotations

import itertools
import subprocess
import time
import typing as t
from pathlib import Path

import apiserver as servers
import pytest
from accel_sysfs import GI, AccelTree
from dra_controller import DRIVER, NODE, Cluster, Driver, Json, until

GROUP = "/apis/resource.k8s.io/v1"
CORE = "/api/v1/namespaces/default"
CLAIMS = f"{GROUP}/namespaces/default/resourceclaims"


class Scheduling:
    """A server, a scheduler, the driver, and claims that pods wait for."""

    def __init__(self, server: servers.ApiServer, tree: AccelTree, driver: Driver) -> None:
        self.server = server
        self.tree = tree
        self.driver = driver
        self.cluster = Cluster(server)
        self._numbers = itertools.count()

    def ask(self, kind: str, board: int) -> str:
        """A pod that waits for one function of this kind of a board; the claim's name."""
        name = f"{kind}-{next(self._numbers)}"
        domain = f'device.attributes["{DRIVER}"]'
        address = f"1000:00:{board:02x}.0"
        place = f'{domain}.pciAddress == "{address}"' if kind == "pf" else f'{domain}.physfn == "{address}"'
        # A function without that attribute is no error, and not what is looked for.
        guard = f'"{"pciAddress" if kind == "pf" else "physfn"}" in {domain}'
        selectors = [{"cel": {"expression": f"{guard} && {place}"}}]
        request = {"name": "accel", "exactly": {"deviceClassName": f"mock-accel-{kind}", "selectors": selectors}}
        claim = {"metadata": {"name": name}, "spec": {"devices": {"requests": [request]}}}
        self.server.request("POST", CLAIMS, claim)
        container = {"name": "main", "image": "example.com/image", "resources": {"claims": [{"name": "accel"}]}}
        spec = {
            "containers": [container],
            "resourceClaims": [{"name": "accel", "resourceClaimName": name}],
            # Nobody says here that the node is ready.
            "tolerations": [{"operator": "Exists"}],
        }
        self.server.request("POST", f"{CORE}/pods", {"metadata": {"name": name}, "spec": spec})
        return name

    def given(self, name: str) -> str:
        """The device that a claim was given; nothing as long as it waits."""
        status = self.server.request("GET", f"{CLAIMS}/{name}").get("status") or {}
        results = ((status.get("allocation") or {}).get("devices") or {}).get("results") or [{}]
        return results[0].get("device", "")

    def gets(self, name: str) -> str:
        until(lambda: self.given(name), self.driver)
        return self.given(name)

    def waits(self, name: str) -> str:
        """Why; the scheduler has looked for a device and found none."""

        def condition() -> Json:
            status = self.server.request("GET", f"{CORE}/pods/{name}")["status"]
            of_kind = [one for one in status.get("conditions") or () if one["type"] == "PodScheduled"]
            return of_kind[0] if of_kind else {}

        until(lambda: condition().get("status") == "False", self.driver)
        time.sleep(1)
        assert self.given(name) == ""
        return condition()["message"]


@pytest.fixture(scope="module")
def scheduling(
    kubernetes_programs: dict[str, str], repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Scheduling]:
    folder = tmp_path_factory.mktemp("scheduling")
    tree = AccelTree(folder / "sys")
    for number in range(4):
        tree.add_pf(number, memory=(5 if number == 1 else 16) * GI)
        if number < 3:
            tree.add_vfs(number, 4)
    with servers.running(kubernetes_programs) as server:
        server.make_node(NODE, allocatable={"pods": "100", "cpu": "8", "memory": "8Gi"})
        account = {"metadata": {"name": "default"}}
        server.request("POST", f"{CORE}/serviceaccounts", account)
        for kind in ("pf", "vf"):
            text = f'device.driver == "{DRIVER}" && device.attributes["{DRIVER}"].deviceType == "{kind}"'
            made = {"metadata": {"name": f"mock-accel-{kind}"}, "spec": {"selectors": [{"cel": {"expression": text}}]}}
            server.request("POST", f"{GROUP}/deviceclasses", made)
        driver = Driver(repo, server, tree, folder / "driver.log")
        kubeconfig = server.kubeconfig()
        command = [f"{kubernetes_programs['kubernetes']}/kube-scheduler", "--leader-elect=false", "--secure-port=0"]
        with (folder / "scheduler.log").open("wb") as log:
            scheduler = subprocess.Popen([*command, f"--kubeconfig={kubeconfig}"], stdout=log, stderr=log)
        try:
            made = Scheduling(server, tree, driver)
            until(lambda: len(made.cluster.devices()) == 16, driver)
            yield made
        finally:
            for process in (scheduler, driver.process):
                process.terminate()
                process.wait(15)


def test_who_has_the_whole_leaves_no_parts(scheduling: Scheduling) -> None:
    assert scheduling.gets(scheduling.ask("pf", 0)) == "mock0"
    assert "cannot allocate all claims" in scheduling.waits(scheduling.ask("vf", 0))


def test_who_has_a_part_leaves_no_whole_but_other_parts_and_no_more_memory_than_there_is(
    scheduling: Scheduling,
) -> None:
    """The second board has 5 GiB, and four parts of 2 GiB each."""
    first = scheduling.gets(scheduling.ask("vf", 1))
    assert first.startswith("mock1-vf")
    scheduling.waits(scheduling.ask("pf", 1))
    second = scheduling.gets(scheduling.ask("vf", 1))
    assert second.startswith("mock1-vf")
    assert second != first
    scheduling.waits(scheduling.ask("vf", 1))


def test_all_parts_can_be_had(scheduling: Scheduling) -> None:
    given = {scheduling.gets(scheduling.ask("vf", 2)) for _ in range(4)}
    assert given == {f"mock2-vf{number}" for number in range(4)}
    scheduling.waits(scheduling.ask("pf", 2))


def test_a_faulty_device_is_given_to_nobody_until_it_is_well(scheduling: Scheduling) -> None:
    scheduling.tree.write("mock3", "errors", "0x01")
    until(lambda: scheduling.cluster.devices().get("mock3", {}).get("taints"), scheduling.driver)
    claim = scheduling.ask("pf", 3)
    scheduling.waits(claim)
    scheduling.tree.write("mock3", "errors", "0x00")
    assert scheduling.gets(claim) == "mock3"


def test_parts_that_come_later_do_not_undo_what_was_given(scheduling: Scheduling) -> None:
    """A whole that somebody has keeps its board to itself when virtual functions are made."""
    scheduling.tree.add_pf(4)
    until(lambda: "mock4" in scheduling.cluster.devices(), scheduling.driver)
    assert scheduling.gets(scheduling.ask("pf", 4)) == "mock4"
    scheduling.tree.add_vfs(4, 2)
    until(lambda: "mock4-vf1" in scheduling.cluster.devices(), scheduling.driver)
    scheduling.waits(scheduling.ask("vf", 4))
