# SPDX-License-Identifier: GPL-3.0-or-later
"""ResourceSlice objects: what they say, when two are the same, what a server has dropped, what older versions want."""

from __future__ import annotations

import copy
import typing as t

import pytest
from mock_accel_dra import resource_slice
from mock_accel_dra.resource_slice import Owner
from mock_accel_dra.slices import Features, Options, Slice

DRIVER = "mock-accel.example.com"
OWNER = Owner("node-1", "uid-1")
TAINT = {"key": f"{DRIVER}/errors", "value": "memory", "effect": "NoSchedule"}
TIME = "2026-01-01T00:00:00Z"


def device(name: str = "mock0", **more: t.Any) -> dict[str, t.Any]:
    return {"name": name, "attributes": {"uuid": {"string": "u"}}, "capacity": {"memory": {"value": "1Gi"}}, **more}


def made(*devices: dict[str, t.Any], generation: int = 3, count: int = 1) -> dict[str, t.Any]:
    return resource_slice.manifest(Slice(10, devices), DRIVER, OWNER, generation, count)


def stored(one: dict[str, t.Any], **metadata: t.Any) -> dict[str, t.Any]:
    """As a server returns it."""
    answer = copy.deepcopy(one)
    answer["metadata"].update(name="0000a-x", uid="uid-s", resourceVersion="7", **metadata)
    for one_device in answer["spec"].get("devices") or ():
        for taint in one_device.get("taints") or ():
            taint.setdefault("timeAdded", TIME)
    return answer


def test_a_manifest() -> None:
    assert made(device(), count=2) == {
        "metadata": {
            "generateName": "0000a-mock-accel.example.com-node-1-",
            "labels": {"driver": DRIVER},
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "uid-1", "controller": True}
            ],
        },
        "spec": {
            "driver": DRIVER,
            "nodeName": "node-1",
            "pool": {"name": "node-1", "generation": 3, "resourceSliceCount": 2},
            "devices": [device()],
        },
    }


def test_a_slice_of_counters_has_no_devices_at_all() -> None:
    one = resource_slice.manifest(Slice(0x80000, counters=({"name": "s"},)), DRIVER, OWNER, 1, 2)
    assert one["spec"]["sharedCounters"] == [{"name": "s"}]
    assert "devices" not in one["spec"]


def without(one: dict[str, t.Any], *path: t.Any) -> dict[str, t.Any]:
    copied = copy.deepcopy(one)
    holder = copied
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return copied


def with_(one: dict[str, t.Any], value: t.Any, *path: t.Any) -> dict[str, t.Any]:
    copied = copy.deepcopy(one)
    holder = copied
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return copied


BASE = made(device(taints=[TAINT]))


@pytest.mark.parametrize(
    ("observed", "same"),
    [
        pytest.param(stored(BASE), True, id="as it came back, with times"),
        pytest.param(stored(BASE, annotations={"a": "b"}), True, id="somebody's annotation"),
        pytest.param(with_(stored(BASE), "x", "metadata", "labels", "other"), True, id="somebody's label"),
        pytest.param(with_(stored(BASE), [], "spec", "sharedCounters"), True, id="an empty list"),
        pytest.param(without(stored(BASE), "metadata", "labels", "driver"), False, id="our label is gone"),
        pytest.param(without(stored(BASE), "metadata", "labels"), False, id="no labels"),
        pytest.param(without(stored(BASE), "metadata", "ownerReferences"), False, id="no owner"),
        pytest.param(
            with_(stored(BASE), "other", "metadata", "ownerReferences", 0, "uid"),
            False,
            id="a node of that name before",
        ),
        pytest.param(with_(stored(BASE), 2, "spec", "pool", "generation"), False, id="generation"),
        pytest.param(with_(stored(BASE), 2, "spec", "pool", "resourceSliceCount"), False, id="count"),
        pytest.param(with_(stored(BASE), [], "spec", "devices"), False, id="no devices"),
        pytest.param(without(stored(BASE), "spec", "devices", 0, "taints"), False, id="no taint"),
        pytest.param(
            with_(stored(BASE), "NoExecute", "spec", "devices", 0, "taints", 0, "effect"), False, id="another effect"
        ),
        pytest.param(
            with_(stored(BASE), {"int": 0}, "spec", "devices", 0, "attributes", "x"), False, id="one attribute more"
        ),
    ],
)
def test_when_a_slice_is_as_it_should_be(observed: dict[str, t.Any], same: bool) -> None:
    assert resource_slice.same(observed, BASE) is same


def test_zero_is_not_nothing() -> None:
    """An empty pool's list is nothing, but NUMA node 0 is a node."""
    wanted = made(device(attributes={"numaNode": {"int": 0}}))
    assert not resource_slice.same(stored(made(device(attributes={}))), wanted)


@pytest.mark.parametrize(
    ("wanted", "time"),
    [
        pytest.param(device(taints=[TAINT]), TIME, id="the same taint"),
        pytest.param(device(taints=[{**TAINT, "value": "power"}]), None, id="another value"),
        pytest.param(device(taints=[{**TAINT, "effect": "NoExecute"}]), None, id="another effect"),
        pytest.param(device("mock1", taints=[TAINT]), None, id="another device"),
    ],
)
def test_a_taint_keeps_its_time(wanted: dict[str, t.Any], time: str | None) -> None:
    body = resource_slice.updated(stored(BASE), made(wanted))
    assert body["spec"]["devices"][0]["taints"][0].get("timeAdded") == time


