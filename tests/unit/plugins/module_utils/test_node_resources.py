# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging nodes: a table of what agrees and what does not."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _node_resources as node_resources
from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._node_resources import Expectation

GPU = "nvidia.com/gpu"
LABEL = "nvidia.com/gpu.present"
AT = "nodes[worker-0]"

MakeNode = Callable[..., dict[str, t.Any]]


def one(*keys: str, expected: object, actual: object) -> list[Difference]:
    return [Difference("".join(keys), expected, actual)]


# What is expected, how the node differs from the fixture, which differences must come.
CASES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], list[Difference]]] = {
    # What agrees.
    "number": ({"allocatable": {GPU: 8}}, {}, []),
    "text": ({"allocatable": {GPU: "8"}}, {}, []),
    "float": ({"allocatable": {GPU: 8.0}}, {}, []),
    "other form of the same amount": ({"allocatable": {"memory": "25171644416"}}, {}, []),
    "milli": ({"allocatable": {"cpu": "2000m"}}, {}, []),
    "zero published": ({"allocatable": {GPU: 0}}, {"allocatable": {GPU: "0"}}, []),
    "zero not published": ({"allocatable": {GPU: 0}}, {"allocatable": {GPU: None}}, []),
    "absent": ({"allocatable": {GPU: None}}, {"allocatable": {GPU: None}}, []),
    "capacity above allocatable": (
        {"allocatable": {GPU: 7}, "capacity": {GPU: 8}},
        {"allocatable": {GPU: "7"}},
        [],
    ),
    "label": ({"labels": {LABEL: "true"}}, {}, []),
    "empty label": ({"labels": {LABEL: ""}}, {"labels": {LABEL: ""}}, []),
    "label absent": ({"labels": {LABEL: None}}, {"labels": {LABEL: None}}, []),
    "nothing expected": ({}, {}, []),
    # What does not.
    "too few": (
        {"allocatable": {GPU: 8}},
        {"allocatable": {GPU: "7"}},
        one(AT, f".allocatable[{GPU}]", expected=8, actual="7"),
    ),
    "too many": ({"allocatable": {GPU: 7}}, {}, one(AT, f".allocatable[{GPU}]", expected=7, actual="8")),
    "resource not published": (
        {"allocatable": {GPU: 8}},
        {"allocatable": {GPU: None}},
        one(AT, f".allocatable[{GPU}]", expected=8, actual=None),
    ),
    "nearly the same unit": (
        {"allocatable": {"memory": "24581684k"}},
        {},
        one(AT, ".allocatable[memory]", expected="24581684k", actual="24581684Ki"),
    ),
    "one byte off": (
        {"allocatable": {"memory": 25171644417}},
        {},
        one(AT, ".allocatable[memory]", expected=25171644417, actual="24581684Ki"),
    ),
    "should be absent": ({"allocatable": {GPU: None}}, {}, one(AT, f".allocatable[{GPU}]", expected=None, actual="8")),
    "absent is stricter than zero": (
        {"allocatable": {GPU: None}},
        {"allocatable": {GPU: "0"}},
        one(AT, f".allocatable[{GPU}]", expected=None, actual="0"),
    ),
    "capacity too small": (
        {"capacity": {GPU: 9}},
        {},
        one(AT, f".capacity[{GPU}]", expected=9, actual="8"),
    ),
    "allocatable is not looked up in capacity": (
        {"allocatable": {GPU: 8}},
        {"allocatable": {GPU: "0"}},
        one(AT, f".allocatable[{GPU}]", expected=8, actual="0"),
    ),
    "label missing": (
        {"labels": {LABEL: "true"}},
        {"labels": {LABEL: None}},
        one(AT, f".labels[{LABEL}]", expected="true", actual=None),
    ),
    "label with another value": (
        {"labels": {LABEL: "true"}},
        {"labels": {LABEL: "false"}},
        one(AT, f".labels[{LABEL}]", expected="true", actual="false"),
    ),
    "empty label is not a missing one": (
        {"labels": {LABEL: ""}},
        {"labels": {LABEL: None}},
        one(AT, f".labels[{LABEL}]", expected="", actual=None),
    ),
    "label should be absent": (
        {"labels": {LABEL: None}},
        {"labels": {LABEL: ""}},
        one(AT, f".labels[{LABEL}]", expected=None, actual=""),
    ),
    "several at once, in order": (
        {"allocatable": {GPU: 9, "cpu": 3}, "capacity": {GPU: 9}, "labels": {LABEL: "no"}},
        {},
        [
            Difference(f"{AT}.allocatable[cpu]", 3, "2"),
            Difference(f"{AT}.allocatable[{GPU}]", 9, "8"),
            Difference(f"{AT}.capacity[{GPU}]", 9, "8"),
            Difference(f"{AT}.labels[{LABEL}]", "no", "true"),
        ],
    ),
}


