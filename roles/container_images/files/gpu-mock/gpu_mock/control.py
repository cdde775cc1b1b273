# SPDX-License-Identifier: GPL-3.0-or-later
"""How an uninstall reaches the nodes: the pre-delete hook writes a name for itself into an annotation of the release's
ConfigMap, every node's pod sees it, takes its files off, and ends with a message that carries that name.
"""

from __future__ import annotations

import typing as t

from . import kube

ANNOTATION = "mirage.accel/remove"
# What the chart writes; an upgrade after an uninstall that was given up sets it again.
KEEP = "no"


def path_of(namespace: str, fullname: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{fullname}"


def order(config_map: t.Mapping[str, t.Any]) -> str:
    """The name of the uninstall that asks for removal, or nothing."""
    annotations = config_map["metadata"].get("annotations") or {}
    value = str(annotations.get(ANNOTATION, KEEP))
    return "" if value == KEEP else value


def give(api: kube.Api, namespace: str, fullname: str, name: str) -> None:
    """Ask every node for removal."""
    body = {"metadata": {"annotations": {ANNOTATION: name}}}
    api.patch(path_of(namespace, fullname), body, kube.MERGE_PATCH)


def done_message(name: str, summary: str) -> str:
    return f"removed for {name}: {summary}"


def failed_message(name: str, reason: str) -> str:
    return f"failed for {name}: {reason}"
