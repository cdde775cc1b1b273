# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_slice_verify with a profile: what mock-nvml says of a node against what the driver has published of it."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from slice_edits import (
    DRIVER,
    ZERO,
    Items,
    devices,
    drop,
    edit,
    leave,
)

from ansible_collections.mirage.accel.plugins.modules import resource_slice_verify as verify

RunModule = Callable[..., dict[str, t.Any]]


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(verify, **{"driver": DRIVER, **options})


def check(node: str, items: Items, count: int = 8) -> dict[str, t.Any]:
    """What `mock-nvml check --json` prints of worker-0's boards."""
    uuids = [device["attributes"]["uuid"]["string"] for device in devices(items, ZERO)]
    return {
        "valid": True,
        "name": "NVIDIA A100-SXM4-40GB",
        "device_count": count,
        "driver_version": "550.163.01",
        "compute_capability": "8.0",
        "node_name": node,
        "devices": [{"uuid": uuid, "memory_total_bytes": 40 * 2**30} for uuid in uuids],
    }


@pytest.mark.parametrize(
    ("node", "change", "rule", "differences"),
    [
        pytest.param("worker-0", leave, {}, [], id="as described"),
        pytest.param("elsewhere", leave, {}, [], id="UUIDs of another node are not expected"),
        pytest.param("worker-0", drop(ZERO, 7), {"count": 7}, [], id="fewer of them"),
        pytest.param(
            "worker-0",
            leave,
            {"count": 7, "attributes": {"brand": "Nvidia"}, "capacity": {"memory": "1Gi"}, "absent": []},
            8,
            id="with rules of its own",
        ),
        pytest.param(
            "worker-0",
            edit(ZERO, 2, "attributes", driverVersion={"version": "570.1.2"}),
            {},
            [("nodes[worker-0].devices[gpu-2].attributes[driverVersion]", "550.163.1", "570.1.2")],
            id="another driver",
        ),
        pytest.param(
            "worker-0",
            edit(ZERO, 2, "attributes", uuid={"string": "GPU-x"}),
            {},
            [
                ("nodes[worker-0].attributes[uuid]", "GPU-c7a5e2ff-0a1e-5de1-b0c5-1f0b1d7f2b0a", None),
                ("nodes[worker-0].attributes[uuid] of gpu-2", None, "GPU-x"),
            ],
            id="another GPU",
        ),
    ],
)
def test_a_profile(look: RunModule, dra_api, recorded, node, change, rule, differences) -> None:
    items = recorded("resource_slices_v1")
    described = check(node, items)
    missing = devices(items, ZERO)[2]["attributes"]["uuid"]["string"]
    change(items)
    dra_api(slices=items)
    answer = look(nodes={"worker-0": {"profile": described, **rule}})
    if isinstance(differences, int):
        # One count, eight amounts of memory, and the UUID that is one too many.
        assert len(answer["differences"]) == 1 + 8 + 1
        return
    found = [tuple(one.values()) for one in answer["differences"]]
    assert [(p, missing if str(e).startswith("GPU-c7a5") else e, a) for p, e, a in differences] == found


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"count": 9}, "9 devices expected and 8 described; run mock-nvml check with --count 9"),
        ({"count": {"min": 1}}, "nodes[a].count: a profile goes with one number"),
    ],
)
def test_a_profile_that_does_not_fit(look: RunModule, recorded, rule, message) -> None:
    described = check("a", recorded("resource_slices_v1"))
    assert message in look(nodes={"a": {"profile": described, **rule}})["msg"]
