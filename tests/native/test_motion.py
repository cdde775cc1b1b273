# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - messages and recordings stand here as whole lines
"""Readings that move, as programs on a node see them: all agree, and what was recorded is said again at its time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from driver_root import apply, place_libraries

Command = Callable[..., "CompletedProcess[str]"]

HEADER = "timestamp, index, utilization.gpu [%], memory.used [MiB], temperature.gpu, power.draw [W], clocks.current.sm [MHz], pstate\n"
FIELDS = "utilization.gpu,memory.used,temperature.gpu,power.draw,clocks.sm,pstate"

# Wait for moments of the boot clock, once they are said, and say what the first GPU's readings are then.
READER = """
import sys, time
import pynvml as nv
nv.nvmlInit()
gpu = nv.nvmlDeviceGetHandleByIndex(0)
print("ready", flush=True)
for moment in sys.stdin.readline().split():
    while time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000000 < int(moment):
        time.sleep(0.001)
    rates = nv.nvmlDeviceGetUtilizationRates(gpu)
    print(rates.gpu, rates.memory, nv.nvmlDeviceGetPowerUsage(gpu), nv.nvmlDeviceGetClockInfo(gpu, nv.NVML_CLOCK_SM),
          nv.nvmlDeviceGetTemperature(gpu, nv.NVML_TEMPERATURE_GPU))
