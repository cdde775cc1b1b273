# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of claim.status.devices."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import replace

import pytest
from dra_agent import DRIVER
from dra_prepared import CLAIM, DEVICE
from mock_accel_dra import device_status

NOW = datetime.datetime(2026, 11, 25, 3, 4, 5, tzinfo=datetime.UTC)


def test_entries() -> None:
    shared = replace(DEVICE, share_id="s")
    (first, second) = device_status.entries(replace(CLAIM, devices=(DEVICE, shared, DEVICE)), DRIVER, NOW)
    assert first == {
        "driver": DRIVER,
        "pool": "worker-0",
        "device": "mock0-vf1",
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Prepared",
                "message": "",
                "lastTransitionTime": "2026-11-25T03:04:05Z",
            }
        ],
        "data": {"uuid": "60faed32", "pciAddress": "1000:00:00.2", "deviceNode": "/dev/mock0_vf1"},
    }
    assert second == {**first, "shareID": "s"}


def ours(**more: t.Any) -> dict[str, t.Any]:
    (entry,) = device_status.entries(CLAIM, DRIVER, NOW)
    return {**entry, **more}


FOREIGN = {"driver": "gpu.example.com", "pool": "p", "device": "gpu0", "data": {"a": [1]}}
BOUND = {"type": "Bound", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}


READY, LATER = ours()["conditions"][0], {"lastTransitionTime": "2027-01-01T00:00:00Z"}
BARE = {name: ours()[name] for name in ("driver", "pool", "device")}


@pytest.mark.parametrize(
    ("current", "wanted", "result"),
    [
        pytest.param([FOREIGN], [ours()], [FOREIGN, ours()], id="others stay"),
        pytest.param([ours(), FOREIGN], [], [FOREIGN], id="ours go"),
        pytest.param([ours(data={})], [ours()], [ours()], id="ours are brought up to date"),
        pytest.param(
            [ours()], [ours(conditions=[{**READY, **LATER}])], [ours()], id="a condition keeps the time since when"
        ),
        pytest.param(
            [ours(conditions=[{**READY, "status": "False"}])],
            [ours(conditions=[{**READY, **LATER}])],
            [ours(conditions=[{**READY, **LATER}])],
            id="and has another when it turns",
        ),
        pytest.param(
            [{**BARE, "conditions": [BOUND]}],
            [ours()],
            [ours(conditions=[BOUND, READY])],
            id="other conditions stay",
        ),
        pytest.param(
            [ours(conditions=[BOUND, READY])], [], [{**BARE, "conditions": [BOUND]}], id="also without the claim"
        ),
        pytest.param([ours(shareID="s")], [ours(shareID="z")], [ours(shareID="z")], id="a share is its own entry"),
    ],
)
def test_merging(current: list[t.Any], wanted: list[t.Any], result: list[t.Any]) -> None:
    assert device_status.merged({"status": {"devices": current}}, wanted, DRIVER) == result


@pytest.mark.parametrize(
    ("devices", "found"),
    [
        pytest.param(None, False, id="nothing"),
        pytest.param([FOREIGN], False, id="another driver's"),
        pytest.param([{**BARE, "conditions": [BOUND]}], False, id="bound only"),
        pytest.param([FOREIGN, ours()], True, id="prepared"),
    ],
)
def test_is_reported(devices: list[t.Any] | None, found: bool) -> None:
    assert device_status.is_reported({"status": {"devices": devices}}, DRIVER) is found
    assert device_status.is_reported({}, DRIVER) is False
