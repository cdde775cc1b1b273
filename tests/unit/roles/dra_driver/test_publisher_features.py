# SPDX-License-Identifier: GPL-3.0-or-later
"""What is published where a server serves this and not that, and where somebody has asked for it."""

from __future__ import annotations

import typing as t

import pytest
from accel_device import pf
from fake_kube import FakeClient
from mock_accel_dra.publisher import Changes
from published import BOARD, client, names, publisher, shown


@pytest.mark.parametrize(
    ("versions", "version"),
    [
        pytest.param(("v1", "v1beta2", "v1beta1"), "v1", id="1.34 and newer, all on"),
        pytest.param(("v1beta1", "v1beta2"), "v1beta2", id="1.33"),
        pytest.param(("v1beta1",), "v1beta1", id="1.32"),
        pytest.param(("v1alpha3", "v1beta1"), "v1beta1", id="alpha too"),
    ],
)
def test_the_best_version_is_spoken(versions: tuple[str, ...], version: str) -> None:
    api = client(*versions)
    one = publisher(api)
    one.publish(BOARD)
    assert one.path == f"/apis/resource.k8s.io/{version}/resourceslices"
    assert {item["apiVersion"] for item in api.slices} == {f"resource.k8s.io/{version}"}
    assert shown(api) == names(*BOARD)
    api.forget()
    assert publisher(api).publish(BOARD) == Changes()


@pytest.mark.parametrize(
    ("serves", "inline", "slices", "devices"),
    [
        pytest.param(["counters", "taints"], False, 2, ["mock0", "mock0-vf0", "mock0-vf1"], id="all"),
        pytest.param(["counters", "taints"], True, 1, ["mock0", "mock0-vf0", "mock0-vf1"], id="all, as in 1.34"),
        pytest.param(["taints"], False, 1, ["mock0-vf0", "mock0-vf1"], id="no counters"),
        pytest.param(["counters"], False, 2, ["mock0", "mock0-vf0", "mock0-vf1"], id="no taints"),
        pytest.param([], False, 1, ["mock0-vf0", "mock0-vf1"], id="neither"),
        pytest.param([], True, 1, ["mock0-vf0", "mock0-vf1"], id="neither, in 1.34"),
    ],
)
def test_what_is_not_served_is_left_out(serves: list[str], inline: bool, slices: int, devices: list[str]) -> None:
    api = client(serves=serves)
    api.counters_inline = inline
    one = publisher(api)
    one.publish([*BOARD, pf(1, errors=1)])
    assert len(api.slices) == slices
    assert shown(api) == [*devices, *(["mock1"] if "taints" in serves else [])]
    api.forget()
    assert one.publish([*BOARD, pf(1, errors=1)]) == publisher(api).publish([*BOARD, pf(1, errors=1)]) == Changes()


def test_a_probe_leaves_nothing_behind() -> None:
    api = client()
    publisher(api).connect()
    assert api.slices == []
    assert api.writes == []


def test_a_gate_is_closed_meanwhile(capsys: pytest.CaptureFixture[str]) -> None:
    api = client()
    one = publisher(api)
    one.publish([pf(0)])
    api.serves.clear()
    one.publish([pf(0, errors=1), pf(1)])
    assert 'msg="The API server has dropped fields"' in capsys.readouterr().err
    assert shown(api) == ["mock1"]


def test_a_field_that_is_dropped_for_no_reason_is_not_sent_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    api = client()
    one = publisher(api)
    served = api._served

    def drop_numa_node(body: dict[str, t.Any]) -> dict[str, t.Any]:
        item = served(body)
        for device in item["spec"].get("devices") or ():
            device["attributes"].pop("numaNode", None)
        return item

    monkeypatch.setattr(api, "_served", drop_numa_node)
    one.publish([pf(0)])
    api.forget()
    one.list_again()
    assert one.publish([pf(0)]) == Changes()
    assert api.writes == []


def test_an_upgraded_server_is_asked_again() -> None:
    api = client(serves=[])
    one = publisher(api)
    one.publish([pf(0, errors=1), pf(1)])
    assert shown(api) == ["mock1"]
    api.serves.add("taints")
    one.ask_again()
    one.publish([pf(0, errors=1), pf(1)])
    assert shown(api) == ["mock0", "mock1"]


@pytest.mark.parametrize(("minor", "known"), [("36", False), ("37", True), ("38+", True), ("", False), ("x", False)])
def test_the_newest_attribute(minor: str, known: bool) -> None:
    api = client(minor=minor)
    publisher(api).publish([pf(0)])
    attributes = api.slices[0]["spec"]["devices"][0]["attributes"]
    assert ("resource.kubernetes.io/numaNode" in attributes) is known


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        pytest.param(
            {"shared": ("all",)},
            "allowMultipleAllocations",
            "Devices are not shared, for the API server does not serve DRAConsumableCapacity",
            id="sharing",
        ),
        pytest.param(
            {"binding": True},
            "bindingConditions",
            "The scheduler waits for nothing, for the API server does not serve DRADeviceBindingConditions",
            id="binding",
        ),
    ],
)
def test_what_is_not_served_is_left_out_cleanly(
    options: dict[str, t.Any], field: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def published(api: FakeClient) -> list[bool]:
        return [field in device for made in api.slices for device in made["spec"].get("devices") or ()]

    api = client(serves=["counters", "taints"])
    one = publisher(api, **options)
    assert one.publish(BOARD) == Changes(created=2)
    assert one.publish(BOARD) == Changes()
    assert published(api) == [False] * 3
    said = capfd.readouterr().err
    assert said.count(words) == 1
    assert "dropped fields" not in said
    served = client()
    publisher(served, **options).publish(BOARD)
    assert published(served) == [True] * 3


def test_devices_are_shared_when_the_flag_is_there_and_whole_again_when_it_has_gone() -> None:
    api = client()

    def shared() -> list[str]:
        devices = (device for made in api.slices for device in made["spec"].get("devices") or ())
        return [device["name"] for device in devices if device.get("allowMultipleAllocations")]

    publisher(api).publish(BOARD)
    assert shared() == []
    assert publisher(api, shared=("vf",)).publish(BOARD) == Changes(updated=1)
    assert shared() == ["mock0-vf0", "mock0-vf1"]
    assert publisher(api).publish(BOARD) == Changes(updated=1)
    assert shared() == []
