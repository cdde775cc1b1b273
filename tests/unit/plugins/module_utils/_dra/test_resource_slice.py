# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of slices, and which pools they make up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mirage.accel.plugins.module_utils._dra import limits, resource_slice
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import FormError, parse_slice, pools


def item(name: str, generation: int = 1, count: int = 1, devices: list | None = None, **spec) -> dict:
    pool = {"name": spec.pop("pool", "p"), "generation": generation, "resourceSliceCount": count}
    body = {"driver": "d", "nodeName": "n", "pool": pool, "devices": devices or [], **spec}
    return {"metadata": {"name": name}, "spec": body}


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        ({"string": "x"}, "string", "x"),
        ({"int": 0}, "int", 0),
        ({"bool": False}, "bool", False),
        ({"version": "1.0.0"}, "version", "1.0.0"),
        ({"strings": ["a"]}, "strings", ["a"]),
        ({"ints": [1]}, "ints", [1]),
        ({"bools": [True]}, "bools", [True]),
        ({"versions": ["1.0.0"]}, "versions", ["1.0.0"]),
        ({"duration": "3s"}, "duration", "3s"),
        ({}, "none", None),
    ],
)
def test_attributes(value, kind, found) -> None:
    device = parse_slice(item("s", devices=[{"name": "a", "attributes": {"d/x": value}}])).devices[0]
    assert device.attribute("x") == device.attribute("d/x") == resource_slice.Attribute(kind, found)
    assert device.attribute("e/x") is None


@pytest.mark.parametrize(
    ("spec", "reach", "node"),
    [
        ({}, "node", "n"),
        ({"nodeName": "", "allNodes": True}, "all_nodes", ""),
        ({"nodeName": None, "nodeSelector": {"nodeSelectorTerms": []}}, "node_selector", ""),
        ({"nodeName": None, "perDeviceNodeSelection": True}, "per_device", "m"),
    ],
)
def test_which_nodes_a_slice_reaches(spec, reach, node) -> None:
    device = {"name": "a", "nodeName": "m"} if reach == "per_device" else {"name": "a"}
    one = parse_slice(item("s", devices=[device], **spec))
    assert (one.reach, one.devices[0].node) == (reach, node)
    assert pools([one])[0].nodes == ([node] if node else [])


def test_what_a_device_has() -> None:
    body = {
        "name": "a",
        "capacity": {"memory": {"value": "1Gi"}, "d/cores": "2", "e/x": {"value": "3"}},
        "taints": [{"key": "k", "effect": "NoSchedule"}, {"key": "i", "effect": "None"}],
        "consumesCounters": [{"counterSet": "c"}],
        "allowMultipleAllocations": True,
    }
    device = parse_slice(item("s", devices=[body])).devices[0]
    assert device.capacity == {"memory": "1Gi", "cores": "2", "e/x": "3"}
    assert (device.amount("d/memory"), device.amount("cores"), device.amount("x")) == ("1Gi", "2", None)
    assert device.harmful_taints() == [{"key": "k", "effect": "NoSchedule"}]
    assert (device.uses_counters, device.shared, device.key) == (1, True, ("d", "p", "a"))
    assert device.as_dict() == {
        "name": "a",
        "node": "n",
        "slice": "s",
        "attributes": {},
        "capacity": {"cores": "2", "e/x": "3", "memory": "1Gi"},
        "taints": body["taints"],
    }
    plain = parse_slice(item("s", devices=[{"name": "b"}])).devices[0]
    assert (plain.uses_counters, plain.shared, plain.taints) == (0, False, ())


