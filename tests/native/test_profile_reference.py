# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference of docs/profiles.md names every key that there is, and every key that a profile uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

BOARDS = ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"]


def keys_in(value: object, path: str = "") -> set[str]:
    """The dotted path of every scalar in plain data, list items as []."""
    if isinstance(value, dict) and value:
        return set().union(*(keys_in(item, f"{path}.{key}" if path else key) for key, item in value.items()))
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return set().union(*(keys_in(item, f"{path}[]") for item in value))
    return {path}


def test_reference_is_complete(repo: Path, native_build: Path, run) -> None:
    """docs/profiles.md prints the tables that the parser itself reads by."""
    done = run(native_build / "mock-nvml", "keys")
    text = (repo / "docs/profiles.md").read_text()
    begin, end = "<!-- mock-nvml keys -->\n\n", "\n<!-- end -->"
    assert begin in text and end in text
    assert text[text.index(begin) + len(begin) : text.index(end)] == done.stdout


@pytest.mark.parametrize("board", BOARDS)
def test_the_head_of_a_profile_says_where_numa_nodes_are_from(repo: Path, board: str) -> None:
    """They are in no print of nvidia-smi -q, which most of a profile is from."""
    text = (repo / "charts/gpu-mock/profiles" / f"{board}.yaml").read_text()
    head = text[: text.index("version:")]
    assert ("memory_numa_nodes:" in text) == ("NUMA nodes of the GPUs' memory: " in head)


@pytest.mark.parametrize("board", BOARDS)
def test_profile_uses_only_documented_keys(repo: Path, board: str) -> None:
    reference = set(re.findall(r"^\| `([^`]+)` \|", (repo / "docs/profiles.md").read_text(), re.M))
    profile = yaml.safe_load((repo / "charts/gpu-mock/profiles" / f"{board}.yaml").read_text())
    used = keys_in(profile) - {"device_defaults.processes"}
    assert used <= reference | {f"{key.removesuffix('[]')}" for key in reference}, used - reference
