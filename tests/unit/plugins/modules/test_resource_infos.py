# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_slice_info and resource_claim_info: what they return of recorded objects, and what both say on failures."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_dep
from ansible_collections.mirage.accel.plugins.modules import (
    pod_device_verify,
    resource_claim_info,
    resource_claim_verify,
    resource_slice_info,
    resource_slice_verify,
)

Items = list[dict[str, t.Any]]
RunModule = Callable[..., dict[str, t.Any]]

DRIVER = "gpu.nvidia.com"
TAINT = {"key": "broken", "effect": "NoExecute"}
# The modules with the least that each must be given.
OURS = [
    pytest.param(resource_slice_info, {}, "listing ResourceSlices", "resourceslices", id="resource_slice_info"),
    pytest.param(
        resource_slice_verify, {"driver": DRIVER}, "listing ResourceSlices", "resourceslices", id="slice_verify"
    ),
    pytest.param(resource_claim_info, {}, "listing ResourceClaims", "resourceclaims", id="resource_claim_info"),
    pytest.param(
        resource_claim_verify,
        {"name": "a"},
        "listing ResourceClaims",
        "namespaces/default/resourceclaims",
        id="resource_claim_verify",
    ),
]


@pytest.fixture
def look(run_module: RunModule, dra_api, api) -> RunModule:
    def run(module: t.Any, **options: t.Any) -> dict[str, t.Any]:
        if not api.objects:
            dra_api()
        return run_module(module, **{"host": api.url, "api_key": "a-token", **options})

    return run


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1beta1"])
def test_slices_of_every_version_are_the_same(look: RunModule, dra_api, version: str) -> None:
    newest = look(resource_slice_info)
    dra_api(version)
    answer = look(resource_slice_info)
    assert answer["api_version"] == version
    assert {**answer, "api_version": "v1", "invocation": None} == {**newest, "invocation": None}


def test_pools(look: RunModule) -> None:
    answer = look(resource_slice_info)
    zero, one = answer["pools"]
    assert answer["device_count"] == 12
    assert (zero["node"], zero["generation"], zero["slices_seen"], zero["slices_expected"]) == ("worker-0", 1, 1, 1)
    assert (one["node"], one["generation"], one["slices_seen"], one["slices_expected"]) == ("worker-1", 3, 2, 2)
    assert [device["name"] for device in one["devices"]] == [f"gpu-{number}" for number in range(4)]
    assert zero["devices"][0]["attributes"]["cudaComputeCapability"] == {"type": "version", "value": "8.0.0"}
    assert zero["devices"][0]["capacity"] == {"memory": "40Gi"}
    # Not what has been given with admin access, which leaves a device to others.
    assert zero["allocated"] == [
        {"name": "gpu-0", "claims": ["default/two-gpus"]},
        {"name": "gpu-1", "claims": ["default/two-gpus"]},
        {"name": "gpu-5", "claims": ["default/either"]},
    ]
    assert one["allocated"] == [{"name": "gpu-2", "claims": ["default/one-gpu"]}]


