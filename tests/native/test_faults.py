# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault that mock-nvml sets is met by other processes that run already, in this and in other mount namespaces."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from driver_root import PAGE, apply, boot, place_libraries

PROFILES = Path("charts/gpu-mock/profiles")

SUCCESS, TIMEOUT, GPU_IS_LOST, LIB_RM_VERSION_MISMATCH = 0, 10, 15, 18
XID, DOUBLE_BIT = 8, 2

# Reads one command a line and answers with one line, so that the test decides when which call is made.
CLIENT = """
import ctypes, sys, time

class Event(ctypes.Structure):
    _fields_ = [("device", ctypes.c_void_p), ("type", ctypes.c_ulonglong), ("data", ctypes.c_ulonglong),
                ("gi", ctypes.c_uint), ("ci", ctypes.c_uint)]

nvml = ctypes.CDLL(sys.argv[1])
devices, set_ = {}, ctypes.c_void_p()

def device(index):
    if index not in devices:
        handle = ctypes.c_void_p()
        result = nvml.nvmlDeviceGetHandleByIndex_v2(int(index), ctypes.byref(handle))
        if result:
            return result
        devices[index] = handle
    return devices[index]

def temperature(index):
    value = ctypes.c_uint()
    if isinstance(device(index), int):
        return device(index)
    result = nvml.nvmlDeviceGetTemperature(device(index), 0, ctypes.byref(value))
    return f"{result} {value.value}"

def register(index, types):
    if not set_:
        assert nvml.nvmlEventSetCreate(ctypes.byref(set_)) == 0
    return nvml.nvmlDeviceRegisterEvents(device(index), ctypes.c_ulonglong(int(types)), set_)

def wait(milliseconds):
    event = Event()
    result = nvml.nvmlEventSetWait_v2(set_, ctypes.byref(event), int(milliseconds))
    return f"{result} {event.type} {event.data} {time.monotonic()}"

commands = {
    "init": lambda: nvml.nvmlInit_v2(),
    "shutdown": lambda: nvml.nvmlShutdown(),
    "temperature": temperature,
    "register": register,
    "wait": wait,
}
for line in sys.stdin:
    name, *arguments = line.split()
    print(commands[name](*arguments), flush=True)
"""


