# SPDX-License-Identifier: GPL-3.0-or-later
"""Wishes judged: which physical functions have to change, and what is said where nothing may be changed."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.function import (
    Function,
    Node,
    Parent,
    Reading,
    describe,
)
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.plan import (
    Change,
    find_problem,
    make_plan,
    still_missing,
    summarize,
    uses,
    virtual_functions,
)

NOTHING = describe(Reading("", None, {}, {}), {})


def physical(index: int = 0, vfs: int | None = 0, total: int | None = 4, **changes: t.Any) -> Function:
    address = f"1000:00:{index:02x}.0"
    values = {
        **{"address": address, "name": f"mock{index}", "driver": "mock-accel", "total_vfs": total, "num_vfs": vfs},
        **{"capabilities": ("sriov", "passphrase") if total else ("passphrase",), "status": "free"},
        **{"vfs": tuple(f"1000:00:{index:02x}.{vf + 1}" for vf in range(vfs or 0))},
    }
    return dataclasses.replace(NOTHING, **{**values, **changes})


def virtual(index: int = 0, vf: int = 0, **changes: t.Any) -> Function:
    values = {
        **{"address": f"1000:00:{index:02x}.{vf + 1}", "name": f"mock{index}_vf{vf}", "kind": "virtual"},
        **{"parent": Parent(f"1000:00:{index:02x}.0", f"mock{index}"), "driver": "mock-accel", "status": "free"},
        **{
            "total_vfs": None,
            "num_vfs": None,
            "node": Node(f"/dev/mock{index}_vf{vf}", 240, 1, "0600", "root", "root"),
        },
    }
    return dataclasses.replace(NOTHING, **{**values, **changes})


HOST = [physical(0, 2), virtual(0, 0), virtual(0, 1), physical(1), physical(2, 0, 0)]
UNNAMED = {"name": None, "capabilities": None, "status": None}


@pytest.mark.parametrize(
    ("functions", "wanted", "number", "changes"),
    [
        pytest.param(HOST, None, 2, {"mock1": 0}, id="all that can"),
        pytest.param(HOST, None, 0, {"mock0": 2}, id="all off"),
        pytest.param(HOST, None, 4, {"mock0": 2, "mock1": 0}, id="all to the most"),
        pytest.param(HOST, ["mock0"], 2, {}, id="as it is"),
        pytest.param(HOST, ["mock0"], 3, {"mock0": 2}, id="by name"),
        pytest.param(HOST, ["1000:00:01.0"], 1, {"mock1": 0}, id="by address"),
        pytest.param(HOST, ["mock1", "1000:00:01.0", "mock1"], 1, {"mock1": 0}, id="three times the same"),
        pytest.param(HOST, ["mock1", "mock0"], 1, {"mock0": 2, "mock1": 0}, id="in the order of addresses"),
        pytest.param(HOST, [], 3, {}, id="an empty list"),
        pytest.param(HOST, ["mock2"], 0, {}, id="none of one that can have none"),
        pytest.param([], None, 0, {}, id="all of none off"),
        pytest.param([physical(0, 0, 0)], None, 0, {}, id="all off, and none can have any"),
        pytest.param([physical(0, 0, driver=None)], ["mock0"], 0, {}, id="unbound, and it has none"),
        pytest.param([physical(0, 0, responding=False)], ["mock0"], 0, {}, id="hangs, and it has none"),
        pytest.param([physical(0, 2, responding=False)], ["mock0"], 2, {}, id="hangs, and is as it should be"),
        pytest.param([physical(0, 0, **UNNAMED)], None, 1, {None: 0}, id="a GPU without a device"),
    ],
)
def test_changes(functions, wanted, number: int, changes: dict[str | None, int]) -> None:
    plan = make_plan(functions, wanted, number)
    assert plan.problems == ()
    assert {change.function.name: change.before for change in plan.changes} == changes
    assert {change.number for change in plan.changes} <= {number}


def test_all_leaves_those_alone_that_can_have_none() -> None:
    assert [one.name for one in make_plan(HOST, None, 1).chosen] == ["mock0", "mock1"]


ALLOCATED = [physical(0, 2), virtual(0, 0, status="allocated"), virtual(0, 1, status="allocated")]
FREE_FIRST = "free what is in use first, or set force to take it off all the same"
LABEL = "mock0 (1000:00:00.0)"

REFUSALS: dict[str, tuple[list[Function], list[str] | None, int, list[str]]] = {
    "negative": (HOST, None, -1, ["number is -1: set 0 or more"]),
    "unknown name": (
        HOST,
        ["mock7"],
        1,
        [
            "mock7 does not exist: there are mock0 (1000:00:00.0); mock1 (1000:00:01.0); mock2 (1000:00:02.0)",
        ],
    ),
    "unknown name, some unbound": (
        [physical(0, name=None, driver=None)],
        ["mock0"],
        0,
        ["mock0 does not exist: there are 1000:00:00.0, unbound"],
    ),
    "unknown name among none": ([], ["mock0"], 0, ["mock0 does not exist: there is no physical function"]),
    "an empty name": ([], [""], 0, [" does not exist: there is no physical function"]),
    "a virtual function": (
        HOST,
        ["mock0_vf1", "1000:00:00.1"],
        1,
        [
            "mock0_vf1 is a virtual function: name its physical function mock0",
            "1000:00:00.1 is a virtual function: name its physical function mock0",
        ],
    ),
    "a virtual function of an unbound one": (
        [virtual(0, 0, parent=Parent("1000:00:00.0", None))],
        ["mock0_vf0"],
        1,
        ["mock0_vf0 is a virtual function: name its physical function 1000:00:00.0"],
    ),
    "more than it can have": (
        [physical(0)],
        None,
        5,
        [f"{LABEL} can have 4 at most: set number to that or less, or load the module with a larger total_vfs"],
    ),
    "more than any can have": (
        [physical(0, 0, 7)],
        None,
        8,
        [f"{LABEL} can have 7 at most: set number to that or less"],
    ),
    "unbound": (
        [physical(0, driver=None)],
        None,
        1,
        [f"{LABEL} is bound to no driver: bind it to mock-accel, or unload and load the module"],
    ),
    "bound to another driver": (
        [physical(0, driver="vfio-pci")],
        None,
        1,
        [f"{LABEL} is bound to the driver vfio-pci: bind it to mock-accel"],
    ),
    "hangs": (
        [physical(0, responding=False)],
        None,
        1,
        [f"{LABEL} does not answer: take its fault off (hang, link), or unplug it and plug it in again"],
    ),
    "can have none": (
        [physical(0, 0, 0)],
        ["mock0"],
        1,
        [f"{LABEL} can have no virtual functions: have it made with a total_vfs above 0"],
    ),
    "all can have none": (
        [physical(0, 0, 0)],
        None,
        1,
        [f"{LABEL} can have no virtual functions: have it made with a total_vfs above 0"],
    ),
    "a kernel without SR-IOV": (
        [physical(0, 0, 0, capabilities=("sriov",))],
        ["mock0"],
        1,
        [
            f"{LABEL} could have virtual functions, but the kernel offers none: "
            "use one that was built with SR-IOV (CONFIG_PCI_IOV)"
        ],
    ),
    "all of none": ([], None, 1, ["there is no physical function"]),
    "all allocated": (
        ALLOCATED,
        None,
        0,
        [f"mock0_vf0 (1000:00:00.1) is allocated, mock0_vf1 (1000:00:00.2) is allocated: {FREE_FIRST}"],
    ),
    "one allocated, to another number": (
        [physical(0, 1), virtual(0, 0, status="allocated")],
        None,
        2,
        [f"mock0_vf0 (1000:00:00.1) is allocated: {FREE_FIRST}"],
    ),
    "in a virtual machine": (
        [physical(0, 1), virtual(0, 0, driver="vfio-pci", name=None, status=None)],
        None,
        0,
        [f"1000:00:00.1 is bound to the driver vfio-pci: {FREE_FIRST}"],
    ),
    "nobody knows": (
        [physical(0, 1, responding=False), virtual(0, 0, responding=False, status=None)],
        None,
        0,
        [f"mock0_vf0 (1000:00:00.1) does not answer and may be allocated: {FREE_FIRST}"],
    ),
    "a number that cannot be read": (
        [physical(0, None)],
        None,
        0,
        [f"the number of virtual functions of {LABEL} cannot be read: look at its sriov_numvfs"],
    ),
    "several at once": (
        [physical(0, 0, 2), physical(1, 0, 4), physical(2, 0, 7, driver=None)],
        None,
        3,
        [
            f"{LABEL} can have 2 at most: set number to that or less, or load the module with a larger total_vfs",
            "mock2 (1000:00:02.0) is bound to no driver: bind it to mock-accel, or unload and load the module",
        ],
    ),
}


@pytest.mark.parametrize(("functions", "wanted", "number", "problems"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(functions, wanted, number: int, problems: list[str]) -> None:
    assert list(make_plan(functions, wanted, number).problems) == problems


@pytest.mark.parametrize(
    "name", ["all allocated", "one allocated, to another number", "in a virtual machine", "nobody knows"]
)
def test_force_takes_off_what_is_in_use(name: str) -> None:
    functions, wanted, number, _problems = REFUSALS[name]
    # A physical function that hangs still refuses to make new ones, which is another matter.
    plan = make_plan(functions, wanted, number, force=True)
    assert (plan.problems, len(plan.changes)) == ((), 1)


@pytest.mark.parametrize(
    "name",
    sorted(
        set(REFUSALS) - {"all allocated", "one allocated, to another number", "in a virtual machine", "nobody knows"}
    ),
)
def test_force_helps_nothing_else(name: str) -> None:
    functions, wanted, number, problems = REFUSALS[name]
    assert list(make_plan(functions, wanted, number, force=True).problems) == problems


def test_what_is_in_use_elsewhere_does_not_matter() -> None:
    plan = make_plan([*ALLOCATED, physical(1, 1), virtual(1, 0)], ["mock1"], 0)
    assert (plan.problems, len(plan.changes)) == ((), 1)


def test_an_allocated_physical_function_may_have_others() -> None:
    assert not make_plan([physical(0, 0, status="allocated")], None, 2).problems


@pytest.mark.parametrize(
    ("wanted", "number", "problems"),
    [
        pytest.param(None, 0, 0, id="nothing is what there is"),
        pytest.param([], 2, 1, id="nothing of nothing"),
        pytest.param(None, 2, 1, id="some"),
        pytest.param(["mock0"], 0, 1, id="by name"),
    ],
)
def test_without_the_module(wanted: list[str] | None, number: int, problems: int) -> None:
    found = make_plan([], wanted, number, loaded=False).problems
    assert len(found) == problems
    assert all(one == "the kernel module mock_accel is not loaded: load it (modprobe mock_accel)" for one in found)


def test_virtual_functions_are_told_by_their_parents() -> None:
    functions = [physical(0, 2), virtual(0, 0), virtual(0, 1), physical(1, 1), virtual(1, 0)]
    assert virtual_functions(functions, functions[0]) == (functions[1], functions[2])
    assert virtual_functions(functions, functions[3]) == (functions[4],)


def test_free_and_unbound_functions_are_in_nobodys_use() -> None:
    assert uses([virtual(0, 0), virtual(0, 1, name=None, driver=None, status=None, node=None)], {}) == []


def test_a_virtual_function_that_is_open_is_in_use() -> None:
    node = Node(None, 240, 17, None, None, None)
    functions = [physical(0, 2), virtual(0, 0), virtual(0, 1, node=node)]
    openers = {node.number: [(7, "trainer"), (9, "sh")], 0: [(8, "another")]}
    for number in (0, 1):
        assert make_plan(functions, None, number, openers=openers).problems == (
            "mock0_vf1 (1000:00:00.2) is open in process 7 (trainer), "
            f"mock0_vf1 (1000:00:00.2) is open in process 9 (sh): {FREE_FIRST}",
        )
    assert not make_plan(functions, None, 2, openers=openers).problems
    assert not make_plan(functions, None, 0, force=True, openers=openers).problems


def test_a_change_from_an_unknown_number_is_one_from_none() -> None:
    assert Change(physical(0, None), (), 2).before == 0
    assert "cannot be read" in find_problem(Change(physical(0, None), (), 2), False)


def test_a_long_list_of_names_is_cut() -> None:
    (problem,) = make_plan([physical(index) for index in range(12)], ["x"], 1).problems
    assert problem.endswith("mock7 (1000:00:07.0) and 4 more")


@pytest.mark.parametrize(
    ("count", "end"), [(1, "problem 0"), (8, "problem 7"), (9, "problem 7; and 1 more"), (64, "; and 56 more")]
)
def test_the_message_has_the_first_reasons(count: int, end: str) -> None:
    message = summarize([f"problem {index}" for index in range(count)], 3)
    assert message.startswith(
        "Error while setting the number of virtual functions to 3, nothing was changed: problem 0"
    )
    assert message.endswith(end)


BEFORE = virtual(0, 1, name=None, node=None, driver=None, status=None)


@pytest.mark.parametrize(
    ("function", "vfs", "number", "options", "missing"),
    [
        pytest.param(physical(0, 2), [virtual(0, 0), virtual(0, 1)], 2, {}, [], id="all there"),
        pytest.param(physical(0, 0), [], 0, {}, [], id="none left"),
        pytest.param(physical(0, 1), [virtual()], 2, {}, ["the number 2 in sriov_numvfs, which is 1"], id="not yet"),
        pytest.param(
            physical(0, 2),
            [virtual()],
            2,
            {},
            [f"2 virtual functions of {LABEL}, of which there are 1"],
            id="one function missing",
        ),
        pytest.param(
            dataclasses.replace(physical(0, 0), vfs=("1000:00:00.1",)),
            [virtual()],
            0,
            {},
            [f"0 virtual functions of {LABEL}, of which there are 1"],
            id="one still going",
        ),
        pytest.param(
            physical(0, 2), [virtual(), BEFORE], 2, {}, ["the device of 1000:00:00.2"], id="one device missing"
        ),
        pytest.param(physical(0, 2), [virtual(), BEFORE], 2, {"probed": False}, [], id="nobody binds"),
        pytest.param(
            physical(0, 2),
            [virtual(), dataclasses.replace(BEFORE, driver="vfio-pci")],
            2,
            {},
            [],
            id="another driver came first",
        ),
        pytest.param(
            physical(0, 1), [virtual(node=None)], 1, {}, ["the device node of mock0_vf0"], id="a node missing"
        ),
        pytest.param(
            physical(0, 1),
            [virtual(node=Node(None, 240, 1, None, None, None))],
            1,
            {},
            ["the device node of mock0_vf0"],
            id="only its numbers are known",
        ),
        pytest.param(physical(0, 1), [virtual(node=None)], 1, {"nodes": False}, [], id="no nodes on this host"),
        pytest.param(physical(0, 1, **UNNAMED), [BEFORE], 1, {}, [], id="a GPU has no devices"),
    ],
)
def test_still_missing(function, vfs, number: int, options: dict[str, bool], missing: list[str]) -> None:
    assert still_missing(function, vfs, number, **options) == missing
