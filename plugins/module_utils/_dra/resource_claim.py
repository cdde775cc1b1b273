# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ResourceClaims of v1, v1beta2 and v1beta1 as records of one form: what was asked for, and what was allocated.

Imports the standard library only.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import FormError, objects

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Request:
    """One way to fulfil a request; of a list of alternatives each is one, named request/alternative."""

    name: str
    device_class: str
    mode: str
    count: int
    admin_access: bool
    selectors: tuple[str, ...]
    tolerations: tuple[Json, ...]

    @property
    def main_name(self) -> str:
        return self.name.partition("/")[0]

    def as_dict(self) -> Json:
        return {
            "name": self.name,
            "device_class": self.device_class,
            "mode": self.mode,
            "count": self.count,
            "admin_access": self.admin_access,
            "selectors": list(self.selectors),
        }


@dataclasses.dataclass(frozen=True)
class Constraint:
    """What the devices of some requests (of all, where none is named) must have in common, or not."""

    kind: str
    attribute: str
    requests: tuple[str, ...]

    def concerns(self, request: Request) -> bool:
        return not self.requests or request.name in self.requests or request.main_name in self.requests


@dataclasses.dataclass(frozen=True)
class Allocation:
    """One device that a claim has."""

    request: str
    driver: str
    pool: str
    device: str
    admin_access: bool
    share_id: str | None
    consumed_capacity: dict[str, str]

    @property
    def key(self) -> tuple[str, str, str]:
        """What `resource_slice.Device.key` is of the same device."""
        return self.driver, self.pool, self.device

    @property
    def exclusive(self) -> bool:
        """Whether nobody else can have the device meanwhile: one with admin access or a share leaves it free."""
        return not self.admin_access and self.share_id is None

    def as_dict(self) -> Json:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Claim:
    """One ResourceClaim."""

    namespace: str
    name: str
    requests: tuple[Request, ...]
    constraints: tuple[Constraint, ...]
    allocated: bool
    allocations: tuple[Allocation, ...]
    # Names of the nodes that the allocation is usable on, as far as it names them.
    nodes: tuple[str, ...]
    reserved_for: tuple[str, ...]
    # What drivers have reported of allocated devices.
    reports: tuple[Json, ...]
    deleting: bool

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def state(self) -> str:
        if self.deleting:
            return "deleting"
        if not self.allocated:
            return "pending"
        return "reserved" if self.reserved_for else "allocated"

    def as_dict(self) -> Json:
        return {
            "namespace": self.namespace,
            "name": self.name,
            "state": self.state,
            "requests": [request.as_dict() for request in self.requests],
            "constraints": [dataclasses.asdict(constraint) for constraint in self.constraints],
            "devices": [allocation.as_dict() for allocation in self.allocations],
            "nodes": list(self.nodes),
            "reserved_for": list(self.reserved_for),
            "device_statuses": list(self.reports),
        }


def parse_claim(item: Json) -> Claim:
    """The record of a ResourceClaim; FormError where it is none."""
    name = "without a name"
    try:
        metadata = item["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}"
        wanted = item["spec"].get("devices") or {}
        status = item.get("status") or {}
        allocation = status.get("allocation")
        return Claim(
            namespace=metadata["namespace"],
            name=metadata["name"],
            requests=tuple(one for request in wanted.get("requests") or () for one in _requests(request)),
            constraints=tuple(map(_constraint, wanted.get("constraints") or ())),
            allocated=allocation is not None,
            allocations=tuple(map(_allocation, ((allocation or {}).get("devices") or {}).get("results") or ())),
            nodes=tuple(_nodes((allocation or {}).get("nodeSelector") or {})),
            reserved_for=tuple(f"{one['resource']}/{one['name']}" for one in status.get("reservedFor") or ()),
            reports=tuple(map(_report, status.get("devices") or ())),
            deleting="deletionTimestamp" in metadata,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise FormError(f"ResourceClaim {name} is not of a known form: {error!r}") from error


def holders(claims: t.Iterable[Claim]) -> dict[tuple[str, str, str], list[str]]:
    """By device: the claims that have it to themselves."""
    held: dict[tuple[str, str, str], list[str]] = {}
    for claim in claims:
        for allocation in claim.allocations:
            if allocation.exclusive:
                held.setdefault(allocation.key, []).append(claim.full_name)
    return held


def selectors_of(item: Json) -> tuple[str, ...]:
    """CEL expressions of a request, or of a DeviceClass's spec."""
    return tuple(selector["cel"]["expression"] for selector in item.get("selectors") or () if "cel" in selector)


def _requests(item: Json) -> t.Iterator[Request]:
    alternatives = item.get("firstAvailable") or ()
    for alternative in alternatives:
        yield _request(f"{item['name']}/{alternative['name']}", alternative)
    if not alternatives:
        # v1beta1 has in the request itself what later versions keep below "exactly".
        yield _request(item["name"], item.get("exactly") or item)


def _request(name: str, item: Json) -> Request:
    return Request(
        name=name,
        device_class=item.get("deviceClassName") or "",
        mode=item.get("allocationMode") or "ExactCount",
        count=item.get("count") or 1,
        admin_access=bool(item.get("adminAccess")),
        selectors=selectors_of(item),
        tolerations=objects(item.get("tolerations")),
    )


def _constraint(item: Json) -> Constraint:
    for kind in ("matchAttribute", "distinctAttribute"):
        if item.get(kind):
            return Constraint(kind, item[kind], tuple(item.get("requests") or ()))
    return Constraint("unknown", "", tuple(item.get("requests") or ()))


def _allocation(item: Json) -> Allocation:
    return Allocation(
        request=item["request"],
        driver=item["driver"],
        pool=item["pool"],
        device=item["device"],
        admin_access=bool(item.get("adminAccess")),
        share_id=item.get("shareID"),
        consumed_capacity=dict(item.get("consumedCapacity") or {}),
    )


def _report(item: Json) -> Json:
    objects(item.get("conditions"))
    return item


def _nodes(selector: Json) -> t.Iterator[str]:
    for term in selector.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field["operator"] == "In":
                yield from field.get("values") or ()
