# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody uses a function, judged by what was seen of it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.use import Sighting, all_reasons, reasons

CASES: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "free": ({"driver": "mock-accel"}, []),
    "without a driver": ({"driver": None}, []),
    "allocated": ({"allocated": True, "driver": "mock-accel"}, ["x is allocated"]),
    "silent": ({"responding": False, "driver": "mock-accel"}, ["x does not answer and may be allocated"]),
    "another driver": ({"driver": "vfio-pci"}, ["x is bound to the driver vfio-pci"]),
    # Of one that another driver has, ours knows nothing.
    "another driver, and silent": (
        {"driver": "vfio-pci", "responding": False},
        ["x is bound to the driver vfio-pci"],
    ),
    "open": ({"openers": [(7, "sh"), (9, "a b")]}, ["x is open in process 7 (sh)", "x is open in process 9 (a b)"]),
    "allocated and open": (
        {"allocated": True, "openers": [(7, "sh")]},
        ["x is allocated", "x is open in process 7 (sh)"],
    ),
}


@pytest.mark.parametrize(("seen", "expected"), CASES.values(), ids=CASES)
def test_reasons(seen: dict[str, t.Any], expected: list[str]) -> None:
    assert reasons(Sighting("x", **seen)) == expected


def test_each_that_is_used_is_named_in_turn() -> None:
    seen = [Sighting("a", allocated=True), Sighting("b"), Sighting("c", openers=[(7, "sh")])]
    assert all_reasons(seen) == ["a is allocated", "c is open in process 7 (sh)"]


@pytest.mark.parametrize("name", ["use", "openers"])
def test_the_command_on_hosts_judges_by_the_same_file(repo: Path, name: str) -> None:
    link = repo / f"roles/mock_accel/files/mock_accel_functions/{name}.py"
    assert link.is_symlink()
    assert link.resolve() == (repo / f"plugins/module_utils/_mock_accel/{name}.py").resolve()