"""


class Node:
    """A driver root with eight mock A100, its control command and programs that use it."""

    def __init__(self, root: Path, build: Path, profile: Path, run: Command) -> None:
        self.root, self.build, self._run = root, build, run
        place_libraries(root, build)
        apply(root, build, run, profile)
        self.env = {"LD_LIBRARY_PATH": str(root / "usr/lib64")}

    def mock_nvml(self, *argv: str | Path) -> CompletedProcess[str]:
        return self._run(self.build / "mock-nvml", "--root", self.root, *argv)

    def do(self, *argv: str | Path) -> dict:
        done = self.mock_nvml(*argv, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def smi(self, program: Path, *argv: str) -> str:
        done = self._run(program, *argv, env=self.env, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def query(self, program: Path, gpu: int, fields: str = FIELDS) -> list[str]:
        line = self.smi(program, f"--query-gpu={fields}", "--format=csv,noheader", "-i", str(gpu))
        return line.strip().split(", ")


@pytest.fixture
def node(tmp_path: Path, native_build: Path, repo: Path, run: Command) -> Node:
    return Node(tmp_path / "root", native_build, repo / "charts/gpu-mock/profiles/a100.yaml", run)


@pytest.fixture
def moving_profile(repo: Path, tmp_path: Path) -> Path:
    described = yaml.safe_load((repo / "charts/gpu-mock/profiles/a100.yaml").read_text())
    described["device_defaults"]["dynamic_metrics"] = {
        "utilization": {"pattern": "sine", "gpu_max": 100, "memory_max": 50, "period_sec": 20}
    }
    path = tmp_path / "moving.yaml"
    path.write_text(yaml.safe_dump(described))
    return path


def boot_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000000


def start_reader(env: dict[str, str]) -> subprocess.Popen[str]:
    """A process that has the library loaded and waits for moments."""
    argv = [sys.executable, "-c", READER]
    reader = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout
    assert reader.stdout.readline() == "ready\n"
    return reader


@pytest.mark.parametrize("private", [True, False], ids=["each parses the profile", "both map the page"])
def test_processes_agree_at_the_same_moment(
    private: bool, moving_profile: Path, native_build: Path, tmp_path: Path, run: Command
) -> None:
    if private:
        env = {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(moving_profile)}
    else:
        env = Node(tmp_path / "root", native_build, moving_profile, run).env
    # They know nothing of each other.
    readers = [start_reader(env) for _ in range(2)]
    # In the middle of steps of 250 ms.
    start = (boot_ms() // 250 + 4) * 250 + 125
    moments = " ".join(str(start + 750 * i) for i in range(4)) + "\n"
    for reader in readers:
        assert reader.stdin
        reader.stdin.write(moments)
        reader.stdin.flush()
    first, second = (
        [list(map(int, line.split())) for line in reader.communicate(timeout=60)[0].splitlines()] for reader in readers
    )
    assert len(first) == len(second) == 4
    assert [row[:4] for row in first] == [row[:4] for row in second]
    # Temperature goes on between the steps.
    assert all(abs(one[4] - other[4]) <= 1 for one, other in zip(first, second, strict=True))
    assert len({row[0] for row in first}) > 1


def rows_of(recording: str, gpu: int) -> list[list[str]]:
    lines = [line.split(", ") for line in recording.splitlines()[1:]]
    return [line[2:] for line in lines if line[1] == str(gpu)]


RECORDING = HEADER + (
    "2026/03/01 12:00:00.000, 0, 10 %, 1000 MiB, 40, 100.50 W, 1200 MHz, P0\n"
    "2026/03/01 12:00:00.000, 3, 15 %, 1500 MiB, 45, 105.50 W, 1215 MHz, P0\n"
    "2026/03/01 12:00:00.700, 0, 55 %, 20000 MiB, 61, 250.25 W, 1410 MHz, P0\n"
    "2026/03/01 12:00:00.700, 3, 56 %, 20001 MiB, 62, 251.25 W, 1395 MHz, P2\n"
    "2026/03/01 12:00:01.400, 0, 99 %, 30000 MiB, 70, 399.99 W, 1380 MHz, P0\n"
    "2026/03/01 12:00:01.400, 3, 98 %, 30001 MiB, 71, 389.99 W, 1365 MHz, P2\n"
)


def position(node: Node, gpu: int) -> int:
    return node.do("trace", "show", "-i", str(gpu))["devices"][0]["at_ms"] // 700


def test_a_recording_is_said_again_at_its_time(node: Node, vendor_smi: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(RECORDING)
    played = node.do("trace", "play", file)
    assert [(gpu["index"], gpu["rows"], gpu["length_ms"]) for gpu in played["devices"]] == [(0, 3, 2100), (3, 3, 2100)]
    seen = set()
    for turn in range(40):
        gpu = 3 * (turn % 2)
        before = position(node, gpu)
        said = node.query(vendor_smi, gpu)
        if position(node, gpu) == before:
            assert said == rows_of(RECORDING, gpu)[before]
            seen.add((gpu, before))
        if len(seen) == 6:
            break
        time.sleep(0.1)
    assert len(seen) == 6
    # The others are at rest.
    assert node.query(vendor_smi, 1, "utilization.gpu,power.draw") == ["0 %", "49.68 W"]
    assert node.do("trace", "stop")["changed"] is True
    assert node.query(vendor_smi, 0, "utilization.gpu,power.draw") == ["0 %", "49.68 W"]
    assert node.do("trace", "stop")["changed"] is False


def test_rows_go_by_uuid_where_the_node_has_it(node: Node, vendor_smi: Path, tmp_path: Path) -> None:
    uuids = [node.query(vendor_smi, gpu, "uuid")[0] for gpu in (6, 4)]
    file = tmp_path / "trace.csv"
    file.write_text("uuid, utilization.gpu\n" + "".join(f"{uuid}, {61 - i}\n" for i, uuid in enumerate(uuids)))
    played = node.do("trace", "play", file)["devices"]
    assert [gpu["index"] for gpu in played] == [4, 6]
    assert [node.query(vendor_smi, gpu, "utilization.gpu") for gpu in (4, 6)] == [["60 %"], ["61 %"]]
    # Another machine's: in the order in which they appear.
    file.write_text("uuid, utilization.gpu\nGPU-of-another, 11\nGPU-of-yet-another, 12\n")
    played = node.do("trace", "play", file)["devices"]
    assert [gpu["index"] for gpu in played] == [0, 1]
    assert node.query(vendor_smi, 1, "utilization.gpu") == ["12 %"]


def test_once_ends_idle_and_speed_shortens(node: Node, vendor_smi: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(RECORDING)
    node.do("trace", "play", file, "--once", "--speed", "7", "-i", "0")
    time.sleep(0.35)
    shown = node.do("trace", "show", "-i", "0")["devices"][0]
    assert (shown["plays"], shown["length_ms"], shown["at_ms"]) == (False, 300, 300)
    said = node.query(vendor_smi, 0, "utilization.gpu,power.draw,clocks_event_reasons.gpu_idle,temperature.gpu")
    assert said[:3] == ["0 %", "49.68 W", "Active"]
    # It is still warm.
    assert 60 <= int(said[3]) <= 70


@pytest.mark.parametrize("form", ["csv", "csv,nounits", "csv,noheader", "csv,noheader,nounits"])
def test_what_nvidia_smi_records_of_one_gpu_another_says_again(
    form: str, node: Node, vendor_smi: Path, tmp_path: Path
) -> None:
    node.do("load", "ramp", "gpu=0-100", "memory_used=1GiB-30GiB", "period=2", "-i", "5")
    fields = f"timestamp,index,{FIELDS},clocks.mem,clocks_event_reasons.active"
    recorder = subprocess.Popen(
        [vendor_smi, f"--query-gpu={fields}", f"--format={form}", "-lms", "200", "-i", "5"],
        env=node.env, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(1.5)
    recorder.terminate()
    file = tmp_path / "recorded.csv"
    file.write_text(recorder.communicate(timeout=30)[0])
    node.do("load", "stop", "-i", "5")
    lines = [line.split(", ") for line in file.read_text().splitlines()]
    values = [line[2:-2] for line in lines if line[0][0].isdigit()]
    assert len(values) >= 3
    columns = ["--columns", fields] if "noheader" in form else []
    # Slow enough that a look at it falls into one row.
    played = node.do("trace", "play", file, "-i", "2", "--speed", "0.2", *columns)["devices"]
    assert [gpu["index"] for gpu in played] == [2]
    suffix = "csv,noheader,nounits" if "nounits" in form else "csv,noheader"
    said = node.smi(vendor_smi, f"--query-gpu={FIELDS}", f"--format={suffix}", "-i", "2").strip().split(", ")
    assert said in values[:2]


@pytest.mark.parametrize(
    ("text", "argv", "code", "message"),
    [
        ("", [], 1, "{file}:1:1: (file): expected a header and at least one row, found \"\""),
        ("index, utilization.gpu [%]\n0, 5 %\n0, many\n", [], 1,
         "{file}:3:4: utilization.gpu [%]: expected a number from 0 to 100 %, or N/A, found \"many\""),
        ("index, utilization.gpu [%]\n99, 5 %\n", [], 1,
         "cannot play {file}: the GPUs of its rows are not here; -i says which GPU plays the rows of one"),
        ("index, utilization.gpu\n0, 1\n1, 1\n", ["-i", "5"], 1, "cannot play {file} on GPU 5: it has no rows of that GPU"),
        ("utilization.gpu\n1\n", ["--speed", "0"], 2, "--speed: expected a number from 0.01 to 1000, found \"0\""),
        ("utilization.gpu\n1\n", ["--once", "--loop"], 2, "mock-nvml trace play: say --loop or --once, not both"),
        ("utilization.gpu\n1\n", ["-i", "77"], 1,
         "-i: there is no GPU \"77\" here: say an index from 0 to 7, a UUID, a PCI bus id or all"),
    ],
)  # fmt: skip
def test_wrong_recordings_are_refused_and_change_nothing(
    text: str, argv: list[str], code: int, message: str, node: Node, tmp_path: Path
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    done = node.mock_nvml("trace", "play", file, *argv)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", message.format(file=file) + "\n")
    assert all(gpu["plays"] is False for gpu in node.do("trace", "show")["devices"])


def test_a_missing_recording_is_said(node: Node) -> None:
    done = node.mock_nvml("trace", "play", "/nonexistent.csv")
    assert done.returncode == 3
    assert done.stderr == "cannot read trace /nonexistent.csv: No such file or directory\n"


def test_dry_run_plays_nothing(node: Node, tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(RECORDING)
    assert node.do("trace", "play", file, "--dry-run")["dry_run"] is True
    assert node.do("trace", "show", "-i", "0")["devices"][0]["plays"] is False


def test_a_load_is_seen_and_keeps_to_the_power_limit(node: Node, vendor_smi: Path) -> None:
    fields = "utilization.gpu,power.draw,clocks.sm,clocks_event_reasons.sw_power_cap,pstate"
    node.do("load", "constant", "gpu=100", "-i", "1")
    assert node.query(vendor_smi, 1, fields) == ["100 %", "400.00 W", "1410 MHz", "Not Active", "P0"]
    node.do("set", "power.requested_limit_mw=200000", "-i", "1")
    said = node.query(vendor_smi, 1, fields)
    assert 190 < float(said[1].split()[0]) <= 200
    assert (int(said[2].split()[0]) < 1410, said[3]) == (True, "Active")
    assert node.query(vendor_smi, 0, fields)[0] == "0 %"
    assert node.do("load", "stop")["changed"] is True
    assert node.query(vendor_smi, 1, fields)[:3] == ["0 %", "49.68 W", "210 MHz"]


@pytest.mark.parametrize(
    ("argv", "code", "start"),
    [
        ([], 2, "mock-nvml load: expected a pattern such as sine, or stop"),
        (["sine", "colour=1"], 2, "mock-nvml load: expected gpu=, memory=, "),
        (["wild"], 1, "cannot load GPU 0 "),
        (["sine", "gpu=5-200"], 1, "cannot load GPU 0 "),
        (["sine", "--once"], 2, "mock-nvml: load has no option --once (see mock-nvml --help)"),
    ],
)
def test_wrong_loads_are_refused(argv: list[str], code: int, start: str, node: Node) -> None:
    done = node.mock_nvml("load", *argv)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(start)
    assert done.stderr.count("\n") == 1


def test_energy_is_the_integral_of_the_power_that_is_shown(node: Node, vendor_smi: Path) -> None:
    node.do("load", "burst", "period=2", "-i", "0")
    reader = (
        "import time, pynvml as nv\n"
        "nv.nvmlInit(); gpu = nv.nvmlDeviceGetHandleByIndex(0)\n"
        "now = time.monotonic; begin = last = now(); first = nv.nvmlDeviceGetTotalEnergyConsumption(gpu); sum = 0.0\n"
        "while last - begin < 3:\n"
        "    power = nv.nvmlDeviceGetPowerUsage(gpu); time.sleep(0.001); here = now(); sum += power * (here - last); last = here\n"
        "print(sum, nv.nvmlDeviceGetTotalEnergyConsumption(gpu) - first)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", reader], env=node.env, capture_output=True, text=True, check=True, timeout=60
    )
    summed, counted = map(float, done.stdout.split())
    # Twice a period the power changes within a step of the sum; the machine is shared.
    assert abs(summed - counted) < 0.03 * counted
    assert counted > 100 * 3000
