# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _mock_nvml as mock_nvml
from ansible_collections.mirage.accel.plugins.module_utils._mock_nvml import MockNvmlError


@pytest.mark.parametrize(
    ("kind", "gpus", "options", "arguments"),
    [
        ("lost", [], {}, ["fail", "lost"]),
        ("lost", ["0", "GPU-1"], {"after": None}, ["fail", "lost", "-i", "0,GPU-1"]),
        (
            "error",
            [],
            {"code": "TIMEOUT", "probability": 0.01, "seed": 0, "duration": 300.0, "state": "present"},
            ["fail", "error", "--for", "300.0", "--probability", "0.01", "--seed", "0", "--code", "TIMEOUT"],
        ),
    ],
    ids=["all", "some", "options"],
)
def test_fault_arguments(kind, gpus, options, arguments):
    assert mock_nvml.fault_arguments(kind, gpus, options) == arguments


def test_set_arguments_have_the_words_of_a_profile():
    values = {"utilization.gpu": 97, "fan.speed_percent": None, "gpu_idle": False, "compute_mode": "default"}
    assert mock_nvml.set_arguments(values, ["1"]) == [
        "set",
        "-i",
        "1",
        "utilization.gpu=97",
        "fan.speed_percent=N/A",
        "gpu_idle=false",
        "compute_mode=default",
    ]


STATUS = {
    "node": {"faults": []},
    "devices": [
        {"uuid": "GPU-a", "faults": [{"kind": "lost"}], "values": {"x": 1, "y": 2}},
        {"uuid": "GPU-b", "faults": [], "values": {"x": 3}},
    ],
}


def test_status_tells_faults_and_values():
    assert mock_nvml.faults(STATUS) == {"GPU-a": [{"kind": "lost"}]}
    assert mock_nvml.values(STATUS, ["x", "z"], ["GPU-a", "GPU-b"]) == {"GPU-a": {"x": 1}, "GPU-b": {"x": 3}}
    assert mock_nvml.values(STATUS, ["x"], ["GPU-b"]) == {"GPU-b": {"x": 3}}
    assert mock_nvml.as_text({}) == ""


def test_keys_may_be_nested_as_in_a_profile():
    nested = {"thermal": {"tlimit": {"current_c": 30}, "temperature_gpu_c": 71}, "utilization.gpu": 97, "fan": {}}
    assert mock_nvml.by_key(nested) == {
        "thermal.tlimit.current_c": 30,
        "thermal.temperature_gpu_c": 71,
        "utilization.gpu": 97,
    }


def test_what_differs_is_left_of_two_states():
    before = {"GPU-a": {"x": 1, "y": 2}, "GPU-b": {"x": 3}}
    after = {"GPU-a": {"x": 1, "y": None}, "GPU-b": {"x": 3}}
    assert mock_nvml.differing(before, after) == (
        {"GPU-a": {"y": 2}, "GPU-b": {"what mock-nvml status does not tell": "changed"}},
        {"GPU-a": {"y": None}, "GPU-b": {"what mock-nvml status does not tell": "as the profile says"}},
    )
    assert mock_nvml.differing({}, {}) == ({}, {})


@pytest.fixture
def command(tmp_path: Path):
    """A program that does what the shell line says."""

    def make(line: str) -> Path:
        path = tmp_path / "mock-nvml"
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        return path

    return make


def test_call_gives_the_answer_as_data(command, tmp_path):
    path = command('printf \'{"args": "%s"}\' "$*"')
    assert mock_nvml.call(path, tmp_path, ["status"]) == {"args": f"--root {tmp_path} status --json"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("echo 'there is no GPU \"9\" here' >&2; exit 1", 'there is no GPU "9" here'),
        ("exit 3", "exit code 3"),
        ("echo oops", "it did not answer in JSON"),
    ],
    ids=["refused", "silent", "no-json"],
)
def test_call_that_fails_says_what_was_tried(command, tmp_path, line, reason):
    with pytest.raises(MockNvmlError) as caught:
        mock_nvml.call(command(line), tmp_path, ["xid", "79"])
    assert str(caught.value).startswith(f"Error while running mock-nvml xid for driver root {tmp_path}: ")
    assert reason in str(caught.value)


def test_call_without_the_command_says_what_to_do(tmp_path):
    with pytest.raises(MockNvmlError, match="install it with the role mock_nvml"):
        mock_nvml.call(tmp_path / "nothing", tmp_path, ["status"])
