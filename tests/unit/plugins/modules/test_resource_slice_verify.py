# SPDX-License-Identifier: GPL-3.0-or-later
"""The module against slices that an API server has returned, and what may be asked of them."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
import yaml
from slice_edits import (
    DRIVER,
    ONE_A,
    ONE_B,
    ZERO,
    duplicate,
    edit,
    gather,
    leave,
    lose_a_slice,
    many,
    owners,
    pool,
    taint,
)

from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import Expectation
from ansible_collections.mirage.accel.plugins.modules import resource_slice_verify as verify

RunModule = Callable[..., dict[str, t.Any]]

BOTH = {"worker-0": 8, "worker-1": 4}
SAVED = {"name": "gpu-0", "node": "worker-0", "attributes": {}, "capacity": {}}


def on(number: int, rule: dict[str, t.Any]) -> dict[str, t.Any]:
    return {f"worker-{number}": rule}


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(verify, **{"driver": DRIVER, **options})


@pytest.mark.parametrize(
    ("change", "options"),
    [
        pytest.param(leave, {}, id="only the pools"),
        pytest.param(leave, {"nodes": BOTH}, id="numbers"),
        pytest.param(leave, {"nodes": BOTH, "exact": True}, id="no other nodes"),
        pytest.param(leave, {"nodes": {"worker-0": {"count": {"min": 8}}}}, id="at least"),
        pytest.param(leave, {"nodes": {"worker-0": {"count": {"max": 8}}}}, id="at most"),
        pytest.param(leave, {"nodes": {"worker-0": {"count": "8"}}}, id="a number as text"),
        pytest.param(leave, {"nodes": {"worker-9": 0}}, id="none on a node that has none"),
        pytest.param(leave, {"nodes": {"worker-0": {"capacity": {"memory": 42949672960}}}}, id="bytes are 40Gi"),
        pytest.param(
            leave,
            {
                "nodes": {
                    "worker-1": {"attributes": [{"name": "gpu.nvidia.com/uuid", "regex": "^GPU-", "unique": True}]}
                }
            },
            id="an attribute by its whole name",
        ),
        pytest.param(
            leave,
            {"nodes": {"worker-0": {"attributes": [{"name": "minor", "present": False}], "absent": ["gpu-8"]}}},
            id="what must not be there is not",
        ),
        pytest.param(
            edit(ZERO, 3, "attributes", productName={"string": "other"}),
            {"nodes": {"worker-1": {"attributes": {"productName": "NVIDIA GB200"}}}},
            id="what is wrong on a node that is not named",
        ),
        pytest.param(pool(ONE_A, generation=2), {"nodes": {"worker-0": 8}}, id="a pool of a node that is not named"),
        pytest.param(taint(ZERO, 0), {"nodes": on(0, {"count": 8, "tainted": ["gpu-0"]})}, id="an expected taint"),
        pytest.param(
            edit(ZERO, 5, "attributes", links={"strings": ["nv1", "nv2"]}, none={"strings": []}),
            {
                "nodes": {
                    "worker-0": {
                        "devices": {
                            "gpu-5": {"attributes": [{"name": "links", "regex": "^nv"}, {"name": "none", "regex": "x"}]}
                        }
                    }
                }
            },
            id="lists that a regular expression matches in whole",
        ),
        pytest.param(taint(ZERO, 0), {"taints": False}, id="taints are not asked for"),
        pytest.param(taint(ZERO, 0, effect="None"), {}, id="a taint that only informs"),
        pytest.param(owners(ZERO), {"owner": "ignore"}, id="owners are not asked for"),
        pytest.param(owners(ZERO, {"kind": "Pod", "name": "x"}), {"owner": "any"}, id="any owner"),
        pytest.param(lose_a_slice, {"complete": False}, id="completeness is not asked for"),
        pytest.param(duplicate, {"no_duplicates": False}, id="duplicates are not asked for"),
        pytest.param(pool(ONE_B, generation=2), {"complete": False, "no_stale": False}, id="old slices may stay"),
        pytest.param(many(ZERO, 129), {"limits": False}, id="limits are not asked for"),
        pytest.param(gather, {"nodes": {"worker-0": 12}, "exact": True}, id="two pools of a node with the same names"),
        pytest.param(
            gather,
            {
                "nodes": {
                    "worker-0": {
                        "devices": {
                            "worker-1/gpu-0": {"attributes": {"architecture": "Blackwell"}},
                            "worker-0/gpu-7": {"attributes": {"architecture": "Ampere"}},
                        },
                        "absent": ["worker-1/gpu-4"],
                    }
                }
            },
            id="a device by its pool",
        ),
    ],
)
def test_as_expected(look: RunModule, dra_api, recorded, change, options) -> None:
    items = recorded("resource_slices_v1")
    change(items)
    dra_api(slices=items)
    answer = look(**options)
    assert (answer["differences"], answer["rc"], answer["changed"]) == ([], 0, False)


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1beta1"])
def test_every_version_of_the_api(look: RunModule, dra_api, version: str) -> None:
    dra_api(version)
    rule = {
        "count": 8,
        "attributes": [
            {"name": "uuid", "type": "string", "unique": True},
            {"name": "driverVersion", "type": "version"},
        ],
        "capacity": {"memory": "40Gi"},
    }
    answer = look(nodes={"worker-0": rule, "worker-1": 4}, exact=True)
    assert answer["differences"] == []
    assert answer["api_version"] == version
    assert (answer["device_count"], answer["devices_by_node"]) == (12, {"worker-0": 8, "worker-1": 4})


def test_what_is_asked_without_options_is_what_the_comparison_asks_by_itself() -> None:
    itself = Expectation(driver=DRIVER)
    assert {name: getattr(itself, name) for name in verify._SWITCHES} == {
        name: verify.OPTIONS[name]["default"] for name in verify._SWITCHES
    }


def test_every_answer_is_documented(look: RunModule) -> None:
    assert set(yaml.safe_load(verify.RETURN)) == set(look()) - {"rc", "failed", "changed", "invocation"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"nodes": {"a": {"count": -1}}},
            "nodes[a].count: expected a whole number from 0, found -1",
            id="a negative count",
        ),
        pytest.param(
            {"nodes": {"a": {"counts": 1}}},
            "nodes[a]: counts is not known; known are absent, attributes",
            id="no such key",
        ),
        pytest.param(
            {"nodes": {"a": {"attributes": [{"name": 5, "value": 1}]}}},
            "nodes[a].attributes[0].name: expected text, found 5",
            id="a name that is a number",
        ),
        pytest.param(
            {"nodes": {"a": {"profile": {}}}},
            "nodes[a].profile: expected the object that `mock-nvml check --json` prints",
            id="no profile",
        ),
        pytest.param({"exact": True}, "exact=true needs nodes", id="exact without nodes"),
        pytest.param(
            {"snapshot": {}},
            "options: snapshot: expected a result of resource_slice_info, which has a list named pools",
            id="no snapshot",
        ),
        *[
            pytest.param(
                {"snapshot": {"pools": [{"driver": DRIVER, "pool": "p", "devices": [{**SAVED, **broken}]}]}},
                "snapshot: a pool is not of the form of resource_slice_info: ",
                id=f"a snapshot of {about}",
            )
            for about, broken in {
                "attributes that are a list": {"attributes": ["uuid"]},
                "an attribute that is text": {"attributes": {"uuid": "GPU-0"}},
                "an attribute without a type": {"attributes": {"uuid": {"value": "GPU-0"}}},
                "capacity that is a list": {"capacity": ["memory"]},
            }.items()
        ],
        pytest.param(
            {"snapshot": {"pools": [{"driver": DRIVER}]}}, "snapshot: a pool is not of the form", id="half a pool"
        ),
        pytest.param({"driver": " "}, "driver: expected the name of a DRA driver", id="no driver"),
        pytest.param(
            {"nodes": {"n": None}}, "nodes[n]: expected a number of devices or a mapping", id="nothing of a node"
        ),
        pytest.param({"nodes": {"n": {"count": {}}}}, "nodes[n].count: expected a number, or a mapping", id="no bound"),
        pytest.param({"stable_for": -1}, "stable_for: expected a number from 0, found -1", id="a time before"),
        pytest.param({"wait_timeout": -3}, "wait_timeout: expected a number from 0, found -3", id="no time"),
        pytest.param({"owner": "me"}, "value of owner must be one of: node, any, ignore", id="no such owner"),
    ],
)
def test_options_that_cannot_be_meant(look: RunModule, api, options, message) -> None:
    answer = look(**options)
    assert answer["failed"]
    assert message in answer["msg"]
    assert api.requests == []


def test_the_server_is_asked_for_one_driver(look: RunModule, api) -> None:
    look()
    assert api.requests[-1]["path"] == "/apis/resource.k8s.io/v1/resourceslices"
    assert api.requests[-1]["query"] == {"fieldSelector": f"spec.driver={DRIVER}", "limit": "500"}


def test_something_that_is_no_slice(look: RunModule, dra_api) -> None:
    dra_api(slices=[{"metadata": {"name": "odd"}, "spec": {"driver": DRIVER}}])
    assert look()["msg"].startswith("ResourceSlice odd is not of a known form: KeyError('pool')")
