# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that the role makes of ResourceSlices and of a claim with its pod, without a cluster."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

FIRST, SECOND, THIRD = (f"GPU-0000000{digit}-1111-2222-3333-444444444444" for digit in "123")
DEVICES, PROFILE = "GPUs in ResourceSlices", "They are as the profile says"


def pool(node: str, count: int, *, complete: bool = True, name: str = "") -> dict[str, t.Any]:
    return {"pool": name or node, "node": node, "generation": 1, "complete": complete, "device_count": count}


def difference(path: str, expected: t.Any, actual: t.Any) -> dict[str, t.Any]:
    return {"path": path, "expected": expected, "actual": actual}


def slices(pools: list[dict[str, t.Any]], *differences: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"pools": pools, "differences": list(differences), "api_version": "v1"}


@pytest.mark.parametrize(
    ("answer", "devices", "profile"),
    [
        pytest.param(slices([pool("n0", 8)]), "8, 1 complete pool", "yes", id="right"),
        pytest.param(
            slices([pool("n0", 7)], difference("nodes[n0].count", "8", 7)),
            "7, 1 complete pool",
            "nodes[n0].count: expected 8, found 7",
            id="one-short",
        ),
        pytest.param(
            slices([pool("n0", 8, complete=False)], difference("pools[n0].slices", "2 of generation 1", 1)),
            "8, 1 incomplete pool",
            "pools[n0].slices: expected 2 of generation 1, found 1",
            id="incomplete",
        ),
        pytest.param(
            slices(
                [pool("n0", 4), pool("n0", 4, name="n0-b")], difference("pools[n0-b].slices[x].owner", "Node", None)
            ),
            "8, 2 complete pools",
            "pools[n0-b].slices[x].owner: expected Node, found nothing",
            id="two-pools-and-no-owner",
        ),
        pytest.param(
            slices(
                [pool("n0", 8)], difference("nodes[n0].attributes[uuid]", "A", None), difference("nodes[n0].x", 1, 2)
            ),
            "8, 1 complete pool",
            "nodes[n0].attributes[uuid]: expected A, found nothing (and 1 more)",
            id="two-differences",
        ),
        pytest.param(
            slices([], difference("nodes[n0].count", "8", 0)), "none", "nodes[n0].count: expected 8, found 0", id="none"
        ),
        pytest.param({"msg": "no DRA here"}, "no DRA here", "no answer", id="no-answer"),
    ],
)
def test_slices_of_a_node(render, answer: dict, devices: str, profile: str) -> None:
    rows = render("slice_rows.yml.j2", _verify_driver_nodes=["n0"], __verify_slices=answer)
    assert rows == [("n0", DEVICES, "8, 1 complete pool", devices), ("n0", PROFILE, "yes", profile)]


def test_a_bad_node_is_not_hidden_by_a_good_one(render) -> None:
    answer = slices([pool("n0", 8), pool("n1", 5)], difference("nodes[n1].count", "8", 5))
    rows = render("slice_rows.yml.j2", _verify_driver_nodes=["n0", "n1"], __verify_slices=answer)
    assert [(host, expected == actual) for host, _, expected, actual in rows] == [
        ("n0", True),
        ("n0", True),
        ("n1", False),
        ("n1", False),
    ]


def test_slices_of_other_nodes_are_a_row(render) -> None:
    answer = slices([pool("n0", 8), pool("n9", 2)], difference("nodes[n9].count", 0, 2))
    rows = render("slice_rows.yml.j2", _verify_driver_nodes=["n0"], __verify_slices=answer)
    assert rows[2:] == [("cluster", "ResourceSlices of other nodes", "none", "nodes[n9].count (of 1)")]


def test_no_node_with_the_driver_is_a_row(render) -> None:
    rows = render("slice_rows.yml.j2", _verify_driver_nodes=[], __verify_slices={"skipped": True})
    assert rows == [("cluster", DEVICES, "at least one node", "none")]


def claimed(state: str = "reserved", *, node: str = "node-0", msg: str = "", devices: int = 2) -> dict[str, t.Any]:
    claim = {"state": state, "nodes": [node] if devices else [], "devices": [{}] * devices}
    answer = {"claims": [claim], "differences": [difference("claims[c].state", "reserved", state)] if msg else []}
    return {**answer, "msg": msg} if msg else answer


