# SPDX-License-Identifier: GPL-3.0-or-later
"""The module against claims that an API server has returned, whole and broken in every way that it must name."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
import yaml
from claim_edits import Items, claim, leave, result, results

from ansible_collections.mirage.accel.plugins.modules import resource_claim_verify as verify

RunModule = Callable[..., dict[str, t.Any]]

DRIVER = "gpu.nvidia.com"
TWO = "claims[default/two-gpus]"
ROOT = "resource.kubernetes.io/pcieRoot"


def shares(items: Items) -> None:
    for number, one in enumerate(results(items, "two-gpus")):
        one.update(shareID=f"share-{number}", consumedCapacity={"memory": "10Gi"})


def reports(items: Items) -> None:
    ready = {"type": "Ready", "status": "True"}
    found = [{"driver": DRIVER, "pool": "worker-0", "device": f"gpu-{i}", "conditions": [ready]} for i in (0, 1)]
    claim(items, "two-gpus")["status"]["devices"] = found


def reports_of(*found: tuple[str, str | None, str]) -> Callable[[Items], None]:
    """What the driver says of devices: name, share and whether it is ready."""

    def change(items: Items) -> None:
        for one in results(items, "two-gpus"):
            one["shareID"] = "ours"
        claim(items, "two-gpus")["status"]["devices"] = [
            {
                "driver": DRIVER,
                "pool": "worker-0",
                "device": device,
                "shareID": share,
                "conditions": [{"type": "Ready", "status": ready}],
            }
            for device, share, ready in found
        ]

    return change


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(verify, **options)


@pytest.mark.parametrize(
    ("change", "options"),
    [
        pytest.param(leave, {"name": "two-gpus"}, id="allocated and used"),
        pytest.param(leave, {"name": "one-gpu"}, id="allocated and not used"),
        pytest.param(leave, {"name": "two-gpus", "state": "reserved"}, id="reserved"),
        pytest.param(leave, {"name": "too-big", "state": "pending"}, id="pending"),
        pytest.param(leave, {"name": "nobody-knows", "state": "absent"}, id="absent"),
        pytest.param(leave, {"name": "two-gpus", "driver": DRIVER, "devices": {"count": 2}}, id="two of a driver"),
        pytest.param(leave, {"name": "two-gpus", "devices": {"names": ["gpu-1", "worker-0/gpu-0"]}}, id="by name"),
        pytest.param(leave, {"name": "one-gpu", "devices": {"distinct_from": ["two-gpus"]}}, id="not the other's"),
        pytest.param(leave, {"name": "two-gpus", "match_attribute": [ROOT], "same_node": True}, id="of one PCIe root"),
        pytest.param(leave, {"name": "two-gpus", "node": "worker-0"}, id="of a node"),
        pytest.param(
            leave,
            {
                "name": "one-gpu",
                "devices": {"attributes": {"architecture": "Blackwell"}, "capacity": {"memory": "189471Mi"}},
            },
            id="attributes and capacity",
        ),
        pytest.param(leave, {"name": "watch-all", "namespace": "monitoring", "admin_access": True}, id="admin access"),
        pytest.param(leave, {"name": "either", "admin_access": False, "share_ids": False}, id="neither"),
        pytest.param(
            shares,
            {"name": "two-gpus", "share_ids": True, "consumed_capacity": {"memory": "10240Mi"}},
            id="shares of devices",
        ),
        pytest.param(reports, {"name": "two-gpus", "status_devices": {"Ready": True}}, id="ready, says the driver"),
        pytest.param(
            reports_of(("gpu-0", "ours", "True"), ("gpu-1", None, "True")),
            {"name": "two-gpus", "status_devices": {"Ready": True}},
            id="ready, the driver says of the share and of the device",
        ),
        pytest.param(leave, {"label_selectors": ["app=x"], "state": "absent"}, id="none by label"),
    ],
)
def test_as_expected(look: RunModule, dra_api, recorded, change, options) -> None:
    items = recorded("resource_claims_v1")
    change(items)
    api = dra_api(claims=items)
    if "label_selectors" in options:
        api.objects["/apis/resource.k8s.io/v1/namespaces/default/resourceclaims"] = api.listing()
    answer = look(**options)
    assert (answer.get("msg"), answer["differences"], answer["rc"], answer["changed"]) == (None, [], 0, False)


@pytest.mark.parametrize(
    ("change", "options", "differences"),
    [
        pytest.param(
            leave, {"name": "nobody-knows"}, [("claims[default/nobody-knows]", "allocated", None)], id="no claim"
        ),
        pytest.param(
            leave, {"name": "too-big"}, [("claims[default/too-big].state", "allocated", "pending")], id="pending"
        ),
        pytest.param(
            leave,
            {"name": "one-gpu", "state": "reserved"},
            [("claims[default/one-gpu].state", "reserved", "allocated")],
            id="not used",
        ),
        pytest.param(
            leave,
            {"name": "one-gpu", "state": "pending"},
            [("claims[default/one-gpu].state", "pending", "allocated")],
            id="not pending",
        ),
        pytest.param(leave, {"name": "two-gpus", "state": "absent"}, [(TWO, None, "reserved")], id="still there"),
        pytest.param(
            lambda items: claim(items, "two-gpus")["metadata"].update(deletionTimestamp="2026-11-22T10:00:00Z"),
            {"name": "two-gpus"},
            [(f"{TWO}.state", "allocated", "deleting")],
            id="on its way out",
        ),
        pytest.param(
            leave, {"name": "two-gpus", "devices": {"count": 3}}, [(f"{TWO}.devices.count", "3", 2)], id="too few"
        ),
        pytest.param(
            leave,
            {"name": "two-gpus", "devices": {"count": {"max": 1}}},
            [(f"{TWO}.devices.count", "at most 1", 2)],
            id="too many",
        ),
        pytest.param(
            leave,
            {"name": "two-gpus", "devices": {"names": ["gpu-1", "gpu-7"]}},
            [(f"{TWO}.devices[worker-0/gpu-0]", None, "allocated"), (f"{TWO}.devices[gpu-7]", "allocated", None)],
            id="other devices",
        ),
        pytest.param(
            result("two-gpus", 1, driver="other.example.com"),
            {"name": "two-gpus", "driver": DRIVER},
            [(f"{TWO}.devices[1] (worker-0/gpu-1).driver", DRIVER, "other.example.com")],
            id="another driver",
        ),
        pytest.param(
            result("one-gpu", 0, pool="worker-0", device="gpu-1"),
            {"name": "one-gpu", "devices": {"distinct_from": ["two-gpus", "default/nobody-knows"]}},
            [
                ("claims[default/nobody-knows]", "present", None),
                (
                    "claims[default/one-gpu].devices[worker-0/gpu-1]",
                    "not a device of default/two-gpus",
                    "a device of default/two-gpus",
                ),
            ],
            id="a device of another claim",
        ),
        pytest.param(
            result("two-gpus", 1, device="gpu-2"),
            {"name": "two-gpus", "match_attribute": [ROOT]},
            [(f"{TWO}.attributes[{ROOT}]", "one value", "pci0000:00, pci0000:01")],
            id="of two PCIe roots",
        ),
        pytest.param(
            leave,
            {"name": "two-gpus", "match_attribute": ["rack"]},
            [(f"{TWO}.attributes[rack]", "one value", "nothing")],
            id="an attribute that no device has",
        ),
        pytest.param(
            result("two-gpus", 1, pool="worker-1"),
            {"name": "two-gpus", "same_node": True},
            [(f"{TWO}.nodes", "one node", "worker-0, worker-1")],
            id="of two nodes",
        ),
        pytest.param(
            leave,
            {"name": "two-gpus", "node": "worker-1"},
            [(f"{TWO}.nodes", "worker-1", "worker-0")],
            id="another node",
        ),
        pytest.param(
            result("two-gpus", 1, device="gpu-99"),
            {"name": "two-gpus", "same_node": True},
            [(f"{TWO}.devices[worker-0/gpu-99]", "in a ResourceSlice", None)],
            id="a device that nobody publishes",
        ),
        pytest.param(
            leave,
            {"name": "two-gpus", "devices": {"attributes": [{"name": "architecture", "regex": "^Bl"}]}},
            [
                (f"{TWO}.devices[gpu-0].attributes[architecture]", "text that ^Bl matches", "Ampere"),
                (f"{TWO}.devices[gpu-1].attributes[architecture]", "text that ^Bl matches", "Ampere"),
            ],
            id="another architecture",
        ),
        pytest.param(
            result("two-gpus", 1, pool="worker-1", device="gpu-0"),
            {"name": "two-gpus", "devices": {"attributes": {"architecture": "Ampere"}}},
            [(f"{TWO}.devices[worker-1/gpu-0].attributes[architecture]", "Ampere", "Blackwell")],
            id="another architecture of a device that has the other's name",
        ),
        pytest.param(
            result("one-gpu", 0, consumedCapacity={"memory": "much"}),
            {"name": "one-gpu", "consumed_capacity": {"memory": "1Gi"}},
            [("claims[default/one-gpu].devices[0] (worker-1/gpu-2).consumed_capacity[memory]", "1Gi", "much")],
            id="a share that is no quantity",
        ),
        pytest.param(
            leave,
            {"name": "one-gpu", "devices": {"capacity": {"memory": "1Gi"}}},
            [("claims[default/one-gpu].devices[gpu-2].capacity[memory]", "1Gi", "189471Mi")],
            id="another capacity",
        ),
        pytest.param(
            leave,
            {"name": "one-gpu", "admin_access": True},
            [("claims[default/one-gpu].devices[0] (worker-1/gpu-2).admin_access", True, False)],
            id="no admin access",
        ),
        pytest.param(
            result("watch-all", 3, adminAccess=None),
            {"name": "watch-all", "namespace": "monitoring", "admin_access": True},
            [("claims[monitoring/watch-all].devices[3] (worker-1/gpu-3).admin_access", True, False)],
            id="one without admin access",
        ),
        pytest.param(
            leave,
            {"name": "one-gpu", "share_ids": True},
            [("claims[default/one-gpu].devices[0] (worker-1/gpu-2).share_id", "present", None)],
            id="no share",
        ),
        pytest.param(
            result("one-gpu", 0, shareID="s"),
            {"name": "one-gpu", "share_ids": False},
            [("claims[default/one-gpu].devices[0] (worker-1/gpu-2).share_id", None, "s")],
            id="a share",
        ),
        pytest.param(
            shares,
            {"name": "two-gpus", "consumed_capacity": {"memory": "20Gi", "cores": 1}},
            [
                (f"{TWO}.devices[{number}] (worker-0/gpu-{number}).consumed_capacity[{name}]", wanted, actual)
                for number in (0, 1)
                for name, wanted, actual in (("cores", 1, None), ("memory", "20Gi", "10Gi"))
            ],
            id="another share of the capacity",
        ),
        pytest.param(
            leave,
            {"name": "two-gpus", "status_devices": {"Ready": "True"}},
            [(f"{TWO}.devices[1] (worker-0/gpu-1).conditions[Ready]", "True", None)],
            id="one is not ready",
        ),
        pytest.param(
            reports_of(("gpu-0", None, "False"), ("gpu-1", "theirs", "True")),
            {"name": "two-gpus", "status_devices": {"Ready": "True"}},
            [
                (f"{TWO}.devices[0] (worker-0/gpu-0).conditions[Ready]", "True", "False"),
                (f"{TWO}.devices[1] (worker-0/gpu-1).conditions[Ready]", "True", None),
            ],
            id="one is not ready, and of another only somebody else's share is",
        ),
        pytest.param(
            result("two-gpus", 1, pool="worker-1", device="gpu-2"),
            {"name": "two-gpus", "node": "worker-7"},
            [(f"{TWO}.nodes", "worker-7", "worker-0, worker-1")],
            id="two other nodes",
        ),
        pytest.param(
            leave,
            {"name": "two-gpus", "devices": {"count": 3, "attributes": {"architecture": "Ampere"}}},
            [(f"{TWO}.devices.count", "3", 2)],
            id="too few of the right architecture, said once",
        ),
        pytest.param(
            leave,
            {"label_selectors": ["app=x"], "count": 9, "state": "allocated"},
            [("claims", "9 selected", "4 selected"), ("claims[default/too-big].state", "allocated", "pending")],
            id="another number of claims",
        ),
    ],
)
def test_differences(look: RunModule, dra_api, recorded, change, options, differences) -> None:
    items = recorded("resource_claims_v1")
    change(items)
    dra_api(claims=items)
    answer = look(**options)
    assert [tuple(one.values()) for one in answer["differences"]] == differences
    assert (answer["rc"], answer["failed"]) == (1, True)
    assert answer["msg"].startswith("Error while verifying claim")
    assert f"{len(differences)} difference" in answer["msg"]


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1beta1"])
def test_every_version_of_the_api(look: RunModule, dra_api, version: str) -> None:
    dra_api(version)
    answer = look(name="two-gpus", driver=DRIVER, devices={"count": 2}, match_attribute=[ROOT], node="worker-0")
    assert answer["differences"] == []
    assert answer["api_version"] == version


def test_a_taint_that_came_later_is_not_the_claims_fault(look: RunModule, dra_api, recorded) -> None:
    slices = recorded("resource_slices_v1")
    slices[0]["spec"]["devices"][0]["taints"] = [{"key": "broken", "effect": "NoSchedule"}]
    dra_api(slices=slices)
    assert look(name="two-gpus", devices={"attributes": {"architecture": "Ampere"}})["differences"] == []


def test_every_answer_is_documented(look: RunModule) -> None:
    assert set(yaml.safe_load(verify.RETURN)) == set(look(name="one-gpu")) - {"rc", "failed", "changed", "invocation"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of the following is required: name, label_selectors"),
        ({"name": "a", "label_selectors": ["x"]}, "mutually exclusive: name|label_selectors"),
        ({"name": "a", "count": 1}, "mutually exclusive: name|count"),
        ({"label_selectors": []}, "may not be empty"),
        ({"name": "a", "devices": {"count": "x"}}, "devices.count: expected a whole number from 0, found 'x'"),
        (
            {"name": "a", "devices": {"capacity": {"memory": "much"}}},
            "devices.capacity[memory]: 'much' is not a quantity",
        ),
        ({"name": "a", "consumed_capacity": {"memory": "much"}}, "consumed_capacity[memory]: 'much' is not a quantity"),
        ({"name": "a", "state": "absent", "driver": "x"}, "state=absent leaves no devices"),
        ({"name": "a", "state": "pending", "same_node": True}, "state=pending leaves no devices"),
        ({"name": "a", "driver": ""}, "driver: expected a name, found an empty text"),
        ({"name": "a", "node": ""}, "node: expected a name, found an empty text"),
        (
            {"name": "a", "devices": {"distinct_from": ["default/a"]}},
            "devices.distinct_from: the claim has its own devices",
        ),
        ({"name": "a", "state": "gone"}, "value of state must be one of"),
    ],
    ids=[
        "neither a name nor a selector",
        "a name and a selector",
        "a name and a count",
        "no selector",
        "a count that is text",
        "a capacity that is no quantity",
        "a share that is no quantity",
        "a driver of no devices",
        "a node of no devices",
        "no driver",
        "no node",
        "distinct from itself",
        "no such state",
    ],
)
def test_options_that_cannot_be_meant(look: RunModule, api, options, message) -> None:
    answer = look(**options)
    assert answer["failed"]
    assert message in answer["msg"]
    assert api.requests == []