@pytest.mark.parametrize(("expected", "changes", "differences"), CASES.values(), ids=CASES.keys())
def test_one_node(
    node: MakeNode, expected: dict[str, t.Any], changes: dict[str, t.Any], differences: list[Difference]
) -> None:
    wanted = Expectation(**expected)
    wanted.check()
    assert node_resources.compare(wanted, [node(**changes)]) == differences


def test_the_table_has_as_many_failures_as_successes() -> None:
    failures = [case for case in CASES.values() if case[2]]
    assert len(CASES) >= 25
    assert 2 * len(failures) >= len(CASES)


@pytest.mark.parametrize(
    ("selection", "present", "differences"),
    [
        pytest.param({"names": ("a", "b")}, ["a", "b"], [], id="both there"),
        pytest.param({"names": ("a",)}, ["a", "b"], [], id="others do not matter"),
        pytest.param({"names": ("b", "a")}, ["a"], [("nodes[b]", "present", None)], id="one is missing"),
        pytest.param(
            {"names": ("b", "a")},
            [],
            [("nodes[a]", "present", None), ("nodes[b]", "present", None)],
            id="all are missing",
        ),
        pytest.param({}, ["a"], [], id="selected: one is enough"),
        pytest.param({}, [], [("nodes", "at least 1 selected", "0 selected")], id="selected: none"),
        pytest.param({"count": 2}, ["a", "b"], [], id="counted"),
        pytest.param({"count": 2}, ["a"], [("nodes", "2 selected", "1 selected")], id="too few"),
        pytest.param({"count": 1}, ["a", "b"], [("nodes", "1 selected", "2 selected")], id="too many"),
        pytest.param({"count": 2}, [], [("nodes", "2 selected", "0 selected")], id="none of two"),
        pytest.param({"count": 0}, [], [], id="none was expected"),
        pytest.param({"count": 0}, ["a"], [("nodes", "0 selected", "1 selected")], id="one where none was expected"),
    ],
)
def test_which_nodes(
    node: MakeNode, selection: dict[str, t.Any], present: list[str], differences: list[tuple[str, str, str]]
) -> None:
    found = node_resources.compare(Expectation(allocatable={GPU: 8}, **selection), [node(name) for name in present])
    assert found == [Difference(*difference) for difference in differences]


def test_a_broken_node_is_not_hidden_by_its_neighbours(node: MakeNode) -> None:
    nodes = [node("a", allocatable={GPU: "0"}), node("b", allocatable={GPU: "16"})]
    assert [d.path for d in node_resources.compare(Expectation(allocatable={GPU: 8}), nodes)] == [
        f"nodes[a].allocatable[{GPU}]",
        f"nodes[b].allocatable[{GPU}]",
    ]


def test_nodes_that_were_not_named_are_not_judged(node: MakeNode) -> None:
    nodes = [node("a"), node("b", allocatable={GPU: "1"})]
    wanted = Expectation(allocatable={GPU: 8}, names=("a",))
    assert node_resources.compare(wanted, nodes) == []
    assert [seen["name"] for seen in node_resources.observed(wanted, nodes)] == ["a"]


def test_a_node_that_has_just_registered_has_no_status(node: MakeNode) -> None:
    fresh = node()
    del fresh["status"], fresh["metadata"]["labels"]
    wanted = Expectation(allocatable={GPU: 8}, capacity={GPU: 0}, labels={LABEL: "true"})
    assert node_resources.compare(wanted, [fresh]) == [
        Difference(f"{AT}.allocatable[{GPU}]", 8, None),
        Difference(f"{AT}.labels[{LABEL}]", "true", None),
    ]


def test_observed_holds_just_what_was_asked_for(node: MakeNode) -> None:
    wanted = Expectation(allocatable={GPU: 8, "none": 1}, capacity={"cpu": 1}, labels={LABEL: "x"})
    assert node_resources.observed(wanted, [node("b"), node("a", labels={LABEL: None})]) == [
        {"name": "a", "allocatable": {GPU: "8", "none": None}, "capacity": {"cpu": "2"}, "labels": {LABEL: None}},
        {"name": "b", "allocatable": {GPU: "8", "none": None}, "capacity": {"cpu": "2"}, "labels": {LABEL: "true"}},
    ]


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"allocatable": {GPU: "eight"}}, r"resources\[nvidia.com/gpu\]: 'eight' is not a quantity"),
        ({"allocatable": {GPU: True}}, r"resources\[nvidia.com/gpu\]: True is not a quantity"),
        ({"allocatable": {GPU: [8]}}, r"resources\[nvidia.com/gpu\]: \[8\] is not a quantity"),
        ({"capacity": {GPU: ""}}, r"capacity\[nvidia.com/gpu\]: '' is not a quantity"),
        ({"capacity": {GPU: -1}}, r"capacity\[nvidia.com/gpu\]: -1 is negative"),
    ],
)
def test_an_expectation_that_no_node_can_meet_is_refused(expected: dict[str, t.Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Expectation(**expected).check()