class Client:
    """A process that has the library loaded and makes one call for each ask()."""

    def __init__(self, library: Path, *prefix: str) -> None:
        argv = [*prefix, sys.executable, "-c", CLIENT, str(library)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def send(self, *words: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(" ".join(map(str, words)) + "\n")

    def answer(self) -> list[float]:
        assert self.process.stdout
        return [float(word) for word in self.process.stdout.readline().split()]

    def has_answered(self) -> bool:
        """Whether the call that was sent has returned; only where no other answer is on its way."""
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def ask(self, *words: object) -> list[float]:
        self.send(*words)
        return self.answer()

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def root(native_build: Path, repo: Path, run, tmp_path: Path) -> Path:
    path = tmp_path / "root"
    place_libraries(path, native_build)
    apply(path, native_build, run, repo / PROFILES / "a100.yaml", "--count", "4")
    return path


@pytest.fixture
def client(root: Path) -> Iterator[Client]:
    client = Client(root / "usr/lib64/libnvidia-ml.so.550.163.01")
    assert client.ask("init") == [SUCCESS]
    yield client
    client.close()


@pytest.fixture
def contained(root: Path, tmp_path: Path) -> Iterator[Client]:
    """A client as in a container: a mount namespace of its own, where the driver root is bind-mounted read-only."""
    inside = tmp_path / "inside"
    inside.mkdir()
    script = f'mount --bind {root} {inside} && mount -o remount,bind,ro {inside} && exec "$0" "$@"'
    client = Client(inside / "usr/lib64/libnvidia-ml.so.550.163.01", "unshare", "--mount", "sh", "-c", script)
    assert client.ask("init") == [SUCCESS]
    yield client
    client.close()


@pytest.mark.parametrize("where", ["client", "contained"])
def test_the_very_next_call_meets_a_fault(where: str, mock: Callable[..., dict], request) -> None:
    client: Client = request.getfixturevalue(where)
    before = client.ask("temperature", 1)
    assert before[0] == SUCCESS
    assert mock("fail", "lost", "-i", 1)["changed"] is True
    assert client.ask("temperature", 1)[0] == GPU_IS_LOST
    assert client.ask("temperature", 0)[0] == SUCCESS
    assert mock("clear")["changed"] is True
    assert client.ask("temperature", 1) == before
    mock("fail", "thermal-slowdown", "--temperature", 91, "-i", 1)
    assert client.ask("temperature", 1) == [SUCCESS, 91]
    mock("clear", "thermal-slowdown")
    assert client.ask("temperature", 1) == before


@pytest.mark.parametrize("where", ["client", "contained"])
def test_a_waiter_is_woken(where: str, mock: Callable[..., dict], request) -> None:
    client: Client = request.getfixturevalue(where)
    assert client.ask("register", 2, XID | DOUBLE_BIT) == [SUCCESS]
    for command, expected in [
        (("xid", 31, "-i", 2), [(XID, 31)]),
        (("fail", "fallen-off-bus", "-i", 2), [(XID, 79)]),
        (("clear",), []),
        (("fail", "ecc-uncorrectable", "-i", 2), [(XID, 48), (DOUBLE_BIT, 0)]),
    ]:
        if expected:
            client.send("wait", 20000)
            time.sleep(0.1)
            assert not client.has_answered()
        mock(*command)
        for index, (kind, data) in enumerate(expected):
            result, *event, _ = client.answer() if index == 0 else client.ask("wait", 1000)
            assert (result, tuple(event)) == (SUCCESS, (kind, data))
    assert client.ask("wait", 0)[0] == TIMEOUT


@pytest.mark.parametrize("where", ["client", "contained"])
def test_a_boot_ends_faults(where: str, mock: Callable[..., dict], root: Path, request) -> None:
    client: Client = request.getfixturevalue(where)
    mock("fail", "lost", "-i", 1)
    mock("process", "add", "--pid", 5, "--memory", 100)
    assert client.ask("temperature", 1)[0] == GPU_IS_LOST
    boot(root / PAGE)
    # Before anyone has written, and after.
    assert client.ask("temperature", 1)[0] == SUCCESS
    device = mock("status")["devices"][1]
    assert (device["faults"], device["processes"]) == ([], [])
    assert client.ask("temperature", 1)[0] == SUCCESS
    mock("fail", "lost", "-i", 1)
    assert client.ask("temperature", 1)[0] == GPU_IS_LOST


def test_the_first_program_after_a_boot_ends_what_was(mock: Callable[..., dict], root: Path, client: Client) -> None:
    mock("set", "thermal.temperature_gpu_c=77", "-i", 1)
    mock("fail", "lost", "-i", 1)
    assert client.ask("shutdown") == [SUCCESS]
    boot(root / PAGE)
    before = (root / PAGE).read_bytes()[80:88]
    assert client.ask("init") == [SUCCESS]
    assert (root / PAGE).read_bytes()[80:88] != before
    # What was set stays.
    assert client.ask("temperature", 1) == [SUCCESS, 77]


def test_a_waiter_uses_no_processor(mock: Callable[..., dict], client: Client) -> None:
    def ticks() -> int:
        return sum(map(int, Path(f"/proc/{client.process.pid}/stat").read_text().split()[13:15]))

    client.ask("register", 0, XID)
    before, began = ticks(), time.monotonic()
    client.send("wait", 1000)
    assert client.answer()[0] == TIMEOUT
    mock("fail", "hang", "-i", 1, "--for", 1)
    client.ask("temperature", 1)
    assert ticks() - before <= 0.1 * (time.monotonic() - began) * os.sysconf("SC_CLK_TCK")


def test_a_later_event_comes_at_its_time_and_not_after_clear(mock: Callable[..., dict], client: Client) -> None:
    client.ask("register", 0, XID)
    began = time.monotonic()
    mock("fail", "fallen-off-bus", "-i", 0, "--after", 2)
    assert client.ask("temperature", 0)[0] == SUCCESS
    result, kind, data, when = client.ask("wait", 20000)
    assert (result, kind, data) == (SUCCESS, XID, 79)
    # The page counts in whole milliseconds.
    assert when - began >= 1.99
    assert client.ask("temperature", 0)[0] == GPU_IS_LOST
    mock("clear")
    mock("fail", "fallen-off-bus", "-i", 0, "--after", 2)
    mock("clear")
    assert client.ask("wait", 2500)[0] == TIMEOUT


def test_another_description_ends_what_was_to_come(
    mock: Callable[..., dict], client: Client, root: Path, native_build: Path, repo: Path, run
) -> None:
    """Nobody is told events of faults that are gone with the GPUs that had them, nor of Xids announced for those."""
    profile = repo / PROFILES / "a100.yaml"
    client.ask("register", 0, XID)
    mock("fail", "fallen-off-bus", "-i", 0, "--after", 2)
    mock("xid", 31, "-i", 0, "--after", 2)
    # The same again leaves faults and events as they are.
    apply(root, native_build, run, profile, "--count", "4")
    assert len(mock("status")["devices"][0]["faults"]) == 1
    assert {client.ask("wait", 20000)[2] for _ in range(2)} == {31, 79}
    mock("clear")
    mock("fail", "fallen-off-bus", "-i", 0, "--after", 2)
    mock("xid", 31, "-i", 0, "--after", 2)
    mock("xid", 13, "-i", 0)
    apply(root, native_build, run, profile, "--count", "4", "--node-name", "other")
    assert mock("status")["devices"][0]["faults"] == []
    # What has happened is told still.
    assert client.ask("wait", 20000)[2] == 13
    assert client.ask("wait", 2500)[0] == TIMEOUT


def test_calls_are_counted_in_each_process(mock: Callable[..., dict], client: Client, contained: Client) -> None:
    mock("fail", "error", "--code", "TIMEOUT", "--after-calls", 2, "-i", 0)
    assert [client.ask("temperature", 0)[0] for _ in range(4)] == [SUCCESS, SUCCESS, TIMEOUT, TIMEOUT]
    assert [contained.ask("temperature", 0)[0] for _ in range(3)] == [SUCCESS, SUCCESS, TIMEOUT]


def test_the_same_seed_gives_the_same_calls(mock: Callable[..., dict], client: Client, contained: Client) -> None:
    mock("fail", "error", "--code", 10, "--probability", 0.5, "--seed", 3, "-i", 0)
    first = [client.ask("temperature", 0)[0] for _ in range(100)]
    assert [contained.ask("temperature", 0)[0] for _ in range(100)] == first
    assert 30 <= first.count(TIMEOUT) <= 70


def test_a_fault_ends_by_itself(mock: Callable[..., dict], client: Client) -> None:
    began = time.monotonic()
    mock("fail", "lost", "--for", 2, "-i", 0)
    while client.ask("temperature", 0)[0] == GPU_IS_LOST:
        time.sleep(0.05)
    assert time.monotonic() - began >= 1.99
    assert client.ask("temperature", 0)[0] == SUCCESS
    assert mock("status", "-i", 0)["devices"][0]["faults"][0]["state"] == "over"


def test_a_hanging_call_returns_when_it_is_cleared(mock: Callable[..., dict], contained: Client) -> None:
    assert contained.ask("temperature", 0)[0] == SUCCESS
    mock("fail", "hang", "-i", 0)
    contained.send("temperature", 0)
    time.sleep(0.3)
    assert not contained.has_answered()
    mock("clear")
    assert contained.answer()[0] == SUCCESS


def test_init_fails_for_the_node(mock: Callable[..., dict], client: Client) -> None:
    assert client.ask("shutdown") == [SUCCESS]
    answer = mock("fail", "init-error", "--code", "LIB_RM_VERSION_MISMATCH")
    assert (answer["changed"], answer["node_changed"], answer["devices"]) == (True, True, [])
    assert mock("fail", "init-error", "--code", "LIB_RM_VERSION_MISMATCH")["changed"] is False
    assert client.ask("init") == [LIB_RM_VERSION_MISMATCH]
    assert mock("status")["node"]["faults"][0]["code_name"] == "LIB_RM_VERSION_MISMATCH"
    # What is cleared on a GPU is nothing of the node.
    assert mock("clear", "-i", 0)["node_changed"] is False
    assert mock("clear", "init-error")["changed"] is True
    assert client.ask("init") == [SUCCESS]
    mock("fail", "init-slow", "--latency", 0.3)
    client.ask("shutdown")
    began = time.monotonic()
    assert client.ask("init") == [SUCCESS]
    assert time.monotonic() - began >= 0.3


@pytest.mark.timeout(300)
def test_a_killed_command_leaves_a_usable_page(
    mock: Callable[..., dict], native_build: Path, root: Path, client: Client
) -> None:
    commands = [
        ["fail", "lost"],
        ["clear"],
        ["fail", "ecc-uncorrectable"],
        ["set", "utilization.gpu=50"],
        ["reset"],
        ["xid", "79"],
        ["process", "add", "--pid", "5", "--memory", "100"],
    ]
    chance = random.Random(1)
    for turn in range(100):
        argv = [native_build / "mock-nvml", "--root", root, *commands[turn % len(commands)]]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.006))
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Each GPU has all of a change or nothing of it.
        for device in mock("status")["devices"]:
            assert device["values"]["memory.used_bytes"] == sum(p["used_memory_bytes"] for p in device["processes"])
        assert client.ask("temperature", 0)[0] in (SUCCESS, GPU_IS_LOST)
    mock("reset")
    assert client.ask("temperature", 0)[0] == SUCCESS


def test_the_table_of_kinds_is_the_code_s(native_build: Path, repo: Path, run) -> None:
    table = run(native_build / "mock-nvml", "faults").stdout
    assert table.count("\n") > 20
    assert table in (repo / "docs/faults.md").read_text()
