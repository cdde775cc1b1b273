# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_slice_verify with a snapshot: what resource_slice_info has returned once against what there is now."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from slice_edits import (
    DRIVER,
    ONE_A,
    ZERO,
    devices,
    drop,
    edit,
    leave,
    pool,
)

from ansible_collections.mirage.accel.plugins.modules import resource_slice_info as info
from ansible_collections.mirage.accel.plugins.modules import resource_slice_verify as verify

RunModule = Callable[..., dict[str, t.Any]]


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(verify, **{"driver": DRIVER, **options})


@pytest.mark.parametrize(
    ("change", "differences"),
    [
        pytest.param(leave, [], id="the same"),
        pytest.param(pool(ZERO, generation=9), [], id="a new generation of the same"),
        pytest.param(
            lambda items: (
                items[ZERO]["spec"].update(nodeName="worker-7", devices=devices(items, ZERO)[:1])
                or drop(ONE_A, 0)(items)
            ),
            [
                ("pools[worker-0].devices[gpu-0].node", "worker-0", "worker-7"),
                *[(f"pools[worker-0].devices[gpu-{i}]", "present", None) for i in range(1, 8)],
                ("pools[worker-1].devices[gpu-0]", "present", None),
            ],
            id="a device of another node",
        ),
        pytest.param(drop(ZERO, 1), [("pools[worker-0].devices[gpu-1]", "present", None)], id="a device has gone"),
        pytest.param(
            lambda items: devices(items, ZERO).append({"name": "gpu-8"}),
            [("pools[worker-0].devices[gpu-8]", None, "present")],
            id="a device has come",
        ),
        pytest.param(lambda items: items.pop(ZERO), [("pools[worker-0]", "8 devices", None)], id="a pool has gone"),
        pytest.param(
            lambda items: items[ZERO]["spec"]["pool"].update(name="other"),
            [("pools[other]", None, "8 devices"), ("pools[worker-0]", "8 devices", None)],
            id="a pool has another name",
        ),
        pytest.param(
            edit(ZERO, 0, "attributes", uuid={"string": "x"}, brand=None, new={"int": 3}, type={"version": "gpu"}),
            [
                ("pools[worker-0].devices[gpu-0].attributes[brand]", "Nvidia", None),
                ("pools[worker-0].devices[gpu-0].attributes[new]", None, 3),
                ("pools[worker-0].devices[gpu-0].attributes[type].type", "string", "version"),
                ("pools[worker-0].devices[gpu-0].attributes[uuid]", "GPU-4d0a5524-1d1d-5a33-8463-31a79f163b88", "x"),
            ],
            id="attributes have changed",
        ),
        pytest.param(
            edit(ZERO, 0, "capacity", memory={"value": "41943040Ki"}, cores={"value": "1"}),
            [("pools[worker-0].devices[gpu-0].capacity[cores]", None, "1")],
            id="a capacity in another form, and a new one",
        ),
        pytest.param(
            edit(ZERO, 0, "capacity", memory={"value": "1Gi"}),
            [("pools[worker-0].devices[gpu-0].capacity[memory]", "40Gi", "1Gi")],
            id="another capacity",
        ),
        pytest.param(
            edit(ZERO, 0, "capacity", memory={"value": "much"}),
            [("pools[worker-0].devices[gpu-0].capacity[memory]", "40Gi", "much")],
            id="a capacity that is no quantity",
        ),
    ],
)
def test_a_snapshot(look: RunModule, run_module: RunModule, dra_api, recorded, api, change, differences) -> None:
    dra_api()
    before = run_module(info, host=api.url, api_key="a-token", driver=DRIVER)
    items = recorded("resource_slices_v1")
    change(items)
    dra_api(slices=items)
    answer = look(snapshot=before, owner="ignore")
    assert [tuple(one.values()) for one in answer["differences"]] == differences
