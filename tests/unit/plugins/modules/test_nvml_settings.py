# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module makes of mock GPUs, by mock-nvml itself; how programs see it is in the integration tests."""

from __future__ import annotations

import json
import os
import sys

import pytest

from ansible_collections.mirage.accel.plugins.modules import nvml_settings

BUSY = {"utilization.gpu": 97, "power.current_draw_mw": "380 W"}


@pytest.fixture
def play(run_module, mock_gpus):
    """Runs the module for the mock GPUs."""

    def run(check=False, **options):
        return run_module(nvml_settings, **mock_gpus.options, **options, _ansible_check_mode=check, _ansible_diff=True)

    return run


def diff(result):
    return {name: json.loads(text or "{}") for name, text in result["diff"].items()}


def test_values_are_set_once(play, mock_gpus):
    first, _second = mock_gpus.uuids
    result = play(gpus=["0"], values=BUSY)
    assert result["changed"] and result["gpus"] == [first]
    assert result["values"] == {first: {"utilization.gpu": 97, "power.current_draw_mw": 380000}}
    assert diff(result)["before"][first]["utilization.gpu"] == 0
    assert diff(result)["after"] == result["values"]
    again = play(gpus=["0"], values=BUSY)
    assert not again["changed"] and again["gpus"] == []
    assert again["diff"]["before"] == again["diff"]["after"]


@pytest.mark.parametrize("nested", [False, True], ids=["whole-keys", "nested"])
def test_values_may_be_nested_as_in_a_profile(play, mock_gpus, nested):
    values = {"thermal": {"temperature_gpu_c": 71}} if nested else {"thermal.temperature_gpu_c": 71}
    assert play(values=values)["values"] == {uuid: {"thermal.temperature_gpu_c": 71} for uuid in mock_gpus.uuids}


@pytest.mark.parametrize(
    "options",
    [
        {"values": BUSY},
        {"values": BUSY, "gpus": ["1"]},
        {"values": {"compute_mode": "prohibited", "fan.speed_percent": None}},
        {"values": {"utilization.gpu": 30}},
        {"state": "reset"},
        {"state": "reset", "gpus": ["0"]},
        {"state": "reset", "gpus": ["1"]},
    ],
    ids=["all", "one", "words", "nothing-to-do", "reset", "reset-one", "reset-of-what-is-so"],
)
def test_check_mode_says_what_a_run_does_and_changes_nothing(play, mock_gpus, options):
    mock_gpus.run("set", "utilization.gpu=30")
    mock_gpus.run("reset", "-i", "1")
    if "values" in options:
        mock_gpus.run("set", "-i", "1", "utilization.gpu=30")
    mock_gpus.run("fail", "slow", "-i", "0")
    before = mock_gpus.status()
    foreseen = play(check=True, **options)
    assert mock_gpus.status() == before
    done = play(**options)
    assert foreseen == done
    assert done["changed"] == (mock_gpus.status() != before)


IDLE = "clocks_throttle_reasons.gpu_idle"


def test_reset_shows_all_that_it_takes_back(play, mock_gpus):
    first, second = mock_gpus.uuids
    mock_gpus.run("set", "-i", "0", "utilization.gpu=97")
    mock_gpus.run("fail", "slow", "-i", "0")
    mock_gpus.run("process", "add", "--pid", "7", "-i", "1")
    result = play(state="reset")
    assert result["changed"] and result["gpus"] == [first, second] and result["values"] == {}
    before, after = diff(result)["before"], diff(result)["after"]
    assert before[first]["utilization.gpu"] == 97 and after[first]["utilization.gpu"] == 0
    assert [fault["kind"] for fault in before[first]["faults"]] == ["slow"] and after[first]["faults"] == []
    assert [process["pid"] for process in before[second]["processes"]] == [7] and after[second]["processes"] == []
    assert set(before[first]) == set(after[first]) == {"utilization.gpu", IDLE, "faults"}
    again = play(state="reset")
    assert not again["changed"] and diff(again) == {"before": {}, "after": {}}


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_reset_shows_what_an_xid_error_asked_for(play, mock_gpus, check):
    mock_gpus.run("xid", "48", "-i", "0")
    result = play(check=check, state="reset")
    assert diff(result) == {
        "before": {mock_gpus.uuids[0]: {"recovery_action": "reset", "reset_required": True}},
        "after": {mock_gpus.uuids[0]: {"recovery_action": "none", "reset_required": False}},
    }


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_reset_shows_that_a_recording_ends(play, mock_gpus, tmp_path, check):
    """No value of `mock-nvml status` says that a recording plays whose values are those at rest."""
    (tmp_path / "rest.csv").write_text("utilization.gpu [%]\n0 %\n0 %\n")
    mock_gpus.run("trace", "play", str(tmp_path / "rest.csv"), "-i", "0")
    result = play(check=check, state="reset")
    assert result["changed"] and result["gpus"] == mock_gpus.uuids[:1]
    assert diff(result)["before"] != diff(result)["after"]


