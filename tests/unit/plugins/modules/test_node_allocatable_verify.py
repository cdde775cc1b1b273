# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's face: options, requests, answer, failures. What counts as a difference: test_node_resources.py."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_dep, _wait
from ansible_collections.mirage.accel.plugins.modules import node_allocatable_verify as verify

RunModule = Callable[..., dict[str, t.Any]]
GPU = "nvidia.com/gpu"


@pytest.fixture
def look(run_module: RunModule, api: t.Any, monkeypatch: pytest.MonkeyPatch) -> RunModule:
    """Runs the module against the scripted API server."""
    monkeypatch.setattr(_wait, "FIRST_PAUSE", 0.01)
    return lambda **options: run_module(verify, **{"host": api.url, "api_key": "a-token", **options})


@pytest.mark.parametrize("check", [False, True])
def test_all_as_expected(look: RunModule, api, node, check: bool) -> None:
    api.lists = [api.listing(node())]
    answer = look(
        nodes=["worker-0"],
        resources={GPU: 8},
        capacity_equals=True,
        labels={"nvidia.com/gpu.present": True},
        _ansible_check_mode=check,
    )
    assert (answer["rc"], answer["failed"], answer["changed"]) == (0, False, False)
    assert answer["differences"] == []
    assert answer["nodes"] == [
        {
            "name": "worker-0",
            "allocatable": {GPU: "8"},
            "capacity": {GPU: "8"},
            "labels": {"nvidia.com/gpu.present": "true"},
        }
    ]


def test_every_answer_is_documented(look: RunModule, api, node) -> None:
    api.lists = [api.listing(node())]
    answer = look(nodes=["worker-0"], resources={GPU: 8})
    assert set(yaml.safe_load(verify.RETURN)) == set(answer) - {"rc", "failed", "changed", "invocation"}


def test_what_is_told_of_differences(look: RunModule, api, node) -> None:
    api.lists = [api.listing(node(allocatable={GPU: "7"}, labels={"a": None}))]
    answer = look(nodes="worker-0,worker-1", resources={GPU: 8, "cpu": "1"}, labels={"a": "x"})
    assert (answer["rc"], answer["failed"]) == (1, True)
    assert answer["differences"] == [
        {"path": "nodes[worker-1]", "expected": "present", "actual": None},
        {"path": "nodes[worker-0].allocatable[cpu]", "expected": "1", "actual": "2"},
        {"path": f"nodes[worker-0].allocatable[{GPU}]", "expected": 8, "actual": "7"},
        {"path": "nodes[worker-0].labels[a]", "expected": "x", "actual": None},
    ]
    assert answer["msg"] == (
        "Error while verifying nodes worker-0, worker-1: 4 differences:"
        " nodes[worker-1]: expected present, found nothing;"
        " nodes[worker-0].allocatable[cpu]: expected 1, found 2;"
        f" nodes[worker-0].allocatable[{GPU}]: expected 8, found 7; and 1 more"
    )
    assert [node["name"] for node in answer["nodes"]] == ["worker-0"]


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ({"nodes": ["a"]}, {"fieldSelector": "metadata.name=a"}),
        ({"node": "a"}, {"fieldSelector": "metadata.name=a"}),
        ({"nodes": ["a", "a"]}, {"fieldSelector": "metadata.name=a"}),
        ({"nodes": ["a", "b"]}, {}),
        ({"label_selectors": ["x=y", "!z"]}, {"labelSelector": "x=y,!z"}),
    ],
)
def test_the_server_is_asked_for_what_is_needed(look: RunModule, api, options, query) -> None:
    api.lists = [api.listing()]
    look(**options)
    assert api.requests[0]["query"] == {**query, "limit": "500"}


