# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi dmon and pmon: ours beside the vendor's, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from nvidia_smi import Programs

Environment = Callable[..., dict[str, str]]

PROCESSES = [
    {"pid": 4001, "name": "/usr/bin/train-with-a-long-name", "type": "C", "used_memory_mib": 1024, "sm_util": 55},
    {"pid": 4002, "name": "Xorg", "type": "G", "used_memory_mib": 64, "mem_util": 3, "enc_util": 4},
    {"pid": 4003, "name": "served", "type": "M+C", "used_memory_mib": "N/A", "dec_util": 7},
]


@pytest.fixture
def busy(repo: Path, tmp_path: Path) -> Path:
    described = yaml.safe_load((repo / "charts/gpu-mock/profiles/a100.yaml").read_text())
    described["device_defaults"]["processes"] = PROCESSES
    file = tmp_path / "busy.yaml"
    file.write_text(yaml.safe_dump(described))
    return file


@pytest.mark.parametrize("profile", ["a100", "gb200", "t4"])
@pytest.mark.parametrize("options", ["", "-i 0", "-s pucmet", "-s me", "--select=u", "-i 99"])
def test_devices_same_as_vendor(both: Programs, overridden: Environment, profile: str, options: str):
    both.same(["dmon", "-c", "1", *options.split()], overridden(profile=profile))


@pytest.mark.parametrize("error", [3, 4, 999])
def test_devices_that_fail_same_as_vendor(both: Programs, overridden: Environment, error: int):
    kept = "\n".join(f"Device{name} : >" for name in ("GetCount_v2", "GetPciInfo*", "GetIndex", "GetHandle*"))
    env = overridden(f"DeviceGet* : !{error}\nfield : !{error}\n{kept}")
    assert both.same(["dmon", "-c", "1", "-s", "pucmet", "-i", "0"], env).count(" - ") == 19


@pytest.mark.parametrize("options", ["", "-i 0,2", "-s m", "-s um", "-i 99"])
@pytest.mark.parametrize("kind", ["idle", "busy"])
def test_processes_same_as_vendor(both: Programs, overridden: Environment, busy: Path, kind: str, options: str):
    both.same(["pmon", "-c", "1", *options.split()], overridden(profile=busy if kind == "busy" else "a100"))


@pytest.mark.parametrize("command", ["dmon", "pmon"])
@pytest.mark.parametrize("options", ["D", "T", "DT"])
def test_date_and_time_same_as_vendor(both: Programs, overridden: Environment, command: str, options: str):
    argv = [command, "-c", "1", "-i", "0", "-o", options]
    lines = [both.run(program, *argv, env=overridden()).stdout for program in (both.ours, both.theirs)]
    ours, theirs = (re.sub(r"\d{8}|\d\d:\d\d:\d\d", "NOW", text) for text in lines)
    assert ours == theirs
    assert ours.count("NOW") == len(options)


def test_rounds_and_their_delay(both: Programs, overridden: Environment):
    once = both.run(both.ours, "dmon", "-c", "1", "-i", "0", env=overridden()).stdout
    twice = both.run(both.ours, "dmon", "-c", "2", "-d", "1", "-i", "0", env=overridden()).stdout
    assert twice.count("\n") == once.count("\n") + 1


@pytest.mark.parametrize("command", ["dmon", "pmon"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-foo"], 'Option "-foo" is not recognized.'),
        (["-c"], 'Option "-c" is missing its value.'),
        (["-c", "x"], "Invalid value for number of samples to be displayed"),
        (["-c", "0"], "Invalid value for number of samples to be displayed"),
        (["-d", "x"], "Invalid value for delay"),
        (["-s", "z"], "Invalid value for metrics to be displayed"),
        (["-o", "z"], "Invalid value for options"),
    ],
)
def test_wrong_options(both: Programs, overridden: Environment, command: str, options: list[str], words: str):
    done = both.run(both.ours, command, *options, env=overridden())
    assert done.returncode == 2
    assert done.stdout.startswith(f"{words}\n\nnvidia-smi {command} [options]")
