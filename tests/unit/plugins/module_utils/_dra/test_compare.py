# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for every comparison; single differences are in the tests of the modules."""

from __future__ import annotations

import copy
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._dra import compare, snapshot
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import (
    Expectation,
    ExpectationError,
    read_nodes,
)
from ansible_collections.mirage.accel.plugins.module_utils._dra.published import published
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import parse_slice, pools

DRIVER = "d"
VALUES = st.one_of(
    st.builds(lambda value: {"int": value}, st.integers(-2, 2)),
    st.builds(lambda value: {"bool": value}, st.booleans()),
    st.builds(lambda value: {"string": value}, st.sampled_from(["", "x", "1"])),
)
DEVICES = st.dictionaries(
    st.sampled_from("abcdef"),
    st.fixed_dictionaries(
        {
            "attributes": st.dictionaries(st.sampled_from(["u", "v"]), VALUES),
            "capacity": st.dictionaries(st.just("m"), st.sampled_from(["1", "1k", "1000", "1Ki"])),
        }
    ),
    min_size=1,
)
NODES = st.dictionaries(st.sampled_from(["n0", "n1", "n2"]), DEVICES, min_size=1)


def slices(nodes: dict) -> list[dict]:
    return [
        {
            "metadata": {"name": f"s-{node}", "ownerReferences": [{"kind": "Node", "name": node, "controller": True}]},
            "spec": {
                "driver": DRIVER,
                "nodeName": node,
                "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
                "devices": [{"name": name, **body} for name, body in devices.items()],
            },
        }
        for node, devices in nodes.items()
    ]


def rules(nodes: dict) -> dict:
    """What exactly these devices would be expected as."""
    return read_nodes(
        {
            node: {
                "count": len(devices),
                "devices": {
                    name: {
                        "attributes": [
                            {"name": key, "type": next(iter(value)), "value": next(iter(value.values()))}
                            for key, value in body["attributes"].items()
                        ],
                        "capacity": body["capacity"],
                    }
                    for name, body in devices.items()
                },
            }
            for node, devices in nodes.items()
        }
    )


def differences(nodes: dict, items: list[dict]) -> list[str]:
    expected = Expectation(driver=DRIVER, nodes=rules(nodes), exact=True)
    return [one.path for one in compare.compare(expected, pools(map(parse_slice, items)))]


@given(NODES, st.randoms())
def test_what_is_as_expected_has_no_difference_in_any_order(nodes, random) -> None:
    items = slices(nodes)
    random.shuffle(items)
    for one in items:
        random.shuffle(one["spec"]["devices"])
    assert differences(nodes, items) == []


@given(NODES, st.data())
def test_a_device_that_is_gone_is_named(nodes, data) -> None:
    items = slices(nodes)
    one = data.draw(st.sampled_from(items))
    gone = one["spec"]["devices"].pop(data.draw(st.integers(0, len(one["spec"]["devices"]) - 1)))
    node = one["spec"]["nodeName"]
    assert differences(nodes, items) == [f"nodes[{node}].count", f"nodes[{node}].devices[{gone['name']}]"]


@given(NODES, st.data())
def test_another_value_is_named(nodes, data) -> None:
    items = slices(nodes)
    one = data.draw(st.sampled_from(items))
    device = data.draw(st.sampled_from(one["spec"]["devices"]))
    expected = copy.deepcopy(nodes)
    expected[one["spec"]["nodeName"]][device["name"]]["attributes"]["w"] = {"string": "right"}
    device["attributes"] = {**device["attributes"], "w": {"string": "wrong"}}
    path = f"nodes[{one['spec']['nodeName']}].devices[{device['name']}].attributes[w]"
    assert differences(expected, items) == [path]


@given(NODES, NODES)
def test_a_snapshot_differs_just_from_what_is_not_the_same(before, after) -> None:
    """Equal means: the same devices with the same attributes, and amounts that are equal however they are written."""
    saved = json.loads(json.dumps(published(pools(map(parse_slice, slices(before))), {})))
    found = list(snapshot.compare(snapshot.read(saved, DRIVER), pools(map(parse_slice, slices(after)))))
    same = str(plain(before)) == str(plain(after))
    assert (found == []) == same


@pytest.mark.parametrize("data", [None, [], "pools", {}, {"pools": {}}])
def test_what_is_no_snapshot(data) -> None:
    with pytest.raises(ExpectationError, match="^snapshot: expected a result of resource_slice_info"):
        snapshot.read(data, DRIVER)


