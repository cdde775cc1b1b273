# SPDX-License-Identifier: GPL-3.0-or-later
"""A ResourceClaim as the API has it -> what of its allocation is this driver's. Pure; the rest is a ClaimError."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from . import opaque
from .errors import ClaimError
from .prepared import ClaimRef

Json = t.Mapping[str, t.Any]


@dataclass(frozen=True, slots=True)
class Result:
    """One allocated device of ours."""

    # With the subrequest behind a slash where there is one.
    request: str
    pool: str
    device: str
    admin: bool = False
    share_id: str | None = None
    config: opaque.DeviceConfig = field(default_factory=opaque.DeviceConfig)

    @property
    def base_request(self) -> str:
        return self.request.partition("/")[0]


def read(claim: Json, ref: ClaimRef, driver: str, pool: str) -> list[Result]:
    """The devices that this node's pool gives to the claim, in the order of the allocation."""
    uid = (claim.get("metadata") or {}).get("uid")
    if uid != ref.uid:
        raise ClaimError(f"the claim has the UID {uid}, not {ref.uid}: it has been deleted and made anew")
    allocation = (claim.get("status") or {}).get("allocation")
    if not allocation:
        raise ClaimError("the claim is not allocated")
    devices = allocation.get("devices") or {}
    requests = _requests(claim)
    configs = _configs(devices.get("config") or [], driver, requests)
    results = []
    for index, result in enumerate(devices.get("results") or []):
        if result.get("driver") != driver:
            continue
        path = f"status.allocation.devices.results[{index}]"
        request = result["request"]
        if request not in requests:
            raise ClaimError(f"{path}.request: the claim has no request {request}")
        if result["pool"] != pool:
            raise ClaimError(f"{path}.pool: the pool {result['pool']} is not that of this node ({pool})")
        results.append(
            Result(
                request=request,
                pool=result["pool"],
                device=result["device"],
                admin=bool(result.get("adminAccess")),
                share_id=result.get("shareID"),
                config=_config_for(request, configs),
            )
        )
    return results


def pod_claim(claim: Json) -> str:
    """What the pod calls a claim that was made of a template for it."""
    annotations = (claim.get("metadata") or {}).get("annotations") or {}
    return annotations.get("resource.kubernetes.io/pod-claim-name", "")


def identities(claim: Json, driver: str) -> set[tuple[str, str, str | None]]:
    """Pool, device and share of all that the claim has of this driver now; empty where it is not allocated."""
    allocation = (claim.get("status") or {}).get("allocation") or {}
    results = (allocation.get("devices") or {}).get("results") or []
    return {(r["pool"], r["device"], r.get("shareID")) for r in results if r.get("driver") == driver}


def _requests(claim: Json) -> set[str]:
    """Names of all requests, and of subrequests as results and configurations have them."""
    names = set()
    for request in ((claim.get("spec") or {}).get("devices") or {}).get("requests") or []:
        names.add(request["name"])
        names.update(f"{request['name']}/{sub['name']}" for sub in request.get("firstAvailable") or [])
    return names


Config = tuple[frozenset[str], opaque.DeviceConfig]


def _configs(entries: t.Sequence[Json], driver: str, requests: set[str]) -> list[Config]:
    """Ours among the configurations of class and claim, in their order; without requests they are for all."""
    configs = []
    for index, entry in enumerate(entries):
        given = entry.get("opaque")
        if not given or given.get("driver") != driver:
            continue
        path = f"status.allocation.devices.config[{index}]"
        names = frozenset(entry.get("requests") or [])
        unknown = sorted(names - requests)
        if unknown:
            raise ClaimError(f"{path}.requests: the claim has no request {unknown[0]}")
        configs.append((names, opaque.decode(given.get("parameters"), f"{path}.opaque.parameters")))
    return configs


def _config_for(request: str, configs: t.Sequence[Config]) -> opaque.DeviceConfig:
    """The last one that is for the request: a claim's come after its class's, as the API orders them."""
    names = {request, request.partition("/")[0]}
    fitting = [config for wanted, config in configs if not wanted or wanted & names]
    return fitting[-1] if fitting else opaque.DeviceConfig()