GPUS = f"nodes[worker-0].allocatable[{GPU}]"
MEMORY = "nodes[worker-0].allocatable[memory]"
PRESENT = "nvidia.com/gpu.present"
NAMED = {"nodes": ["worker-0"]}


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        pytest.param([{}], {**NAMED, "resources": {GPU: 8}}, id="a number"),
        pytest.param([{}], {"node": "worker-0", "resources": {GPU: "8"}}, id="a number as text, by the other name"),
        pytest.param(
            [{}], {**NAMED, "resources": {"memory": 25171644416, "cpu": "2000m"}}, id="other forms of amounts"
        ),
        pytest.param([{"allocatable": {GPU: None}}], {**NAMED, "resources": {GPU: 0}}, id="none where nothing is said"),
        pytest.param([{"allocatable": {GPU: None}}], {**NAMED, "resources": {GPU: None}}, id="nothing is said"),
        pytest.param([{"capacity": {GPU: "9"}}], {**NAMED, "resources": {GPU: 8}}, id="capacity is not asked for"),
        pytest.param(
            [{"allocatable": {GPU: "7"}}],
            {**NAMED, "resources": {GPU: 7}, "capacity": {GPU: 8}},
            id="one in use by the host",
        ),
        pytest.param([{}], {**NAMED, "resources": {GPU: 8}, "capacity_equals": True}, id="all of the capacity"),
        pytest.param([{}], {**NAMED, "labels": {PRESENT: True, "none": None}}, id="labels"),
        pytest.param([{"labels": {"n": "3"}}], {**NAMED, "labels": {"n": 3}}, id="a label that is a number in YAML"),
        pytest.param(
            [{}, {"name": "b", "allocatable": {GPU: "0"}}],
            {**NAMED, "resources": {GPU: 8}},
            id="another node is not judged",
        ),
        pytest.param(
            [{}, {"name": "b"}], {"label_selectors": ["x=y"], "resources": {GPU: 8}}, id="as many as there are"
        ),
        pytest.param([{}, {"name": "b"}], {"label_selectors": ["x=y"], "count": 2}, id="as many as expected"),
        pytest.param([], {"label_selectors": ["x=y"], "count": 0}, id="none, as expected"),
    ],
)
def test_as_expected(look: RunModule, api, node, changes, options) -> None:
    api.lists = [api.listing(*[node(**change) for change in changes])]
    answer = look(**options)
    assert (answer.get("msg"), answer["differences"], answer["rc"], answer["changed"]) == (None, [], 0, False)


@pytest.mark.parametrize(
    ("changes", "options", "differences"),
    [
        pytest.param(
            [{"allocatable": {GPU: "7"}}], {**NAMED, "resources": {GPU: 8}}, [(GPUS, 8, "7")], id="one is broken"
        ),
        pytest.param([{}], {**NAMED, "resources": {GPU: 7}}, [(GPUS, 7, "8")], id="one too many"),
        pytest.param(
            [{"allocatable": {GPU: None}}],
            {**NAMED, "resources": {GPU: 8}},
            [(GPUS, 8, None)],
            id="no plugin has spoken",
        ),
        pytest.param(
            [{"allocatable": {GPU: "0"}}], {**NAMED, "resources": {GPU: 8}}, [(GPUS, 8, "0")], id="the plugin has gone"
        ),
        pytest.param(
            [{"allocatable": {GPU: "0"}}],
            {**NAMED, "resources": {GPU: None}},
            [(GPUS, None, "0")],
            id="none is not nothing",
        ),
        pytest.param(
            [{}],
            {**NAMED, "resources": {"memory": "24581684k"}},
            [(MEMORY, "24581684k", "24581684Ki")],
            id="k is not Ki",
        ),
        pytest.param(
            [{}],
            {**NAMED, "resources": {"memory": 25171644417}},
            [(MEMORY, 25171644417, "24581684Ki")],
            id="a byte more",
        ),
        pytest.param(
            [{}],
            {**NAMED, "resources": {"other.com/gpu": 8}},
            [("nodes[worker-0].allocatable[other.com/gpu]", 8, None)],
            id="another vendor's resource",
        ),
        pytest.param(
            [{"capacity": {GPU: "9"}}],
            {**NAMED, "resources": {GPU: 8}, "capacity_equals": True},
            [(f"nodes[worker-0].capacity[{GPU}]", 8, "9")],
            id="more capacity than is allocatable",
        ),
        pytest.param(
            [{"allocatable": {GPU: "7"}}],
            {**NAMED, "resources": {GPU: 7}, "capacity": {GPU: 7}},
            [(f"nodes[worker-0].capacity[{GPU}]", 7, "8")],
            id="another capacity",
        ),
        pytest.param(
            [{"labels": {PRESENT: None}}],
            {**NAMED, "labels": {PRESENT: True}},
            [(f"nodes[worker-0].labels[{PRESENT}]", "true", None)],
            id="no label",
        ),
        pytest.param(
            [{"labels": {PRESENT: "false"}}],
            {**NAMED, "labels": {PRESENT: True}},
            [(f"nodes[worker-0].labels[{PRESENT}]", "true", "false")],
            id="another value of a label",
        ),
        pytest.param(
            [{}],
            {**NAMED, "labels": {PRESENT: None}},
            [(f"nodes[worker-0].labels[{PRESENT}]", None, "true")],
            id="a label",
        ),
        pytest.param([], {**NAMED, "resources": {GPU: 8}}, [("nodes[worker-0]", "present", None)], id="no node"),
        pytest.param(
            [{}],
            {"nodes": ["worker-1", "worker-0"], "resources": {GPU: 8}},
            [("nodes[worker-1]", "present", None)],
            id="one of two nodes",
        ),
        pytest.param(
            [{"allocatable": {GPU: "0"}}, {"name": "worker-1", "allocatable": {GPU: "16"}}],
            {"nodes": ["worker-0", "worker-1"], "resources": {GPU: 8}},
            [(GPUS, 8, "0"), (f"nodes[worker-1].allocatable[{GPU}]", 8, "16")],
            id="the right sum on two nodes",
        ),
        pytest.param(
            [], {"label_selectors": ["x=y"]}, [("nodes", "at least 1 selected", "0 selected")], id="none is selected"
        ),
        pytest.param(
            [{}, {"name": "b"}],
            {"label_selectors": ["x=y"], "count": 3, "resources": {GPU: 8}},
            [("nodes", "3 selected", "2 selected")],
            id="too few are selected",
        ),
        pytest.param(
            [{}, {"name": "b", "allocatable": {GPU: "4"}}],
            {"label_selectors": ["x=y"], "count": 1, "resources": {GPU: 8}},
            [("nodes", "1 selected", "2 selected"), (f"nodes[b].allocatable[{GPU}]", 8, "4")],
            id="too many are selected, and one is broken",
        ),
    ],
)
def test_differences(look: RunModule, api, node, changes, options, differences) -> None:
    api.lists = [api.listing(*[node(**change) for change in changes])]
    answer = look(**options)
    assert [tuple(one.values()) for one in answer["differences"]] == differences
    assert (answer["rc"], answer["failed"]) == (1, True)
    words = "1 difference: " if len(differences) == 1 else f"{len(differences)} differences: "
    which = "selected by x=y" if "label_selectors" in options else ", ".join(options["nodes"])
    assert answer["msg"].startswith(f"Error while verifying nodes {which}: {words}{differences[0][0]}: expected ")


