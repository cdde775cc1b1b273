# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the mock NVML says to the description that the command on the host reads."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

HOST = {"facts": {"domains": {"0000": False}, "numa_nodes": [0], "made_functions": []}}


@pytest.fixture
def gpus(fixtures: Path) -> dict[str, t.Any]:
    return {"stdout": (fixtures / "mock_nvml_check.json").read_text()}


def test_gpus_are_described(value, gpus: dict) -> None:
    given = {"__mock_accel_gpus": gpus, "__mock_accel_host": HOST, "mock_accel_functions": [{"name": "mock7"}]}
    described = json.loads(value("_mock_accel_description_text", **given))
    assert [function["name"] for function in described["functions"]] == ["mock7", "gpu0", "gpu1"]
    assert described["functions"][1]["device"] == "0x20b0"
    assert value("_mock_accel_has_functions", **given) is True


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"skipped": True}, id="not-asked-for"),
        pytest.param({"stdout": "skipped, since /x does not exist"}, id="no-mock-nvml"),
    ],
)
def test_a_host_without_the_mock_nvml_has_no_gpus(value, answer: dict) -> None:
    given = {"__mock_accel_gpus": answer, "__mock_accel_host": HOST}
    assert value("_mock_accel_gpu_domains", **given) == []
    assert value("_mock_accel_gpu_functions", **given) == []
    assert value("_mock_accel_gpus_without_place", **given) == []
    assert value("_mock_accel_has_functions", **given) is False
