# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters over what resource_slice_info returns of recorded slices."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mirage.accel.plugins.filter.dra import FilterModule
from ansible_collections.mirage.accel.plugins.module_utils._dra import published, resource_claim, resource_slice

FILTERS = FilterModule().filters()


@pytest.fixture
def info(recorded):
    slices = recorded("resource_slices_v1")
    slices[0]["spec"]["devices"][7]["taints"] = [{"key": "k", "effect": "NoSchedule"}]
    held = resource_claim.holders(map(resource_claim.parse_claim, recorded("resource_claims_v1")))
    return published.published(resource_slice.pools(map(resource_slice.parse_slice, slices)), held)


def test_devices(info) -> None:
    found = FILTERS["dra_devices"](info)
    assert found == FILTERS["dra_devices"](info["pools"])
    assert [(one["pool"], one["name"]) for one in found][7:9] == [("worker-0", "gpu-7"), ("worker-1", "gpu-0")]
    assert found[0]["claims"] == ["default/two-gpus"]
    assert (found[0]["driver"], found[0]["node"], found[0]["tainted"]) == ("gpu.nvidia.com", "worker-0", False)
    assert found[0]["attributes"]["type"] == {"type": "string", "value": "gpu"}
    assert found[7]["tainted"]


def test_slices_of_old_generations_are_told_where_they_are_asked_for(recorded) -> None:
    slices = recorded("resource_slices_v1")
    slices[2]["spec"]["pool"]["generation"] = 1
    found = resource_slice.pools(map(resource_slice.parse_slice, slices))
    assert len(published.published(found, {})["slices"]) == 2
    assert len(published.published(found, {}, with_stale=True)["slices"]) == 3


def test_free_devices(info) -> None:
    free = [(one["pool"], one["name"]) for one in FILTERS["dra_free_devices"](info)]
    # gpu-0, gpu-1, gpu-5 and worker-1's gpu-2 are held, gpu-7 is tainted.
    assert free == [("worker-0", f"gpu-{i}") for i in (2, 3, 4, 6)] + [("worker-1", f"gpu-{i}") for i in (0, 1, 3)]


def test_of_an_incomplete_pool_none_is_free(info) -> None:
    info["pools"][1]["complete"] = False
    assert {one["pool"] for one in FILTERS["dra_free_devices"](info)} == {"worker-0"}


def test_nothing() -> None:
    assert FILTERS["dra_devices"]([]) == FILTERS["dra_free_devices"]({"pools": []}) == []


@pytest.mark.parametrize("data", [{}, 3, None, [{}], {"pools": [{"devices": []}]}, "text"])
def test_wrong_input_is_named(data) -> None:
    with pytest.raises(AnsibleFilterError, match="input of dra_free_devices: it is no result of resource_slice_info"):
        FILTERS["dra_free_devices"](data)


@pytest.mark.parametrize("data", [{}, 3, "text", {"slices": []}, {"pools": "text"}])
@pytest.mark.parametrize("read", [published.devices, published.free_devices])
def test_data_without_pools_is_refused(read, data) -> None:
    with pytest.raises(ValueError, match="^expected a result of resource_slice_info, or its list of pools$"):
        read(data)
