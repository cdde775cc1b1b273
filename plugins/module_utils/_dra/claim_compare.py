# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare claims, and the devices that they have been given, with what was expected of them.

Imports the standard library only.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._dra import compare, quantity
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import (
    Count,
    ExpectationError,
    NodeRule,
)
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import Allocation, Claim
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import Device

Differences = t.Iterator[Difference]
Devices = t.Mapping[tuple[str, str, str], Device]


@dataclasses.dataclass(frozen=True)
class ClaimRule:
    """What each of the claims must be. None asks nothing."""

    state: str = "allocated"
    driver: str | None = None
    # Of each claim's devices: how many, and what attributes and capacities.
    devices: NodeRule = NodeRule()
    names: tuple[str, ...] | None = None
    distinct_from: tuple[str, ...] = ()
    match_attribute: tuple[str, ...] = ()
    same_node: bool = False
    node: str | None = None
    admin_access: bool | None = None
    share_ids: bool | None = None
    consumed_capacity: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    # Status by type of the conditions that drivers must have reported of each device.
    conditions: dict[str, str] = dataclasses.field(default_factory=dict)

    def check(self) -> None:
        """Raise ExpectationError for what cannot be meant."""
        for name, amount in self.consumed_capacity.items():
            try:
                quantity.parse(amount)
            except quantity.QuantityError as error:
                raise ExpectationError(f"consumed_capacity[{name}]: {error}") from error
        if self.state in ("pending", "absent") and self != ClaimRule(state=self.state):
            raise ExpectationError(f"state={self.state} leaves no devices of which something could be asked")

    @property
    def needs_slices(self) -> bool:
        """Whether the devices themselves must be known, which a claim only names."""
        rule = self.devices
        return bool(rule.attributes or rule.capacity or self.match_attribute or self.same_node or self.node)


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which claims must be there: one by its full name, or as many as a selector must find."""

    name: str | None = None
    count: Count = Count(least=1)


def compare_claims(selection: Selection, rule: ClaimRule, claims: t.Sequence[Claim], devices: Devices) -> Differences:
    """Every difference but those of `compare_distinct`, which needs claims besides the chosen."""
    chosen = [claim for claim in claims if selection.name in (None, claim.full_name)]
    if rule.state == "absent":
        for claim in chosen:
            yield Difference(f"claims[{claim.full_name}]", None, claim.state)
        return
    if selection.name is not None and not chosen:
        yield Difference(f"claims[{selection.name}]", rule.state, None)
    if selection.name is None and not selection.count.holds(len(chosen)):
        yield Difference("claims", f"{selection.count} selected", f"{len(chosen)} selected")
    for claim in sorted(chosen, key=lambda claim: claim.full_name):
        yield from compare_claim(rule, claim, devices, f"claims[{claim.full_name}]")


def compare_claim(rule: ClaimRule, claim: Claim, devices: Devices, path: str) -> Differences:
    """The differences of one claim. Of one that is not in the expected state, nothing else is told."""
    if not _in_state(claim, rule.state):
        yield Difference(f"{path}.state", rule.state, claim.state)
        return
    if rule.state == "pending":
        return
    allocations = claim.allocations
    if not rule.devices.count.holds(len(allocations)):
        yield Difference(f"{path}.devices.count", str(rule.devices.count), len(allocations))
    if rule.names is not None:
        yield from _compare_names(rule.names, allocations, path)
    for number, allocation in enumerate(allocations):
        yield from _compare_allocation(rule, claim, allocation, f"{path}.devices[{number}]")
    if rule.needs_slices:
        yield from _compare_devices(rule, allocations, devices, path)


def compare_distinct(rule: ClaimRule, chosen: t.Collection[str], claims: t.Sequence[Claim]) -> Differences:
    """Devices that a chosen claim shares with one that it must be apart from, and such claims that are not there."""
    by_name = {claim.full_name: claim for claim in claims}
    for other_name in rule.distinct_from:
        if other_name not in by_name:
            yield Difference(f"claims[{other_name}]", "present", None)
    for claim in claims:
        if claim.full_name not in chosen:
            continue
        for other_name in rule.distinct_from:
            if other_name == claim.full_name or other_name not in by_name:
                continue
            others = {allocation.key for allocation in by_name[other_name].allocations}
            for allocation in claim.allocations:
                if allocation.key in others:
                    path = f"claims[{claim.full_name}].devices[{_name(allocation)}]"
                    yield Difference(path, f"not a device of {other_name}", f"a device of {other_name}")


def _in_state(claim: Claim, wanted: str) -> bool:
    if wanted == "allocated":
        return claim.state in ("allocated", "reserved")
    return claim.state == wanted


def _name(allocation: Allocation) -> str:
    return f"{allocation.pool}/{allocation.device}"


def _compare_names(names: t.Collection[str], allocations: t.Sequence[Allocation], path: str) -> Differences:
    """Names are DEVICE or POOL/DEVICE."""
    matched = set()
    for allocation in allocations:
        forms = {allocation.device, _name(allocation)} & set(names)
        matched |= forms
        if not forms:
            yield Difference(f"{path}.devices[{_name(allocation)}]", None, "allocated")
    for name in sorted(set(names) - matched):
        yield Difference(f"{path}.devices[{name}]", "allocated", None)


def _compare_allocation(rule: ClaimRule, claim: Claim, allocation: Allocation, path: str) -> Differences:
    path = f"{path} ({_name(allocation)})"
    if rule.driver is not None and allocation.driver != rule.driver:
        yield Difference(f"{path}.driver", rule.driver, allocation.driver)
    if rule.admin_access is not None and allocation.admin_access != rule.admin_access:
        yield Difference(f"{path}.admin_access", rule.admin_access, allocation.admin_access)
    if rule.share_ids is not None and (allocation.share_id is not None) != rule.share_ids:
        yield Difference(f"{path}.share_id", "present" if rule.share_ids else None, allocation.share_id)
    for name, amount in sorted(rule.consumed_capacity.items()):
        actual = allocation.consumed_capacity.get(name)
        if actual is None or not quantity.equal(amount, actual):
            yield Difference(f"{path}.consumed_capacity[{name}]", amount, actual)
    if rule.conditions:
        yield from _compare_conditions(rule.conditions, claim, allocation, path)


def _compare_conditions(wanted: dict[str, str], claim: Claim, allocation: Allocation, path: str) -> Differences:
    held: dict[str | None, str | None] = {}
    for report in claim.reports:
        same = (report.get("driver"), report.get("pool"), report.get("device")) == allocation.key
        if same and report.get("shareID") in (None, allocation.share_id):
            held.update({one.get("type"): one.get("status") for one in report.get("conditions") or ()})
    for kind, status in sorted(wanted.items()):
        if held.get(kind) != status:
            yield Difference(f"{path}.conditions[{kind}]", status, held.get(kind))


def _compare_devices(rule: ClaimRule, allocations: t.Sequence[Allocation], devices: Devices, path: str) -> Differences:
    """What only the slices tell of the devices."""
    known = []
    for allocation in allocations:
        if allocation.key in devices:
            known.append(devices[allocation.key])
        else:
            yield Difference(f"{path}.devices[{_name(allocation)}]", "in a ResourceSlice", None)
    # How many there must be was judged by the claim itself, and a device may have been tainted since.
    attributes_only = dataclasses.replace(rule.devices, count=Count())
    yield from compare.compare_node(attributes_only, known, path, taints=False)
    for name in rule.match_attribute:
        values = sorted({_value(device, name) for device in known})
        if len(values) > 1 or values == ["nothing"]:
            yield Difference(f"{path}.attributes[{name}]", "one value", ", ".join(values))
    nodes = sorted({device.node for device in known if device.node})
    if rule.same_node and len(nodes) > 1:
        yield Difference(f"{path}.nodes", "one node", ", ".join(nodes))
    if rule.node is not None and nodes not in ([], [rule.node]):
        yield Difference(f"{path}.nodes", rule.node, ", ".join(nodes))


def _value(device: Device, name: str) -> str:
    attribute = device.attribute(name)
    return "nothing" if attribute is None else str(attribute.value)
