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
    taken = {
        nodes: {"empty": figures(0.1, 0.2, 0.9), **{f"{name} start": figures(0.4, 0.5, 1.2) for name in dra.MODULES}}
        | {name: figures(0.4 + more, 0.5 + more, 1.2 + more) for name in dra.MODULES}
        for nodes, more in ((100, 0.1), (5000, 6.0))
    }
    info = dra.report(taken)["resource_slice_info"]
    assert info["start"]["seconds_over_empty"] == 0.3
    assert info["start"]["cpu_seconds_over_empty"] == 0.15
    assert info["nodes"]["100"]["us_per_device"] == 125.0
    assert info["nodes"]["5000"]["us_per_device"] == 150.0
    assert info["nodes"]["5000"]["cpu_us_per_device"] == 75.0
    assert info["us_per_device_5000_over_100"] == {"seconds": 1.2, "cpu_seconds": 1.2}


def test_a_cost_that_cannot_be_told_gives_no_ratio(dra) -> None:
    assert dra.ratio(3.0, 0.0) is None
    assert dra.ratio(3.0, -1.0) is None


@pytest.mark.parametrize("answer", [{"failed": True, "msg": "no"}, {"device_count": 7}], ids=["failed", "too few"])
def test_a_module_that_fails_does_not_count_as_fast(dra, tmp_path: Path, answer) -> None:
    output = tmp_path / "output.json"
    output.write_text(json.dumps(answer))
    with pytest.raises(SystemExit, match="resource_slice_info of 1 nodes: (no|7)"):
        dra.check("resource_slice_info", 1, output)
