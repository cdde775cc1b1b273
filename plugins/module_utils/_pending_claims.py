# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what tells why claims are pending. The judging is in `_dra.pending`."""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._dra import pending, pods, resource_slice
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import Claim, parse_claim
from ansible_collections.mirage.accel.plugins.module_utils._dra_api import DraApi

Json = dict[str, t.Any]

# What is read only to explain a failure must not hold up the failure for long.
TIMEOUT = 15.0


def explain(api: DraApi, claims: t.Sequence[Claim]) -> dict[str, Json]:
    """By full name of a pending claim: `reasons`, and what the `scheduler` says."""
    slices, _version = api.slices().list(TIMEOUT)
    classes, _version = api.classes().list(TIMEOUT)
    all_claims, _version = api.claims().list(TIMEOUT)
    around = pending.surroundings(
        resource_slice.pools(map(resource_slice.parse_slice, slices)), classes, map(parse_claim, all_claims)
    )
    of_namespace = {
        namespace: api.client.collection(f"/api/v1/namespaces/{namespace}/pods", "listing pods").list(TIMEOUT)[0]
        for namespace in sorted({claim.namespace for claim in claims})
    }
    return {
        claim.full_name: {
            "reasons": [reason.as_dict() for reason in pending.explain(claim, around)],
            "scheduler": pods.scheduler_words(claim, of_namespace[claim.namespace]),
        }
        for claim in claims
    }


def in_words(explained: Json) -> str:
    """The first reasons of one claim, and the scheduler's words."""
    reasons = [pending.Reason(**reason) for reason in explained["reasons"]]
    told = [str(reason) for reason in reasons[:3]]
    if len(reasons) > 3:
        told.append(f"and {len(reasons) - 3} more")
    if not reasons:
        told = ["nothing that can be told here is in the way"]
    return "; ".join([*told, *(f"scheduler: {words}" for words in explained["scheduler"])])
