# SPDX-License-Identifier: GPL-3.0-or-later
"""Binding conditions: what a claim's status must say of a device before the scheduler binds the pod to its node.

Plain data in, plain data out: what is published of a device, which claims wait, and what is to be said of them.
"""

from __future__ import annotations

import datetime
import typing as t

from .device_status import Json, bare, key, of_claim, timestamp
from .inventory import AccelDevice

ANSWERS = "DeviceAnswers"
FAILED = "DeviceFailed"

Find = t.Callable[[str], AccelDevice | None]


def published(driver: str) -> Json:
    """What a device's entry in a ResourceSlice has."""
    return {
        "bindsToNode": True,
        "bindingConditions": [f"{driver}/{ANSWERS}"],
        "bindingFailureConditions": [f"{driver}/{FAILED}"],
    }


def waiting(claim: Json, driver: str, pool: str) -> list[Json]:
    """Results of this node's devices of which the claim's status does not say yet whether they answer."""
    entries = {key(entry): entry for entry in of_claim(claim)}
    allocation = (claim.get("status") or {}).get("allocation") or {}
    return [
        result
        for result in (allocation.get("devices") or {}).get("results") or []
        if (result["driver"], result["pool"]) == (driver, pool)
        and not _is_decided(result, entries.get(key(result), {}))
    ]


def decided(claim: Json, driver: str, pool: str, find: Find, now: datetime.datetime) -> list[Json]:
    """The entries of status.devices, with what is to be said of the devices that the claim waits for."""
    entries = {key(entry): entry for entry in of_claim(claim)}
    for result in waiting(claim, driver, pool):
        entry = entries.get(key(result), bare(result))
        new = _judge(result, find(result["device"]), now)
        said = {one["type"] for one in new}
        kept = [one for one in entry.get("conditions") or [] if one["type"] not in said]
        entries[key(result)] = {**entry, "conditions": [*kept, *new]}
    return list(entries.values())


def _is_decided(result: Json, entry: Json) -> bool:
    """As the scheduler judges: all of its conditions hold, or one of those of failure."""
    true = {one["type"] for one in entry.get("conditions") or [] if one["status"] == "True"}
    wanted, failures = result.get("bindingConditions") or [], result.get("bindingFailureConditions") or []
    return true.issuperset(wanted) or not true.isdisjoint(failures)


def _judge(result: Json, device: AccelDevice | None, now: datetime.datetime) -> list[Json]:
    name = result["device"]
    if device is None:
        reason, message = "Gone", f"the device {name} is not on this node any more"
    elif not device.responding:
        reason, message = "DoesNotAnswer", f"the device {name} does not answer"
    else:
        reason, message = "Answers", ""
    fails = bool(message)

    def condition(kind: str, holds: bool) -> Json:
        status = "True" if holds else "False"
        stamp = timestamp(now)
        return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": stamp}

    failures = [condition(kind, True) for kind in result.get("bindingFailureConditions") or []] if fails else []
    return [*(condition(kind, not fails) for kind in result["bindingConditions"]), *failures]
