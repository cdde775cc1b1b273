# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module asks of mock-nvml and makes of its answers; the command itself is in the integration tests."""

from __future__ import annotations

import re

import pytest

from ansible_collections.mirage.accel.plugins.modules import nvml_fault

OLD = {"kind": "slow", "state": "active"}
LOST = {"kind": "lost", "state": "active"}
NOTHING = dict.fromkeys(nvml_fault.ARGUMENT_SPEC)


def params(**options):
    return {**NOTHING, "gpus": [], "state": "present", **options}


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"kind": "lost", "gpus": ["3"]}, ["fail", "lost", "-i", "3"]),
        ({"kind": "xid", "xid": 79}, ["xid", "79"]),
        ({"kind": "xid", "xid": 48, "gpus": ["0", "1"], "after": 2.5}, ["xid", "48", "-i", "0,1", "--after", "2.5"]),
        ({"state": "absent"}, ["clear", "all"]),
        ({"state": "absent", "kind": "lost", "gpus": ["GPU-a"]}, ["clear", "lost", "-i", "GPU-a"]),
    ],
    ids=["fault", "xid", "xid-later", "clear", "clear-one"],
)
def test_what_mock_nvml_is_told(options, arguments):
    assert nvml_fault.wanted_arguments(params(**options)) == arguments


class Command:
    """A driver root with two GPUs, the first of which is slow."""

    def __init__(self, changed: dict) -> None:
        self.calls: list[list[str]] = []
        self.faults = {"GPU-a": [OLD], "GPU-b": []}
        self.changed = changed

    def __call__(self, arguments):
        self.calls.append(list(arguments))
        if arguments[0] == "status":
            devices = [{"uuid": uuid, "faults": list(faults)} for uuid, faults in self.faults.items()]
            return {"node": {"faults": []}, "devices": devices}
        if "--dry-run" not in arguments:
            self.faults["GPU-b"] = [LOST]
        devices = [{"uuid": "GPU-a", "changed": False}, {"uuid": "GPU-b", **self.changed}]
        return {"changed": True, "node_changed": False, "devices": devices}


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_check_mode_predicts_what_a_run_gives(check):
    command = Command({"changed": True, "fault": LOST})
    result = nvml_fault.change(params(kind="lost", gpus=["1"]), command, check)
    assert result["changed"] and result["gpus"] == ["GPU-b"]
    assert result["faults"] == {"GPU-a": [OLD], "GPU-b": [LOST]}
    assert '"lost"' in result["diff"]["after"] and '"lost"' not in result["diff"]["before"]
    assert any("--dry-run" in call for call in command.calls) == check
    assert command.faults["GPU-b"] == ([] if check else [LOST])


def test_prediction_of_an_end_and_of_one_in_the_place_of_another():
    before = {"GPU-a": [OLD, LOST], "node": [{"kind": "init-error"}]}
    ended = {"node_changed": False, "devices": [{"uuid": "GPU-a", "changed": True, "cleared": ["slow", "lost"]}]}
    assert nvml_fault.predicted(before, ended, params(state="absent")) == {"node": [{"kind": "init-error"}]}
    slower = {"kind": "slow", "state": "pending"}
    replaced = {"node_changed": False, "devices": [{"uuid": "GPU-a", "changed": True, "fault": slower}]}
    assert nvml_fault.predicted(before, replaced, params(kind="slow"))["GPU-a"] == [LOST, slower]


def test_prediction_keeps_errors_elsewhere():
    """Of one kind there may be a fault for each place in the memory, and for each set of links."""
    memory, cache = ({"kind": "ecc-correctable", "location": place} for place in ("device_memory", "l2_cache"))
    made = {"node_changed": False, "devices": [{"uuid": "GPU-a", "changed": True, "fault": cache}]}
    assert nvml_fault.predicted({"GPU-a": [memory]}, made, params(kind="ecc-correctable"))["GPU-a"] == [memory, cache]
    third, fourth = ({"kind": "nvlink-down", "links": [link]} for link in (3, 4))
    made = {"node_changed": False, "devices": [{"uuid": "GPU-a", "changed": True, "fault": fourth}]}
    assert nvml_fault.predicted({"GPU-a": [third]}, made, params(kind="nvlink-down"))["GPU-a"] == [third, fourth]


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"kind": "init-hang"}, ["init-error", "init-hang"]),
        ({"kind": "init-error", "after": 3.0}, ["init-error"]),
        ({"state": "absent", "kind": "init-error"}, []),
        ({"state": "absent"}, []),
    ],
    ids=["one-more", "in-its-place", "end-of-one", "end-of-all"],
)
def test_prediction_of_what_nvmlinit_meets(options, kinds):
    before = {"node": [{"kind": "init-error", "state": "active"}]}
    after = nvml_fault.predicted(before, {"node_changed": True, "devices": []}, params(**options))
    assert [fault["kind"] for fault in after.get("node", [])] == kinds
    assert not kinds or after["node"][-1]["state"] == ("pending" if "after" in options else "active")


def test_kinds_are_those_that_mock_nvml_knows(native_build, run):
    table = run(native_build / "mock-nvml", "faults").stdout
    assert re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE) == list(nvml_fault.KINDS)


@pytest.mark.parametrize(
    ("options", "message"),
    [({}, "state is present but all of the following are missing: kind"), ({"kind": "xid"}, "missing: xid")],
    ids=["no-kind", "no-number"],
)
def test_what_must_be_said(run_module, options, message):
    result = run_module(nvml_fault, **options)
    assert result["failed"] and message in result["msg"]
