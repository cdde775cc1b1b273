# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is expected of a driver's devices, read from plain data: per node a number, attributes, capacities, names.

`read` judges the data before anything is asked of a cluster. Imports the standard library only.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._dra import quantity, resource_slice

Json = dict[str, t.Any]
_NODE_KEYS = {"count", "attributes", "capacity", "devices", "absent", "tainted"}
_ATTRIBUTE_KEYS = {"name", "type", "value", "values", "regex", "unique", "present"}
_DEVICE_KEYS = {"attributes", "capacity"}
_COUNT_KEYS = {"min", "max", "equal"}


class ExpectationError(ValueError):
    """What was given cannot be meant; the text says which key and what it may be."""


@dataclasses.dataclass(frozen=True)
class Count:
    """How many devices there must be; None is no bound."""

    least: int | None = None
    most: int | None = None

    def holds(self, number: int) -> bool:
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)

    def __str__(self) -> str:
        if self.least == self.most:
            return str(self.least)
        if self.most is None:
            return f"at least {self.least}"
        return f"at most {self.most}" if self.least is None else f"{self.least} to {self.most}"


@dataclasses.dataclass(frozen=True)
class AttributeRule:
    """What an attribute of each device must be. With `values`, the devices together must have just these."""

    name: str
    type: str | None = None
    value: t.Any = None
    values: tuple[t.Any, ...] | None = None
    regex: str | None = None
    unique: bool = False
    present: bool = True


