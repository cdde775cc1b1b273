# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make bench ARGS=dra` publishes and how it sums up; that it runs is shown by running it."""

from __future__ import annotations

import importlib
import json
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.mirage.accel.plugins.module_utils._dra import resource_slice


@pytest.fixture
def dra(monkeypatch: pytest.MonkeyPatch, repo: Path) -> t.Any:
    monkeypatch.syspath_prepend(repo / "tests" / "bench")
    return importlib.import_module("dra")


def test_slices_are_as_recorded(dra, fixtures: Path) -> None:
    recorded = yaml.safe_load((fixtures / "dra" / "resource_slices_v1.yaml").read_text())["items"][0]
    made = dra.resource_slice("worker-0", recorded["metadata"]["ownerReferences"][0]["uid"])
    made["metadata"]["name"] = recorded["metadata"]["name"]
    ours, theirs = resource_slice.parse_slice(made), resource_slice.parse_slice(recorded)
    assert ours.owners == theirs.owners
    for one, other in zip(ours.devices, theirs.devices, strict=True):
        assert one.attributes.pop("uuid").type == other.attributes.pop("uuid").type
        assert one == other


def figures(*seconds: float) -> list[dict[str, float]]:
    return [{"seconds": one, "cpu_seconds": one / 2, "peak_rss_mb": 40.0} for one in seconds]


def test_the_cost_of_a_device_is_what_comes_on_top_of_the_start(dra) -> None:
    start = {
        "empty": figures(0.2, 0.1, 0.3),
        "resource_slice_info": figures(0.5),
        "resource_slice_verify": figures(0.5),
    }
    taken = {0: start}
    for nodes, seconds in ((100, 0.6), (5000, 6.5)):
        taken[nodes] = {name: figures(seconds) for name in start}
    info = dra.report(taken)["resource_slice_info"]
    assert info["start"]["seconds_over_empty"] == 0.3
    assert info["start"]["cpu_seconds_over_empty"] == 0.15
    assert info["nodes"]["100"]["clock_us_per_device"] == 125.0
    assert info["nodes"]["5000"]["clock_us_per_device"] == 150.0
    assert info["us_per_device_5000_over_100"] == {"clock": 1.2, "cpu": 1.2}


def test_a_cost_that_cannot_be_told_gives_no_ratio(dra) -> None:
    assert dra.ratio(3.0, 0.0) is None
    assert dra.ratio(3.0, -1.0) is None


@pytest.mark.parametrize("answer", [{"failed": True, "msg": "no"}, {"device_count": 7}], ids=["failed", "too few"])
def test_a_module_that_fails_does_not_count_as_fast(dra, tmp_path: Path, answer) -> None:
    output = tmp_path / "output.json"
    output.write_text(json.dumps(answer))
    with pytest.raises(SystemExit, match="resource_slice_info of 1 nodes: (no|7)"):
        dra.check("resource_slice_info", 1, output)
