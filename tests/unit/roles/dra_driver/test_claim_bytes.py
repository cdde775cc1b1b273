# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims in Kubernetes' binary encoding."""

from __future__ import annotations

import typing as t

import pytest
from mock_accel_dra import claim_bytes
from mock_accel_dra.api import resource_claim_pb2 as messages
from mock_accel_dra.errors import Conflict, Refused

CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "Prepared",
    "message": "",
    "lastTransitionTime": "2026-11-25T03:04:05Z",
}
OURS = {"driver": "d", "pool": "p", "device": "mock0", "conditions": [CONDITION], "data": {"uuid": "u"}}
FOREIGN = {"driver": "f", "pool": "p", "device": "gpu0", "networkData": {"interfaceName": "eth0"}}
# A field of each length: what the definitions here do not name.
NETWORK = b"\x32\x06\x0a\x04eth0"
SPEC = b"\x12\x04spec"
ALLOCATION = b"\x0a\x0callo  cation"


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def claim(*entries: bytes, version: str = "7") -> bytes:
    status = ALLOCATION + b"".join(field(4, one) for one in entries)
    raw = field(1, field(6, version.encode())) + SPEC + field(3, status)
    return b"k8s\0" + field(1, b"kind") + field(2, raw)


def entry(driver: str = "f", device: str = "gpu0", rest: bytes = b"") -> bytes:
    return field(1, driver.encode()) + field(2, b"p") + field(3, device.encode()) + rest


def fields(data: bytes) -> tuple[bytes, messages.ResourceClaim]:
    assert data.startswith(b"k8s\0")
    raw = messages.Unknown.FromString(data[4:]).raw
    return raw, messages.ResourceClaim.FromString(raw)


def test_an_entry_is_added_and_all_else_stays() -> None:
    data = claim_bytes.with_devices(claim(entry(rest=NETWORK)), "7", [FOREIGN], [FOREIGN, OURS])
    assert field(1, b"kind") in data
    raw, made = fields(data)
    assert SPEC in raw
    assert ALLOCATION in raw
    first, second = made.status.devices
    assert first.SerializeToString() == entry(rest=NETWORK)
    assert (second.driver, second.pool, second.device, second.HasField("shareID")) == ("d", "p", "mock0", False)
    assert second.data.raw == b'{"uuid":"u"}'
    (condition,) = second.conditions
    assert (condition.type, condition.status, condition.reason, condition.message) == ("Ready", "True", "Prepared", "")
    assert condition.lastTransitionTime.seconds == 1795575845


def test_entries_go() -> None:
    data = claim_bytes.with_devices(claim(entry("d", "mock0"), entry()), "7", [OURS, FOREIGN], [FOREIGN])
    assert [one.driver for one in fields(data)[1].status.devices] == ["f"]


def test_a_share_and_a_generation() -> None:
    shared = {**OURS, "shareID": "s", "conditions": [{**CONDITION, "observedGeneration": 3}]}
    (made,) = fields(claim_bytes.with_devices(claim(), "7", [], [shared]))[1].status.devices
    assert (made.shareID, made.conditions[0].observedGeneration) == ("s", 3)


@pytest.mark.parametrize(
    ("data", "before"),
    [pytest.param(claim(version="8"), [], id="a newer version"), pytest.param(claim(entry()), [], id="more entries")],
)
def test_who_has_written_since_has_won(data: bytes, before: list[t.Any]) -> None:
    with pytest.raises(Conflict):
        claim_bytes.with_devices(data, "7", before, [OURS])


@pytest.mark.parametrize("data", [b'{"kind": "ResourceClaim"}', claim()[:-1]], ids=["JSON", "cut off"])
def test_what_is_no_claim_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="Error while reading a claim"):
        claim_bytes.with_devices(data, "7", [], [OURS])
