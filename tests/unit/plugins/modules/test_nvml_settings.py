# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module asks of mock-nvml and makes of its answers; the command itself is in the integration tests."""

from __future__ import annotations

import pytest

from ansible_collections.mirage.accel.plugins.modules import nvml_settings


class Command:
    """One GPU whose utilisation is 0."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.value = 0

    def __call__(self, arguments):
        self.calls.append(list(arguments))
        if arguments[0] == "status":
            return {"node": {"faults": []}, "devices": [{"uuid": "GPU-a", "values": {"utilization.gpu": self.value}}]}
        wanted = 97 if arguments[0] == "set" else 0
        changed = wanted != self.value
        if "--dry-run" not in arguments:
            self.value = wanted
        return {"changed": changed, "devices": [{"uuid": "GPU-a", "changed": changed}]}


def params(**options):
    return {"gpus": ["0"], "values": {"utilization.gpu": 97}, "state": "present", **options}


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_check_mode_predicts_what_a_run_gives(check):
    command = Command()
    result = nvml_settings.change(params(), command, check)
    assert result["changed"] and result["gpus"] == ["GPU-a"]
    assert result["values"] == {"GPU-a": {"utilization.gpu": 97}}
    assert "97" in result["diff"]["after"] and "97" not in result["diff"]["before"]
    assert command.value == (0 if check else 97)
    assert ["set", "-i", "0", "utilization.gpu=97", *(["--dry-run"] if check else [])] in command.calls


def test_again_changes_nothing():
    command = Command()
    nvml_settings.change(params(), command, False)
    result = nvml_settings.change(params(), command, False)
    assert not result["changed"] and result["gpus"] == []
    assert result["diff"]["before"] == result["diff"]["after"]


def test_reset_takes_everything_back():
    command = Command()
    nvml_settings.change(params(), command, False)
    result = nvml_settings.change(params(state="reset", values={}), command, False)
    assert result["changed"] and result["values"] == {}
    assert command.value == 0
    assert ["reset", "-i", "0"] in command.calls
