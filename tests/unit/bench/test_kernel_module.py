# SPDX-License-Identifier: GPL-3.0-or-later
"""How `make bench ARGS=kernel` sums up; that it runs is shown by running it."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest


@pytest.fixture
def kernel_module(monkeypatch: pytest.MonkeyPatch, repo: Path) -> t.Any:
    monkeypatch.syspath_prepend(repo / "tests" / "bench")
    return importlib.import_module("kernel_module")


def test_loading_stands_beside_what_was_promised(kernel_module) -> None:
    seconds = {"load": [0.1, 0.2, 0.3], "unload": [0.05, 0.05, 0.05]}
    result = kernel_module.loading({"4": seconds, "64": seconds})
    assert set(result) == {"4_functions", "64_functions"}
    assert result["4_functions"]["load"] == {"min": 100, "median": 200, "p99": 300}
    assert (result["4_functions"]["limit"], result["64_functions"]["limit"]) == (300, 3000)


def test_reading_is_compared_with_the_kernels_own_attribute(kernel_module) -> None:
    result = kernel_module.reading({"mtu": [4e-6, 4e-6], "uuid": [6e-6, 6e-6], "status": [4e-6, 5e-6]})
    assert result["mtu"]["median"] == 4
    assert result["ratios"] == {"uuid": 1.5, "status": 1.12}


def test_memory_is_that_of_pages_and_of_one_function(kernel_module) -> None:
    before = {"pages of SUnreclaim": 1000, "pages of Percpu": 50, "kmalloc-8": 5}
    after = {"pages of SUnreclaim": 1220, "pages of Percpu": 54, "kmalloc-8": 500}
    assert kernel_module.memory(before, after, 64) == 14.0
