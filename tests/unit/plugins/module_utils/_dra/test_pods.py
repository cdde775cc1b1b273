# SPDX-License-Identifier: GPL-3.0-or-later
"""What pods say of their claims."""

from __future__ import annotations

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._dra import pods
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import parse_claim


def claim(name: str, *requests: str):
    results = [{"request": r, "driver": "d", "pool": "p", "device": f"{name}-{r}"} for r in requests]
    status = {"allocation": {"devices": {"results": results}}}
    return parse_claim({"metadata": {"namespace": "n", "name": name}, "spec": {}, "status": status})


CLAIMS = [claim("c1", "a", "b/x"), claim("c2", "a"), claim("c3", "a")]


def pod(*wanted: dict, **status) -> dict:
    return {
        "metadata": {"name": "pod", "namespace": "n"},
        "spec": {
            "containers": [
                {"name": "other", "resources": {"claims": [{"name": "second"}]}},
                {"name": "main", "resources": {"claims": list(wanted)}},
            ],
            "initContainers": [{"name": "init", "resources": {"claims": [{"name": "made"}]}}, {"name": "bare"}],
            "resourceClaims": [
                {"name": "first", "resourceClaimName": "c1"},
                {"name": "second", "resourceClaimName": "c2"},
                {"name": "made", "resourceClaimTemplateName": "t"},
            ],
        },
        "status": {"resourceClaimStatuses": [{"name": "made", "resourceClaimName": "c3"}], **status},
    }


@pytest.mark.parametrize(
    ("container", "wanted", "devices"),
    [
        ("main", [], []),
        ("main", [{"name": "first"}], ["c1-a", "c1-b/x"]),
        ("main", [{"name": "first", "request": "a"}], ["c1-a"]),
        ("main", [{"name": "first", "request": "b"}], ["c1-b/x"]),
        ("main", [{"name": "first", "request": "b/x"}], ["c1-b/x"]),
        ("main", [{"name": "first", "request": "z"}], []),
        ("main", [{"name": "first", "request": ""}, {"name": "made"}], ["c1-a", "c1-b/x", "c3-a"]),
        ("main", [{"name": "unknown"}], []),
        ("other", [], ["c2-a"]),
        ("init", [], ["c3-a"]),
        ("bare", [], []),
        ("none", [], []),
    ],
)
def test_container_devices(container, wanted, devices) -> None:
    assert [one.device for one in pods.container_devices(pod(*wanted), container, CLAIMS)] == devices


def test_claims_of() -> None:
    extended = {"extendedResourceClaimStatus": {"resourceClaimName": "c9"}}
    assert pods.claims_of(pod(**extended)) == ["c1", "c2", "c3", "c9"]
    assert pods.claims_of({"metadata": {}}) == []


def condition(status: str, **more: str) -> dict:
    return {"type": "PodScheduled", "status": status, **more}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (None, []),
        ([condition("True")], []),
        ([condition("False", message="no room", reason="Unschedulable")], ["pod pod: no room"]),
        ([condition("False", reason="SchedulingGated")], ["pod pod: SchedulingGated"]),
        ([{"type": "Ready", "status": "False", "message": "x"}], []),
    ],
)
def test_what_the_scheduler_says(conditions, words) -> None:
    assert pods.scheduler_words(CLAIMS[0], [pod(conditions=conditions)]) == words


def test_the_scheduler_is_heard_on_each_pod_in_order() -> None:
    pods_of_it = [pod(conditions=[condition("False", message=f"m{name}")]) for name in "bca"]
    for one, name in zip(pods_of_it, "bca", strict=True):
        one["metadata"]["name"] = name
    assert pods.scheduler_words(CLAIMS[0], pods_of_it) == ["pod a: ma", "pod b: mb", "pod c: mc"]


def test_a_claim_that_no_pod_uses() -> None:
    (words,) = pods.scheduler_words(claim("c4"), [pod()])
    assert words == "no pod uses the claim; devices are allocated when a pod that uses it is scheduled"


@pytest.mark.parametrize(
    ("pod_status", "state", "words"),
    [
        ({}, {"waiting": {"reason": "R", "message": "m"}}, "waiting: R: m"),
        ({}, {"waiting": {}}, "waiting"),
        ({"phase": "Pending"}, {}, "Pending"),
        ({}, {}, "unknown"),
        ({"conditions": [{"status": "False", "reason": "R", "message": "m"}]}, {}, "R: m"),
        ({"phase": "P", "conditions": [{"status": "False"}, {"status": "True", "message": "m"}]}, {}, "P"),
    ],
)
def test_why_a_container_does_not_run(pod_status, state, words) -> None:
    assert pods.state_text({"status": pod_status}, {"state": state}) == words


def test_container_status() -> None:
    made = pod(containerStatuses=[{"name": "main", "x": 1}], initContainerStatuses=[{"name": "init", "x": 2}])
    assert [pods.container_status(made, name).get("x") for name in ("main", "init", "none")] == [1, 2, None]
    assert pods.container_status({}, "main") == {}
