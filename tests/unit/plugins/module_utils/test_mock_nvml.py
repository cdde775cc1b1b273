# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
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


def test_keys_may_be_nested_as_in_a_profile():
    nested = {"thermal": {"tlimit": {"current_c": 30}, "temperature_gpu_c": 71}, "utilization.gpu": 97}
    assert mock_nvml.by_key(nested) == {
        "thermal.tlimit.current_c": 30,
        "thermal.temperature_gpu_c": 71,
        "utilization.gpu": 97,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"thermal": {"x": 71}, "thermal.x": 33}, "values has thermal.x twice; leave one of them out"),
        ({"thermal.x": 33, "thermal": {"x": 33}}, "values has thermal.x twice"),
        ({"a": {"b": {"c": 1}}, "a.b": {"c": 2, "d": 3}}, "values has a.b.c twice"),
        ({"fan": {}, "y": 1}, "values has nothing in fan; leave it out"),
        ({"a": {"b": {}}}, "values has nothing in a.b; leave it out"),
    ],
    ids=["nested-first", "nested-last", "deep", "nothing", "nothing-deep"],
)
def test_keys_that_cannot_be(values, message):
    with pytest.raises(MockNvmlError, match=re.escape(f"Error while reading the options: {message}")):
        mock_nvml.by_key(values)


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


ANSWERS = """case "$*" in
*" status --dry-run "*) echo '{{"page": "{page}"}}' ;;
*" status "*) echo '{{}}' ;;
*) {line} ;;
esac
"""


@pytest.fixture
def foresee(command, tmp_path):
    """Has a change foreseen by a program that tells where the page is, and does what the shell line says for it."""
    page = tmp_path / "driver/lib/firmware/nvidia/550.163.01/gsp_mock.bin"
    page.parent.mkdir(parents=True)
    page.write_bytes(b"page")
    folder = tmp_path / "ansible-tmp"
    folder.mkdir()

    def run(line):
        path = command(f'echo "$*" >>{tmp_path}/log\n' + ANSWERS.format(page=page, line=line))
        params = {"path": str(tmp_path / "driver"), "command": str(path)}
        try:
            return mock_nvml.change(params, ["set", "x=1"], True, str(folder))
        finally:
            assert list(folder.iterdir()) == []

    return run


def test_all_that_is_foreseen_is_of_the_copy(foresee, tmp_path):
    foresee("""echo '{"changed": true}'""")
    asked = [line.split(" ", 2)[1:] for line in (tmp_path / "log").read_text().splitlines()]
    real, copy = str(tmp_path / "driver"), asked[1][0]
    assert copy.startswith(f"{tmp_path}/ansible-tmp/")
    assert asked == [
        [real, "status --dry-run --json"],
        [copy, "status --json"],
        [copy, "set x=1 --json"],
        [copy, "status --json"],
    ]


def test_what_fails_on_the_copy_is_said_of_the_driver_root(foresee, tmp_path):
    with pytest.raises(MockNvmlError) as caught:
        foresee('echo "cannot set the GPUs of device page $2/lib: no room" >&2; exit 3')
    assert str(caught.value) == (
        f"Error while running mock-nvml set for driver root {tmp_path}/driver: cannot set the GPUs of device page"
        f" {tmp_path}/driver/lib: no room; check mode has tried it on a copy of the device page, in the folder for"
        " Ansible's temporary files"
    )
