# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a claim's allocation is ours."""

from __future__ import annotations

import typing as t

import pytest
from dra_agent import DRIVER, NODE
from dra_node import claim
from mock_accel_dra import allocation, opaque
from mock_accel_dra.errors import ClaimError
from mock_accel_dra.prepared import ClaimRef

REF = ClaimRef("default", "c0", "u0")
ALTERNATIVES = [{"name": "accel", "firstAvailable": [{"name": "pf"}, {"name": "vfs"}]}]


def read(**given: t.Any) -> list[allocation.Result]:
    devices = given.pop("devices", ["mock0"])
    return allocation.read(claim("c0", *devices, uid="u0", **given), REF, DRIVER, NODE)


def config(driver: str = DRIVER, requests: list[str] | None = None, **fields: t.Any) -> dict[str, t.Any]:
    parameters = {"apiVersion": opaque.API_VERSION, "kind": opaque.KIND, **fields}
    return {"source": "FromClaim", "requests": requests or [], "opaque": {"driver": driver, "parameters": parameters}}


def test_reads_results_in_their_order() -> None:
    other = {"driver": "other.example.com", "pool": "p", "device": "gpu0"}
    shared = {"device": "mock0-vf1", "shareID": "s", "adminAccess": False}
    found = read(devices=[other, "mock1", shared, {"device": "mock0", "adminAccess": True}])
    assert [(r.device, r.share_id, r.admin) for r in found] == [
        ("mock1", None, False),
        ("mock0-vf1", "s", False),
        ("mock0", None, True),
    ]


def test_a_subrequest_keeps_its_name_here_and_has_a_base() -> None:
    (found,) = read(devices=[{"device": "mock0-vf0", "request": "accel/vfs"}], requests=ALTERNATIVES)
    assert (found.request, found.base_request) == ("accel/vfs", "accel")


@pytest.mark.parametrize(
    ("configs", "access", "environment"),
    [
        pytest.param([], "rw", {}, id="none"),
        pytest.param([config(access="ReadOnly")], "r", {}, id="for all"),
        pytest.param([config(requests=["accel"], access="ReadOnly")], "r", {}, id="for the request"),
        pytest.param([config(requests=["accel/vfs"], access="ReadOnly")], "r", {}, id="for the subrequest"),
        pytest.param([config(requests=["accel/pf"], access="ReadOnly")], "rw", {}, id="for another subrequest"),
        pytest.param([config(driver="other.example.com", access="x")], "rw", {}, id="for another driver"),
        pytest.param([config(access="ReadOnly"), config(environment={"A": "1"})], "rw", {"A": "1"}, id="last wins"),
    ],
)
def test_chooses_the_configuration(configs: list[t.Any], access: str, environment: dict[str, str]) -> None:
    devices = [{"device": "mock0-vf0", "request": "accel/vfs"}]
    (found,) = read(devices=devices, requests=ALTERNATIVES, config=configs)
    assert (found.config.access, found.config.environment) == (access, environment)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(
            {"devices": [{"device": "d", "request": "x"}]}, "results[0].request: the claim has no", id="request"
        ),
        pytest.param({"devices": [{"device": "d", "request": "accel/x"}]}, "no request accel/x", id="subrequest"),
        pytest.param(
            {"devices": [{"device": "d", "pool": "worker-1"}]}, "results[0].pool: the pool worker-1", id="pool"
        ),
        pytest.param({"config": [config(requests=["x"])]}, "config[0].requests: the claim has no request x", id="for"),
        pytest.param({"config": [config(acces=1)]}, "config[0].opaque.parameters.acces: unknown", id="field"),
    ],
)
def test_refuses(given: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ClaimError) as error:
        read(**given)
    assert words in str(error.value)


def test_refuses_another_uid_and_no_allocation() -> None:
    with pytest.raises(ClaimError, match="the UID u1, not u0: it has been deleted and made anew"):
        allocation.read(claim("c0", "mock0", uid="u1"), REF, DRIVER, NODE)
    bare = claim("c0", uid="u0")
    del bare["status"]
    with pytest.raises(ClaimError, match="is not allocated"):
        allocation.read(bare, REF, DRIVER, NODE)


def test_identities_are_ours_only() -> None:
    other = {"driver": "other.example.com", "pool": "p", "device": "gpu0"}
    found = allocation.identities(claim("c0", other, "mock1", {"device": "mock0", "shareID": "s"}), DRIVER)
    assert found == {(NODE, "mock1", None), (NODE, "mock0", "s")}
    assert allocation.identities({"metadata": {}}, DRIVER) == set()
