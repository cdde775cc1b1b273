# SPDX-License-Identifier: GPL-3.0-or-later
"""Each way to ask for a device: what Kubernetes' own scheduler makes of it, and how the node agent prepares that."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

import apiserver as servers
import dra_scheduling
import pytest
from accel_sysfs import AccelTree
from dra_controller import DRIVER, NODE, Json, until
from dra_scheduling import GROUP, Scheduling, make_class, on_board
from mock_accel_dra import allocation
from mock_accel_dra.cdi import specification
from mock_accel_dra.devices import SysfsDevices
from mock_accel_dra.preparation import compute
from mock_accel_dra.prepared import ClaimRef, PreparedClaim

RESOURCE = "example.com/accel"
ADMINS = "administrators"


@contextlib.contextmanager
def boards(programs: dict[str, str], repo: Path, folder: Path, **options: t.Any) -> t.Iterator[Scheduling]:
    """Three boards; the second and the third have four parts each."""
    tree = AccelTree(folder / "sys")
    for number in range(3):
        tree.add_pf(number)
        if number:
            tree.add_vfs(number, 4)
    with dra_scheduling.running(programs, repo, folder, tree, **options) as made:
        labels = {"resource.kubernetes.io/admin-access": "true"}
        made.server.request("POST", "/api/v1/namespaces", {"metadata": {"name": ADMINS, "labels": labels}})
        made.server.request("POST", f"/api/v1/namespaces/{ADMINS}/serviceaccounts", {"metadata": {"name": "default"}})
        yield made


@pytest.fixture(scope="module")
def scheduling(
    kubernetes_programs: dict[str, str], repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Scheduling]:
    with boards(kubernetes_programs, repo, tmp_path_factory.mktemp("requests")) as made:
        make_class(made.server, "pf", "extended", extendedResourceName=RESOURCE)
        yield made


def prepared(scheduling: Scheduling, claim: Json) -> PreparedClaim:
    """As the node agent prepares it."""
    metadata = claim["metadata"]
    ref = ClaimRef(metadata["namespace"], metadata["name"], metadata["uid"])
    results = allocation.read(claim, ref, DRIVER, NODE)
    return compute(ref, results, SysfsDevices(scheduling.tree.root).find)


def alternatives(board: int) -> Json:
    """The whole of a board, else two of its parts."""
    whole = {"name": "whole", "deviceClassName": "mock-accel-pf", "selectors": on_board("pf", board)}
    parts = {"name": "parts", "deviceClassName": "mock-accel-vf", "selectors": on_board("vf", board), "count": 2}
    return {"name": "accel", "firstAvailable": [whole, parts]}


def test_the_first_that_is_available(scheduling: Scheduling) -> None:
    first = scheduling.claim(alternatives(1))
    assert scheduling.gets(first) == "mock1"
    assert [result["request"] for result in scheduling.results(first)] == ["accel/whole"]
    # The whole of the third board is not to be had while somebody has a part of it.
    scheduling.gets(scheduling.ask("vf", 2))
    second = scheduling.claim(alternatives(2))
    scheduling.gets(second)
    results = scheduling.results(second)
    assert [result["request"] for result in results] == ["accel/parts"] * 2
    made = prepared(scheduling, scheduling.get(second))
    # The kubelet knows requests by their own names only.
    assert [device.requests for device in made.devices] == [("accel",)] * 2
    assert [device["name"] for device in specification(made)["devices"]] == [
        f"claim-{made.ref.uid}-{result['device']}" for result in results
    ]


def test_an_administrator_sees_what_somebody_else_has(scheduling: Scheduling) -> None:
    assert scheduling.gets(scheduling.ask("pf", 0)) == "mock0"
    selectors = on_board("pf", 0)
    exactly = {"deviceClassName": "mock-accel-pf", "selectors": selectors, "adminAccess": True}
    name = scheduling.claim({"name": "accel", "exactly": exactly}, namespace=ADMINS)
    until(lambda: scheduling.results(name, ADMINS), scheduling.driver)
    (result,) = scheduling.results(name, ADMINS)
    assert (result["device"], result["adminAccess"]) == ("mock0", True)
    made = prepared(scheduling, scheduling.get(name, ADMINS))
    assert list(made.holds()) == []
    assert [device.device_node for device in made.devices] == ["/dev/mock0"]


def extended_claims(scheduling: Scheduling, pod: str) -> list[Json]:
    claims = scheduling.server.request("GET", f"{GROUP}/namespaces/default/resourceclaims")["items"]
    return [one for one in claims if any(o["name"] == pod for o in one["metadata"].get("ownerReferences") or ())]


@pytest.mark.parametrize("resource", [RESOURCE, "deviceclass.resource.kubernetes.io/mock-accel-vf"])
def test_a_pod_without_a_claim(scheduling: Scheduling, resource: str) -> None:
    """By the name that the class gives, or by that of the class itself."""
    tree = scheduling.tree
    board = len([path for path in tree.class_folder.iterdir() if "_" not in path.name])
    tree.add_pf(board)
    if resource != RESOURCE:
        tree.add_vfs(board, 1)
    until(lambda: f"mock{board}" in scheduling.cluster.devices(), scheduling.driver)
    pod = scheduling.pod(resources={"limits": {resource: "1"}})
    until(lambda: scheduling.is_bound(pod), scheduling.driver)
    (claim,) = extended_claims(scheduling, pod)
    made = prepared(scheduling, claim)
    assert [device.parent is None for device in made.devices] == [resource == RESOURCE]
    assert [device.requests for device in made.devices] == [("container-0-request-0",)]


# Administrators' access cannot be switched off any more.
OFF = "DRAPrioritizedList=false,DRAExtendedResource=false"


def test_a_server_that_serves_none_of_it(kubernetes_programs: dict[str, str], repo: Path, tmp_path: Path) -> None:
    """Whatever it makes of the other ways, a plain request is served as always."""

    class Without(servers.ApiServer):
        def _apiserver_command(self, etcd: int, port: int) -> list[str]:
            return [*super()._apiserver_command(etcd, port), f"--feature-gates={OFF}"]

    with boards(kubernetes_programs, repo, tmp_path, kind=Without) as made:
        make_class(made.server, "pf", "extended", extendedResourceName=RESOURCE)
        kept = made.server.request("GET", f"{GROUP}/deviceclasses/extended")["spec"]
        assert "extendedResourceName" not in kept
        claim = made.ask("pf", 0)
        assert made.gets(claim) == "mock0"
        assert [device.requests for device in prepared(made, made.get(claim)).devices] == [("accel",)]
