# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module asks of mock-nvml and makes of its answers; the command itself is in the integration tests."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from ansible_collections.mirage.accel.plugins.modules import nvml_fault

NOTHING = dict.fromkeys(nvml_fault.ARGUMENT_SPEC)


def params(**options):
    return {**NOTHING, "gpus": [], "state": "present", **options}


@pytest.fixture
def play(run_module, mock_gpus):
    """Runs the module for the mock GPUs."""

    def run(check=False, **options):
        return run_module(nvml_fault, **mock_gpus.options, **options, _ansible_check_mode=check, _ansible_diff=True)

    return run


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


def test_a_fault_is_made_once_and_ends_once(play, mock_gpus):
    _first, second = mock_gpus.uuids
    made = play(kind="lost", gpus=["1"])
    assert made["changed"] and made["gpus"] == [second]
    assert [fault["kind"] for fault in made["faults"][second]] == ["lost"]
    assert made["diff"]["before"] == ""
    assert json.loads(made["diff"]["after"]) == {
        second: {"faults": made["faults"][second], "recovery_action": "reboot"}
    }
    assert not play(kind="lost", gpus=["1"])["changed"]
    ended = play(state="absent")
    assert ended["changed"] and ended["gpus"] == [second] and ended["faults"] == {}
    assert not play(state="absent")["changed"]


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "lost", "gpus": ["1"]},
        {"kind": "slow", "latency": 3, "after": 60},
        {"kind": "slow", "latency": 2},
        {"kind": "error", "code": "10", "probability": 0.000001, "seed": 3, "duration": 60},
        {"kind": "ecc-correctable", "location": "sram", "count": 2},
        {"kind": "nvlink-down", "link": 4},
        {"kind": "init-error", "code": "TIMEOUT", "after": 60},
        {"kind": "xid", "xid": 79, "gpus": ["0"]},
        {"state": "absent"},
        {"state": "absent", "kind": "slow", "gpus": ["0"]},
        {"state": "absent", "kind": "init-error"},
    ],
    ids=lambda options: "-".join(str(value) for value in options.values() if not isinstance(value, list)),
)
def test_check_mode_says_what_a_run_does_and_changes_nothing(play, mock_gpus, options):
    for fault in ("slow --latency 2", "ecc-correctable", "nvlink-down --link 3", "init-error"):
        mock_gpus.run("fail", *fault.split())
    before = mock_gpus.status()
    foreseen = play(check=True, **options)
    assert mock_gpus.status() == before
    done = play(**options)
    assert foreseen == done
    assert done["changed"] == (mock_gpus.status() != before) or options.get("kind") == "xid"


def test_check_mode_after_a_boot_leaves_the_page_as_it_is(play, mock_gpus):
    """Faults have ended with the boot; to say so in the page is left to a run."""
    _first, second = mock_gpus.uuids
    for fault in ("lost", "nvlink-down"):
        mock_gpus.run("fail", fault, "-i", "0")
    mock_gpus.boot()
    before = mock_gpus.page.read_bytes()
    ended = play(check=True, state="absent")
    foreseen = play(check=True, kind="slow", gpus=["1"])
    assert mock_gpus.page.read_bytes() == before
    assert not ended["changed"] and ended["faults"] == {}
    done = play(kind="slow", gpus=["1"])
    assert foreseen == done and list(done["faults"]) == [second]
    assert mock_gpus.page.read_bytes() != before


