# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mirage.accel.plugins.filter.allocatable_amounts import allocatable_amounts

GPU = "nvidia.com/gpu"


def node(name: str, capacity: dict, allocatable: dict) -> dict:
    return {"metadata": {"name": name}, "status": {"capacity": capacity, "allocatable": allocatable}}


def test_nodes_that_have_the_resource():
    nodes = [
        node("a", {GPU: "8", "cpu": "2"}, {GPU: "7", "cpu": "2"}),
        node("b", {"cpu": "2"}, {"cpu": "2"}),
        node("c", {GPU: "4"}, {}),
    ]
    assert allocatable_amounts(nodes, GPU) == {
        "a": {"allocatable": 7, "capacity": 8, "missing": 1},
        "c": {"allocatable": 0, "capacity": 4, "missing": 4},
    }


@pytest.mark.parametrize("nodes", [[{}], [node("a", {GPU: "many"}, {})], 7, [None]], ids=str)
def test_what_is_no_list_of_nodes(nodes):
    with pytest.raises(AnsibleFilterError, match="give the resources of kubernetes.core.k8s_info"):
        allocatable_amounts(nodes, GPU)
