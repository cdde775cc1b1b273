# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends, and that the collector of garbage leaves its many objects alone meanwhile."""

from __future__ import annotations

import dataclasses
import gc
import typing as t

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_module
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import Attribute
from ansible_collections.mirage.accel.plugins.module_utils._errors import ApiError
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_module import Finding


class Ended(Exception):
    """What a module's process ends with."""


class Module:
    """As much of an AnsibleModule as is needed to end."""

    params: t.ClassVar[dict[str, t.Any]] = {"kubeconfig": None}

    def exit_json(self, **answer: t.Any) -> t.NoReturn:
        raise Ended(answer)

    def fail_json(self, **answer: t.Any) -> t.NoReturn:
        raise Ended({"failed": True, **answer})


def conclude(work: t.Callable[[dict[str, t.Any]], Finding]) -> dict[str, t.Any]:
    with pytest.raises(Ended) as ended:
        _kubernetes_module.conclude(Module(), work)
    return ended.value.args[0]


def unreachable(_params: dict[str, t.Any]) -> Finding:
    raise ApiError("Error while listing nodes")


@pytest.mark.parametrize(
    ("work", "answer"),
    [
        (lambda _: Finding({"a": 1}), {"changed": False, "a": 1}),
        (lambda _: Finding({"a": 1}, "wrong"), {"failed": True, "msg": "wrong", "a": 1}),
        (unreachable, {"failed": True, "msg": "Error while listing nodes"}),
    ],
    ids=["right", "wrong", "error"],
)
def test_end(work, answer) -> None:
    before = gc.get_threshold()
    assert conclude(work) == answer
    assert gc.get_threshold() == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"namespace": "../kube-system"},
            "namespace: expected lower-case letters, digits, - and ., as Kubernetes has them",
        ),
        ({"name": "a/b?c=d"}, "name: expected lower-case letters"),
        ({"name": ""}, "name: expected lower-case letters"),
        ({"name": "a" * 254}, "name: expected lower-case letters"),
        ({"wait_timeout": -1}, "wait_timeout: expected a number from 0, found -1"),
        ({"name": "train-0.x", "namespace": "lab", "wait_timeout": 0, "count": None}, ""),
    ],
    ids=["a path", "a query", "no name", "too long", "no time", "all is well"],
)
def test_options_that_no_module_can_mean(monkeypatch: pytest.MonkeyPatch, given, message) -> None:
    asked = []
    monkeypatch.setattr(Module, "params", {"kubeconfig": None, **given})
    answer = conclude(lambda params: asked.append(params) or Finding({}))
    assert answer.get("msg", "").startswith(f"Error while reading the options: {message}" if message else "")
    assert bool(asked) == (not message)


def test_objects_that_stay_are_not_looked_through() -> None:
    def collections() -> int:
        return sum(generation["collections"] for generation in gc.get_stats())

    def work(_params: dict[str, t.Any]) -> Finding:
        before = collections()
        kept = [{"number": [number]} for number in range(50_000)]
        return Finding({"kept": len(kept), "collections": collections() - before})

    gc.collect()
    assert conclude(work) == {"changed": False, "kept": 50_000, "collections": 0}


@pytest.mark.parametrize("value", [True, 7, "text", ["a", "b"]])
def test_an_attribute_as_data(value) -> None:
    attribute = Attribute("kind", value)
    assert attribute.as_dict() == dataclasses.asdict(attribute)
