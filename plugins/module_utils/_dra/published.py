# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools as plain data, in the form that resource_slice_info returns and that snapshots and filters read.

Imports the standard library only.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import Pool

Json = dict[str, t.Any]
Held = t.Mapping[tuple[str, str, str], t.Sequence[str]]


def published(pools: t.Sequence[Pool], held: Held, *, with_stale: bool = False) -> Json:
    """Slices, pools and the number of devices; `held` are the claims by device."""
    slices = [one for pool in pools for one in (*pool.slices, *(pool.stale if with_stale else ()))]
    return {
        "slices": [one.as_dict() for one in sorted(slices, key=lambda one: one.name)],
        "pools": [_pool(pool, held) for pool in pools],
        "device_count": sum(len({device.name for device in pool.devices}) for pool in pools),
    }


def devices(data: t.Any) -> list[Json]:
    """The devices of such data, each with its driver, its pool, and the claims that hold it."""
    return [_flat(pool, device) for pool in _pools(data) for device in pool["devices"]]


def free_devices(data: t.Any) -> list[Json]:
    """Those that a new claim could get: in a complete pool, not tainted and not held."""
    complete = {(pool["driver"], pool["pool"]) for pool in _pools(data) if pool["complete"]}
    return [
        device
        for device in devices(data)
        if (device["driver"], device["pool"]) in complete and not device["tainted"] and not device["claims"]
    ]


def _pools(data: t.Any) -> list[Json]:
    pools = data.get("pools") if isinstance(data, dict) else data
    if not isinstance(pools, list):
        raise ValueError("expected a result of resource_slice_info, or its list of pools")
    return pools


def _flat(pool: Json, device: Json) -> Json:
    claims = [claim for one in pool["allocated"] if one["name"] == device["name"] for claim in one["claims"]]
    tainted = device["name"] in pool["tainted"]
    return {"driver": pool["driver"], "pool": pool["pool"], **device, "claims": claims, "tainted": tainted}


def _pool(pool: Pool, held: Held) -> Json:
    names = {device.name for device in pool.devices}
    nodes, counts = pool.nodes, pool.counts
    allocated = {name: list(held.get((*pool.key, name), ())) for name in sorted(names)}
    return {
        "driver": pool.driver,
        "pool": pool.name,
        "node": nodes[0] if len(nodes) == 1 else "",
        "generation": pool.generation,
        "slices_seen": len(pool.slices),
        "slices_expected": counts[0] if len(counts) == 1 else 0,
        "complete": pool.complete,
        "stale_slices": [one.name for one in pool.stale],
        "duplicates": list(pool.duplicates()),
        "devices": [device.as_dict() for device in pool.devices],
        "allocated": [{"name": name, "claims": claims} for name, claims in allocated.items() if claims],
        "tainted": sorted({device.name for device in pool.devices if device.harmful_taints()}),
        "counters": {
            counter_set["name"]: {
                name: counter.get("value") for name, counter in (counter_set.get("counters") or {}).items()
            }
            for one in pool.slices
            for counter_set in one.counter_sets
        },
    }
