# SPDX-License-Identifier: GPL-3.0-or-later
"""The label of the pod's own node.

Server-side apply keeps the book of who set it: taking it back removes the label only where nobody else set it too. Each
release stands in that book under its own name, so that one that is refused takes nothing from the one that serves.
"""

from __future__ import annotations

import typing as t

from . import kube
from .errors import KubeError, RefusedError

LABEL = "nvidia.com/gpu.present"


def put(api: kube.Api, node_name: str, manager: str) -> None:
    """Set the label in the name of that manager (at most 128 characters); nothing changes where it is set."""
    try:
        _apply(api, node_name, manager, {LABEL: "true"})
    except KubeError as error:
        if error.status == 409:
            raise RefusedError(
                f"node {node_name} has another value of the label {LABEL}: remove it: {error}"
            ) from error
        raise


def withdraw(api: kube.Api, node_name: str, manager: str) -> None:
    """Remove the label, if it is that manager's alone."""
    # Applied to a node that is gone, it would try to create one.
    try:
        api.get(f"/api/v1/nodes/{node_name}")
    except KubeError as error:
        if error.status == 404:
            return
        raise
    _apply(api, node_name, manager, {})


def _apply(api: kube.Api, node_name: str, manager: str, labels: t.Mapping[str, str]) -> None:
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node_name, "labels": dict(labels)}}
    api.patch(f"/api/v1/nodes/{node_name}", body, kube.APPLY_PATCH, fieldManager=manager)