@pytest.mark.parametrize(
    ("references", "owner"),
    [
        ([], None),
        ([{"kind": "Node", "name": "a"}], "Node a"),
        ([{"kind": "Node"}], "Node "),
        ([{"name": "a"}], " a"),
        ([{"kind": "Node", "name": "a"}, {"kind": "Pod", "name": "b", "controller": True}], "Pod b"),
    ],
)
def test_owner(references, owner) -> None:
    made = item("s")
    made["metadata"]["ownerReferences"] = references
    assert parse_slice(made).controller() == owner


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({}, "ResourceSlice without a name is not of a known form: KeyError('metadata')"),
        ({"metadata": {"name": "s"}}, "ResourceSlice s is not of a known form: KeyError('spec')"),
        (item("s", devices=[{}]), "ResourceSlice s is not of a known form: KeyError('name')"),
        (item("s", devices=["a"]), "ResourceSlice s is not of a known form: "),
        (item("s", pool={}) | {"spec": {"driver": "d", "pool": None}}, "ResourceSlice s is not of a known form: "),
    ],
)
def test_what_is_no_slice(broken, message) -> None:
    with pytest.raises(FormError) as caught:
        parse_slice(broken)
    assert str(caught.value).startswith(message)


def test_a_slice_without_a_generation_is_older_than_the_first() -> None:
    old = item("a")
    del old["spec"]["pool"]["generation"]
    assert parse_slice(old).generation == 0
    (pool,) = pools(map(parse_slice, [old, item("b", 1)]))
    assert [one.name for one in pool.stale] == ["a"]


@pytest.mark.parametrize(
    ("name", "short"),
    [("x", "x"), ("d/x", "x"), ("e/x", "e/x"), ("d", "d"), ("/x", "/x"), ("d/x/y", "x/y"), ("dd/x", "dd/x")],
)
def test_the_drivers_own_domain_is_left_out(name, short) -> None:
    assert resource_slice.without_domain(name, "d") == short


def test_a_slice_as_data() -> None:
    assert parse_slice(item("s", 3, 2, [{"name": "a"}])).as_dict() == {
        "name": "s",
        "driver": "d",
        "pool": "p",
        "node": "n",
        "reach": "node",
        "generation": 3,
        "resource_slice_count": 2,
        "owner": None,
        "devices": ["a"],
    }


def test_the_same_name_of_two_drivers_is_two_pools() -> None:
    found = pools(map(parse_slice, [item("a"), item("b", driver="e"), item("c", pool="o")]))
    assert [pool.key for pool in found] == [("d", "o"), ("d", "p"), ("e", "p")]
    assert all(pool.complete for pool in found)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=8))
def test_completeness(slices) -> None:
    """A pool is complete just when the newest generation has as many slices as each of them says."""
    made = [
        item(f"s{number}", generation, count, [{"name": f"g{i}"} for i in range(size)])
        for number, (generation, count, size) in enumerate(slices)
    ]
    (pool,) = pools(map(parse_slice, reversed(made)))
    newest = max(generation for generation, _count, _size in slices)
    of_newest = [one for one in slices if one[0] == newest]
    assert pool.generation == newest
    assert len(pool.slices) + len(pool.stale) == len(slices)
    assert {one.generation for one in pool.slices} == {newest}
    assert pool.complete == all(count == len(of_newest) for _generation, count, _size in of_newest)
    assert [one.name for one in pool.slices] == sorted(one.name for one in pool.slices)
    assert len(pool.devices) == sum(size for _generation, _count, size in of_newest)
    several = [f"g{i}" for i in range(3) if sum(size > i for _g, _c, size in of_newest) > 1]
    assert list(pool.duplicates()) == several
    assert all(len(places) == len(set(places)) > 1 for places in pool.duplicates().values())