def diff(result):
    return {name: json.loads(text or "{}") for name, text in result["diff"].items()}


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_an_xid_error_and_what_it_asks_for_are_in_the_diff(play, mock_gpus, check):
    first, _second = mock_gpus.uuids
    xid = {"number": 48, "after_ms": 0}
    assert diff(play(check=check, kind="xid", xid=48, gpus=["0"])) == {
        "before": {},
        "after": {first: {"xid": xid, "recovery_action": "reset"}},
    }
    mock_gpus.run("xid", "48", "-i", "0")
    again = diff(play(check=check, kind="xid", xid=48, gpus=["0"]))
    assert again["before"] == {first: {"recovery_action": "reset"}}
    assert again["after"] == {first: {"xid": xid, "recovery_action": "reset"}}
    ended = play(check=check, state="absent")
    assert ended["changed"] and ended["faults"] == {}
    assert diff(ended) == {"before": {first: {"recovery_action": "reset"}}, "after": {}}


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_the_end_of_what_an_xid_error_to_come_asks_for_is_in_the_diff(play, mock_gpus, check):
    """Nothing that `mock-nvml status` tells."""
    first, _second = mock_gpus.uuids
    announced = play(kind="xid", xid=79, gpus=["0"], after=60)
    assert diff(announced)["after"] == {first: {"xid": {"number": 79, "after_ms": 60000}}}
    ended = play(check=check, state="absent")
    assert ended["changed"] and ended["gpus"] == [first]
    assert diff(ended)["before"] != diff(ended)["after"]


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_nvmlinit_meets_one_fault_at_a_time(play, check):
    assert [fault["kind"] for fault in play(kind="init-hang")["faults"]["node"]] == ["init-hang"]
    refused = play(check=check, kind="init-slow")
    assert refused["failed"] and "has the fault init-hang already: clear that first" in refused["msg"]


def test_kinds_are_those_that_mock_nvml_knows(native_build, run):
    table = run(native_build / "mock-nvml", "faults").stdout
    assert re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE) == list(nvml_fault.KINDS)


@pytest.mark.parametrize(
    ("option", "kind", "words"),
    [("location", "ecc-correctable", nvml_fault.LOCATIONS), ("health", "fabric-unhealthy", nvml_fault.HEALTHS)],
    ids=["location", "health"],
)
def test_choices_are_those_that_mock_nvml_knows(native_build, repo, option, kind, words):
    """It lists them when it is given another, and the guide lists them too."""
    argv = [native_build / "mock-nvml", "fail", kind, f"--{option}", "nonesuch"]
    listed = re.search("expected one of (.*), found", subprocess.run(argv, capture_output=True, text=True).stderr)
    assert listed and tuple(listed[1].split(", ")) == words
    assert nvml_fault.ARGUMENT_SPEC[option]["choices"] == list(words)
    guide = (repo / "docs" / "faults.md").read_text()
    told = re.search(rf"`--{option}` is\s((?:[^`;.]*`[a-z0-9_]+`)+)", guide)
    assert told and tuple(re.findall(r"`([a-z0-9_]+)`", told[1])) == words


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "state is present but all of the following are missing: kind"),
        ({"kind": "xid"}, "the kind xid needs the option xid; set it"),
        (
            {"kind": "xid", "xid": 79, "duration": 5, "code": "10"},
            "the kind xid takes no duration, code; leave that out",
        ),
        ({"kind": "xid", "state": "absent"}, "an Xid error is told and over, and cannot be absent; leave kind out"),
        ({"kind": "lost", "xid": 79}, "the kind lost takes no xid; announce it in another task"),
        ({"kind": "lost", "count": 3}, "lost takes no --count"),
        ({"kind": "ecc-correctable", "location": "attic"}, "value of location must be one of: device_memory, sram"),
        ({"kind": "fabric-unhealthy"}, "the board is in no fabric"),
        ({"kind": "lost", "gpus": ["9"]}, 'there is no GPU "9" here'),
    ],
    ids=[
        "no-kind",
        "no-number",
        "xid-options",
        "xid-ended",
        "two-things",
        "not-its-own",
        "nowhere",
        "no-fabric",
        "no-gpu",
    ],
)
def test_what_cannot_be_fails_and_changes_nothing(play, mock_gpus, options, message, check):
    before = mock_gpus.status()
    result = play(check=check, **options)
    assert result["failed"] and message in result["msg"]
    assert mock_gpus.status() == before