def test_a_taint_that_a_server_gives_no_time() -> None:
    assert resource_slice.updated(BASE, BASE)["spec"]["devices"][0]["taints"] == [TAINT]


def test_an_update_keeps_what_is_not_ours() -> None:
    observed = stored(BASE, annotations={"a": "b"}, finalizers=["f"])
    observed["metadata"]["labels"]["other"] = "x"
    observed["metadata"]["ownerReferences"] = []
    body = resource_slice.updated(observed, made(device()))
    metadata = body["metadata"]
    assert (metadata["name"], metadata["resourceVersion"], metadata["uid"]) == ("0000a-x", "7", "uid-s")
    assert (metadata["annotations"], metadata["finalizers"]) == ({"a": "b"}, ["f"])
    assert metadata["labels"] == {"driver": DRIVER, "other": "x"}
    assert metadata["ownerReferences"] == [OWNER.reference()]
    assert body["spec"] == made(device())["spec"]


@pytest.mark.parametrize(
    ("sent", "answer", "fields"),
    [
        pytest.param({"a": 1}, {"a": 1, "b": 2}, [], id="more than was sent"),
        pytest.param({"a": [], "b": None, "c": {}}, {}, [], id="nothing was sent"),
        pytest.param({"sharedCounters": [{"name": "s"}]}, {}, ["sharedCounters"], id="a field of the spec"),
        pytest.param(
            {"devices": [device(taints=[TAINT]), device("b", taints=[TAINT])]},
            {"devices": [device(), device("b")]},
            ["devices[].taints"],
            id="a field of two devices, once",
        ),
        pytest.param({"a": {"b": {"c": 1}}}, {"a": {"b": {}}}, ["a.b.c"], id="deep"),
        pytest.param({"a": [1, 2]}, {"a": [1]}, ["a[]"], id="a shorter list"),
    ],
)
def test_dropped_fields(sent: dict[str, t.Any], answer: dict[str, t.Any], fields: list[str]) -> None:
    assert resource_slice.dropped(sent, answer) == fields


@pytest.mark.parametrize("version", resource_slice.VERSIONS)
def test_there_and_back(version: str) -> None:
    sent = resource_slice.encode(BASE, version)
    assert (sent["apiVersion"], sent["kind"]) == (f"resource.k8s.io/{version}", "ResourceSlice")
    answer = stored(sent, managedFields=[{"manager": "m"}])
    again = resource_slice.decode(answer)
    assert "managedFields" not in again["metadata"]
    assert resource_slice.same(again, BASE)


def test_v1beta1_nests_what_a_device_has() -> None:
    (one,) = resource_slice.encode(BASE, "v1beta1")["spec"]["devices"]
    assert sorted(one) == ["basic", "name"]
    assert sorted(one["basic"]) == ["attributes", "capacity", "taints"]


def test_an_empty_pool_in_every_version() -> None:
    for version in resource_slice.VERSIONS:
        assert resource_slice.encode(made(), version)["spec"]["devices"] == []


@pytest.mark.parametrize(
    ("inline", "dropped", "counters", "taints"),
    [
        pytest.param(False, [], "split", True, id="all served"),
        pytest.param(True, [], "inline", True, id="all served, as in 1.34"),
        pytest.param(False, ["taints"], "split", False, id="no taints"),
        pytest.param(False, ["consumesCounters"], "none", True, id="no counters"),
        pytest.param(False, ["taints", "consumesCounters"], "none", False, id="neither"),
    ],
)
def test_what_a_probe_finds(inline: bool, dropped: list[str], counters: str, taints: bool) -> None:
    sent = resource_slice.probe(DRIVER, OWNER, inline=inline)
    assert ("sharedCounters" in sent["spec"]) is inline
    for field in dropped:
        del sent["spec"]["devices"][0][field]
    found = resource_slice.with_probe(Features("v1beta2", "none", False, True), sent, inline=inline)
    assert found == Features("v1beta2", counters, taints, True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param(lambda device: None, True, id="served"),
        pytest.param(lambda device: device.pop("allowMultipleAllocations"), False, id="the field dropped"),
        pytest.param(lambda device: device["capacity"]["memory"].pop("requestPolicy"), False, id="the policy dropped"),
    ],
)
def test_a_probe_for_sharing(change: t.Callable[[dict[str, t.Any]], t.Any], found: bool) -> None:
    sent = resource_slice.probe(DRIVER, OWNER, Options(shared=("all",)), inline=False)
    change(sent["spec"]["devices"][0])
    assert resource_slice.with_probe(Features(), sent, inline=False).sharing is found


@pytest.mark.parametrize(
    ("field", "found"), [("", True), ("bindingConditions", False), ("bindingFailureConditions", False)]
)
def test_a_probe_for_binding_conditions(field: str, found: bool) -> None:
    sent = resource_slice.probe(DRIVER, OWNER, Options(binding=True), inline=False)
    sent["spec"]["devices"][0].pop(field, None)
    assert resource_slice.with_probe(Features(), sent, inline=False).binding is found


def test_nobody_is_asked_about_what_nobody_wants() -> None:
    (device,) = resource_slice.probe(DRIVER, OWNER, inline=False)["spec"]["devices"]
    assert not device.keys() & {"allowMultipleAllocations", "capacity", "bindsToNode", "bindingConditions"}
