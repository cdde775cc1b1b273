# SPDX-License-Identifier: GPL-3.0-or-later
"""The library comes and goes without a trace, and lives through fork()."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import building
import pytest

RELOAD = """
import _ctypes, ctypes, json, os, sys
library, times = sys.argv[1], int(sys.argv[2])

def once():
    nvml = ctypes.CDLL(library)
    device, count = ctypes.c_void_p(), ctypes.c_uint()
    assert nvml.nvmlInit_v2() == 0
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
    assert nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0 and count.value
    # Never freed, as some programs do: what is left of it goes with the library.
    assert nvml.nvmlGpmSampleAlloc(ctypes.byref(ctypes.c_void_p())) == 0
    assert nvml.nvmlShutdown() == 0
    _ctypes.dlclose(nvml._handle)

def traces():
    resident = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    maps = open("/proc/self/maps").read().splitlines()
    return resident, len(maps), len(os.listdir("/proc/self/fd")), any("nvidia-ml" in line for line in maps)

for _ in range(200):
    once()
before = traces()
for _ in range(times):
    once()
print(json.dumps([before, traces()]))
"""

FORK = """
import ctypes, os, sys
nvml = ctypes.CDLL(sys.argv[1])
again = sys.argv[2] == "again"
device, mode = ctypes.c_void_p(), ctypes.c_uint()

def works():
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
    assert nvml.nvmlDeviceGetPersistenceMode(device, ctypes.byref(mode)) == 0
    return mode.value

assert nvml.nvmlInit_v2() == 0
old = works()
child = os.fork()
if child == 0:
    if again:
        assert nvml.nvmlShutdown() == 0 and nvml.nvmlInit_v2() == 0
    assert works() == old
    assert nvml.nvmlDeviceSetPersistenceMode(device, 1 - old) == 0 and works() == 1 - old
    assert nvml.nvmlShutdown() == 0
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(old, works())
"""

FORK_AMID_THREADS = """
import ctypes, os, sys, threading, warnings
warnings.simplefilter("ignore")
nvml = ctypes.CDLL(sys.argv[1])
stop = False

def works():
    device, set_ = ctypes.c_void_p(), ctypes.c_void_p()
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
    assert nvml.nvmlEventSetCreate(ctypes.byref(set_)) == 0
    assert nvml.nvmlDeviceRegisterEvents(device, ctypes.c_ulonglong(8), set_) == 0
    assert nvml.nvmlDeviceSetPersistenceMode(device, 0) == 0
    assert nvml.nvmlEventSetFree(set_) == 0

def first_and_last():
    while not stop:
        assert nvml.nvmlInit_v2() == 0
        assert nvml.nvmlShutdown() == 0

def once_more():
    while not stop:
        assert nvml.nvmlInit_v2() == 0
        works()
        assert nvml.nvmlShutdown() == 0

kept = sys.argv[2] == "on"
if len(sys.argv) > 3:
    os.environ["MOCK_NVML_CONFIG"] = sys.argv[3]
assert not kept or nvml.nvmlInit_v2() == 0
threads = [threading.Thread(target=once_more if kept else first_and_last) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(150):
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(10)
        assert kept or nvml.nvmlInit_v2() == 0
        works()
        assert nvml.nvmlShutdown() == 0
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended:
        print("a child ended with", ended)
        break
stop = True
for thread in threads:
    thread.join()
"""

FORK_WHILE_THE_LOADER_IS_ASKED = """
import ctypes, os, sys, threading, warnings
warnings.simplefilter("ignore")
nvml = ctypes.CDLL(sys.argv[1])
there, done = threading.Event(), threading.Event()

@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
def look(info, size, data):
    there.set()
    done.wait()
    return 1

thread = threading.Thread(target=lambda: ctypes.CDLL(None).dl_iterate_phdr(look, None))
thread.start()
there.wait()
child = os.fork()
if child == 0:
    import signal
    signal.alarm(10)
    os._exit(nvml.nvmlInit_v2())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
done.set()
thread.join()
"""


@pytest.fixture
def root(native_build: Path, repo: Path, tmp_path: Path, run) -> Path:
    """The library of a driver root with a page of its own."""
    building.make_native("install", f"DESTDIR={tmp_path}")
    profile = repo / "charts/gpu-mock/profiles/a100.yaml"
    done = run(native_build / "mock-nvml", "--root", tmp_path, "apply", profile)
    assert done.returncode == 0, done.stderr
    return tmp_path / "usr/lib64/libnvidia-ml.so.1"


def client(run, script: str, *arguments: str | Path) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MOCK_NVML")}
    done = run(sys.executable, "-c", script, *arguments, env=kept)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_ten_thousand_loads_leave_nothing(root, run):
    before, after = json.loads(client(run, RELOAD, root, "10000"))
    assert not after[3], "the library stays mapped"
    assert after[1:3] == before[1:3], "mappings or descriptors grow"
    assert after[0] - before[0] < 256 * 1024, f"{after[0] - before[0]} bytes more are resident"


@pytest.mark.parametrize("again", ["again", "on"])
def test_a_child_goes_on_or_starts_again(root, run, again):
    old, now = map(int, client(run, FORK, root, again).split())
    assert now == 1 - old, "the parent sees what the child has set"


@pytest.mark.parametrize(("when", "private"), [("on", False), ("again", False), ("on", True)])
def test_children_work_that_are_forked_while_threads_use_the_library(root, repo, run, when, private):
    """None waits for a lock that a thread of its parent held, of the node's page or of one for the process alone."""
    profile = [repo / "charts/gpu-mock/profiles/a100.yaml"] if private else []
    assert client(run, FORK_AMID_THREADS, root, when, *profile) == ""


def test_a_child_needs_no_lock_of_the_loader(root, run):
    """The C library frees that in no child: a thread of the parent may have had it, as our nvmlInit once did."""
    assert client(run, FORK_WHILE_THE_LOADER_IS_ASKED, root) == "0\n"


def test_valgrind_finds_nothing(root, repo, nvml_header_file, tmp_path, run):
    """Every function three times in one process: no invalid access, no jump by what nobody wrote, nothing lost."""
    tool = repo / "native/nvml/tools/answers.py"
    done = run(sys.executable, tool, "--header", nvml_header_file, "--program", tmp_path)
    assert done.returncode == 0, done.stderr
    options = [
        "--quiet",
        "--error-exitcode=9",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite,indirect,possible",
    ]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MOCK_NVML")}
    done = run("valgrind", *options, tmp_path / "answers", root, "together", env=kept)
    assert done.returncode == 0, done.stderr[-6000:]
