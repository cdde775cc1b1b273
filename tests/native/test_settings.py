# SPDX-License-Identifier: GPL-3.0-or-later
"""What one process sets every other process sees, at once; who may not set anything changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from driver_root import PAGE, VERSION, apply, place_libraries

SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, IN_USE, GPU_IS_LOST = 0, 2, 3, 4, 19, 15
NOT_FOUND, INSUFFICIENT_SIZE = 6, 7
PROFILES = sorted((Path(__file__).parents[2] / "charts/gpu-mock/profiles").glob("*.yaml"))

# Each line on stdin is a list of calls [name, argument...]; an argument "out" is a pointer that takes a number, "pci"
# the address of the GPU, "stats" takes an nvmlAccountingStats_t. Each line of answers has a list [result, number...]
# for each call.
SERVE = """
import ctypes, json, sys
class Stats(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint), ("bytes", ctypes.c_ulonglong),
                ("time", ctypes.c_ulonglong), ("start", ctypes.c_ulonglong), ("running", ctypes.c_uint),
                ("reserved", ctypes.c_uint * 5)]
nvml = ctypes.CDLL(sys.argv[1])
assert nvml.nvmlInit_v2() == 0
device, pci = ctypes.c_void_p(), ctypes.create_string_buffer(256)
assert nvml.nvmlDeviceGetHandleByIndex_v2(int(sys.argv[2]), ctypes.byref(device)) == 0
assert nvml.nvmlDeviceGetPciInfo_v3(device, pci) == 0
print("here", flush=True)
for line in sys.stdin:
    answers = []
    for name, *arguments in json.loads(line):
        outs = []
        values = []
        for argument in arguments:
            if argument == "out":
                outs.append(ctypes.c_uint64())
                values.append(ctypes.byref(outs[-1]))
            elif argument == "stats":
                stats = Stats()
                values.append(ctypes.byref(stats))
            elif argument == "pci":
                values.append(pci)
            else:
                values.append(argument)
        where = [] if "pci" in arguments else [device]
        result = getattr(nvml, name)(*where, *values)
        if "stats" in arguments:
            answers.append([result, *(getattr(stats, field) for field, _ in Stats._fields_[:-1])])
            continue
        answers.append([result, *(out.value for out in outs)])
    print(json.dumps(answers), flush=True)
"""

Calls = list[list]


class Client:
    """A process with the library loaded, which calls what it is told."""

    def __init__(self, library: Path, prefix: list[str], index: int) -> None:
        command = [*prefix, sys.executable, "-c", SERVE, str(library), str(index)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MOCK_NVML")}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.read_line() == "here"

    def read_line(self) -> str:
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return line.strip()

    def call_all(self, calls: Calls) -> list[list[int]]:
        self.process.stdin.write(json.dumps(calls) + "\n")
        self.process.stdin.flush()
        return json.loads(self.read_line())

    def call(self, name: str, *arguments: int | str) -> list[int]:
        return self.call_all([[name, *arguments]])[0]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture(params=PROFILES, ids=lambda profile: profile.stem)
def profile(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def board(profile: Path) -> dict:
    """The part of a profile that describes each GPU."""
    return yaml.safe_load(profile.read_text())["device_defaults"]


@pytest.fixture
def root(native_build: Path, run, profile: Path) -> Iterator[Path]:
    """A driver root that all may read, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        place_libraries(path, native_build)
        apply(path, native_build, run, profile, "--count", "2")
        yield path


@pytest.fixture
def start(root: Path) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def begin(*prefix: str, index: int = 0) -> Client:
        clients.append(Client(root / f"usr/lib64/libnvidia-ml.so.{VERSION}", list(prefix), index))
        return clients[-1]

    yield begin
    for client in clients:
        client.close()


# Somebody who is not root, but may read the interpreter wherever it lies.
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
NOBODY += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]


def read_only(root: Path) -> list[str]:
    page = root / PAGE
    script = f'mount --bind "{page}" "{page}" && mount -o remount,bind,ro "{page}" && exec "$@"'
    return ["unshare", "--mount", "sh", "-ec", script, "sh"]


