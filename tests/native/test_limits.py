# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - messages stand here as whole lines, so that they can be searched
"""What a board cannot do is refused with the same words in a profile, in set, in loads, traces and faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

PROFILES = Path("charts/gpu-mock/profiles")
Command = Callable[..., "CompletedProcess[str]"]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def node(native_build: Path, repo: Path, run, tmp_path: Path) -> Callable[[str], Command]:
    """mock-nvml on two GPUs of a model."""

    def of(board: str) -> Command:
        mock = [native_build / "mock-nvml", "--root", tmp_path / board]
        assert run(*mock, "apply", "--count", "2", repo / PROFILES / f"{board}.yaml").returncode == 0
        return lambda *argv: run(*mock, *map(str, argv))

    return of


def refusal(done: CompletedProcess[str]) -> str:
    """What is wrong, without the GPU it is wrong for."""
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    return done.stderr.strip().split("): ", 1)[1]


T4 = [
    ("clocks.graphics_current", 5000, 'at most graphics_max (1590), found "5000"'),
    ("clocks.sm_current", 9999, 'at most sm_max (1590), found "9999"'),
    ("clocks.memory_current", 9999, 'at most memory_max (5001), found "9999"'),
    ("clocks.video_current", 9999, 'at most video_max (1470), found "9999"'),
    ("clocks.graphics_app", 1, 'a clock that is supported with memory_app (5001), found "1"'),
    ("clocks.memory_app", 77, 'one of the supported clocks, found "77"'),
    ("pcie.current_link_gen", 7, 'at most max_link_gen (3), found "7"'),
    ("pcie.current_link_width", 32, 'at most max_link_width (16), found "32"'),
    ("power.enforced_limit_mw", "90W", 'at most max_limit_mw (70000), found "90000"'),
    ("power.enforced_limit_mw", "9W", 'at least min_limit_mw (60000), found "9000"'),
    ("power.current_draw_mw", "500W", 'at most 110 % of max_limit_mw (77000), found "500000"'),
    ("power.average_draw_mw", "78W", 'at most 110 % of max_limit_mw (77000), found "78000"'),
    ("compute_mode", "exclusive_thread", 'one of default, prohibited, exclusive_process, found "exclusive_thread"'),
    ("dynamic_metrics.memory.used_min_bytes", "99GiB", 'at most total_bytes less reserved_bytes (15636889600), found "106300440576"'),
    ("dynamic_metrics.memory.used_max_bytes", "99GiB", 'at most total_bytes less reserved_bytes (15636889600), found "106300440576"'),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "expected"), T4, ids=[f"{key} {value}" for key, value, _ in T4])
def test_set_checks_as_a_profile_is_checked(
    native_build: Path, repo: Path, run, tmp_path: Path, node, key: str, value: object, expected: str
) -> None:
    command = node("t4")
    before = command("status", "--json").stdout
    assert refusal(command("set", "utilization.gpu=5", f"{key}={value}")) == f"{key}: expected {expected}"
    assert command("status", "--json").stdout == before
    described = yaml.safe_load((repo / PROFILES / "t4.yaml").read_text())
    section = described["device_defaults"]
    *path, last = key.split(".")
    for name in path:
        section = section.setdefault(name, {})
    section[last] = value
    file = tmp_path / "board.yaml"
    file.write_text(yaml.safe_dump(described))
    done = run(native_build / "mock-nvml", "check", file)
    assert done.returncode == 1
    assert f": device_defaults.{key}: expected {expected}\n" in done.stderr


def test_what_profiles_could_say_before_they_still_can(native_build: Path, repo: Path, run, tmp_path: Path) -> None:
    """A range without an upper end, the speed of no fan."""
    described = yaml.safe_load((repo / PROFILES / "t4.yaml").read_text())
    section = described["device_defaults"]
    section["fan"] = {"count": 0, "speed_percent": 30}
    section["dynamic_metrics"] = {
        "utilization": {"pattern": "sine", "gpu_min": 30, "memory_min": 20},
        "memory": {"used_min_bytes": "2GiB"},
    }
    file = tmp_path / "board.yaml"
    file.write_text(yaml.safe_dump(described))
    mock = [native_build / "mock-nvml", "--root", tmp_path / "root"]
    done = run(*mock, "apply", file)
    assert done.returncode == 0, done.stderr

    def command(*argv: str) -> CompletedProcess[str]:
        return run(*mock, *argv)

    asked = [
        native_build / "nvidia-smi",
        "--query-gpu=utilization.gpu,utilization.memory,memory.used",
        "--format=csv,noheader",
    ]
    env = {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(file)}
    assert run(*asked, "-i", "0", env=env).stdout == "30 %, 20 %, 2048 MiB\n"
    assert command("set", "fan.speed_percent=30", "utilization.gpu=5").returncode == 0
    assert refusal(command("set", "fan.speed_percent=50")) == (
        'fan.speed_percent: expected N/A, as count (0) says no fan, found "50"'
    )
    assert refusal(command("set", "dynamic_metrics.utilization.gpu_max=20")) == (
        'dynamic_metrics.utilization.gpu_max: expected at least gpu_min (30), found "20"'
    )


def test_a_draw_may_be_a_tenth_above_the_limit_and_clocks_a_pair(node) -> None:
    command = node("t4")
    words = ["power.current_draw_mw=77W", "clocks.memory_app=5001", "clocks.graphics_app=1590", "fan.speed_percent=N/A"]
    assert command("set", *words).returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["thermal.temperature_gpu_c="], "thermal.temperature_gpu_c: expected a value (N/A: there is none), found nothing"),
        (["utilization.gpu=~"], "utilization.gpu: expected a value (N/A: there is none), found nothing"),
        (["thermal={}"], "thermal: expected one value, found a mapping: name each key, such as thermal.temperature_gpu_c=85"),
        (["utilization.gpu=1, memory: 2"], 'utilization.gpu: expected one value, found "1, memory: 2"'),
        (["utilization.gpu=1", "utilization.gpu=1"], 'utilization.gpu: expected one value, found "1" and "1"'),
        (["power.current_draw_mw=0.5"], 'power.current_draw_mw: expected a number from 0 to 100000000 mW, or with W, or N/A, that comes to a whole number of mW, found "0.5"'),
    ],
)  # fmt: skip
def test_set_takes_one_value_for_each_key(node, words: list[str], message: str) -> None:
    assert refusal(node("t4")("set", *words)) == message


def test_parts_of_a_byte_are_rounded(node) -> None:
    command = node("h200")
    assert command("set", "memory.used_bytes=39.9 GiB", "-i", "0").returncode == 0
    values = json.loads(command("status", "--json", "-i", "0").stdout)["devices"][0]["values"]
    assert values["memory.used_bytes"] == 42842298778


LOADS = [
    ("sine gpu=90-20", 1, 'dynamic_metrics.utilization.gpu_max: expected at least gpu_min (90), found "20"'),
    ("sine memory_used=1GiB-300GiB", 1, 'dynamic_metrics.memory.used_max_bytes: expected at most total_bytes less reserved_bytes (150021341184), found "322122547200"'),
    ("sine time_constant=0.5", 1, 'dynamic_metrics.cooling.time_constant_sec: expected a number from 1 to 120, or 0 for the default, that comes to a whole number, found "0.5"'),
    ("sine gpu=1-2 gpu=3", 1, 'dynamic_metrics.utilization.gpu_min: expected one value, found "1" and "3"'),
    ("sine gpu=90-0", 2, 'gpu=: expected MIN-MAX, found "90-0"'),
    ("walk period=0", 2, 'period=: expected a number above 0, found "0"'),
    ("burst duty=0%", 2, 'duty=: expected a number above 0, found "0%"'),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "message"), LOADS, ids=[words for words, _, _ in LOADS])
def test_loads_that_no_board_could_have_are_refused(node, words: str, code: int, message: str) -> None:
    command = node("h200")
    before = command("status", "--json").stdout
    done = command("load", *words.split())
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.endswith(f": {message}\n")
    assert command("status", "--json").stdout == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index, power.draw [W]\n0, 1050.00 W\n1, 1.00 W\n0, 5000.00 W\n",
         ':4: power.draw: expected at most 1050.000 W, 150 % of the highest power limit of GPU 0 (NVIDIA H200), found "5000.000 W"'),
        ("clocks.gr, clocks.sm\n300, 300\n300, 5000\n", ':3: clocks.sm: expected at most 1980 MHz, the highest clock of GPU 0 (NVIDIA H200), found "5000 MHz"'),
        ("clocks.sm\n5000\n", ':2: clocks.gr, clocks.sm: expected at most 1980 MHz, the highest clock of GPU 0 (NVIDIA H200), found "5000 MHz"'),
        ("clocks.mem\n5000\n", ':2: clocks.mem: expected at most 3201 MHz, the highest clock of GPU 0 (NVIDIA H200), found "5000 MHz"'),
        ("memory.used\n143771\n500000 MiB\n", ':3: memory.used: expected at most 143771 MiB, the memory of GPU 0 (NVIDIA H200), found "500000 MiB"'),
    ],
)  # fmt: skip
def test_a_recording_of_more_than_the_board_can_do_is_refused(node, tmp_path: Path, text: str, message: str) -> None:
    command, file = node("h200"), tmp_path / "other.csv"
    file.write_text(text)
    done = command("trace", "play", file, "--speed", "2")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{file}{message}\n")
    assert [gpu["plays"] for gpu in json.loads(command("trace", "show", "--json").stdout)["devices"]] == [False, False]


def test_a_recording_up_to_the_limits_is_played(node, tmp_path: Path) -> None:
    command, file = node("h200"), tmp_path / "own.csv"
    file.write_text("power.draw, memory.used, clocks.sm\n1050 W, 143771 MiB, 1980 MHz\n")
    assert command("trace", "play", file).returncode == 0


def test_slowdowns_that_would_warm_or_slow_nothing_are_refused(node) -> None:
    command = node("h200")
    cold = command("fail", "thermal-slowdown", "--temperature", "20")
    assert refusal(cold) == '--temperature: expected at least the GPU\'s own (28 degrees C), found "20"'
    fast = command("fail", "power-cap", "--clock", "5000")
    assert refusal(fast) == '--clock: expected at most the board\'s highest graphics clock (1980 MHz), found "5000"'
    assert command("fail", "thermal-slowdown", "--temperature", "28", "--clock", "1980").returncode == 0


def test_who_may_not_write_is_told_so(native_build: Path, repo: Path, run, tmp_path: Path) -> None:
    """Not that the host is the place, where it is the host."""
    tmp_path.chmod(0o755)
    mock, root = tmp_path / "mock-nvml", tmp_path / "root"
    mock.write_bytes((native_build / "mock-nvml").read_bytes())
    mock.chmod(0o755)
    assert run(mock, "--root", root, "apply", repo / PROFILES / "t4.yaml").returncode == 0
    for folder in (*list(tmp_path.parents)[:2], *root.glob("**/")):
        folder.chmod(folder.stat().st_mode | 0o055)
    done = run(*NOBODY, mock, "--root", root, "set", "utilization.gpu=3")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith(": this user may not write the device page: root may\n")


def load_of(command: Command) -> tuple[int, bool]:
    values = json.loads(command("status", "--json", "-i", "1").stdout)["devices"][0]["values"]
    return values["utilization.gpu"], values["clocks_throttle_reasons.gpu_idle"]


def test_what_processes_take_is_the_least_that_the_gpu_works(node, tmp_path: Path) -> None:
    command, file = node("t4"), tmp_path / "trace.csv"
    file.write_text("utilization.gpu\n7\n")

    def do(*argv: object) -> tuple[int, bool]:
        assert command(*argv, "-i", "1").returncode == 0
        return load_of(command)

    assert load_of(command) == (0, True)
    assert do("process", "add", "--pid", "96", "--utilization", "60") == (60, False)
    more = command("process", "add", "-i", "1", "--pid", "97", "--utilization", "60")
    assert refusal(more) == "the other processes take 60 % of it, process 97 needs 60: together at most 100"
    assert do("process", "add", "--pid", "97", "--utilization", "40") == (100, False)
    # What moves has its own load, of which processes have shares.
    assert do("load", "sine") == (0, True)
    assert do("load", "stop") == (100, False)
    assert do("trace", "play", file) == (0, True)
    assert do("trace", "stop") == (100, False)
    assert do("process", "remove", "--pid", "96") == (40, False)
    assert do("set", "utilization.gpu=70") == (70, False)
    assert do("process", "add", "--pid", "97", "--utilization", "30") == (70, False)
    assert do("reset") == (0, True)
    assert do("process", "add", "--pid", "97", "--utilization", "30") == (30, False)
    assert do("process", "remove", "--pid", "97") == (0, True)
    # Nor is a GPU idle whose memory works.
    assert do("set", "utilization.memory=40") == (0, False)
    assert do("process", "add", "--pid", "97", "--utilization", "30") == (30, False)
    assert do("process", "remove", "--pid", "97") == (0, False)
