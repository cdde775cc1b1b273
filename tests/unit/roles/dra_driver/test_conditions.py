# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scheduler is told of devices that it has given out."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Callable

import pytest
from accel_device import pf
from dra_agent import DRIVER, NODE
from dra_node import claim
from mock_accel_dra import conditions
from mock_accel_dra.inventory import AccelDevice

NOW = datetime.datetime(2026, 11, 25, 3, 4, 5, tzinfo=datetime.UTC)
Json = dict[str, t.Any]
YES, NO = f"{DRIVER}/DeviceAnswers", f"{DRIVER}/DeviceFailed"
BINDING = {"bindingConditions": [YES], "bindingFailureConditions": [NO]}
FOREIGN = {"driver": "gpu.example.com", "pool": "p", "device": "gpu0", "conditions": []}


def condition(kind: str, status: str = "True", **more: t.Any) -> Json:
    return {"type": kind, "status": status, **more}


def entry(*found: Json, device: str = "mock0", **more: t.Any) -> Json:
    return {"driver": DRIVER, "pool": NODE, "device": device, "conditions": list(found), **more}


def waits(*devices: t.Any, entries: t.Sequence[Json] = ()) -> Json:
    made = claim("c0", *devices, uid="u0")
    made["status"]["devices"] = list(entries)
    return made


def bound(device: str = "mock0", **more: t.Any) -> Json:
    return {"device": device, **BINDING, **more}


def test_what_is_published() -> None:
    assert conditions.published(DRIVER) == {"bindsToNode": True, **BINDING}


@pytest.mark.parametrize(
    ("found", "devices"),
    [
        pytest.param({"metadata": {}}, [], id="not allocated"),
        pytest.param(waits("mock0"), [], id="a device without conditions"),
        pytest.param(waits(bound()), ["mock0"], id="nothing said yet"),
        pytest.param(waits(bound(pool="worker-1")), [], id="another node's"),
        pytest.param(waits(bound(driver="gpu.example.com")), [], id="another driver's"),
        pytest.param(waits(bound(), entries=[entry(condition(YES))]), [], id="said"),
        pytest.param(waits(bound(), entries=[entry(condition(YES, "False"))]), ["mock0"], id="not true yet"),
        pytest.param(waits(bound(), entries=[entry(condition(NO))]), [], id="failed"),
        pytest.param(waits(bound(), entries=[entry(condition("Ready"))]), ["mock0"], id="another condition"),
        pytest.param(waits(bound(), bound("mock1"), entries=[entry(condition(YES))]), ["mock1"], id="one of two"),
        pytest.param(waits(bound(shareID="a"), entries=[entry(condition(YES), shareID="b")]), ["mock0"], id="a share"),
    ],
)
def test_waiting(found: Json, devices: list[str]) -> None:
    assert [result["device"] for result in conditions.waiting(found, DRIVER, NODE)] == devices


def finds(device: AccelDevice | None) -> Callable[[str], AccelDevice | None]:
    return lambda name: device


SILENT = pf(responding=False, allocated=None, errors=None)


@pytest.mark.parametrize(
    ("device", "said"),
    [
        pytest.param(pf(), {YES: ("True", "Answers", "")}, id="well"),
        pytest.param(pf(errors=1), {YES: ("True", "Answers", "")}, id="ill, but it answers"),
        pytest.param(
            SILENT,
            {
                YES: ("False", "DoesNotAnswer", "the device mock0 does not answer"),
                NO: ("True", "DoesNotAnswer", "the device mock0 does not answer"),
            },
            id="silent",
        ),
        pytest.param(
            None,
            {
                YES: ("False", "Gone", "the device mock0 is not on this node any more"),
                NO: ("True", "Gone", "the device mock0 is not on this node any more"),
            },
            id="gone",
        ),
    ],
)
def test_decided(device: AccelDevice | None, said: dict[str, tuple[str, str, str]]) -> None:
    (made,) = conditions.decided(waits(bound()), DRIVER, NODE, finds(device), NOW)
    assert {**made, "conditions": []} == entry()
    assert {one["type"]: (one["status"], one["reason"], one["message"]) for one in made["conditions"]} == said
    assert {one["lastTransitionTime"] for one in made["conditions"]} == {"2026-11-25T03:04:05Z"}


def test_what_is_there_already_stays() -> None:
    before = [FOREIGN, entry(condition("Ready"), condition(YES, "False"), data={"uuid": "u"})]
    found = waits(bound(), bound("mock1"), entries=before)
    foreign, first, second = conditions.decided(found, DRIVER, NODE, finds(pf()), NOW)
    assert foreign == FOREIGN
    assert first["data"] == {"uuid": "u"}
    assert [(one["type"], one["status"]) for one in first["conditions"]] == [("Ready", "True"), (YES, "True")]
    assert second["device"] == "mock1"
    again = waits(bound(), bound("mock1"), entries=[foreign, first, second])
    assert conditions.decided(again, DRIVER, NODE, finds(None), NOW) == [foreign, first, second]


def test_two_shares_of_a_device_are_two_entries() -> None:
    found = waits(bound(shareID="a"), bound(shareID="b"))
    assert [one["shareID"] for one in conditions.decided(found, DRIVER, NODE, finds(pf()), NOW)] == ["a", "b"]
