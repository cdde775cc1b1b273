# SPDX-License-Identifier: GPL-3.0-or-later
"""What resource_claim_info returns of recorded claims, and why it says that one is pending."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
import slice_edits
import yaml
from claim_edits import leave, metadata, result, status, wants

from ansible_collections.mirage.accel.plugins.modules import resource_claim_info as info

RunModule = Callable[..., dict[str, t.Any]]

DRIVER = "gpu.nvidia.com"
ROOT = "resource.kubernetes.io/pcieRoot"
CLAIMS_PATH = "/apis/resource.k8s.io/v1/resourceclaims"
ALL = ["either", "one-gpu", "too-big", "two-gpus", "watch-all"]
REQUEST = {
    "name": "g",
    "device_class": DRIVER,
    "mode": "ExactCount",
    "count": 1,
    "admin_access": False,
    "selectors": [],
}
TOO_BIG = "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('200Gi')) >= 0"
SCHEDULER = (
    "pod waits: 0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption:"
    " 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
)


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(info, **options)


def device(name: str, number: int, pool: str = "worker-0", **more: t.Any) -> dict[str, t.Any]:
    return {
        "request": name,
        "driver": DRIVER,
        "pool": pool,
        "device": f"gpu-{number}",
        "admin_access": False,
        "share_id": None,
        "consumed_capacity": {},
        **more,
    }


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        pytest.param(
            "two-gpus",
            leave,
            {
                "namespace": "default",
                "state": "reserved",
                "reserved_for": ["pods/train-0"],
                "nodes": ["worker-0"],
                "constraints": [{"kind": "matchAttribute", "attribute": ROOT, "requests": ["gpu"]}],
                "devices": [device("gpu", 0), device("gpu", 1)],
            },
            id="used by a pod",
        ),
        pytest.param(
            "one-gpu",
            leave,
            {
                "state": "allocated",
                "reserved_for": [],
                "nodes": ["worker-1"],
                "devices": [device("gpu", 2, "worker-1")],
            },
            id="used by nobody",
        ),
        pytest.param(
            "either",
            leave,
            {
                "requests": [
                    {**REQUEST, "name": "gpu/large", "device_class": "big.example.com", "count": 4},
                    {**REQUEST, "name": "gpu/small"},
                ],
                "devices": [device("gpu/small", 5)],
            },
            id="of alternatives",
        ),
        pytest.param(
            "too-big",
            leave,
            {
                "state": "pending",
                "devices": [],
                "nodes": [],
                "requests": [{**REQUEST, "name": "gpu", "count": 3, "selectors": [TOO_BIG]}],
            },
            id="pending",
        ),
        pytest.param(
            "watch-all",
            leave,
            {
                "namespace": "monitoring",
                "requests": [{**REQUEST, "name": "all", "mode": "All", "admin_access": True}],
                "devices": [device("all", i, "worker-1", admin_access=True) for i in range(4)],
            },
            id="admin access to all",
        ),
        pytest.param(
            "one-gpu",
            metadata("one-gpu", deletionTimestamp="2026-11-22T10:00:00Z"),
            {"state": "deleting", "devices": [device("gpu", 2, "worker-1")]},
            id="on its way out",
        ),
        pytest.param(
            "one-gpu",
            result("one-gpu", 0, shareID="s", consumedCapacity={"memory": "10Gi"}),
            {"devices": [device("gpu", 2, "worker-1", share_id="s", consumed_capacity={"memory": "10Gi"})]},
            id="a share of a device",
        ),
        pytest.param(
            "two-gpus",
            leave,
            {
                "device_statuses": [
                    {
                        "driver": DRIVER,
                        "pool": "worker-0",
                        "device": "gpu-0",
                        "conditions": [
                            {
                                "type": "Ready",
                                "status": "True",
                                "lastTransitionTime": "2026-11-22T10:00:00Z",
                                "reason": "Prepared",
                                "message": "",
                            }
                        ],
                    }
                ]
            },
            id="what the driver reports",
        ),
        pytest.param(
            "one-gpu",
            wants("one-gpu", requests=[{"name": "g", "exactly": {"deviceClassName": DRIVER}}]),
            {"requests": [REQUEST]},
            id="a request that leaves out what has a default",
        ),
        pytest.param(
            "one-gpu",
            wants("one-gpu", constraints=[{"distinctAttribute": ROOT}, {"newConstraint": "x", "requests": ["gpu"]}]),
            {
                "constraints": [
                    {"kind": "distinctAttribute", "attribute": ROOT, "requests": []},
                    {"kind": "unknown", "attribute": "", "requests": ["gpu"]},
                ]
            },
            id="other constraints",
        ),
        pytest.param(
            "one-gpu",
            status("one-gpu", allocation={}, reservedFor=None),
            {"state": "allocated", "devices": [], "nodes": [], "reserved_for": []},
            id="an allocation of nothing",
        ),
    ],
)
def test_a_claim(look: RunModule, dra_api, recorded, name, change, expected) -> None:
    items = recorded("resource_claims_v1")
    change(items)
    dra_api(claims=items)
    answer = look()
    found = next(one for one in answer["claims"] if one["name"] == name)
    assert {key: found[key] for key in expected} == expected
    assert (answer["rc"], answer["failed"], answer["changed"]) == (0, False, False)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        pytest.param({}, ALL, id="of all namespaces"),
        pytest.param({"name": "one-gpu"}, ["one-gpu"], id="by name in the default namespace"),
        pytest.param({"namespace": "monitoring"}, ["watch-all"], id="of a namespace"),
        pytest.param({"name": "watch-all", "namespace": "monitoring"}, ["watch-all"], id="by name in a namespace"),
        pytest.param({"name": "watch-all"}, [], id="a name of another namespace"),
        pytest.param({"namespace": "default"}, ALL[:-1], id="of the default namespace"),
        pytest.param({"reasons": False}, ALL, id="without reasons"),
    ],
)
def test_chosen_claims(look: RunModule, options, names) -> None:
    assert [claim["name"] for claim in look(**options)["claims"]] == names


@pytest.mark.parametrize(
    ("options", "path", "query"),
    [
        ({}, CLAIMS_PATH, {}),
        (
            {"name": "a"},
            "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims",
            {"fieldSelector": "metadata.name=a"},
        ),
        ({"namespace": "monitoring"}, "/apis/resource.k8s.io/v1/namespaces/monitoring/resourceclaims", {}),
        ({"label_selectors": ["a=b", "!c"]}, CLAIMS_PATH, {"labelSelector": "a=b,!c"}),
    ],
)
def test_the_server_is_asked_for_what_is_needed(look: RunModule, dra_api, options, path, query) -> None:
    api = dra_api()
    look(reasons=False, **options)
    assert [(request["path"], request["query"]) for request in api.requests[1:]] == [(path, {**query, "limit": "500"})]


@pytest.mark.parametrize(
    ("change_slices", "change_claims", "texts"),
    [
        pytest.param(
            leave,
            leave,
            [
                f"3 devices wanted, 0 of {n} free: {n} not chosen by the selector of the request: {TOO_BIG}"
                for n in (8, 4)
            ],
            id="no device is large enough",
        ),
        pytest.param(
            slice_edits.lose_a_slice,
            wants("too-big", requests=[{"name": "gpu", "exactly": {"deviceClassName": DRIVER, "count": 6}}]),
            [
                "6 devices wanted, 5 of 8 free: 2 held by claim default/two-gpus; 1 held by claim default/either",
                "6 devices wanted, 0 of 2 free: 2 in the incomplete pool worker-1 (1 of 2 slices)",
            ],
            id="held, and an incomplete pool",
        ),
        pytest.param(
            lambda items: [slice_edits.taint(0, i)(items) for i in range(8)],
            wants("too-big", requests=[{"name": "gpu", "exactly": {"deviceClassName": DRIVER, "count": 4}}]),
            [
                "4 devices wanted, 0 of 8 free: 8 tainted gpu.example.com/broken=xid-79:NoSchedule",
                "4 devices wanted, 3 of 4 free: 1 held by claim default/one-gpu",
            ],
            id="tainted, and held",
        ),
        pytest.param(
            leave,
            wants("too-big", requests=[{"name": "gpu", "exactly": {"deviceClassName": "none.example.com"}}]),
            ["DeviceClass none.example.com does not exist"],
            id="no such class",
        ),
        pytest.param(lambda items: items.clear(), leave, ["no ResourceSlice has a device"], id="no slices"),
        pytest.param(
            leave,
            wants("too-big", requests=[{"name": "gpu", "exactly": {"deviceClassName": DRIVER}}]),
            [],
            id="nothing that can be told",
        ),
    ],
)
def test_why_a_claim_is_pending(look: RunModule, dra_api, recorded, change_slices, change_claims, texts) -> None:
    slices, claims = recorded("resource_slices_v1"), recorded("resource_claims_v1")
    change_slices(slices)
    change_claims(claims)
    dra_api(slices=slices, claims=claims)
    by_name = {one["name"]: one for one in look()["claims"]}
    assert [reason["text"] for reason in by_name["too-big"]["reasons"]] == texts
    assert by_name["too-big"]["scheduler"] == [SCHEDULER]
    assert "reasons" not in by_name["one-gpu"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(leave, [SCHEDULER], id="the scheduler's own words"),
        pytest.param(
            lambda pods: [pod["spec"].update(resourceClaims=None) for pod in pods],
            ["no pod uses the claim; devices are allocated when a pod that uses it is scheduled"],
            id="no pod uses it",
        ),
        pytest.param(
            lambda pods: pods[1]["status"]["conditions"][0].update(message="", reason="SchedulingGated"),
            ["pod waits: SchedulingGated"],
            id="a reason without words",
        ),
        pytest.param(lambda pods: pods[1]["status"].update(conditions=None), [], id="not looked at yet"),
    ],
)
def test_what_the_scheduler_says(look: RunModule, dra_api, recorded, change, words) -> None:
    pods = recorded("pods")
    change(pods)
    dra_api(pods=pods)
    assert look(name="too-big")["claims"][0]["scheduler"] == words


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1beta1"])
def test_claims_of_every_version_are_the_same(look: RunModule, dra_api, version: str) -> None:
    newest = look()
    dra_api(version)
    answer = look()
    assert answer["api_version"] == version
    assert answer["claims"] == newest["claims"]


def test_every_answer_is_documented(look: RunModule) -> None:
    assert set(yaml.safe_load(info.RETURN)) == set(look()) - {"rc", "failed", "changed", "invocation"}
