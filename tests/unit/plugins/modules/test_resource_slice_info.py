# SPDX-License-Identifier: GPL-3.0-or-later
"""What resource_slice_info returns of recorded slices, of broken pools, and where there is nothing to be read."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import claim_edits
import pytest
import yaml
from slice_edits import (
    DRIVER,
    ONE_A,
    ONE_B,
    SLICES,
    ZERO,
    body,
    both,
    duplicate,
    edit,
    leave,
    lose_a_slice,
    pool,
    spec,
    taint,
)

from ansible_collections.mirage.accel.plugins.modules import resource_slice_info as info

RunModule = Callable[..., dict[str, t.Any]]

SLICES_PATH = "/apis/resource.k8s.io/v1/resourceslices"
COUNTERS = {"name": "c", "counters": {"memory": {"value": "40Gi"}, "slots": {}}}


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(info, **options)


def chosen(answer: dict[str, t.Any], number: int, keys: t.Iterable[str]) -> dict[str, t.Any]:
    found = answer["pools"][number]
    return {key: found[key] for key in keys}


@pytest.mark.parametrize(
    ("change", "options", "number", "expected"),
    [
        pytest.param(
            leave,
            {},
            0,
            {
                "driver": DRIVER,
                "pool": "worker-0",
                "node": "worker-0",
                "generation": 1,
                "slices_seen": 1,
                "slices_expected": 1,
                "complete": True,
                "stale_slices": [],
                "duplicates": [],
                "tainted": [],
                "counters": {},
            },
            id="of one slice",
        ),
        pytest.param(
            leave,
            {},
            1,
            {"pool": "worker-1", "generation": 3, "slices_seen": 2, "slices_expected": 2, "complete": True},
            id="of two slices",
        ),
        pytest.param(leave, {"node": "worker-1"}, 0, {"pool": "worker-1"}, id="of a node"),
        pytest.param(leave, {"pool": "worker-1"}, 0, {"pool": "worker-1"}, id="of a pool"),
        pytest.param(leave, {"pool": ""}, 1, {"pool": "worker-1"}, id="of any pool"),
        pytest.param(leave, {"driver": DRIVER}, 1, {"driver": DRIVER}, id="of a driver"),
        pytest.param(leave, {"driver": DRIVER, "node": "worker-1"}, 0, {"node": "worker-1"}, id="of a driver and node"),
        pytest.param(
            leave,
            {},
            0,
            # Not what has been given with admin access, which leaves a device to others.
            {
                "allocated": [
                    {"name": "gpu-0", "claims": ["default/two-gpus"]},
                    {"name": "gpu-1", "claims": ["default/two-gpus"]},
                    {"name": "gpu-5", "claims": ["default/either"]},
                ]
            },
            id="held by claims",
        ),
        pytest.param(leave, {"allocations": False}, 0, {"allocated": []}, id="without claims"),
        pytest.param(
            pool(ZERO, generation=7), {}, 0, {"generation": 7, "complete": True, "stale_slices": []}, id="a later one"
        ),
        pytest.param(
            both(spec(ONE_A, driver="other.example.com"), pool(ONE_A, resourceSliceCount=1)),
            {},
            2,
            {"driver": "other.example.com", "pool": "worker-1", "slices_seen": 1, "complete": True},
            id="the pool of another driver by the same name",
        ),
        pytest.param(taint(ZERO, 4, effect="None"), {}, 0, {"tainted": []}, id="a taint that only informs"),
        pytest.param(
            spec(ZERO, sharedCounters=[COUNTERS]),
            {},
            0,
            {"counters": {"c": {"memory": "40Gi", "slots": None}}},
            id="counters",
        ),
        pytest.param(
            spec(ZERO, nodeName=None, allNodes=True), {}, 0, {"node": "", "complete": True}, id="for all nodes"
        ),
        pytest.param(
            both(
                spec(ZERO, nodeName=None, perDeviceNodeSelection=True), *[body(ZERO, i, nodeName="n") for i in range(8)]
            ),
            {},
            0,
            {"node": "n"},
            id="for the node of each device",
        ),
        pytest.param(
            both(
                spec(ZERO, nodeName=None, perDeviceNodeSelection=True),
                body(ZERO, 0, nodeName="a"),
                body(ZERO, 1, nodeName="b"),
            ),
            {},
            0,
            {"node": ""},
            id="for several nodes",
        ),
    ],
)
def test_a_pool(look: RunModule, dra_api, recorded, change, options, number, expected) -> None:
    items = recorded("resource_slices_v1")
    change(items)
    dra_api(slices=items)
    answer = look(**options)
    assert chosen(answer, number, expected) == expected
    assert (answer["rc"], answer["failed"], answer["changed"]) == (0, False, False)


@pytest.mark.parametrize(
    ("change", "number", "expected"),
    [
        pytest.param(
            lose_a_slice, 1, {"complete": False, "slices_seen": 1, "slices_expected": 2}, id="a slice is missing"
        ),
        pytest.param(
            pool(ONE_B, generation=2),
            1,
            {"complete": False, "generation": 3, "slices_seen": 1, "stale_slices": [SLICES[ONE_B]]},
            id="an old generation",
        ),
        pytest.param(
            both(pool(ONE_A, generation=4, resourceSliceCount=1), pool(ONE_B, generation=3)),
            1,
            {"complete": True, "generation": 4, "slices_seen": 1, "stale_slices": [SLICES[ONE_B]]},
            id="an old generation beside a complete one",
        ),
        pytest.param(
            pool(ONE_B, resourceSliceCount=3),
            1,
            {"complete": False, "slices_seen": 2, "slices_expected": 0},
            id="numbers that do not agree",
        ),
        pytest.param(
            both(pool(ONE_A, resourceSliceCount=1), pool(ONE_B, resourceSliceCount=1)),
            1,
            {"complete": False, "slices_seen": 2, "slices_expected": 1},
            id="a slice too many",
        ),
        pytest.param(duplicate, 1, {"complete": True, "duplicates": ["gpu-1"]}, id="a device in two slices"),
        pytest.param(body(ZERO, 7, name="gpu-0"), 0, {"duplicates": ["gpu-0"]}, id="a device twice in a slice"),
        pytest.param(taint(ZERO, 4), 0, {"tainted": ["gpu-4"]}, id="a taint against new pods"),
        pytest.param(
            both(taint(ZERO, 4, effect="NoExecute"), taint(ZERO, 2)),
            0,
            {"tainted": ["gpu-2", "gpu-4"]},
            id="two taints",
        ),
        pytest.param(spec(ONE_B, devices=None), 1, {"complete": True, "duplicates": []}, id="a slice without devices"),
        pytest.param(spec(ONE_B, nodeName="worker-9"), 1, {"node": "", "slices_seen": 2}, id="a pool of two nodes"),
    ],
)
def test_a_pool_that_is_not_well(look: RunModule, dra_api, recorded, change, number, expected) -> None:
    items = recorded("resource_slices_v1")
    change(items)
    dra_api(slices=items)
    answer = look()
    assert chosen(answer, number, expected) == expected
    names = [{device["name"] for device in found["devices"]} for found in answer["pools"]]
    assert answer["device_count"] == sum(map(len, names))


@pytest.mark.parametrize(
    ("change", "allocated"),
    [
        pytest.param(
            claim_edits.result("either", 0, device="gpu-0"),
            [("gpu-0", ["default/either", "default/two-gpus"]), ("gpu-1", ["default/two-gpus"])],
            id="two claims of one device",
        ),
        pytest.param(
            claim_edits.result("either", 0, shareID="s"),
            [("gpu-0", ["default/two-gpus"]), ("gpu-1", ["default/two-gpus"])],
            id="a share leaves the rest",
        ),
        pytest.param(
            claim_edits.result("either", 0, driver="other.example.com"),
            [("gpu-0", ["default/two-gpus"]), ("gpu-1", ["default/two-gpus"])],
            id="another driver's device of that name",
        ),
        pytest.param(
            claim_edits.result("either", 0, device="gpu-99"),
            [("gpu-0", ["default/two-gpus"]), ("gpu-1", ["default/two-gpus"])],
            id="a device that is in no slice",
        ),
        pytest.param(claim_edits.status("two-gpus", allocation=None), [("gpu-5", ["default/either"])], id="given back"),
    ],
)
def test_who_holds_devices(look: RunModule, dra_api, recorded, change, allocated) -> None:
    claims = recorded("resource_claims_v1")
    change(claims)
    dra_api(claims=claims)
    found = look()["pools"][0]["allocated"]
    assert [(one["name"], one["claims"]) for one in found] == allocated


@pytest.mark.parametrize(
    ("change", "attributes", "capacity"),
    [
        pytest.param(leave, {"type": {"type": "string", "value": "gpu"}}, {"memory": "40Gi"}, id="as recorded"),
        pytest.param(
            leave, {"cudaComputeCapability": {"type": "version", "value": "8.0.0"}}, {"memory": "40Gi"}, id="a version"
        ),
        pytest.param(
            edit(ZERO, 0, "attributes", gpu__x={"int": 0}, **{f"{DRIVER}__y": {"bool": False}}),
            {"gpu/x": {"type": "int", "value": 0}, "y": {"type": "bool", "value": False}},
            {"memory": "40Gi"},
            id="names with a domain, the driver's own left out",
        ),
        pytest.param(
            edit(ZERO, 0, "attributes", links={"strings": ["a", "b"]}),
            {"links": {"type": "strings", "value": ["a", "b"]}},
            {"memory": "40Gi"},
            id="a list",
        ),
        pytest.param(
            edit(ZERO, 0, "capacity", memory=None, **{f"{DRIVER}__cores": {"value": "8"}}),
            {},
            {"cores": "8"},
            id="other capacity",
        ),
        pytest.param(body(ZERO, 0, capacity=None), {}, {}, id="no capacity"),
    ],
)
def test_a_device(look: RunModule, dra_api, recorded, change, attributes, capacity) -> None:
    items = recorded("resource_slices_v1")
    change(items)
    dra_api(slices=items)
    device = look()["pools"][0]["devices"][0]
    assert {name: device["attributes"][name] for name in attributes} == attributes
    assert (device["name"], device["node"], device["slice"]) == ("gpu-0", "worker-0", SLICES[ZERO])
    assert device["capacity"] == capacity


@pytest.mark.parametrize(("newest", "names"), [(True, SLICES[:2]), (False, SLICES)])
def test_slices_of_old_generations(look: RunModule, dra_api, recorded, newest: bool, names) -> None:
    items = recorded("resource_slices_v1")
    pool(ONE_B, generation=1)(items)
    dra_api(slices=items)
    answer = look(latest_generation_only=newest)
    assert [one["name"] for one in answer["slices"]] == names
    assert answer["device_count"] == 10


def test_a_slice_as_data(look: RunModule) -> None:
    assert look()["slices"][ONE_B] == {
        "name": SLICES[ONE_B],
        "driver": DRIVER,
        "pool": "worker-1",
        "node": "worker-1",
        "reach": "node",
        "generation": 3,
        "resource_slice_count": 2,
        "owner": "Node worker-1",
        "devices": ["gpu-2", "gpu-3"],
    }


@pytest.mark.parametrize("options", [{}, {"driver": "none.example.com"}, {"node": "worker-9"}, {"pool": "none"}])
def test_no_slices_at_all(look: RunModule, dra_api, options) -> None:
    if not options:
        dra_api(slices=[])
    answer = look(**options)
    assert (answer["pools"], answer["slices"], answer["device_count"]) == ([], [], 0)


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1beta1"])
def test_slices_of_every_version_are_the_same(look: RunModule, dra_api, version: str) -> None:
    newest = look()
    dra_api(version)
    answer = look()
    assert answer["api_version"] == version
    assert {**answer, "api_version": "v1", "invocation": None} == {**newest, "invocation": None}


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ({}, None),
        ({"driver": DRIVER}, f"spec.driver={DRIVER}"),
        ({"node": "worker-0"}, "spec.nodeName=worker-0"),
        ({"driver": DRIVER, "node": "worker-0"}, f"spec.driver={DRIVER},spec.nodeName=worker-0"),
        ({"pool": "worker-0"}, None),
    ],
)
def test_the_server_is_asked_for_what_is_needed(look: RunModule, api, options, query) -> None:
    look(allocations=False, **options)
    assert [request["path"] for request in api.requests] == ["/apis/resource.k8s.io", SLICES_PATH]
    assert api.requests[-1]["query"].get("fieldSelector") == query


def test_every_answer_is_documented(look: RunModule) -> None:
    assert set(yaml.safe_load(info.RETURN)) == set(look()) - {"rc", "failed", "changed", "invocation"}
