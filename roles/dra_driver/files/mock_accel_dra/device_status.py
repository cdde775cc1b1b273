# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of claim.status.devices: what they say of prepared devices, and how they are changed. Plain data."""

from __future__ import annotations

import datetime
import typing as t

from .prepared import PreparedClaim

Json = dict[str, t.Any]

READY = "Ready"
# What an entry and a result of the allocation are of.
KEY = ("driver", "pool", "device", "shareID")


def of_claim(claim: Json) -> list[Json]:
    return (claim.get("status") or {}).get("devices") or []


def key(entry: Json) -> tuple[str | None, ...]:
    return tuple(entry.get(name) for name in KEY)


def bare(entry: Json) -> Json:
    """An entry that says nothing yet."""
    return {name: entry[name] for name in KEY if entry.get(name) is not None}


def timestamp(now: datetime.datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_reported(claim: Json, driver: str) -> bool:
    """Whether the claim's status says that devices of this driver are prepared."""
    ours = (entry for entry in of_claim(claim) if entry.get("driver") == driver)
    return any(condition.get("type") == READY for entry in ours for condition in entry.get("conditions") or [])


def entries(claim: PreparedClaim, driver: str, now: datetime.datetime) -> list[Json]:
    """One entry for each device; the same device twice is one entry."""
    condition = {
        "type": READY,
        "status": "True",
        "reason": "Prepared",
        "message": "",
        "lastTransitionTime": timestamp(now),
    }
    found: dict[tuple[str, str, str | None], Json] = {}
    for device in claim.devices:
        entry = {
            "driver": driver,
            "pool": device.pool,
            "device": device.device_name,
            "conditions": [condition],
            "data": {"uuid": device.uuid, "pciAddress": device.pci_address, "deviceNode": device.device_node},
        }
        if device.share_id:
            entry["shareID"] = device.share_id
        found[(device.pool, device.device_name, device.share_id)] = entry
    return list(found.values())


def merged(claim: Json, wanted: t.Sequence[Json], driver: str) -> list[Json]:
    """The entries of a claim with ours as they are wanted; those of other drivers stay, and so do other conditions."""
    current = of_claim(claim)
    ours = {key(entry): entry for entry in current if entry.get("driver") == driver}
    result = [entry for entry in current if entry.get("driver") != driver]
    for entry in wanted:
        before = ours.pop(key(entry), {})
        result.append(
            {**entry, "conditions": [*_others(before), *(_since(one, before) for one in entry["conditions"])]}
        )
    # What is not prepared any more keeps only what somebody else has said of it.
    for entry in ours.values():
        if others := _others(entry):
            result.append({**bare(entry), "conditions": others})
    return result


def _others(entry: Json) -> list[Json]:
    return [condition for condition in entry.get("conditions") or [] if condition.get("type") != READY]


def _since(condition: Json, before: Json) -> Json:
    """The condition, with the time since which it has been so."""
    for old in before.get("conditions") or []:
        if (old.get("type"), old.get("status")) == (condition["type"], condition["status"]):
            return {**condition, "lastTransitionTime": old["lastTransitionTime"]}
    return condition
