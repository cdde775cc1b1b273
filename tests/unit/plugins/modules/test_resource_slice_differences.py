# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_slice_verify against recorded slices that are broken in every way that it must name."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from slice_edits import (
    DRIVER,
    ONE_A,
    ONE_B,
    SLICES,
    TAINT,
    ZERO,
    both,
    devices,
    drop,
    duplicate,
    edit,
    gather,
    leave,
    lose_a_slice,
    many,
    owners,
    pool,
    taint,
)

from ansible_collections.mirage.accel.plugins.modules import resource_slice_verify as verify

RunModule = Callable[..., dict[str, t.Any]]

BOTH = {"worker-0": 8, "worker-1": 4}


def on(number: int, rule: dict[str, t.Any]) -> dict[str, t.Any]:
    return {f"worker-{number}": rule}


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(verify, **{"driver": DRIVER, **options})


BROKEN = [
    pytest.param(
        lambda items: devices(items, ONE_B).append(devices(items, ZERO).pop()),
        {"nodes": BOTH},
        [("nodes[worker-0].count", "8", 7), ("nodes[worker-1].count", "4", 5)],
        id="the right sum and two bad nodes",
    ),
    pytest.param(drop(ZERO, 0), {"nodes": BOTH}, [("nodes[worker-0].count", "8", 7)], id="a device is missing"),
    pytest.param(
        leave,
        {"nodes": {"worker-0": {"count": {"min": 9}}}},
        [("nodes[worker-0].count", "at least 9", 8)],
        id="too few",
    ),
    pytest.param(
        leave,
        {"nodes": {"worker-0": {"count": {"max": 7}}}},
        [("nodes[worker-0].count", "at most 7", 8)],
        id="too many",
    ),
    pytest.param(
        leave,
        {"nodes": {"worker-0": {"count": {"min": 1, "max": 7}}}},
        [("nodes[worker-0].count", "1 to 7", 8)],
        id="out of a range",
    ),
    pytest.param(leave, {"nodes": {"worker-9": 8}}, [("nodes[worker-9].count", "8", 0)], id="no such node"),
    pytest.param(
        leave, {"nodes": {"worker-0": 8}, "exact": True}, [("nodes[worker-1].count", 0, 4)], id="a node too many"
    ),
    pytest.param(
        pool(ONE_B, generation=2),
        {"nodes": BOTH},
        [
            ("pools[worker-1].slices", "2 of generation 3", 1),
            (f"pools[worker-1].slices[{SLICES[ONE_B]}].generation", 3, 2),
            ("nodes[worker-1].count", "4", 2),
        ],
        id="a slice of an old generation",
    ),
    pytest.param(
        pool(ONE_A, generation=2, resourceSliceCount=1),
        {},
        [
            ("pools[worker-1].slices", "2 of generation 3", 1),
            (f"pools[worker-1].slices[{SLICES[ONE_A]}].generation", 3, 2),
        ],
        id="an old generation that was complete",
    ),
    pytest.param(
        lose_a_slice,
        {"nodes": BOTH},
        [("pools[worker-1].slices", "2 of generation 3", 1), ("nodes[worker-1].count", "4", 2)],
        id="a slice is missing",
    ),
    pytest.param(
        pool(ONE_B, resourceSliceCount=3),
        {},
        [("pools[worker-1].resource_slice_count", "one number", "2, 3")],
        id="slices that do not agree on their number",
    ),
    pytest.param(
        duplicate,
        {"nodes": BOTH},
        [
            ("pools[worker-1].devices[gpu-1]", "1 slice", f"2 times: {SLICES[ONE_A]}, {SLICES[ONE_B]}"),
            ("nodes[worker-1].count", "4", 3),
        ],
        id="a device twice",
    ),
    pytest.param(
        owners(ZERO),
        {},
        [(f"pools[worker-0].slices[{SLICES[ZERO]}].owner", "Node worker-0", None)],
        id="no owner",
    ),
    pytest.param(
        owners(ZERO, {"kind": "Node", "name": "worker-1", "controller": True}),
        {},
        [(f"pools[worker-0].slices[{SLICES[ZERO]}].owner", "Node worker-0", "Node worker-1")],
        id="another node as the owner",
    ),
    pytest.param(
        owners(ZERO, {"kind": "Node", "name": "worker-0"}, {"kind": "Pod", "name": "x", "controller": True}),
        {},
        [(f"pools[worker-0].slices[{SLICES[ZERO]}].owner", "Node worker-0", "Pod x")],
        id="an owner that is not the controller",
    ),
    pytest.param(
        owners(ZERO),
        {"owner": "any"},
        [(f"pools[worker-0].slices[{SLICES[ZERO]}].owner", "an owner", None)],
        id="not any owner",
    ),
    pytest.param(
        taint(ZERO, 3),
        {},
        [("nodes[worker-0].devices[gpu-3].taints", None, "gpu.example.com/broken=xid-79:NoSchedule")],
        id="a tainted device where no node is named",
    ),
    pytest.param(
        lambda items: devices(items, ZERO)[3].update(taints=[TAINT, {"key": "hot", "effect": "NoExecute"}]),
        {},
        [("nodes[worker-0].devices[gpu-3].taints", None, "gpu.example.com/broken=xid-79:NoSchedule, hot:NoExecute")],
        id="two taints of a device",
    ),
    pytest.param(
        taint(ZERO, 3, effect="NoExecute", value=""),
        {"nodes": BOTH},
        [("nodes[worker-0].devices[gpu-3].taints", None, "gpu.example.com/broken:NoExecute")],
        id="a tainted device",
    ),
    pytest.param(
        leave,
        {"nodes": {"worker-0": {"tainted": ["gpu-1", "gpu-9"]}}},
        [
            ("nodes[worker-0].devices[gpu-1].taints", "a taint", None),
            ("nodes[worker-0].devices[gpu-9]", "present", None),
        ],
        id="a device without its taint",
    ),
    pytest.param(
        edit(ZERO, 5, "attributes", cudaComputeCapability={"string": "8.0.0"}),
        {
            "nodes": {
                "worker-0": {"attributes": [{"name": "cudaComputeCapability", "type": "version", "value": "8.0.0"}]}
            }
        },
        [("nodes[worker-0].devices[gpu-5].attributes[cudaComputeCapability].type", "version", "string")],
        id="an attribute of another type",
    ),
    pytest.param(
        edit(ZERO, 5, "attributes", productName={"string": "NVIDIA H100"}),
        {"nodes": {"worker-0": {"attributes": {"productName": "NVIDIA A100-SXM4-40GB"}}}},
        [("nodes[worker-0].devices[gpu-5].attributes[productName]", "NVIDIA A100-SXM4-40GB", "NVIDIA H100")],
        id="an attribute of another value",
    ),
    pytest.param(
        edit(ZERO, 5, "attributes", productName=None),
        {"nodes": {"worker-0": {"attributes": {"productName": "NVIDIA A100-SXM4-40GB"}}}},
        [("nodes[worker-0].devices[gpu-5].attributes[productName]", "NVIDIA A100-SXM4-40GB", None)],
        id="an attribute is missing",
    ),
    pytest.param(
        edit(ZERO, 5, "attributes", minor={"int": 5}),
        {"nodes": {"worker-0": {"attributes": [{"name": "minor", "present": False}]}}},
        [("nodes[worker-0].devices[gpu-5].attributes[minor]", None, 5)],
        id="an attribute too many",
    ),
    pytest.param(
        edit(ZERO, 5, "attributes", minor={"bool": True}),
        {"nodes": {"worker-0": {"devices": {"gpu-5": {"attributes": {"minor": 1}}}}}},
        [("nodes[worker-0].devices[gpu-5].attributes[minor]", 1, True)],
        id="true is not 1",
    ),
    pytest.param(
        edit(ZERO, 5, "attributes", uuid={"string": "none"}),
        {"nodes": {"worker-0": {"attributes": [{"name": "uuid", "regex": "^GPU-[0-9a-f-]{36}$"}]}}},
        [("nodes[worker-0].devices[gpu-5].attributes[uuid]", "text that ^GPU-[0-9a-f-]{36}$ matches", "none")],
        id="an attribute that a regular expression does not match",
    ),
    pytest.param(
        edit(ZERO, 5, "attributes", resource_kubernetes_io=None, uuid=None),
        {"nodes": {"worker-0": {"attributes": [{"name": "uuid", "regex": "^GPU-"}]}}},
        [("nodes[worker-0].devices[gpu-5].attributes[uuid]", "text that ^GPU- matches", None)],
        id="nothing to match",
    ),
    pytest.param(
        edit(ZERO, 5, "attributes", links={"strings": ["nv1", "pcie"]}, ports={"ints": [1]}),
        {
            "nodes": {
                "worker-0": {
                    "devices": {
                        "gpu-5": {"attributes": [{"name": "links", "regex": "^nv"}, {"name": "ports", "regex": "1"}]},
                        "gpu-4": {"attributes": [{"name": "links"}, {"name": "brand"}]},
                    }
                }
            }
        },
        [
            ("nodes[worker-0].devices[gpu-4].attributes[links]", "present", None),
            ("nodes[worker-0].devices[gpu-5].attributes[links]", "text that ^nv matches", ["nv1", "pcie"]),
            ("nodes[worker-0].devices[gpu-5].attributes[ports]", "text that 1 matches", [1]),
        ],
        id="lists that a regular expression must match in whole",
    ),
    pytest.param(
        both(edit(ONE_A, 0, "attributes", slot={"int": 0}), edit(ONE_B, 1, "attributes", slot={"int": 3})),
        {"nodes": {"worker-1": {"attributes": [{"name": "slot", "values": [0, 3]}]}}},
        [
            ("nodes[worker-1].devices[gpu-1].attributes[slot]", "present", None),
            ("nodes[worker-1].devices[gpu-2].attributes[slot]", "present", None),
        ],
        id="all values, and devices without any",
    ),
    pytest.param(
        lambda items: [
            edit(number, device, "attributes", slot={"int": 2 * (number - 1) + device})(items)
            for number in (ONE_A, ONE_B)
            for device in (0, 1)
        ],
        {"nodes": on(1, {"attributes": [{"name": "slot", "values": [9, 2, 1, 0]}]})},
        [("nodes[worker-1].attributes[slot]", 9, None), ("nodes[worker-1].attributes[slot] of gpu-3", None, 3)],
        id="other values than expected",
    ),
    pytest.param(
        lambda items: [edit(ONE_A, i, "attributes", uuid={"string": "the same one"})(items) for i in (0, 1)],
        {"nodes": {"worker-1": {"attributes": [{"name": "uuid", "unique": True}]}}},
        [("nodes[worker-1].attributes[uuid]", "unique", "the same one of gpu-0, gpu-1")],
        id="a value twice that must be unique",
    ),
    pytest.param(
        edit(ONE_A, 0, "capacity", memory={"value": "40Gi"}),
        {"nodes": {"worker-1": {"capacity": {"memory": "189471Mi"}}}},
        [("nodes[worker-1].devices[gpu-0].capacity[memory]", "189471Mi", "40Gi")],
        id="another capacity",
    ),
    pytest.param(
        edit(ONE_A, 0, "capacity", memory=None, cores={"value": "100"}),
        {"nodes": {"worker-1": {"capacity": {"memory": "189471Mi", "cores": None}}}},
        [
            ("nodes[worker-1].devices[gpu-0].capacity[cores]", None, "100"),
            ("nodes[worker-1].devices[gpu-0].capacity[memory]", "189471Mi", None),
        ],
        id="a capacity is missing, another too many",
    ),
    pytest.param(
        leave,
        {
            "nodes": {
                "worker-0": {"absent": ["gpu-7"], "devices": {"gpu-9": None, "gpu-1": {"capacity": {"memory": 1}}}}
            }
        },
        [
            ("nodes[worker-0].devices[gpu-1].capacity[memory]", 1, "40Gi"),
            ("nodes[worker-0].devices[gpu-9]", "present", None),
            ("nodes[worker-0].devices[gpu-7]", None, "present"),
        ],
        id="devices by name",
    ),
    pytest.param(
        gather,
        {
            "nodes": {
                "worker-0": {
                    "count": 8,
                    "attributes": {"architecture": "Ampere"},
                    "devices": {"gpu-3": {"capacity": {"memory": "40Gi"}}},
                    "absent": ["gpu-2", "worker-1/gpu-1", "worker-0/gpu-6"],
                    "tainted": ["gpu-3", "worker-0/gpu-0", "worker-0/gpu-5"],
                }
            }
        },
        [
            ("nodes[worker-0].count", "8", 12),
            *[
                (f"nodes[worker-0].devices[worker-1/gpu-{i}].attributes[architecture]", "Ampere", "Blackwell")
                for i in range(4)
            ],
            ("nodes[worker-0].devices[worker-1/gpu-3].capacity[memory]", "40Gi", "189471Mi"),
            ("nodes[worker-0].devices[worker-1/gpu-1]", None, "present"),
            ("nodes[worker-0].devices[worker-0/gpu-2]", None, "present"),
            ("nodes[worker-0].devices[worker-1/gpu-2]", None, "present"),
            ("nodes[worker-0].devices[gpu-6]", None, "present"),
            ("nodes[worker-0].devices[worker-0/gpu-0].taints", "a taint", None),
            ("nodes[worker-0].devices[worker-0/gpu-3].taints", "a taint", None),
            ("nodes[worker-0].devices[worker-1/gpu-3].taints", "a taint", None),
            ("nodes[worker-0].devices[gpu-5].taints", "a taint", None),
        ],
        id="two pools of a node with the same names",
    ),
    pytest.param(
        both(gather, taint(ONE_A, 0)),
        {"exact": True, "nodes": {"worker-9": 0}, "taints": False},
        [("nodes[worker-0].count", 0, 12)],
        id="a node that may have none and has two pools",
    ),
    pytest.param(
        both(gather, taint(ONE_A, 0)),
        {},
        [("nodes[worker-0].devices[worker-1/gpu-0].taints", None, "gpu.example.com/broken=xid-79:NoSchedule")],
        id="a tainted device of one of two pools",
    ),
    pytest.param(
        edit(ZERO, 2, "capacity", memory={"value": "much"}),
        {"nodes": {"worker-0": {"capacity": {"memory": "40Gi"}}}},
        [("nodes[worker-0].devices[gpu-2].capacity[memory]", "40Gi", "much")],
        id="a capacity that is no quantity",
    ),
    pytest.param(
        many(ZERO, 129),
        {},
        [(f"pools[worker-0].slices[{SLICES[ZERO]}].devices", "at most 128 devices", "129 devices")],
        id="too many devices in a slice",
    ),
    pytest.param(
        many(ZERO, 65, taints=[TAINT]),
        {"taints": False},
        [(f"pools[worker-0].slices[{SLICES[ZERO]}].devices", "at most 64 devices", "65 devices")],
        id="too many devices in a slice with taints",
    ),
]


@pytest.mark.parametrize(("change", "options", "differences"), BROKEN)
def test_differences(look: RunModule, dra_api, recorded, change, options, differences) -> None:
    items = recorded("resource_slices_v1")
    change(items)
    dra_api(slices=items)
    answer = look(**options)
    assert [tuple(one.values()) for one in answer["differences"]] == differences
    assert (answer["rc"], answer["failed"]) == (1, True)
    words = "1 difference: " if len(differences) == 1 else f"{len(differences)} differences: "
    assert answer["msg"].startswith(
        f"Error while verifying the devices of {DRIVER}: {words}{differences[0][0]}: expected "
    )
