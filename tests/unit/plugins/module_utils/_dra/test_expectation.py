# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what is expected: every form that may be given, and a message for every one that may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import (
    AttributeRule,
    Count,
    DeviceRule,
    ExpectationError,
    NodeRule,
    read_node,
    read_nodes,
)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        ({}, NodeRule()),
        (0, NodeRule(count=Count(0, 0))),
        (8, NodeRule(count=Count(8, 8))),
        ({"count": 8}, NodeRule(count=Count(8, 8))),
        ({"count": " 8 "}, NodeRule(count=Count(8, 8))),
        ({"count": {"equal": 8}}, NodeRule(count=Count(8, 8))),
        ({"count": {"min": 3}}, NodeRule(count=Count(3, None))),
        ({"count": {"max": "4"}}, NodeRule(count=Count(None, 4))),
        ({"count": {"min": 3, "max": 3}}, NodeRule(count=Count(3, 3))),
        (
            {"attributes": {"a": 1, "b": None}},
            NodeRule(attributes=(AttributeRule("a", value=1), AttributeRule("b", present=False))),
        ),
        (
            {"attributes": [{"name": "a", "type": "int", "values": [1, 2], "unique": True}]},
            NodeRule(attributes=(AttributeRule("a", type="int", values=(1, 2), unique=True),)),
        ),
        ({"attributes": [{"name": "a", "regex": "^x"}]}, NodeRule(attributes=(AttributeRule("a", regex="^x"),))),
        ({"attributes": [{"name": "a", "present": False}]}, NodeRule(attributes=(AttributeRule("a", present=False),))),
        ({"capacity": {"memory": "40Gi", "cores": None}}, NodeRule(capacity={"memory": "40Gi", "cores": None})),
        ({"absent": ["a"], "tainted": ["b"]}, NodeRule(absent=("a",), tainted=("b",))),
        (
            {"devices": {"a": None, "b": {"attributes": {"x": False}, "capacity": {"m": 1}}}},
            NodeRule(devices={"a": DeviceRule(), "b": DeviceRule((AttributeRule("x", value=False),), {"m": 1})}),
        ),
    ],
)
def test_what_may_be_given(data, rule) -> None:
    assert read_node(data, "n") == rule
    assert read_nodes({"worker": data}) == {"worker": rule}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (True, "n: expected a number of devices or a mapping, found True"),
        (None, "n: expected a number of devices or a mapping, found None"),
        ({"count": {}}, "n.count: expected a number, or a mapping with equal, min or max, found {}"),
        ("8", "n: expected a number of devices or a mapping, found '8'"),
        (-1, "n.count: expected a whole number from 0, found -1"),
        (
            {"cout": 3, "zz": 1},
            "n: cout, zz is not known; known are absent, attributes, capacity, count, devices, tainted",
        ),
        ({"count": True}, "n.count: expected a whole number from 0, found True"),
        ({"count": 1.5}, "n.count: expected a whole number from 0, found 1.5"),
        ({"count": "-1"}, "n.count: expected a whole number from 0, found '-1'"),
        ({"count": "٣"}, "n.count: expected a whole number from 0, found '٣'"),
        ({"count": {"min": "x"}}, "n.count.min: expected a whole number from 0, found 'x'"),
        ({"count": {"least": 1}}, "n.count: least is not known; known are equal, max, min"),
        ({"count": {"equal": 1, "min": 1}}, "n.count: equal goes with neither min nor max"),
        ({"count": {"equal": 1, "max": 1}}, "n.count: equal goes with neither min nor max"),
        ({"count": {"min": 2, "max": 1}}, "n.count: min 2 is more than max 1"),
        ({"attributes": "a"}, "n.attributes: expected a list of rules or a mapping of names to values, found 'a'"),
        ({"attributes": ["a"]}, "n.attributes[0]: expected a mapping, found 'a'"),
        ({"attributes": [{"value": 1}]}, "n.attributes[0]: name is missing"),
        ({"attributes": [{"name": "a"}, {"name": "b", "is": 1}]}, "n.attributes[1]: is is not known; known are name"),
        (
            {"attributes": [{"name": "a", "value": 1, "regex": "x"}]},
            "n.attributes[0] (a): value and regex are two answers to one question: give one of them",
        ),
        ({"attributes": [{"name": "a", "values": [], "value": 0}]}, "n.attributes[0] (a): value and values are two"),
        (
            {"attributes": [{"name": "a", "type": "text"}]},
            "n.attributes[0] (a).type: expected one of bool, int, string, version, bools, ints, strings, versions",
        ),
        ({"attributes": [{"name": "a", "regex": "("}]}, "n.attributes[0] (a).regex: '(' is no regular expression: "),
        ({"attributes": [{"name": "a", "regex": 3}]}, "n.attributes[0] (a).regex: 3 is no regular expression: "),
        (
            {"attributes": [{"name": "a", "present": False, "value": 1}]},
            "n.attributes[0] (a): with present=false nothing else can be asked of it",
        ),
        ({"attributes": [{"name": "a", "present": False, "unique": True}]}, "with present=false nothing else"),
        ({"attributes": [{"name": "a", "present": False, "type": "int"}]}, "with present=false nothing else"),
        ({"attributes": [{"name": "a", "values": "b"}]}, "n.attributes[0] (a).values: expected a list, found 'b'"),
        ({"capacity": {"memory": "much"}}, "n.capacity[memory]: 'much' is not a quantity"),
        ({"capacity": ["memory"]}, "n.capacity: expected a mapping, found ['memory']"),
        ({"devices": ["a"]}, "n.devices: expected a mapping, found ['a']"),
        ({"devices": {"a": {"count": 1}}}, "n.devices[a]: count is not known; known are attributes, capacity"),
        (
            {"devices": {"a": {"attributes": [{"name": "x", "unique": True}]}}},
            "n.devices[a].attributes[x]: unique and values are for several devices",
        ),
        (
            {"devices": {"a": {"attributes": [{"name": "x", "values": []}]}}},
            "unique and values are for several devices",
        ),
        ({"devices": {"a": {"attributes": "x"}}}, "n.devices[a].attributes: expected a list of rules or a mapping"),
        ({"devices": {"a": {"capacity": {"m": "x"}}}}, "n.devices[a].capacity[m]: 'x' is not a quantity"),
        ({"absent": "a"}, "n.absent: expected a list of names of devices, found 'a'"),
        ({"tainted": {"a": 1}}, "n.tainted: expected a list of names of devices, found {'a': 1}"),
    ],
)
def test_what_cannot_be_meant(data, message) -> None:
    with pytest.raises(ExpectationError) as caught:
        read_node(data, "n")
    assert message in str(caught.value)
    with pytest.raises(ExpectationError, match=r"nodes\[worker\]"):
        read_nodes({"worker": data})


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_counts(number: int, least: int, most: int) -> None:
    assert Count().holds(number)
    assert Count(least).holds(number) == (number >= least)
    assert Count(None, most).holds(number) == (number <= most)
    assert Count(least, most).holds(number) == (least <= number <= most)


@pytest.mark.parametrize(
    ("count", "words"),
    [(Count(8, 8), "8"), (Count(3), "at least 3"), (Count(None, 4), "at most 4"), (Count(3, 4), "3 to 4")],
)
def test_counts_in_words(count, words) -> None:
    assert str(count) == words