def looked(claim: list[str], seen: list[str], msg: str = "") -> dict[str, t.Any]:
    answer = {"claimed_uuids": claim, "uuids": seen, "differences": [difference("gpus", 1, 2)] if msg else []}
    return {**answer, "msg": msg} if msg else answer


def test_a_claims_pod_that_sees_its_gpus(render) -> None:
    rows = render(
        "claim_rows.yml.j2",
        __verify_claim=claimed(),
        __verify_claim_pod=looked([SECOND, FIRST], [FIRST, SECOND]),
    )
    both = f"{FIRST} {SECOND}"
    assert rows == [
        ("node-0", "Claim for 2 GPUs", "2 reserved", "2 reserved"),
        ("node-0", "GPUs that its pod lists", both, both),
        ("node-0", "The host lists the same", both, both),
    ]


@pytest.mark.parametrize(
    ("claim", "looks", "failed"),
    [
        pytest.param(
            claimed("pending", devices=0, msg="pending: node-0: 2 devices wanted, 1 of 8 free"),
            {"skipped": True},
            {
                "Claim for 2 GPUs": "pending: node-0: 2 devices wanted, 1 of 8 free",
                "GPUs that its pod lists": "none",
            },
            id="pending",
        ),
        pytest.param(
            claimed(),
            looked([FIRST, SECOND], [FIRST, THIRD], "1 difference: gpus[THIRD]"),
            {"GPUs that its pod lists": "1 difference: gpus[THIRD]"},
            id="another-gpu",
        ),
        pytest.param(
            claimed(),
            looked([FIRST, THIRD[:-1] + "9"], [FIRST, THIRD[:-1] + "9"]),
            {"The host lists the same": FIRST},
            id="one-that-the-host-has-not",
        ),
        pytest.param(
            claimed(), {"msg": "no nvidia-smi"}, {"GPUs that its pod lists": "no nvidia-smi"}, id="nothing-to-run"
        ),
    ],
)
def test_a_claim_that_is_not_right_fails_by_name(render, claim: dict, looks: dict, failed: dict) -> None:
    rows = render("claim_rows.yml.j2", __verify_claim=claim, __verify_claim_pod=looks)
    wrong = {check: actual for _, check, expected, actual in rows if expected != actual}
    assert failed.items() <= wrong.items()


def test_a_claim_that_nobody_tried_to_make_is_never_right(render) -> None:
    """A server without DRA: the row of the slices has its reason, and nothing of the claim was registered."""
    rows = render("claim_rows.yml.j2")
    assert [(check, actual) for _, check, _, actual in rows] == [
        ("Claim for 2 GPUs", "nothing"),
        ("GPUs that its pod lists", "none"),
    ]
    assert all(expected != actual for _, _, expected, actual in rows)


def test_a_claim_that_could_not_be_made_says_why(render) -> None:
    rows = render(
        "claim_rows.yml.j2",
        __verify_claim_made={"msg": "the server could not find the requested resource"},
        __verify_claim={"skipped": True},
        __verify_claim_pod={"skipped": True},
    )
    assert rows[0][3] == "the server could not find the requested resource"
    assert all(expected != actual for _, _, expected, actual in rows)


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        pytest.param("v1", {"name": "gpus", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 2}}, id="v1"),
        pytest.param("v1beta1", {"name": "gpus", "deviceClassName": "gpu.nvidia.com", "count": 2}, id="v1beta1"),
    ],
)
def test_the_claim_is_written_as_the_server_reads_it(repo: Path, version: str, asked: dict) -> None:
    variables = {
        "claim": {
            "version": version,
            "name": "c-1",
            "label": "mirage-accel-verify-claim",
            "request": "gpus",
            "device_class": "gpu.nvidia.com",
            "count": 2,
            "env": [],
        },
        "verify_namespace": "lab",
        "verify_pod_image": "localhost/mirage/base:latest",
    }
    text = (repo / "roles/verify/templates/claim.yml.j2").read_text()
    rendered = Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text))
    claim, user = yaml.safe_load_all(rendered)
    assert claim["apiVersion"] == f"resource.k8s.io/{version}"
    assert claim["spec"]["devices"]["requests"] == [asked]
    assert user["spec"]["resourceClaims"] == [{"name": "gpus", "resourceClaimName": "c-1"}]
    assert {one["metadata"]["namespace"] for one in (claim, user)} == {"lab"}
