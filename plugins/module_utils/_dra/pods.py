# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pods say of their claims: which they use, why they are not scheduled, the health of what they have.

Plain Pod objects in. Imports the standard library only.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import Allocation, Claim

Json = dict[str, t.Any]


def claims_of(pod: Json) -> list[str]:
    """Names of the claims that a pod uses: those that it names, and those made for it from a template."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    named = [one.get("resourceClaimName") for one in spec.get("resourceClaims") or ()]
    made = [one.get("resourceClaimName") for one in status.get("resourceClaimStatuses") or ()]
    extended = (status.get("extendedResourceClaimStatus") or {}).get("resourceClaimName")
    return sorted({name for name in (*named, *made, extended) if name})


def scheduler_words(claim: Claim, pods: t.Sequence[Json]) -> list[str]:
    """What the scheduler says of each pod of the claim's namespace that uses it and is not scheduled."""
    users = [pod for pod in pods if claim.name in claims_of(pod)]
    if not users:
        return ["no pod uses the claim; devices are allocated when a pod that uses it is scheduled"]
    words = []
    for pod in sorted(users, key=lambda pod: pod["metadata"]["name"]):
        for condition in (pod.get("status") or {}).get("conditions") or ():
            if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
                words.append(f"pod {pod['metadata']['name']}: {condition.get('message') or condition.get('reason')}")
    return words


def container_status(pod: Json, container: str) -> Json:
    """The status of a container; empty where the kubelet has not told it yet."""
    status = pod.get("status") or {}
    for one in [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]:
        if one.get("name") == container:
            return dict(one)
    return {}


def state_text(pod: Json, status: Json) -> str:
    """Why a container does not run, in the words of the kubelet, else of the scheduler."""
    for state, about in sorted((status.get("state") or {}).items()):
        return ": ".join(filter(None, (state, about.get("reason"), about.get("message"))))
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("status") == "False" and condition.get("message"):
            return f"{condition.get('reason')}: {condition['message']}"
    return str((pod.get("status") or {}).get("phase") or "unknown")


def container_devices(pod: Json, container: str, claims: t.Sequence[Claim]) -> list[Allocation]:
    """What a container has of the pod's claims: of each that it names, all devices or those of one request."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    names = {one["name"]: one.get("resourceClaimName") for one in spec.get("resourceClaims") or ()}
    made = {one["name"]: one.get("resourceClaimName") for one in status.get("resourceClaimStatuses") or ()}
    by_name = {claim.name: claim for claim in claims}
    found = []
    for wanted in _wanted(spec, container):
        claim = by_name.get(names.get(wanted["name"]) or made.get(wanted["name"]))
        for allocation in claim.allocations if claim else ():
            request = wanted.get("request")
            if request in (None, "", allocation.request, allocation.request.partition("/")[0]):
                found.append(allocation)
    return found


def _wanted(spec: Json, container: str) -> list[Json]:
    for one in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        if one["name"] == container:
            return list((one.get("resources") or {}).get("claims") or ())
    return []
