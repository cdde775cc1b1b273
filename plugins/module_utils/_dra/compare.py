# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what a driver has published with what was expected: pools, then nodes, each difference at its own place.

Generators, so that a caller that only wants to know whether there is a difference stops at the first. Imports the
standard library only.
"""

from __future__ import annotations

import collections
import re
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._dra import limits, quantity
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import (
    AttributeRule,
    Expectation,
    NodeRule,
)
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import Attribute, Device, Pool, Slice

Differences = t.Iterator[Difference]
# Devices by the name that only one of them has.
Named = t.Mapping[str, Device]


def compare(expected: Expectation, pools: t.Sequence[Pool]) -> Differences:
    """Every difference; pools of other drivers, and where nodes are named those of other nodes, are not looked at."""
    ours = [pool for pool in pools if pool.driver == expected.driver and _concerns(expected, pool)]
    of_node: dict[str, list[Device]] = collections.defaultdict(list)
    for pool in ours:
        yield from compare_pool(expected, pool)
        for device in pool.devices:
            of_node[device.node].append(device)
    for node, rule in sorted(expected.nodes.items()):
        yield from compare_node(rule, of_node.get(node, []), f"nodes[{node}]", taints=expected.taints)
    for node in sorted(set(of_node) - set(expected.nodes)):
        path = f"nodes[{node}]"
        if expected.exact:
            yield Difference(f"{path}.count", 0, len(_named(of_node[node])))
        elif expected.taints and not expected.nodes:
            yield from _compare_taints((), _named(of_node[node]), path)


def _concerns(expected: Expectation, pool: Pool) -> bool:
    """Whether a pool is of the named nodes; one of no node concerns all, and so does each where none is named."""
    if expected.exact or not expected.nodes or not pool.nodes:
        return True
    return any(node in expected.nodes for node in pool.nodes)


def compare_pool(expected: Expectation, pool: Pool) -> Differences:
    """What is wrong with a pool whatever devices were expected of it."""
    path = f"pools[{pool.name}]"
    if expected.complete:
        yield from _compare_completeness(pool, path)
    if expected.no_stale:
        for one in pool.stale:
            yield Difference(f"{path}.slices[{one.name}].generation", pool.generation, one.generation)
    if expected.no_duplicates:
        for name, slices in pool.duplicates().items():
            yield Difference(f"{path}.devices[{name}]", "1 slice", f"{len(slices)} times: {', '.join(slices)}")
    for one in pool.slices:
        yield from _compare_owner(expected.owner, one, f"{path}.slices[{one.name}].owner")
        if expected.limits:
            yield from limits.beyond(one, f"{path}.slices[{one.name}]")


def compare_node(rule: NodeRule, devices: t.Sequence[Device], path: str, *, taints: bool) -> Differences:
    """The differences of one node's devices."""
    named = _named(devices)
    if not rule.count.holds(len(named)):
        yield Difference(f"{path}.count", str(rule.count), len(named))
    for attribute_rule in rule.attributes:
        yield from _compare_attribute(attribute_rule, named, path)
    for place, device in named.items():
        yield from _compare_capacity(rule.capacity, device, f"{path}.devices[{place}]")
    for name, device_rule in sorted(rule.devices.items()):
        meant = [place for place, device in named.items() if name in _forms(device)]
        if not meant:
            yield Difference(f"{path}.devices[{name}]", "present", None)
        for place in meant:
            for attribute_rule in device_rule.attributes:
                yield from _compare_value(attribute_rule, named[place], f"{path}.devices[{place}]")
            yield from _compare_capacity(device_rule.capacity, named[place], f"{path}.devices[{place}]")
    for place, device in named.items():
        if any(form in rule.absent for form in _forms(device)):
            yield Difference(f"{path}.devices[{place}]", None, "present")
    if taints:
        yield from _compare_taints(rule.tainted, named, path)


def _named(devices: t.Iterable[Device]) -> dict[str, Device]:
    """Each device by a name that only it has: its own, or with its pool where another pool has that name as well."""
    # A name twice in a pool is the pool's fault and told there; here it is one device, else a second could hide a
    # missing one. The same name in two pools is two devices.
    single: dict[tuple[str, str, str], Device] = {}
    for device in devices:
        single.setdefault(device.key, device)
    often = collections.Counter(form for device in single.values() for form in _forms(device))
    ordered = sorted(single.values(), key=lambda device: (device.name, device.pool, device.driver))
    return {_shortest(_forms(device), often): device for device in ordered}


def _shortest(forms: t.Sequence[str], often: t.Mapping[str, int]) -> str:
    """The first form that only one device has; the last where odd names of pools make all of them ambiguous."""
    return next((form for form in forms if often[form] == 1), forms[-1])