@pytest.mark.parametrize(
    ("change", "options", "pool", "expected"),
    [
        pytest.param(
            lambda items: items.pop(),
            {},
            1,
            {"complete": False, "slices_seen": 1, "slices_expected": 2},
            id="a slice is missing",
        ),
        pytest.param(
            lambda items: items[2]["spec"]["pool"].update(generation=2),
            {},
            1,
            {"complete": False, "stale_slices": ["00001-gpu.nvidia.com-worker-1-m4c8z"]},
            id="an old generation",
        ),
        pytest.param(
            lambda items: items[2]["spec"]["pool"].update(resourceSliceCount=3),
            {},
            1,
            {"complete": False, "slices_seen": 2, "slices_expected": 0},
            id="numbers that do not agree",
        ),
        pytest.param(
            lambda items: items[2]["spec"]["devices"][1].update(name="gpu-0"),
            {},
            1,
            {"complete": True, "duplicates": ["gpu-0"]},
            id="a device twice",
        ),
        pytest.param(
            lambda items: items[0]["spec"]["devices"][4].update(taints=[TAINT]),
            {},
            0,
            {"tainted": ["gpu-4"]},
            id="a taint",
        ),
        pytest.param(
            lambda items: items[0]["spec"]["devices"][4].update(taints=[{"key": "a", "effect": "None"}]),
            {},
            0,
            {"tainted": []},
            id="a taint that only informs",
        ),
        pytest.param(
            lambda items: items[0]["spec"].update(
                sharedCounters=[{"name": "c", "counters": {"memory": {"value": "40Gi"}}}]
            ),
            {},
            0,
            {"counters": {"c": {"memory": "40Gi"}}},
            id="counters",
        ),
        pytest.param(
            lambda items: items[0]["spec"].update(nodeName=None, allNodes=True),
            {},
            0,
            {"node": "", "complete": True},
            id="for all nodes",
        ),
        pytest.param(lambda items: None, {"allocations": False}, 0, {"allocated": []}, id="without claims"),
        pytest.param(lambda items: None, {"node": "worker-1"}, 0, {"pool": "worker-1"}, id="of a node"),
        pytest.param(lambda items: None, {"pool": "worker-1"}, 0, {"pool": "worker-1"}, id="of a pool"),
        pytest.param(lambda items: None, {"driver": DRIVER}, 1, {"driver": DRIVER}, id="of a driver"),
    ],
)
def test_a_pool(look: RunModule, dra_api, recorded, change, options, pool, expected) -> None:
    items = recorded("resource_slices_v1")
    change(items)
    dra_api(slices=items)
    answer = look(resource_slice_info, **options)
    found = answer["pools"][pool]
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(("newest", "count"), [(True, 2), (False, 3)])
def test_slices_of_old_generations(look: RunModule, dra_api, recorded, newest: bool, count: int) -> None:
    items = recorded("resource_slices_v1")
    items[2]["spec"]["pool"]["generation"] = 1
    dra_api(slices=items)
    answer = look(resource_slice_info, latest_generation_only=newest)
    assert len(answer["slices"]) == count
    assert answer["device_count"] == 10


def test_no_slices_at_all(look: RunModule, dra_api) -> None:
    dra_api(slices=[])
    answer = look(resource_slice_info)
    assert (answer["pools"], answer["slices"], answer["device_count"]) == ([], [], 0)


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1beta1"])
def test_claims_of_every_version_are_the_same(look: RunModule, dra_api, version: str) -> None:
    newest = look(resource_claim_info)
    dra_api(version)
    answer = look(resource_claim_info)
    assert answer["api_version"] == version
    assert answer["claims"] == newest["claims"]


def test_claims(look: RunModule) -> None:
    found = {claim["name"]: claim for claim in look(resource_claim_info)["claims"]}
    assert {name: claim["state"] for name, claim in found.items()} == {
        "either": "allocated",
        "one-gpu": "allocated",
        "too-big": "pending",
        "two-gpus": "reserved",
        "watch-all": "allocated",
    }
    assert [request["name"] for request in found["either"]["requests"]] == ["gpu/large", "gpu/small"]
    assert [request["count"] for request in found["either"]["requests"]] == [4, 1]
    assert found["two-gpus"]["reserved_for"] == ["pods/train-0"]
    assert found["two-gpus"]["nodes"] == ["worker-0"]
    assert found["two-gpus"]["constraints"] == [
        {"kind": "matchAttribute", "attribute": "resource.kubernetes.io/pcieRoot", "requests": ["gpu"]}
    ]
    assert found["watch-all"]["requests"][0] == {
        "name": "all",
        "device_class": DRIVER,
        "mode": "All",
        "count": 1,
        "admin_access": True,
        "selectors": [],
    }
    assert len(found["too-big"]["reasons"]) == 2
    assert "reasons" not in found["one-gpu"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"name": "one-gpu"}, ["one-gpu"]),
        ({"namespace": "monitoring"}, ["watch-all"]),
        ({"name": "watch-all", "namespace": "monitoring"}, ["watch-all"]),
        ({"name": "watch-all"}, []),
        ({"reasons": False}, ["either", "one-gpu", "too-big", "two-gpus", "watch-all"]),
    ],
)
def test_chosen_claims(look: RunModule, options, names) -> None:
    assert [claim["name"] for claim in look(resource_claim_info, **options)["claims"]] == names