@dataclasses.dataclass(frozen=True)
class DeviceRule:
    """What one named device must be."""

    attributes: tuple[AttributeRule, ...] = ()
    capacity: dict[str, t.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class NodeRule:
    """What the devices of one node must be."""

    count: Count = Count()
    attributes: tuple[AttributeRule, ...] = ()
    capacity: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    devices: dict[str, DeviceRule] = dataclasses.field(default_factory=dict)
    absent: tuple[str, ...] = ()
    tainted: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What a driver must have published."""

    driver: str
    nodes: dict[str, NodeRule] = dataclasses.field(default_factory=dict)
    # No devices of this driver elsewhere; without it, what other nodes publish is not looked at.
    exact: bool = False
    complete: bool = True
    no_duplicates: bool = True
    no_stale: bool = True
    limits: bool = True
    taints: bool = True
    # "node": the Node that the slice is of; "any": something; "ignore".
    owner: str = "node"


def read_nodes(data: t.Mapping[str, t.Any]) -> dict[str, NodeRule]:
    """The rules of each node; ExpectationError says what cannot be meant."""
    return {str(name): read_node(rule, f"nodes[{name}]") for name, rule in data.items()}


def read_node(data: t.Any, path: str) -> NodeRule:
    """The rule of one node. A number alone is its count."""
    if isinstance(data, int) and not isinstance(data, bool):
        data = {"count": data}
    if not isinstance(data, dict):
        raise ExpectationError(f"{path}: expected a number of devices or a mapping, found {data!r}")
    data = _mapping(data, path, _NODE_KEYS)
    return NodeRule(
        count=_count(data.get("count"), f"{path}.count"),
        attributes=_attributes(data.get("attributes"), f"{path}.attributes"),
        capacity=_capacity(data.get("capacity"), f"{path}.capacity"),
        devices={
            str(name): _device(rule, f"{path}.devices[{name}]")
            for name, rule in _mapping(data.get("devices"), f"{path}.devices").items()
        },
        absent=_names(data.get("absent"), f"{path}.absent"),
        tainted=_names(data.get("tainted"), f"{path}.tainted"),
    )


def _device(data: t.Any, path: str) -> DeviceRule:
    data = _mapping(data, path, _DEVICE_KEYS)
    attributes = _attributes(data.get("attributes"), f"{path}.attributes")
    for rule in attributes:
        if rule.unique or rule.values is not None:
            raise ExpectationError(f"{path}.attributes[{rule.name}]: unique and values are for several devices")
    return DeviceRule(attributes, _capacity(data.get("capacity"), f"{path}.capacity"))


def _count(data: t.Any, path: str) -> Count:
    if data is None:
        return Count()
    if not isinstance(data, dict):
        number = _whole(data, path)
        return Count(number, number)
    data = _mapping(data, path, _COUNT_KEYS)
    if not data:
        raise ExpectationError(f"{path}: expected a number, or a mapping with equal, min or max, found {data!r}")
    bounds = {key: None if data.get(key) is None else _whole(data[key], f"{path}.{key}") for key in _COUNT_KEYS}
    if bounds["equal"] is not None:
        if bounds["min"] is not None or bounds["max"] is not None:
            raise ExpectationError(f"{path}: equal goes with neither min nor max")
        return Count(bounds["equal"], bounds["equal"])
    if bounds["min"] is not None and bounds["max"] is not None and bounds["min"] > bounds["max"]:
        raise ExpectationError(f"{path}: min {bounds['min']} is more than max {bounds['max']}")
    return Count(bounds["min"], bounds["max"])


def _attributes(data: t.Any, path: str) -> tuple[AttributeRule, ...]:
    """A list of rules, or a mapping of names to values in short."""
    if isinstance(data, dict):
        data = short_rules(data)
    if data is not None and not isinstance(data, list):
        raise ExpectationError(f"{path}: expected a list of rules or a mapping of names to values, found {data!r}")
    return tuple(_attribute(rule, f"{path}[{number}]") for number, rule in enumerate(data or []))


def short_rules(values: Json) -> list[Json]:
    """The rules that a mapping of names to values stands for; as with capacities, no value means no such attribute."""
    return [
        {"name": name, "present": False} if value is None else {"name": name, "value": value}
        for name, value in values.items()
    ]


def _attribute(data: t.Any, path: str) -> AttributeRule:
    data = _mapping(data, path, _ATTRIBUTE_KEYS)
    if not data.get("name"):
        raise ExpectationError(f"{path}: name is missing")
    if not isinstance(data["name"], str):
        raise ExpectationError(f"{path}.name: expected text, found {data['name']!r}")
    path = f"{path} ({data['name']})"
    given = [key for key in ("value", "values", "regex") if data.get(key) is not None]
    if len(given) > 1:
        raise ExpectationError(f"{path}: {' and '.join(given)} are two answers to one question: give one of them")
    if data.get("type") is not None and data["type"] not in resource_slice.TYPES:
        raise ExpectationError(
            f"{path}.type: expected one of {', '.join(resource_slice.TYPES)}, found {data['type']!r}"
        )
    if data.get("regex") is not None:
        try:
            re.compile(data["regex"])
        except (re.error, TypeError) as error:
            raise ExpectationError(f"{path}.regex: {data['regex']!r} is no regular expression: {error}") from error
    present = data.get("present", True)
    if not present and (given or data.get("unique") or data.get("type")):
        raise ExpectationError(f"{path}: with present=false nothing else can be asked of it")
    values = data.get("values")
    if values is not None and not isinstance(values, list):
        raise ExpectationError(f"{path}.values: expected a list, found {values!r}")
    return AttributeRule(
        name=data["name"],
        type=data.get("type"),
        value=data.get("value"),
        values=None if values is None else tuple(values),
        regex=data.get("regex"),
        unique=bool(data.get("unique")),
        present=bool(present),
    )


def _capacity(data: t.Any, path: str) -> dict[str, t.Any]:
    """Amounts by name; None means that there must be no such capacity."""
    amounts = _mapping(data, path)
    for name, amount in amounts.items():
        if amount is not None:
            try:
                quantity.parse(amount)
            except quantity.QuantityError as error:
                raise ExpectationError(f"{path}[{name}]: {error}") from error
    return amounts


def _names(data: t.Any, path: str) -> tuple[str, ...]:
    if data is None:
        return ()
    if not isinstance(data, list):
        raise ExpectationError(f"{path}: expected a list of names of devices, found {data!r}")
    return tuple(map(str, data))


def _mapping(data: t.Any, path: str, known: t.Collection[str] = ()) -> Json:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ExpectationError(f"{path}: expected a mapping, found {data!r}")
    strange = sorted(str(key) for key in data if known and key not in known)
    if strange:
        raise ExpectationError(f"{path}: {', '.join(strange)} is not known; known are {', '.join(sorted(known))}")
    return data


def _whole(data: t.Any, path: str) -> int:
    """Templates give numbers as text at times."""
    if isinstance(data, str) and re.fullmatch("[0-9]+", data.strip()):
        data = int(data)
    if not isinstance(data, int) or isinstance(data, bool) or data < 0:
        raise ExpectationError(f"{path}: expected a whole number from 0, found {data!r}")
    return data
