# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's own parameters in claims and classes (`opaque.parameters`), decoded strictly: an error names the field.

Pure: JSON in, records out.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .errors import ClaimError

API_VERSION = "mock-accel.example.com/v1"
KIND = "DeviceConfig"

ACCESS = {"ReadWrite": "rw", "ReadOnly": "r"}
MAX_VARIABLES = 32
MAX_VALUE = 4096
RESERVED = "MOCK_ACCEL_"

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """What a configuration asks for the devices that it is for."""

    # Cgroup permissions of the device node.
    access: str = "rw"
    environment: t.Mapping[str, str] = field(default_factory=dict)


def decode(parameters: t.Any, path: str) -> DeviceConfig:
    """`path` is where the parameters stand in the claim."""
    given = _mapping(parameters, path)
    known = {"apiVersion", "kind", "access", "environment"}
    for name in given:
        if name not in known:
            raise ClaimError(f"{path}.{name}: unknown field; there are {', '.join(sorted(known))}")
    for name, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if name not in given:
            raise ClaimError(f"{path}.{name}: missing; it must be {wanted}")
        if given[name] != wanted:
            raise ClaimError(f"{path}.{name}: {given[name]!r} is not {wanted}")
    return DeviceConfig(
        access=_access(given.get("access", "ReadWrite"), f"{path}.access"),
        environment=_environment(given.get("environment", {}), f"{path}.environment"),
    )


def _mapping(value: t.Any, path: str) -> dict[str, t.Any]:
    if not isinstance(value, dict):
        raise ClaimError(f"{path}: {_kind(value)} where an object is wanted")
    return value


def _access(value: t.Any, path: str) -> str:
    if not isinstance(value, str) or value not in ACCESS:
        raise ClaimError(f"{path}: {value!r} is not one of {', '.join(ACCESS)}")
    return ACCESS[value]


def _environment(value: t.Any, path: str) -> dict[str, str]:
    variables = _mapping(value, path)
    if len(variables) > MAX_VARIABLES:
        raise ClaimError(f"{path}: {len(variables)} variables, and {MAX_VARIABLES} are allowed")
    for name, text in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise ClaimError(f"{path}: {name!r} is no name of a variable")
        if name.startswith(RESERVED):
            raise ClaimError(f"{path}.{name}: names that begin with {RESERVED} are the driver's")
        if not isinstance(text, str):
            raise ClaimError(f"{path}.{name}: {_kind(text)} where a string is wanted")
        if len(text) > MAX_VALUE or "\0" in text:
            raise ClaimError(f"{path}.{name}: a value has at most {MAX_VALUE} characters, none of them NUL")
    return dict(variables)


def _kind(value: t.Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