@pytest.mark.parametrize("module", [resource_slice_info, resource_claim_info])
def test_every_answer_is_documented(look: RunModule, module) -> None:
    assert set(yaml.safe_load(module.RETURN)) == set(look(module)) - {"rc", "failed", "changed", "invocation"}


@pytest.mark.parametrize(("module", "options", "doing", "path"), OURS)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (401, "does not accept the credentials (401 Unauthorized: sorry); the token or certificate may have expired"),
        (403, "not allowed (403 Forbidden: sorry); bind a role with the verbs get, list and watch to this user"),
        (503, "the server cannot answer now (503: sorry); try again, or see its logs"),
    ],
)
def test_refusals(look: RunModule, dra_api, module, options, doing, path, code, message) -> None:
    api = dra_api()
    api.objects[f"/apis/resource.k8s.io/v1/{path}"] = api.refuse(code, "sorry")
    answer = look(module, **options)
    assert answer["failed"]
    assert answer["msg"].startswith(f"Error while {doing} at {api.url}: ")
    assert message in answer["msg"]
    assert "differences" not in answer


@pytest.mark.parametrize(("module", "options", "doing", "path"), OURS)
@pytest.mark.parametrize(
    ("group", "message"),
    [
        (
            None,
            "the server has no dynamic resource allocation (DRA); use Kubernetes 1.34 or later, or an older one with",
        ),
        (
            {"versions": [{"version": "v1alpha3"}]},
            "the server speaks only v1alpha3, and v1, v1beta2, v1beta1 are known",
        ),
        ({"versions": []}, "the server speaks only no version of it, and v1, v1beta2, v1beta1 are known"),
    ],
)
def test_servers_without_dra(look: RunModule, dra_api, module, options, doing, path, group, message) -> None:
    api = dra_api()
    missing = api.refuse(404, "the server could not find the requested resource")
    api.objects["/apis/resource.k8s.io"] = missing if group is None else group
    answer = look(module, **options)
    assert answer["failed"]
    assert answer["msg"].startswith("Error while looking for the API group resource.k8s.io at ")
    assert message in answer["msg"]


@pytest.mark.parametrize("module", [resource_slice_verify, resource_claim_verify, pod_device_verify])
def test_without_the_client(look: RunModule, monkeypatch: pytest.MonkeyPatch, module) -> None:
    monkeypatch.setattr(_kubernetes_dep, "kubernetes", None)
    assert "kubernetes>=24.2" in look(module, name="a")["msg"] if module is not resource_slice_verify else True
    assert "kubernetes>=24.2" in look(resource_slice_verify, driver="a")["msg"]


@pytest.mark.parametrize(("module", "options", "doing", "path"), OURS)
def test_check_mode_does_the_same(look: RunModule, module, options, doing, path) -> None:
    real = look(module, **options)
    checked = look(module, _ansible_check_mode=True, **options)
    assert {**checked, "invocation": None, "waited": None} == {**real, "invocation": None, "waited": None}


def test_a_claim_that_is_none(look: RunModule, dra_api) -> None:
    dra_api(claims=[{"metadata": {"name": "odd", "namespace": "default"}, "spec": {"devices": {"requests": [{}]}}}])
    message = "ResourceClaim default/odd is not of a known form: KeyError('name')"
    assert look(resource_claim_info)["msg"] == message
