# SPDX-License-Identifier: GPL-3.0-or-later
"""What a profile makes a driver publish."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _profile
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import ExpectationError, read_node

CHECK = {
    "valid": True,
    "name": "NVIDIA GB200",
    "device_count": 2,
    "driver_version": "550.163.01",
    "compute_capability": "10.0",
    "node_name": "worker-0",
    "devices": [{"uuid": f"GPU-{i}", "memory_total_bytes": 2**30} for i in range(2)],
}


@pytest.mark.parametrize(
    ("text", "version"),
    [("550.163.01", "550.163.1"), ("8.0", "8.0.0"), ("10", "10.0.0"), ("1.2.3.4", "1.2.3"), ("12.04.00", "12.4.0")],
)
def test_versions(text: str, version: str) -> None:
    assert _profile.semver(text) == version


@pytest.mark.parametrize(("node", "uuids"), [("worker-0", ["GPU-0", "GPU-1"]), ("worker-1", None)])
def test_a_rule(node, uuids) -> None:
    rule = _profile.node_rule(CHECK, node, None, "p")
    by_name = {one["name"]: one for one in rule["attributes"]}
    assert rule["count"] == 2
    assert rule["capacity"] == {"memory": 2**30}
    assert by_name["uuid"].get("values") == uuids
    assert by_name["uuid"]["unique"]
    assert by_name["driverVersion"] == {"name": "driverVersion", "type": "version", "value": "550.163.1"}
    assert by_name["cudaComputeCapability"]["value"] == "10.0.0"
    assert by_name["productName"]["value"] == "NVIDIA GB200"
    assert read_node(rule, "n").count.least == 2


def test_fewer_than_described() -> None:
    rule = _profile.node_rule(CHECK, "worker-0", 1, "p")
    assert rule["count"] == 1
    assert rule["attributes"][1]["values"] == ["GPU-0"]


def test_boards_of_several_sizes() -> None:
    other = {"uuid": "GPU-1", "memory_total_bytes": 1}
    assert _profile.node_rule({**CHECK, "devices": [CHECK["devices"][0], other]}, "a", None, "p")["capacity"] == {}


@pytest.mark.parametrize(
    ("check", "count", "message"),
    [
        ("a100", None, "p: expected the object that `mock-nvml check --json` prints, found 'a100'"),
        ({"name": "x"}, None, "p: expected the object"),
        ({**CHECK, "valid": False, "error": "line 3"}, None, "p: the profile is not valid: line 3"),
        (CHECK, 3, "p: 3 devices expected and 2 described; run mock-nvml check with --count 3"),
    ],
)
def test_what_is_no_profile(check, count, message) -> None:
    with pytest.raises(ExpectationError) as caught:
        _profile.node_rule(check, "n", count, "p")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("profile", "memory"),
    [
        ("a100", 40 * 2**30),
        ("b200", 192265846784),
        ("gb200", 198674743296),
        ("gb300", 298013687808),
        ("h100", 85520809984),
        ("h200", 150754820096),
        ("l40s", 48305799168),
        ("t4", 15 * 2**30),
    ],
)
def test_the_real_command(repo: Path, native_build: Path, run, profile: str, memory: int) -> None:
    file = repo / "charts" / "gpu-mock" / "profiles" / f"{profile}.yaml"
    done = run(native_build / "mock-nvml", "check", "--json", "--count", "4", "--node-name", "worker-0", file)
    rule = _profile.node_rule(json.loads(done.stdout), "worker-0", 4, "p")
    assert rule["capacity"] == {"memory": memory}
    assert len(set(rule["attributes"][1]["values"])) == 4
    assert read_node(rule, "n").count.least == 4
