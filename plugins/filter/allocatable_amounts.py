# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes have of a resource."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError


def _amounts(status: dict[str, t.Any], resource: str) -> dict[str, int]:
    allocatable, capacity = (int(status.get(kind, {}).get(resource, 0)) for kind in ("allocatable", "capacity"))
    return {"allocatable": allocatable, "capacity": capacity, "missing": capacity - allocatable}


def allocatable_amounts(nodes: t.Any, resource: str) -> dict[str, dict[str, int]]:
    """Allocatable, capacity and what is missing of the resource by node; a node that does not have it is left out."""
    try:
        return {
            node["metadata"]["name"]: _amounts(node["status"], resource)
            for node in nodes
            if resource in node["status"].get("capacity", {})
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(
            f"Error while reading what nodes have of {resource}: the input is no list of nodes with whole amounts"
            f" of it ({error!r}); give the resources of kubernetes.core.k8s_info with kind Node"
        ) from error


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"allocatable_amounts": allocatable_amounts}