def test_waiting_until_it_is_so(look: RunModule, api, node) -> None:
    api.lists = [api.listing(version=3)]
    api.watches = [[api.event("ADDED", node(version=4))]]
    answer = look(nodes=["worker-0"], resources={GPU: 8}, wait=True)
    assert not answer["failed"]
    assert api.asked == ["list", "watch 3"]
    assert api.requests[1]["query"]["fieldSelector"] == "metadata.name=worker-0"


def test_what_does_not_last_is_not_enough(look: RunModule, api, node) -> None:
    api.lists = [api.listing(node(version=3))]
    api.watches = [[api.event("MODIFIED", node(allocatable={GPU: "0"}, version=4))]]
    (difference,) = look(nodes=["worker-0"], resources={GPU: 8}, stable_for=1)["differences"]
    assert difference == {"path": f"nodes[worker-0].allocatable[{GPU}]", "expected": 8, "actual": "0"}


def test_what_lasts_is_enough(look: RunModule, api, node) -> None:
    api.lists = [api.listing(node())]
    answer = look(nodes=["worker-0"], resources={GPU: 8}, stable_for=1)
    assert not answer["failed"]
    assert answer["waited"] >= 1


def test_an_outage_is_no_proof_that_it_lasts(look: RunModule, api, node) -> None:
    api.lists = [api.listing(node())]
    api.watches = [api.refuse(503, "shutting down")] * 200
    answer = look(nodes=["worker-0"], resources={GPU: 8}, stable_for=1)
    assert answer["differences"] == []
    assert "nodes worker-0: as expected now, but not for 1 s without a break (last seen; Error while" in answer["msg"]


def test_waiting_in_vain(look: RunModule, api, node) -> None:
    api.lists = [api.listing(node(allocatable={GPU: "0"}))]
    started = time.monotonic()
    answer = look(nodes=["worker-0"], resources={GPU: 8}, wait=True, wait_timeout=1)
    assert 1 <= time.monotonic() - started < 15
    assert answer["failed"]
    assert f"nodes[worker-0].allocatable[{GPU}]: expected 8, found 0 after {answer['waited']} s" in answer["msg"]
    assert 1 <= answer["waited"] < 15