@given(NODES, NODES)
def test_a_snapshot_the_other_way_round_tells_the_same(before, after) -> None:
    """What was expected and what was found change places, each at its own path."""

    def found(one, other) -> list[tuple]:
        saved = json.loads(json.dumps(published(pools(map(parse_slice, slices(one))), {})))
        return list(snapshot.compare(snapshot.read(saved, DRIVER), pools(map(parse_slice, slices(other)))))

    there = [(d.path, d.expected, d.actual) for d in found(before, after)]
    back = [(d.path, d.actual, d.expected) for d in found(after, before)]
    assert there == back


@given(NODES, st.data())
def test_a_device_too_many_is_counted(nodes, data) -> None:
    items = slices(nodes)
    one = data.draw(st.sampled_from(items))
    one["spec"]["devices"].append({"name": "extra"})
    assert differences(nodes, items) == [f"nodes[{one['spec']['nodeName']}].count"]


@given(NODES)
def test_whatever_was_expected_of_a_node_that_has_nothing(nodes) -> None:
    expected = [
        path
        for node, devices in sorted(nodes.items())
        for path in (f"nodes[{node}].count", *(f"nodes[{node}].devices[{name}]" for name in sorted(devices)))
    ]
    assert differences(nodes, []) == expected


POOLS = st.dictionaries(st.sampled_from(["p0", "p1", "p2"]), st.lists(st.sampled_from("abc"), max_size=4), min_size=1)


@given(POOLS)
def test_a_device_is_what_has_a_name_in_a_pool(names_by_pool) -> None:
    """Of one node, however its pools call their devices: each has a path of its own, and a name twice is one."""
    items = slices({pool: {} for pool in names_by_pool})
    for one in items:
        pool = one["spec"]["pool"]["name"]
        one["spec"].update(nodeName="n", devices=[{"name": name} for name in names_by_pool[pool]])
    rule = read_nodes({"n": {"attributes": [{"name": "w"}]}})["n"]
    devices = [device for pool in pools(map(parse_slice, items)) for device in pool.devices]
    paths = [one.path for one in compare.compare_node(rule, devices, "n", taints=True)]
    held = {(pool, name) for pool, names in names_by_pool.items() for name in names}
    assert len(paths) == len(set(paths)) == len(held)
    for pool, name in held:
        short, full = f"n.devices[{name}].attributes[w]", f"n.devices[{pool}/{name}].attributes[w]"
        alone = sum(other == name for _pool, other in held) == 1
        assert (short if alone else full) in paths


@given(st.lists(st.integers(0, 3), max_size=5), st.lists(st.integers(0, 3), max_size=5))
def test_values_together_are_compared_in_any_order(held, wanted) -> None:
    """As often as each is wanted and in any order; what is left on either side is what is told."""
    found = value_differences(held, values=wanted)
    missing, extra = Counter(wanted) - Counter(held), Counter(held) - Counter(wanted)
    assert Counter(one.expected for one in found if one.actual is None) == missing
    assert Counter(one.actual for one in found if one.expected is None) == extra


@given(st.lists(st.integers(0, 3), max_size=5))
def test_unique_names_each_value_that_is_not(held) -> None:
    found = value_differences(held, unique=True)
    assert [one.actual.partition(" ")[0] for one in found] == [
        str(value) for value, count in sorted(Counter(held).items()) if count > 1
    ]


def value_differences(held: list[int], **rule) -> list[Difference]:
    body = {f"g{number}": {"attributes": {"v": {"int": value}}} for number, value in enumerate(held)}
    devices = [device for pool in pools(map(parse_slice, slices({"n": body}))) for device in pool.devices]
    return list(
        compare.compare_node(read_nodes({"n": {"attributes": [{"name": "v", **rule}]}})["n"], devices, "n", taints=True)
    )


def plain(nodes: dict) -> dict:
    return {
        node: {
            name: (sorted(body["attributes"].items()), body["capacity"].get("m", "").replace("1k", "1000"))
            for name, body in sorted(devices.items())
        }
        for node, devices in sorted(nodes.items())
    }


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ([1], [True], False),
        ([1], 1, False),
    ],
)
def test_same_value(one, other, same) -> None:
    assert compare.same_value(one, other) is same
    assert compare.same_value(other, one) is same


@pytest.mark.parametrize(
    ("taint", "text"),
    [
        ({"key": "k", "value": "v", "effect": "NoExecute"}, "k=v:NoExecute"),
        ({"key": "k", "value": "", "effect": "NoExecute"}, "k:NoExecute"),
        ({"key": "k"}, "k:"),
        ({"effect": "NoSchedule"}, ":NoSchedule"),
    ],
)
def test_a_taint_in_words(taint, text) -> None:
    assert compare.taint_text(taint) == text
