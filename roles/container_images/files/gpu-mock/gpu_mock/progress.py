# SPDX-License-Identifier: GPL-3.0-or-later
"""How far an uninstall is: a judgement of plain Pod and Node objects."""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass

from . import control


class State(enum.Enum):
    """What can be said of one node."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed, tries again"
    UNREACHABLE = "not reachable"


@dataclass(frozen=True)
class NodeProgress:
    """One node, and one sentence on it."""

    node: str
    state: State
    detail: str


def judge(pod: t.Mapping[str, t.Any], nodes: t.Mapping[str, t.Mapping[str, t.Any]], order: str) -> NodeProgress | None:
    """The state of the pod's node; None for a pod that no node has ever taken."""
    node = pod["spec"].get("nodeName", "")
    if not node:
        return None
    for message in _messages(pod):
        if message.startswith(control.done_message(order, "")):
            return NodeProgress(node, State.DONE, message)
        if message.startswith(control.failed_message(order, "")):
            return NodeProgress(node, State.FAILED, message)
    if not _is_ready(nodes.get(node)):
        return NodeProgress(node, State.UNREACHABLE, f"node {node} is not ready; what was placed on it stays there")
    return NodeProgress(node, State.WAITING, f"pod {pod['metadata']['name']} has not answered{_obstacle(pod)}")


def _statuses(pod: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    return pod.get("status", {}).get("containerStatuses") or []


def _messages(pod: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """The containers' last words, the newest first."""
    for status in _statuses(pod):
        for key in ("state", "lastState"):
            ended = (status.get(key) or {}).get("terminated") or {}
            yield ended.get("message", "")


def _obstacle(pod: t.Mapping[str, t.Any]) -> str:
    for status in _statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason"):
            return f" ({waiting['reason']}: {waiting.get('message', 'no message')})"
    return ""


def _is_ready(node: t.Mapping[str, t.Any] | None) -> bool:
    conditions = ((node or {}).get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