@given(st.integers(1, 6), st.integers(1, 9), st.data())
def test_a_complete_pool_and_what_breaks_it(count: int, generation: int, data) -> None:
    """Every slice counts; older ones do not matter; the first of a newer generation makes it incomplete."""
    whole = [item(f"s{number}", generation, count, [{"name": f"g{number}"}]) for number in range(count)]

    def one_pool(items: list) -> resource_slice.Pool:
        return pools(map(parse_slice, items))[0]

    assert one_pool(whole).complete
    lost = data.draw(st.integers(0, count - 1))
    rest = whole[:lost] + whole[lost + 1 :]
    assert not rest or not one_pool(rest).complete
    assert not one_pool([*whole, item("more", generation, count)]).complete
    old = [
        item(f"old{number}", generation - 1, count, [{"name": "x"}]) for number in range(data.draw(st.integers(1, 3)))
    ]
    beside = one_pool([*old, *whole])
    assert beside.complete
    assert beside.devices == one_pool(whole).devices
    assert [one.name for one in beside.stale] == sorted(one["metadata"]["name"] for one in old)
    newer = one_pool([*whole, item("new", generation + 1, count + 1)])
    assert (newer.complete, newer.generation, newer.devices) == (False, generation + 1, [])
    assert {one.name for one in newer.stale} == {f"s{number}" for number in range(count)}


@given(st.permutations([item("a", 2, 2), item("b", 2, 2), item("c", 1, 1), item("d", pool="q")]))
def test_the_order_of_a_list_says_nothing(items) -> None:
    assert pools(map(parse_slice, items)) == pools(
        map(parse_slice, sorted(items, key=lambda one: one["metadata"]["name"]))
    )


def devices(count: int, **more) -> list[dict]:
    return [{"name": f"g{number}", **more} for number in range(count)]


def texts(*lengths: int) -> dict:
    return {f"a{number}": {"string": "x" * length} for number, length in enumerate(lengths)}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"devices": devices(128)}, []),
        ({"devices": devices(129)}, [("p.devices", "at most 128 devices", "129 devices")]),
        ({"devices": devices(64, taints=[{"key": "k"}])}, []),
        ({"devices": devices(65, taints=[{"key": "k"}])}, [("p.devices", "at most 64 devices", "65 devices")]),
        ({"devices": devices(65, consumesCounters=[{}])}, [("p.devices", "at most 64 devices", "65 devices")]),
        (
            {"devices": devices(65, attributes={"a": {"ints": [1]}})},
            [("p.devices", "at most 64 devices", "65 devices")],
        ),
        ({"devices": devices(1, attributes=texts(*[1] * 31), capacity={"m": "1"})}, []),
        (
            {"devices": devices(1, attributes=texts(*[1] * 32), capacity={"m": "1"})},
            [("p.devices[g0]", "at most 32 attributes and capacities", "33 attributes and capacities")],
        ),
        ({"devices": devices(1, taints=[{"key": "k"}] * 16)}, []),
        (
            {"devices": devices(1, taints=[{"key": "k"}] * 17)},
            [("p.devices[g0].taints", "at most 16 taints", "17 taints")],
        ),
        ({"devices": devices(1, consumesCounters=[{}, {}])}, []),
        (
            {"devices": devices(1, consumesCounters=[{}, {}, {}])},
            [("p.devices[g0].counters", "at most 2 counter sets used", "3 counter sets used")],
        ),
        ({"devices": devices(1, attributes=texts(64))}, []),
        (
            {"devices": devices(1, attributes=texts(3, 65))},
            [("p.devices[g0].attributes[a1]", "at most 64 characters", "65 characters")],
        ),
        (
            {"devices": devices(1, attributes={"l": {"strings": ["x", "x" * 70]}, "n": {"int": 10**70}})},
            [("p.devices[g0].attributes[l]", "at most 64 characters", "70 characters")],
        ),
        ({"sharedCounters": [{"name": "c", "counters": {str(i): {} for i in range(32)}}] * 8}, []),
        ({"sharedCounters": [{"name": "c"}] * 9}, [("p.counter_sets", "at most 8 counter sets", "9 counter sets")]),
        (
            {"sharedCounters": [{"name": "c", "counters": {str(i): {} for i in range(33)}}]},
            [("p.counter_sets[c]", "at most 32 counters", "33 counters")],
        ),
    ],
)
def test_limits(spec, found) -> None:
    beyond = limits.beyond(parse_slice(item("s", **spec)), "p")
    assert [(one.path, one.expected, one.actual) for one in beyond] == found