def test_reset_keeps_faults_of_nvmlinit(play, mock_gpus):
    mock_gpus.run("fail", "init-slow")
    assert not play(state="reset")["changed"]
    assert [fault["kind"] for fault in mock_gpus.status()["node"]["faults"]] == ["init-slow"]


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "state is present but all of the following are missing: values"),
        ({"values": {}}, "values names none; say what to set"),
        ({"values": BUSY, "state": "reset"}, "values cannot be given with state reset"),
        ({"values": {"utilization.gpu": 101}}, "Error while running mock-nvml set for driver root {path}: "),
        ({"values": BUSY, "gpus": ["9"]}, 'there is no GPU "9" here'),
        ({"values": {"fan": {}}}, "values has nothing in fan; leave it out"),
        (
            {"values": {"thermal": {"temperature_gpu_c": 71}, "thermal.temperature_gpu_c": 33}},
            "values has thermal.temperature_gpu_c twice",
        ),
    ],
    ids=["no-values", "empty", "reset-to-values", "impossible", "no-such-gpu", "nothing-inside", "twice"],
)
def test_what_cannot_be_fails_and_changes_nothing(play, mock_gpus, options, message, check):
    before = mock_gpus.status()
    result = play(check=check, **options)
    assert result["failed"] and message.format(**mock_gpus.options) in result["msg"]
    assert mock_gpus.status() == before


# Root may write whatever it likes, except with this.
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override"]
MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'

PLAY = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
_AnsibleCollectionFinder(paths=[sys.argv[1]])._install()
from ansible_collections.mirage.accel.plugins.modules import nvml_settings
with patch_module_args(json.loads(sys.argv[2])):
    nvml_settings.main()
"""


@pytest.fixture(params=["read-only-file", "read-only-mount"])
def play_there(request, mock_gpus, repo, run):
    """Runs the module where the device page cannot be written."""
    root = os.geteuid() == 0
    if request.param == "read-only-file":
        mock_gpus.page.chmod(0o444)
        by = UNPRIVILEGED if root else []
    elif root:
        by = ["unshare", "--mount", "sh", "-ec", MOUNT, mock_gpus.page]
    else:
        pytest.skip("root alone mounts")

    def play(**options):
        given = json.dumps({**mock_gpus.options, **options})
        done = run(*by, sys.executable, "-c", PLAY, repo / ".collections", given)
        assert done.stdout, done.stderr
        return {key: value for key, value in json.loads(done.stdout).items() if key != "invocation"}

    return play


def test_check_mode_foresees_that_the_page_cannot_be_written(play_there, mock_gpus):
    """Nothing to do is no failure, as in a run."""
    page = mock_gpus.page
    before = page.read_bytes()
    for options, fails in (({"values": {"utilization.gpu": 0}}, False), ({"values": BUSY}, True)):
        foreseen, done = (play_there(**options, _ansible_check_mode=check) for check in (True, False))
        assert foreseen.get("failed", False) == done.get("failed", False) == fails, (foreseen, done)
        if fails:
            assert f"{page} cannot be written here; run the task as root" in foreseen["msg"]
        else:
            assert foreseen == done and not done["changed"]
    assert page.read_bytes() == before


def test_without_mock_gpus_it_says_what_to_do(run_module, mock_gpus, tmp_path):
    result = run_module(nvml_settings, path=str(tmp_path), command=mock_gpus.options["command"], state="reset")
    assert result["failed"] and "there is no device page" in result["msg"] and "apply PROFILE first" in result["msg"]