# (setter and its arguments, getter and its arguments, what it then answers)
def settings(board: dict) -> dict[str, tuple[list, list, list[int]]]:
    clocks = board["supported_clocks"]["memory_clocks"][0]
    memory, steps = clocks["freq_mhz"], clocks["graphics_range"]
    # Twenty steps below the highest: steps of 7.5 MHz make whole numbers so.
    graphics = int(steps["max_mhz"] - 20 * steps["step_mhz"])
    limit = board["power"]["min_limit_mw"]
    persistence = int(board["persistence_mode"] != "enabled")
    table = {
        "persistence": (
            ["nvmlDeviceSetPersistenceMode", persistence],
            ["nvmlDeviceGetPersistenceMode", "out"],
            [0, persistence],
        ),
        "compute": (["nvmlDeviceSetComputeMode", 3], ["nvmlDeviceGetComputeMode", "out"], [0, 3]),
        "power": (
            ["nvmlDeviceSetPowerManagementLimit", limit],
            ["nvmlDeviceGetEnforcedPowerLimit", "out"],
            [0, limit],
        ),
        "locked clocks": (
            ["nvmlDeviceSetGpuLockedClocks", graphics, graphics],
            ["nvmlDeviceGetClockInfo", 0, "out"],
            [0, graphics],
        ),
        "locked memory clocks": (
            ["nvmlDeviceSetMemoryLockedClocks", memory, memory],
            ["nvmlDeviceGetClockInfo", 2, "out"],
            [0, memory],
        ),
        "application clocks": (
            ["nvmlDeviceSetApplicationsClocks", memory, graphics],
            ["nvmlDeviceGetApplicationsClock", 0, "out"],
            [0, graphics],
        ),
        "restriction": (
            ["nvmlDeviceSetAPIRestriction", 0, 0],
            ["nvmlDeviceGetAPIRestriction", 0, "out"],
            [0, 0],
        ),
        "ecc": (["nvmlDeviceSetEccMode", 0], ["nvmlDeviceGetEccMode", "out", "out"], [0, 1, 0]),
        "accounting": (["nvmlDeviceSetAccountingMode", 1], ["nvmlDeviceGetAccountingMode", "out"], [0, 1]),
    }
    # Memory clocks are locked from Ampere on.
    if board["architecture"] == "turing":
        del table["locked memory clocks"]
    return table


NAMES = [
    "persistence",
    "compute",
    "power",
    "locked clocks",
    "locked memory clocks",
    "application clocks",
    "restriction",
    "ecc",
    "accounting",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_seen_by_a_running_and_by_a_later_process(start, board: dict, name: str) -> None:
    watcher = start()
    if name not in settings(board):
        assert watcher.call("nvmlDeviceSetMemoryLockedClocks", 5001, 5001) == [NOT_SUPPORTED]
        return
    setter, getter, expected = settings(board)[name]
    before = watcher.call(*getter)
    assert before[0] == SUCCESS
    assert before != expected or name == "locked memory clocks"
    assert start().call(*setter) == [SUCCESS]
    assert watcher.call(*getter) == expected
    assert start().call(*getter) == expected


@pytest.mark.parametrize("who", ["nobody", "read-only"])
def test_who_may_not_set_changes_nothing(start, root: Path, board: dict, who: str) -> None:
    table = settings(board)
    watcher = start()
    before = watcher.call_all([getter for _, getter, _ in table.values()])
    client = start(*(NOBODY if who == "nobody" else read_only(root)))
    answers = client.call_all([setter for setter, _, _ in table.values()])
    assert dict(zip(table, answers, strict=True)) == dict.fromkeys(table, [NO_PERMISSION])
    clears = [["nvmlDeviceResetGpuLockedClocks"], ["nvmlDeviceResetApplicationsClocks"]]
    clears += [["nvmlDeviceClearEccErrorCounts", 0], ["nvmlDeviceClearAccountingPids"]]
    assert client.call_all(clears) == [[NO_PERMISSION]] * len(clears)
    getters = [getter for _, getter, _ in table.values()]
    assert client.call_all(getters) == before
    assert watcher.call_all(getters) == before


def test_a_process_behind_a_read_only_page_sees_what_others_set(start, root: Path, board: dict) -> None:
    setter, getter, expected = settings(board)["power"]
    client = start(*read_only(root))
    assert start().call(*setter) == [SUCCESS]
    assert client.call(*getter) == expected


def test_what_is_out_of_range_changes_nothing(start, board: dict) -> None:
    client = start()
    getters = [getter for _, getter, _ in settings(board).values()]
    before = client.call_all(getters)
    wrong = [
        ["nvmlDeviceSetPersistenceMode", 2],
        ["nvmlDeviceSetComputeMode", 4],
        ["nvmlDeviceSetPowerManagementLimit", 1],
        ["nvmlDeviceSetGpuLockedClocks", 9000, 9000],
        ["nvmlDeviceSetApplicationsClocks", 1, 1],
        ["nvmlDeviceSetAPIRestriction", 7, 0],
        ["nvmlDeviceSetEccMode", 2],
        ["nvmlDeviceClearEccErrorCounts", 2],
        ["nvmlDeviceSetAccountingMode", 2],
    ]
    if board["architecture"] != "turing":
        wrong.append(["nvmlDeviceSetMemoryLockedClocks", 1, 1])
    assert client.call_all(wrong) == [[INVALID_ARGUMENT]] * len(wrong)
    assert start().call_all(getters) == before


def test_what_data_centre_boards_do_not_have(start) -> None:
    calls = [
        ["nvmlDeviceSetFanSpeed_v2", 0, 50],
        ["nvmlDeviceSetAutoBoostedClocksEnabled", 1],
        ["nvmlDeviceSetDefaultAutoBoostedClocksEnabled", 1, 0],
        ["nvmlDeviceSetGpuOperationMode", 0],
        ["nvmlDeviceSetGpcClkVfOffset", 10],
        ["nvmlDeviceSetMemClkVfOffset", 10],
        ["nvmlDeviceSetDriverModel", 0, 0],
        ["nvmlDeviceSetVirtualizationMode", 0],
    ]
    assert start().call_all(calls) == [[NOT_SUPPORTED]] * len(calls)


def test_settings_are_of_one_gpu(start, root: Path, run, native_build: Path, board: dict) -> None:
    client = start()
    for setter, _, _ in settings(board).values():
        assert client.call(*setter) == [SUCCESS]
    fields = "persistence_mode,compute_mode,power.limit,ecc.mode.pending,accounting.mode,clocks.gr"
    query = [native_build / "nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    printed = run(*query, env={**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib64")}).stdout
    first, second = printed.splitlines()
    persistence = ["Enabled", "Disabled"] if board["persistence_mode"] == "enabled" else ["Disabled", "Enabled"]
    first, second = first.split(", "), second.split(", ")
    assert [second[0], first[0]] == persistence
    assert [first[1], *first[3:5]] == ["Exclusive_Process", "Disabled", "Enabled"]
    assert [second[1], *second[3:5]] == ["Default", "Enabled", "Disabled"]
    assert first[2] != second[2]
    assert first[5] != second[5]


