# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.mirage.accel.plugins.module_utils import _mock_nvml_status as mock_nvml_status


def device(uuid, values, faults=(), recovery="none"):
    return {
        "uuid": uuid,
        "values": values,
        "faults": list(faults),
        "processes": [],
        "mig": {},
        "resets": 0,
        "reset_required": recovery != "none",
        "recovery_action": recovery,
    }


STATUS = {
    "node": {"faults": []},
    "devices": [
        device("GPU-a", {"x": 1, "y": 2}, [{"kind": "lost"}], "reboot"),
        device("GPU-b", {"x": 3}),
        device("GPU-c", {"x": 4}, recovery="reset"),
    ],
}


def test_faults_and_values():
    assert mock_nvml_status.faults(STATUS) == {"GPU-a": [{"kind": "lost"}]}
    assert mock_nvml_status.values(STATUS, ["x", "z"], ["GPU-a", "GPU-b"]) == {"GPU-a": {"x": 1}, "GPU-b": {"x": 3}}
    assert mock_nvml_status.values(STATUS, ["x"], ["GPU-b"]) == {"GPU-b": {"x": 3}}
    assert mock_nvml_status.as_text({}) == ""


def test_conditions_leave_out_who_is_well():
    assert mock_nvml_status.conditions(STATUS) == {
        "GPU-a": {"faults": [{"kind": "lost"}], "recovery_action": "reboot"},
        "GPU-c": {"recovery_action": "reset"},
    }


def test_states_have_all_that_can_change():
    assert mock_nvml_status.states(STATUS, ["GPU-c"]) == {
        "GPU-c": {
            "x": 4,
            "faults": [],
            "processes": [],
            "mig": {},
            "resets": 0,
            "reset_required": True,
            "recovery_action": "reset",
        }
    }


def test_what_differs_is_left_of_two_states():
    before = {"GPU-a": {"x": 1, "y": 2}, "GPU-b": {"x": 3}}
    after = {"GPU-a": {"x": 1, "y": None}, "GPU-b": {"x": 3}}
    assert mock_nvml_status.differing(before, after) == (
        {"GPU-a": {"y": 2}, "GPU-b": {}},
        {"GPU-a": {"y": None}, "GPU-b": {}},
    )
    assert mock_nvml_status.differing({}, {}) == ({}, {})


def test_gpus_may_be_others_afterwards():
    """Another description has been applied meanwhile."""
    before, after = {"GPU-a": {"x": 1}, "GPU-b": {"x": 2}}, {"GPU-b": {"x": 3}, "GPU-c": {"x": 4}}
    assert mock_nvml_status.differing(before, after) == (before, after)


def test_what_has_changed_is_told_apart():
    before, after = {"GPU-a": {"y": 2}, "GPU-b": {}}, {"GPU-a": {"y": None}, "GPU-b": {}}
    mock_nvml_status.tell_apart(before, after, ["GPU-a", "GPU-b", "GPU-c"], ("there", "ended"))
    untold = "what mock-nvml status does not tell"
    assert before == {"GPU-a": {"y": 2}, "GPU-b": {untold: "there"}, "GPU-c": {untold: "there"}}
    assert after == {"GPU-a": {"y": None}, "GPU-b": {untold: "ended"}, "GPU-c": {untold: "ended"}}
