# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge Node objects against what was expected of them: plain data in, differences out, no client and no waiting."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._dra import quantity
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import ExpectationError

Node = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What each of the nodes must hold. A value of None means that the key must not be there at all."""

    allocatable: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    capacity: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    labels: dict[str, str | None] = dataclasses.field(default_factory=dict)
    # Nodes that must be there, by name; None: whichever were selected, and at least one.
    names: tuple[str, ...] | None = None
    # How many nodes a selector must find; None: any number but zero.
    count: int | None = None

    def check(self) -> None:
        """Raise ExpectationError for an amount that is no quantity, before any node is read."""
        for section, amounts in (("resources", self.allocatable), ("capacity", self.capacity)):
            for name, amount in amounts.items():
                if amount is not None:
                    try:
                        negative = quantity.parse(amount) < 0
                    except quantity.QuantityError as error:
                        raise ExpectationError(f"{section}[{name}]: {error}") from error
                    if negative:
                        raise ExpectationError(
                            f"{section}[{name}]: {amount!r} is negative: no node holds such an amount"
                        )


def compare(expected: Expectation, nodes: t.Sequence[Node]) -> list[Difference]:
    """Every difference by node name: nodes that are not there, then amounts and labels of those that are."""
    found = {node["metadata"]["name"]: node for node in nodes}
    differences = _compare_presence(expected, found)
    for name in sorted(found):
        if expected.names is None or name in expected.names:
            differences += compare_node(expected, found[name])
    return differences


def compare_node(expected: Expectation, node: Node) -> list[Difference]:
    """The differences of one node."""
    path = f"nodes[{node['metadata']['name']}]"
    status = node.get("status") or {}
    labels = node["metadata"].get("labels") or {}
    return [
        *_compare_amounts(f"{path}.allocatable", expected.allocatable, status.get("allocatable") or {}),
        *_compare_amounts(f"{path}.capacity", expected.capacity, status.get("capacity") or {}),
        *[
            Difference(f"{path}.labels[{key}]", value, labels.get(key))
            for key, value in sorted(expected.labels.items())
            if labels.get(key) != value
        ],
    ]


def observed(expected: Expectation, nodes: t.Sequence[Node]) -> list[dict[str, t.Any]]:
    """What the nodes hold under the expected keys, for the module's answer."""
    return [
        {
            "name": node["metadata"]["name"],
            "allocatable": _chosen(expected.allocatable, (node.get("status") or {}).get("allocatable")),
            "capacity": _chosen(expected.capacity, (node.get("status") or {}).get("capacity")),
            "labels": _chosen(expected.labels, node["metadata"].get("labels")),
        }
        for node in sorted(nodes, key=lambda node: node["metadata"]["name"])
        if expected.names is None or node["metadata"]["name"] in expected.names
    ]


def _chosen(keys: t.Iterable[str], holder: dict[str, t.Any] | None) -> dict[str, t.Any]:
    return {key: (holder or {}).get(key) for key in sorted(keys)}


def _compare_presence(expected: Expectation, found: dict[str, Node]) -> list[Difference]:
    if expected.names is not None:
        return [Difference(f"nodes[{name}]", "present", None) for name in sorted(set(expected.names) - set(found))]
    if expected.count is not None and len(found) != expected.count:
        return [Difference("nodes", f"{expected.count} selected", f"{len(found)} selected")]
    if not found and expected.count is None:
        return [Difference("nodes", "at least 1 selected", "0 selected")]
    return []


def _compare_amounts(path: str, expected: dict[str, t.Any], actual: dict[str, t.Any]) -> list[Difference]:
    return [
        Difference(f"{path}[{name}]", amount, actual.get(name))
        for name, amount in sorted(expected.items())
        if not _same_amount(amount, actual.get(name))
    ]


def _same_amount(expected: t.Any, actual: str | None) -> bool:
    if expected is None:
        return actual is None
    # A node says nothing of a resource that it never had, and "0" of one whose plugin has gone: both are none.
    return quantity.equal(expected, "0" if actual is None else actual)
