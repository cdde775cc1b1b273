# SPDX-License-Identifier: GPL-3.0-or-later
"""The pre-delete hook: ask every node's pod for removal, and wait for their answers."""

from __future__ import annotations

import time
import typing as t

from . import control, kube, log, progress
from .progress import NodeProgress, State

POLL_S = 1


def run(api: kube.Api, namespace: str, fullname: str, selector: str, order: str, timeout_s: float) -> int:
    """0 when every node that can be reached is clean, else 1."""
    control.give(api, namespace, fullname, order)
    log.line(f"Asked every node to remove what {fullname} placed ({order})")
    deadline = time.monotonic() + timeout_s
    told: dict[str, str] = {}
    while True:
        states = _look(api, namespace, selector, order)
        for one in states:
            _tell(one, told)
        open_states = [one for one in states if one.state in (State.WAITING, State.FAILED)]
        if not open_states or time.monotonic() >= deadline:
            break
        time.sleep(POLL_S)
    return _conclude(states, open_states, timeout_s)


def _look(api: kube.Api, namespace: str, selector: str, order: str) -> list[NodeProgress]:
    pods = api.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)["items"]
    nodes = {node["metadata"]["name"]: node for node in api.get("/api/v1/nodes")["items"]}
    judged = (progress.judge(pod, nodes, order) for pod in pods)
    return sorted((one for one in judged if one), key=lambda one: one.node)


def _tell(one: NodeProgress, told: dict[str, str]) -> None:
    if one.state is not State.WAITING and told.get(one.node) != one.detail:
        log.line(f"{one.node}: {one.state.value}: {one.detail}")
        told[one.node] = one.detail


def _conclude(states: t.Sequence[NodeProgress], open_states: t.Sequence[NodeProgress], timeout_s: float) -> int:
    left = [one for one in states if one.state is State.UNREACHABLE]
    if left:
        names = ", ".join(one.node for one in left)
        log.line(
            f"Left as they are, because they could not be reached: {names}. "
            "Once such a node is back, remove the files that its owner.json lists and the label nvidia.com/gpu.present."
        )
    if open_states:
        for one in open_states:
            log.line(f"{one.node}: {one.state.value} after {timeout_s:.0f} s: {one.detail}")
        log.line(
            "Nothing else was deleted. Correct it and uninstall again, or use --no-hooks and clean these nodes by hand."
        )
        return 1
    log.line(f"{len(states) - len(left)} of {len(states)} nodes are clean")
    return 0
