# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a claim has no devices yet: per node and request, what stands in the way of how many devices.

The scheduler decides and its own words come first; this tells what its message leaves out. Imports the standard library
only.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._dra import resource_claim, selector
from ansible_collections.mirage.accel.plugins.module_utils._dra.compare import taint_text
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import Claim, Constraint, Request
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import Device, Pool

Json = dict[str, t.Any]
Key = tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why one request cannot be fulfilled on one node; without a node, anywhere."""

    node: str
    request: str
    text: str

    def as_dict(self) -> Json:
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        place = f"node {self.node}: " if self.node else ""
        return f"{place}request {self.request}: {self.text}"


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a claim meets in the cluster."""

    pools: t.Sequence[Pool]
    # CEL selectors by name of the DeviceClass.
    classes: t.Mapping[str, t.Sequence[str]]
    held: t.Mapping[Key, t.Sequence[str]]


def surroundings(pools: t.Sequence[Pool], classes: t.Iterable[Json], claims: t.Iterable[Claim]) -> Surroundings:
    """From plain DeviceClass objects and the claims of all namespaces."""
    selectors = {item["metadata"]["name"]: resource_claim.selectors_of(item.get("spec") or {}) for item in classes}
    return Surroundings(pools, selectors, resource_claim.holders(claims))


def explain(claim: Claim, around: Surroundings) -> list[Reason]:
    """The reasons, in the order of requests and nodes; empty where nothing that can be told here is in the way."""
    reasons: list[Reason] = []
    for request in claim.requests:
        reasons += _explain_request(claim, request, around)
    return reasons


def _explain_request(claim: Claim, request: Request, around: Surroundings) -> t.Iterator[Reason]:
    if request.device_class not in around.classes:
        yield Reason("", request.name, f"DeviceClass {request.device_class} does not exist")
        return
    by_node: dict[str, list[tuple[Pool, Device]]] = collections.defaultdict(list)
    for pool in around.pools:
        for device in pool.devices:
            by_node[device.node].append((pool, device))
    if not by_node:
        yield Reason("", request.name, "no ResourceSlice has a device")
    anywhere = by_node.pop("", [])
    for node in sorted(by_node) or ([""] if anywhere else []):
        text = _explain_node(claim, request, [*by_node.get(node, []), *anywhere], around)
        if text:
            yield Reason(node, request.name, text)


def _explain_node(
    claim: Claim, request: Request, devices: t.Sequence[tuple[Pool, Device]], around: Surroundings
) -> str | None:
    """Why the devices of one node are not enough; None where they are, as far as it can be told."""
    refused: collections.Counter[str] = collections.Counter()
    free = []
    for pool, device in devices:
        reason = _refusal(request, pool, device, around)
        if reason is None:
            free.append(device)
        else:
            refused[reason] += 1
    if request.mode == "All":
        wanted = "all devices"
        # One that a selector refuses is not among those that are asked for.
        short = not free or any(not reason.startswith("not ") for reason in refused)
    else:
        wanted = _devices(request.count)
        short = len(free) < request.count
    if short:
        told = "; ".join(f"{number} {reason}" for reason, number in sorted(refused.items(), key=_most_first))
        return f"{wanted} wanted, {len(free)} of {len(devices)} free{': ' if told else ''}{told}"
    for constraint in claim.constraints:
        if constraint.concerns(request) and request.mode != "All":
            text = _explain_constraint(constraint, request, free)
            if text:
                return text
    return _unjudged(request, free, around)


def _unjudged(request: Request, free: t.Sequence[Device], around: Surroundings) -> str | None:
    """That a selector may refuse devices which are free otherwise, where its form is not read here."""
    for origin, expressions in _selectors(request, around):
        for expression in expressions:
            for device in free:
                term = selector.unknown_term(device, expression)
                if term is not None:
                    return f"only the scheduler can tell what the selector of {origin} chooses: {term}"
    return None


def _selectors(request: Request, around: Surroundings) -> t.Iterable[tuple[str, t.Sequence[str]]]:
    """The selectors that a device must fulfil, and whose they are."""
    return (
        (f"DeviceClass {request.device_class}", around.classes[request.device_class]),
        ("the request", request.selectors),
    )


def _refusal(request: Request, pool: Pool, device: Device, around: Surroundings) -> str | None:
    """What keeps a device from the request, in words that follow a number of devices."""
    if not pool.complete:
        return f"in the incomplete pool {pool.name} ({len(pool.slices)} of {pool.counts[-1]} slices)"
    for origin, expressions in _selectors(request, around):
        for expression in expressions:
            if selector.fulfils(device, expression) is False:
                return f"not chosen by the selector of {origin}: {selector.failing_term(device, expression)}"
    if request.admin_access:
        return None
    for taint in device.harmful_taints():
        if not any(tolerates(toleration, taint) for toleration in request.tolerations):
            return f"tainted {taint_text(taint)}"
    if device.key in around.held and not device.shared:
        return f"held by claim {', '.join(around.held[device.key])}"
    return None


def tolerates(toleration: Json, taint: Json) -> bool:
    """As the scheduler judges it: an empty key or effect of the toleration stands for all."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def _explain_constraint(constraint: Constraint, request: Request, free: t.Sequence[Device]) -> str | None:
    """Why the free devices, though enough, do not keep a constraint within this request; None also if it is unknown."""
    if not constraint.attribute:
        return None
    values: collections.Counter[str] = collections.Counter()
    for device in free:
        attribute = device.attribute(constraint.attribute)
        if attribute is not None:
            values[f"{attribute.type} {attribute.value}"] += 1
    said = f"{_devices(request.count)} wanted, {len(free)} free; constraint {constraint.kind} {constraint.attribute}: "
    if not values:
        return f"{said}none of the free devices has the attribute"
    if constraint.kind == "matchAttribute" and max(values.values()) < request.count:
        return f"{said}at most {max(values.values())} of the free devices agree in it"
    if constraint.kind == "distinctAttribute" and len(values) < request.count:
        return f"{said}the free devices have {len(values)} different values of it"
    return None


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count} devices"