# --- accounting ---


def test_processes_that_come_and_go_are_accounted(start, root: Path, run, native_build: Path) -> None:
    def process(*argv: str) -> None:
        done = run(native_build / "mock-nvml", "--root", root, "process", *argv, "-i", "0")
        assert done.returncode == 0, done.stderr

    watcher = start()
    process("add", "--pid", "70", "--memory", "100")
    assert start().call("nvmlDeviceSetAccountingMode", 1) == [SUCCESS]
    process("add", "--pid", "71", "--memory", "200", "--utilization", "30")
    assert watcher.call("nvmlDeviceGetAccountingPids", "out", 0) == [INSUFFICIENT_SIZE, 1]
    stats = ["nvmlDeviceGetAccountingStats", 71, "stats"]
    gpu, _, memory, time_ms, started_us, running = watcher.call(*stats)[1:]
    assert (gpu, memory, time_ms, running) == (30, 200 << 20, 0, 1)
    assert abs(started_us / 1e6 - time.time()) < 60
    process("remove", "--pid", "71")
    process("remove", "--pid", "70")
    gpu, _, memory, time_ms, _, running = watcher.call(*stats)[1:]
    assert (gpu, memory, running) == (30, 200 << 20, 0)
    assert 0 < time_ms < 60000
    assert watcher.call("nvmlDeviceGetAccountingStats", 70, "stats")[0] == NOT_FOUND
    assert start().call("nvmlDeviceClearAccountingPids") == [SUCCESS]
    assert watcher.call("nvmlDeviceGetAccountingPids", "out", 0) == [SUCCESS, 0]


# --- taking a GPU out of service ---


def query(root: Path, run, native_build: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib64")}
    return run(native_build / "nvidia-smi", *argv, env=environment)


def test_a_removed_gpu_is_gone_for_all_until_it_is_discovered(start, root: Path, run, native_build: Path) -> None:
    client, watcher = start(), start()
    assert client.call("nvmlDeviceSetPersistenceMode", 1) == [SUCCESS]
    assert client.call("nvmlDeviceModifyDrainState", "pci", 1) == [IN_USE]
    assert client.call("nvmlDeviceSetPersistenceMode", 0) == [SUCCESS]
    assert client.call("nvmlDeviceModifyDrainState", "pci", 1) == [SUCCESS]
    assert watcher.call("nvmlDeviceQueryDrainState", "pci", "out") == [SUCCESS, 1]
    assert watcher.call("nvmlDeviceGetMinorNumber", "out")[0] == SUCCESS
    assert client.call("nvmlDeviceRemoveGpu", "pci") == [SUCCESS]
    assert watcher.call("nvmlDeviceGetMinorNumber", "out")[0] == GPU_IS_LOST
    assert query(root, run, native_build, "-L").stdout.count("UUID") == 1
    assert client.call("nvmlDeviceDiscoverGpus", "pci") == [SUCCESS]
    assert query(root, run, native_build, "-L").stdout.count("UUID") == 2
    assert watcher.call("nvmlDeviceGetMinorNumber", "out")[0] == SUCCESS


def test_who_comes_while_a_gpu_drains_cannot_use_it(start, root: Path, run, native_build: Path) -> None:
    client = start()
    assert client.call("nvmlDeviceSetPersistenceMode", 0) == [SUCCESS]
    assert client.call("nvmlDeviceModifyDrainState", "pci", 1) == [SUCCESS]
    assert client.call("nvmlDeviceGetMinorNumber", "out")[0] == SUCCESS
    assert query(root, run, native_build).returncode == GPU_IS_LOST
    assert start(index=1).call("nvmlDeviceGetMinorNumber", "out")[0] == SUCCESS
    assert client.call("nvmlDeviceModifyDrainState", "pci", 0) == [SUCCESS]
    assert query(root, run, native_build).returncode == 0