def test_without_wait_there_is_one_look(look: RunModule, api, node) -> None:
    api.lists = [api.listing(node(allocatable={GPU: "0"}))]
    answer = look(nodes=["worker-0"], resources={GPU: 8}, wait_timeout=60)
    assert api.asked == ["list"]
    assert "after" not in answer["msg"]


def test_a_server_that_has_gone_while_waiting(look: RunModule, api, node) -> None:
    api.lists = [api.listing(node(allocatable={GPU: "0"}))]
    api.watches = [api.refuse(503, "shutting down")] * 200
    answer = look(nodes=["worker-0"], resources={GPU: 8}, wait=True, wait_timeout=1)
    assert len(answer["differences"]) == 1
    assert "(last seen; Error while listing nodes at " in answer["msg"]
    assert "503: shutting down" in answer["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({}, "one of the following is required: nodes, label_selectors", id="neither nodes nor a selector"),
        pytest.param(
            {"nodes": ["a"], "label_selectors": ["x"]},
            "mutually exclusive: nodes|label_selectors",
            id="nodes and a selector",
        ),
        pytest.param({"nodes": ["a"], "count": 1}, "mutually exclusive: nodes|count", id="nodes and a count"),
        pytest.param({"nodes": []}, "may not be empty", id="no node"),
        pytest.param({"label_selectors": []}, "may not be empty", id="no selector"),
        pytest.param(
            {"nodes": ["a"], "resources": {GPU: "many"}},
            f"Error while reading the options: resources[{GPU}]: 'many'",
            id="no quantity",
        ),
        pytest.param(
            {"nodes": ["a"], "capacity": {GPU: -2}}, f"capacity[{GPU}]: -2 is negative", id="a negative amount"
        ),
        pytest.param(
            {"nodes": ["a"], "capacity": {GPU: 2}, "capacity_equals": True}, "give one of them", id="capacity twice"
        ),
        pytest.param({"nodes": ["a"], "wait_timeout": "long"}, "wait_timeout", id="no number of seconds"),
        pytest.param(
            {"nodes": ["a"], "kubeconfig": "/nowhere/kubeconfig"},
            "reading kubeconfig /nowhere/kubeconfig: No such file",
            id="no kubeconfig",
        ),
        pytest.param({"nodes": ["a"], "host": "localhost"}, "'localhost' is no URL", id="no URL"),
    ],
)
def test_options_that_cannot_be_meant(look: RunModule, api, options: dict[str, t.Any], message: str) -> None:
    answer = look(**options)
    assert answer["failed"]
    assert message in answer["msg"]
    assert api.requests == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(401, "does not accept the credentials", id="an expired token"),
        pytest.param(403, "not allowed (403 Forbidden: nodes is forbidden)", id="no right"),
        pytest.param(503, "cannot answer now", id="not now"),
    ],
)
def test_failures_of_the_server(look: RunModule, api, code: int, message: str) -> None:
    api.lists = [api.refuse(code, "nodes is forbidden" if code == 403 else "")]
    answer = look(nodes=["a"], wait=True, wait_timeout=30)
    assert answer["failed"]
    assert message in answer["msg"]
    assert "Traceback" not in answer["msg"]
    assert "differences" not in answer
    assert api.asked == ["list"]


def test_a_token_is_not_told(look: RunModule, api) -> None:
    api.lists = [api.refuse(401, "the token hush-hush is wrong")]
    answer = look(nodes=["a"], api_key="hush-hush")
    assert "hush-hush" not in str(answer)


def test_without_the_client(look: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kubernetes_dep, "kubernetes", None)
    assert "kubernetes>=24.2" in look(nodes=["a"])["msg"]


def test_connection_from_the_environment(look: RunModule, api, node, monkeypatch: pytest.MonkeyPatch) -> None:
    api.lists = [api.listing(node())]
    monkeypatch.setenv("K8S_AUTH_IMPERSONATE_USER", "jane")
    monkeypatch.setenv("K8S_AUTH_IMPERSONATE_GROUPS", "dev,ops")
    assert not look(nodes=["worker-0"])["failed"]
    assert api.requests[0]["headers"]["Impersonate-User"] == "jane"
    assert api.requests[0]["headers"].get_all("Impersonate-Group") == ["dev", "ops"]


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), ("x", "x"), ("", ""), (3, "3"), (None, None)]
)
def test_labels_as_yaml_gives_them(value: t.Any, text: str | None) -> None:
    assert verify.label_text(value) == text
