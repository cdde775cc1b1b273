# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program takes of a GPU through libcuda shows in NVML, for all who share the device page."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import building
import pytest
from cuda_program import PRELUDE

MIB = 1 << 20

# Does what it is told, a line of Python at a time, and answers with a line.
SERVE = """
cuda.cuInit(0)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""

LOOK = """
import json, pynvml as nv
nv.nvmlInit()
found = []
for i in range(nv.nvmlDeviceGetCount()):
    device = nv.nvmlDeviceGetHandleByIndex(i)
    processes = nv.nvmlDeviceGetComputeRunningProcesses(device)
    found.append({
        "used": nv.nvmlDeviceGetMemoryInfo(device, version=nv.nvmlMemory_v2).used,
        "processes": [[p.pid, p.usedGpuMemory, nv.nvmlSystemGetProcessName(p.pid)] for p in processes],
    })
print(json.dumps(found))
"""


class Program:
    """A program that uses libcuda, and lives until the test ends it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + SERVE],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def tell(self, line: str) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def end(self, number: int | None = None) -> int:
        if number:
            self.process.send_signal(number)
        assert self.process.stdin and self.process.stdout
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=30)


@pytest.fixture
def root(repo: Path, run, tmp_path: Path) -> Path:
    root = tmp_path / "driver"
    building.make_native("install", f"DESTDIR={root}")
    done = run(root / "usr/bin/mock-nvml", "--root", root, "apply", repo / "charts/gpu-mock/profiles/a100.yaml")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def environment(root: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("MOCK_NVML_CONFIG", "CUDA_VISIBLE_DEVICES")}
    return kept | {"LD_LIBRARY_PATH": str(root / "usr/lib64")}


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[[], Program]]:
    programs: list[Program] = []

    def call() -> Program:
        programs.append(Program(environment))
        return programs[-1]

    yield call
    for program in programs:
        if program.process.poll() is None:
            program.end(signal.SIGKILL)


