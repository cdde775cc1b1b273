# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a device fulfils a CEL selector, for the forms that nearly all selectors have; for others: not known.

This is no CEL interpreter. It reads comparisons joined by `&&`:
    device.driver == "D"                                device.attributes["D"].name == VALUE     (also != < <= > >=)
    device.attributes["D"].name                         a bool, also with ! before it
    device.attributes["D"].name.matches("REGEX")        .startsWith() .endsWith() .contains(), also after .lowerAscii()
    device.attributes["D"].name.compareTo(semver("V")) >= 0    .isGreaterThan() .isLessThan()
    device.capacity["D"].name.compareTo(quantity("Q")) >= 0    .isGreaterThan() .isLessThan()
    "name" in device.attributes["D"]

Imports the standard library only.
"""

from __future__ import annotations

import json
import operator
import re
import string
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._dra import quantity
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import Device, without_domain

_TEXT = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_VALUE = rf"(?P<value>{_TEXT}|true|false|-?[0-9]+)"
_COMPARISON = r"(?P<operator>==|!=|<=|>=|<|>)"
_MEMBER = rf"device\.(?P<room>attributes|capacity)\[(?P<domain>{_TEXT})\]\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
_OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FORMS = {
    "driver": re.compile(rf"device\.driver\s*(?P<operator>==|!=)\s*(?P<value>{_TEXT})"),
    "value": re.compile(rf"{_MEMBER}\s*{_COMPARISON}\s*{_VALUE}"),
    "bool": re.compile(rf"(?P<not>!?)\s*{_MEMBER}"),
    "text": re.compile(
        rf"{_MEMBER}(?P<lower>\.lowerAscii\(\))?\.(?P<method>matches|startsWith|endsWith|contains)\(\s*(?P<value>{_TEXT})\s*\)"
    ),
    "compare": re.compile(
        rf"{_MEMBER}\.compareTo\(\s*(?P<kind>quantity|semver)\(\s*(?P<value>{_TEXT})\s*\)\s*\)"
        rf"\s*{_COMPARISON}\s*0"
    ),
    "order": re.compile(
        rf"{_MEMBER}\.(?P<method>isGreaterThan|isLessThan)"
        rf"\(\s*(?P<kind>quantity|semver)\(\s*(?P<value>{_TEXT})\s*\)\s*\)"
    ),
    "in": re.compile(rf"(?P<name>{_TEXT})\s+in\s+device\.(?P<room>attributes|capacity)\[(?P<domain>{_TEXT})\]"),
}
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_SEMVER = re.compile(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)", re.ASCII)
_TOKENS = re.compile(rf"{_TEXT}|&&|\|\||[()\[\]]|.", re.DOTALL)


class _Unknown(Exception):
    """A form that is not read here."""


def fulfils(device: Device, expression: str) -> bool | None:
    """Whether the device fulfils the expression; None: cannot be told here."""
    results = [_term(device, term) for term in terms(expression)]
    if False in results:
        return False
    return None if None in results else True


def failing_term(device: Device, expression: str) -> str | None:
    """The first of the terms joined by && that the device does not fulfil."""
    for term in terms(expression):
        if _term(device, term) is False:
            return term
    return None


def unknown_term(device: Device, expression: str) -> str | None:
    """The first of the terms joined by && of which it cannot be told here whether the device fulfils it."""
    for term in terms(expression):
        if _term(device, term) is None:
            return term
    return None


def terms(expression: str) -> list[str]:
    """The parts that && joins at the top; an expression with || there is one part."""
    parts, depth, current = [], 0, ""
    for token in _TOKENS.findall(_bare(expression.strip())):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token, 0)
        if token == "||" and not depth:
            return [expression.strip()]
        if token == "&&" and not depth:
            parts.append(current)
            current = ""
        else:
            current += token
    inner = [part.strip() for part in [*parts, current]]
    return inner if len(inner) == 1 else [term for part in inner for term in terms(part)]


def _bare(expression: str) -> str:
    """Without parentheses around the whole."""
    while expression.startswith("(") and expression.endswith(")"):
        depth = 0
        tokens = _TOKENS.findall(expression)
        for number, token in enumerate(tokens):
            depth += {"(": 1, ")": -1}.get(token, 0)
            if not depth and number < len(tokens) - 1:
                return expression
        expression = expression[1:-1].strip()
    return expression


def _term(device: Device, term: str) -> bool | None:
    for form, pattern in _FORMS.items():
        match = pattern.fullmatch(term)
        if match is not None:
            try:
                return _JUDGES[form](device, match.groupdict())
            except (_Unknown, TypeError, re.error, quantity.QuantityError):
                # Also a comparison of different types: the scheduler's error, in the scheduler's own words.
                return None
    return None


def _driver(device: Device, part: dict[str, str]) -> bool:
    return bool(_OPERATORS[part["operator"]](device.driver, _literal(part["value"])))


def _value(device: Device, part: dict[str, str]) -> bool:
    held = _held(device, part)
    if held is None:
        return False
    wanted = _literal(part["value"])
    if type(held) is not type(wanted):
        raise _Unknown
    return bool(_OPERATORS[part["operator"]](held, wanted))


def _bool(device: Device, part: dict[str, str]) -> bool:
    held = _held(device, part)
    if held is None:
        return False
    if not isinstance(held, bool):
        raise _Unknown
    return held != (part["not"] == "!")


def _text(device: Device, part: dict[str, str]) -> bool:
    held, wanted = _held(device, part), _literal(part["value"])
    if held is None:
        return False
    if not isinstance(held, str):
        raise _Unknown
    if part["lower"]:
        held = held.translate(_LOWER)
    judges: dict[str, t.Callable[[], bool]] = {
        "matches": lambda: re.search(wanted, held) is not None,
        "startsWith": lambda: held.startswith(wanted),
        "endsWith": lambda: held.endswith(wanted),
        "contains": lambda: wanted in held,
    }
    return judges[part["method"]]()


def _compare(device: Device, part: dict[str, str]) -> bool:
    held = _held(device, part)
    if held is None:
        return False
    number = _number(part["kind"])
    return bool(_OPERATORS[part["operator"]](number(held), number(_literal(part["value"]))))


def _order(device: Device, part: dict[str, str]) -> bool:
    return _compare(device, {**part, "operator": ">" if part["method"] == "isGreaterThan" else "<"})


def _in(device: Device, part: dict[str, str]) -> bool:
    return _held(device, {**part, "name": _literal(part["name"])}) is not None


_JUDGES: dict[str, t.Callable[[Device, dict[str, t.Any]], bool]] = {
    "driver": _driver,
    "value": _value,
    "bool": _bool,
    "text": _text,
    "compare": _compare,
    "order": _order,
    "in": _in,
}


def _held(device: Device, part: dict[str, str]) -> t.Any:
    """The device's value under the domain and name; None where it has none, which no device is chosen for."""
    name = without_domain(f"{_literal(part['domain'])}/{part['name']}", device.driver)
    if part["room"] == "capacity":
        return device.capacity.get(name)
    attribute = device.attributes.get(name)
    return None if attribute is None else attribute.value


def _number(kind: str) -> t.Callable[[str], t.Any]:
    return quantity.parse if kind == "quantity" else _semver


def _semver(text: str) -> tuple[int, ...]:
    match = _SEMVER.fullmatch(text)
    if match is None:
        # Pre-releases have an order of their own.
        raise _Unknown
    return tuple(map(int, match.groups()))


def _literal(text: str) -> t.Any:
    if text in ("true", "false"):
        return text == "true"
    if text[0] not in "\"'":
        return int(text)
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    try:
        return json.loads('"' + inner.replace('\\"', '"').replace("\\'", "'").replace('"', '\\"') + '"')
    except ValueError:
        raise _Unknown from None
