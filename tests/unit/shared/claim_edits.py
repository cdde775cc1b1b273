# SPDX-License-Identifier: GPL-3.0-or-later
"""Small changes to the recorded ResourceClaims (fixtures/dra), each a function of the items, for tables of cases."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

Items = list[dict[str, t.Any]]
Edit = Callable[[Items], t.Any]


def leave(items: Items) -> None:
    """As recorded."""


def claim(items: Items, name: str) -> dict[str, t.Any]:
    return next(item for item in items if item["metadata"]["name"] == name)


def results(items: Items, name: str) -> Items:
    return claim(items, name)["status"]["allocation"]["devices"]["results"]


def status(name: str, **values: t.Any) -> Edit:
    return lambda items: claim(items, name)["status"].update(values)


def metadata(name: str, **values: t.Any) -> Edit:
    return lambda items: claim(items, name)["metadata"].update(values)


def wants(name: str, **values: t.Any) -> Edit:
    """Change what a claim asks for: its requests or constraints."""
    return lambda items: claim(items, name)["spec"]["devices"].update(values)


def result(name: str, number: int, **values: t.Any) -> Edit:
    return lambda items: results(items, name)[number].update(values)


def without_result(name: str, number: int, key: str) -> Edit:
    return lambda items: results(items, name)[number].pop(key)