@pytest.fixture
def look(environment: dict[str, str], run) -> Callable[[], list[dict]]:
    def call() -> list[dict]:
        done = run(sys.executable, "-c", LOOK, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def test_a_program_and_its_memory_are_seen(start, look):
    name = str(Path(sys.executable).resolve())
    program = start()
    assert look()[1] == {"used": 0, "processes": []}
    program.tell("one = context(1)")
    assert look()[1] == {"used": 0, "processes": [[program.pid, 0, name]]}
    program.tell("block = allocate(300 << 20); small = allocate(1)")
    assert look()[1] == {"used": 302 * MIB, "processes": [[program.pid, 302 * MIB, name]]}
    assert look()[0] == {"used": 0, "processes": []}
    program.tell("assert cuda.cuMemFree_v2(block) == 0")
    assert look()[1] == {"used": 2 * MIB, "processes": [[program.pid, 2 * MIB, name]]}
    program.tell("two = context(1); assert cuda.cuCtxDestroy_v2(one) == 0")
    assert look()[1] == {"used": 0, "processes": [[program.pid, 0, name]]}
    program.tell("assert cuda.cuCtxDestroy_v2(two) == 0")
    assert look()[1] == {"used": 0, "processes": []}


def test_programs_share_a_devices_memory(start, look):
    one, two = start(), start()
    one.tell("context(0); free, total = memory(); allocate(30 << 30)")
    two.tell("context(0); assert memory()[0] == memory()[1] - (30 << 30)")
    two.tell("assert out(c_uint64, cuda.cuMemAlloc_v2, c_size_t(20 << 30))[0] == 2")
    two.tell("allocate(5 << 30)")
    one.tell("assert memory() == (free - (35 << 30), total)")
    found = look()[0]
    assert found["used"] == 35 << 30
    assert sorted(process[:2] for process in found["processes"]) == sorted([[one.pid, 30 << 30], [two.pid, 5 << 30]])
    assert one.end() == 0
    assert look()[0]["used"] == 5 << 30
    two.tell("allocate(20 << 30)")


@pytest.mark.parametrize("number", [None, signal.SIGKILL], ids=["it ends", "it is killed"])
def test_what_a_program_leaves_behind(start, look, number):
    """One that ends takes itself away; one that is killed is seen to be dead by all who look."""
    program = start()
    program.tell("context(0); allocate(1 << 30)")
    assert look()[0]["used"] == 1 << 30
    assert program.end(number) == (-number if number else 0)
    assert look()[0] == {"used": 0, "processes": []}
    after = start()
    after.tell("context(0)")
    assert [process[0] for process in look()[0]["processes"]] == [after.pid]
    assert look()[0]["used"] == 0


def test_a_killed_program_lets_go_of_its_gpu(root, start, environment, run):
    """Other programs have its memory and may have the GPU for themselves; mock-nvml sees it no more than they do."""
    program, after = start(), start()
    program.tell("context(0); allocate(1 << 30)")
    after.tell("assert out(c_void_p, cuda.cuDeviceGet, 0)[0] == 0")
    script = "import pynvml as nv; nv.nvmlInit(); device = nv.nvmlDeviceGetHandleByIndex(0); "
    script += "nv.nvmlDeviceSetComputeMode(device, nv.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS)"
    assert run(sys.executable, "-c", script, env=environment).returncode == 0
    after.tell("assert out(c_void_p, cuda.cuCtxCreate_v2, 0, 0)[0] == 46")
    program.end(signal.SIGKILL)
    done = run(root / "usr/bin/mock-nvml", "--root", root, "process", "list", "-i", "0", "--json")
    assert json.loads(done.stdout)["devices"][0]["processes"] == []
    after.tell("context(0); free, total = memory(); assert free == total")


def test_a_child_takes_nothing_of_its_parents_away(start, look):
    program = start()
    program.tell("context(0); allocate(1 << 30)")
    program.tell("import subprocess; pid = __import__('os').fork() or sys.exit(0)")
    program.tell("assert __import__('os').waitpid(pid, 0)[1] == 0")
    assert look()[0]["processes"][0][:2] == [program.pid, 1 << 30]


def test_processes_of_the_description_stay(root, repo, start, look, run, tmp_path):
    """They never lived, so nobody takes them for dead."""
    profile = tmp_path / "busy.yaml"
    text = (repo / "charts/gpu-mock/profiles/a100.yaml").read_text()
    described = "  processes:\n    - {pid: 4000001, type: C, name: described, used_memory_mib: 100}\n"
    profile.write_text(text.replace("  processes: []\n", described, 1))
    done = run(root / "usr/bin/mock-nvml", "--root", root, "apply", profile)
    assert done.returncode == 0, done.stderr
    program = start()
    program.tell("context(0); allocate(1 << 30)")
    both = [[4000001, 100 * MIB, "described"], [program.pid, 1 << 30, str(Path(sys.executable).resolve())]]
    assert look()[0]["processes"] == both
    assert program.end() == 0
    assert look()[0]["processes"] == both[:1]


def test_compute_mode_keeps_others_out(start, root, environment, run):
    def set_mode(mode: str) -> None:
        script = "import pynvml as nv; nv.nvmlInit(); "
        script += f"nv.nvmlDeviceSetComputeMode(nv.nvmlDeviceGetHandleByIndex(0), nv.NVML_COMPUTEMODE_{mode})"
        done = run(sys.executable, "-c", script, env=environment)
        assert done.returncode == 0, done.stderr

    one, two = start(), start()
    one.tell("context(0)")
    set_mode("EXCLUSIVE_PROCESS")
    one.tell("context(0)")
    two.tell("assert integer(cuda.cuDeviceGetAttribute, 20, 0) == [0, 3]")
    two.tell("assert out(c_void_p, cuda.cuCtxCreate_v2, 0, 0)[0] == 46")
    two.tell("assert out(c_void_p, cuda.cuDevicePrimaryCtxRetain, 0)[0] == 46")
    two.tell("context(1)")
    set_mode("PROHIBITED")
    one.tell("assert out(c_void_p, cuda.cuCtxCreate_v2, 0, 0)[0] == 46")
    set_mode("DEFAULT")
    two.tell("context(0)")


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else needs root")
def test_who_may_not_write_the_page_is_not_shown(environment, look, run, root):
    """Contexts and memory work; the page stays as it is."""
    script = PRELUDE + "import os; before = os.geteuid(); os.setresuid(65534, 65534, 65534)\n"
    script += "cuda.cuInit(0); context(0); allocate(1 << 30); free, total = memory(); say(total - free)\n"
    # The folders of a test are its user's alone.
    for folder in (root, *root.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    done = run(sys.executable, "-c", script, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == 1 << 30
    assert look()[0] == {"used": 0, "processes": []}