def _forms(device: Device) -> tuple[str, str, str]:
    """The names that may be given for a device, from the short one to one that no other device has."""
    pool = f"{device.pool}/{device.name}"
    return device.name, pool, f"{device.driver}/{pool}"


def same_value(one: t.Any, other: t.Any) -> bool:
    """Equality as the API has it: true is not 1, and lists are compared item by item."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _compare_completeness(pool: Pool, path: str) -> Differences:
    counts = pool.counts
    if len(counts) > 1:
        yield Difference(f"{path}.resource_slice_count", "one number", f"{', '.join(map(str, counts))}")
    elif not pool.complete:
        yield Difference(f"{path}.slices", f"{counts[0]} of generation {pool.generation}", len(pool.slices))


def _compare_owner(wanted: str, one: Slice, path: str) -> Differences:
    actual = one.controller()
    if wanted == "any" and actual is None:
        yield Difference(path, "an owner", None)
    # A slice that is of no one node (a network's devices) has no Node to be owned by.
    elif wanted == "node" and one.node and actual != f"Node {one.node}":
        yield Difference(path, f"Node {one.node}", actual)


def _compare_taints(tainted: t.Collection[str], named: Named, path: str) -> Differences:
    found = set()
    for place, device in named.items():
        harmful = device.harmful_taints()
        meant = {form for form in _forms(device) if form in tainted}
        found |= meant
        if harmful and not meant:
            yield Difference(f"{path}.devices[{place}].taints", None, ", ".join(map(taint_text, harmful)))
        elif meant and not harmful:
            yield Difference(f"{path}.devices[{place}].taints", "a taint", None)
    for name in sorted(set(tainted) - found):
        yield Difference(f"{path}.devices[{name}]", "present", None)


def taint_text(taint: dict[str, t.Any]) -> str:
    """A taint as kubectl writes it: key=value:effect."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key', '')}{value}:{taint.get('effect', '')}"


def _compare_attribute(rule: AttributeRule, named: Named, path: str) -> Differences:
    for place, device in named.items():
        yield from _compare_value(rule, device, f"{path}.devices[{place}]")
    if rule.values is not None:
        yield from _compare_values(rule, named, f"{path}.attributes[{rule.name}]")
    if rule.unique:
        yield from _compare_unique(rule, named, f"{path}.attributes[{rule.name}]")


def _compare_value(rule: AttributeRule, device: Device, path: str) -> Differences:
    path = f"{path}.attributes[{rule.name}]"
    actual = device.attribute(rule.name)
    if actual is None or not rule.present:
        if (actual is not None) != rule.present:
            yield Difference(path, _wanted(rule), None if actual is None else actual.value)
        return
    if rule.type is not None and actual.type != rule.type:
        yield Difference(f"{path}.type", rule.type, actual.type)
    if rule.value is not None and not same_value(rule.value, actual.value):
        yield Difference(path, rule.value, actual.value)
    if rule.regex is not None and not _matches(rule.regex, actual):
        yield Difference(path, _wanted(rule), actual.value)


def _wanted(rule: AttributeRule) -> t.Any:
    """What a rule asks of one device, in short."""
    if not rule.present:
        return None
    if rule.value is not None:
        return rule.value
    return f"text that {rule.regex} matches" if rule.regex is not None else "present"


def _matches(regex: str, attribute: Attribute) -> bool:
    values = attribute.value if isinstance(attribute.value, list) else [attribute.value]
    return all(isinstance(value, str) and re.search(regex, value) is not None for value in values)


def _compare_values(rule: AttributeRule, named: Named, path: str) -> Differences:
    """The devices' values together, each as often as it was expected, in any order."""
    left = list(rule.values or ())
    extra = []
    for place, device in named.items():
        actual = device.attribute(rule.name)
        if actual is None:
            continue
        for number, value in enumerate(left):
            if same_value(value, actual.value):
                del left[number]
                break
        else:
            extra.append((place, actual.value))
    for value in left:
        yield Difference(path, value, None)
    for place, value in extra:
        yield Difference(f"{path} of {place}", None, value)


def _compare_unique(rule: AttributeRule, named: Named, path: str) -> Differences:
    holders: dict[str, list[str]] = collections.defaultdict(list)
    for place, device in named.items():
        actual = device.attribute(rule.name)
        if actual is not None:
            holders[f"{actual.type} {actual.value}"].append(place)
    for value, names in sorted(holders.items()):
        if len(names) > 1:
            yield Difference(path, "unique", f"{value.partition(' ')[2]} of {', '.join(names)}")


def _compare_capacity(expected: dict[str, t.Any], device: Device, path: str) -> Differences:
    for name, amount in sorted(expected.items()):
        actual = device.amount(name)
        same = actual is None if amount is None else actual is not None and quantity.equal(amount, actual)
        if not same:
            yield Difference(f"{path}.capacity[{name}]", amount, actual)
