# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of a device page that something has overwritten: who reads it answers as before, or refuses the page."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from driver_root import PAGE, apply, boot, place_libraries

PLACES = 200
BYTES = 256

DAMAGED = "cannot use device page {}: the running state of GPU 0 is damaged: run mock-nvml apply again"
NOT_CHANGED = "cannot change GPU 0 of {}: the running state in it is damaged: run mock-nvml apply again"
REFUSAL = re.compile(r"cannot use device page \S+: .+: run mock-nvml apply again")


@pytest.fixture(scope="module")
def root(native_build: Path, repo: Path, run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An L40S node that was worked with: all kinds of lists have something in them."""
    path = tmp_path_factory.mktemp("damage") / "root"
    place_libraries(path, native_build)
    apply(path, native_build, run, repo / "charts/gpu-mock/profiles/l40s.yaml", "--count", "3")
    for change in (
        ["process", "add", "-i", "0", "--pid", "4711", "--memory", "100", "--name", "train"],
        ["set", "-i", "1", "thermal.temperature_gpu_c=50"],
        ["fail", "pcie-replay", "--count", "3", "-i", "2"],
    ):
        done = run(native_build / "mock-nvml", "--root", path, *change)
        assert done.returncode == 0, done.stderr
    return path


def pieces(page: Path) -> Iterator[tuple[int, int]]:
    """Where the file has data; the rest of it takes no disk."""
    at = 0
    with page.open("rb") as stream:
        while True:
            try:
                at = os.lseek(stream.fileno(), at, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(stream.fileno(), at, os.SEEK_HOLE)
            yield at, end
            at = end


def ask(root: Path, build: Path) -> tuple[int, str, str]:
    """All that a reader prints, without the time of day."""
    library = root / "usr/lib64"
    done = subprocess.run(
        [build / "nvidia-smi", "-q"],
        env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(library)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, re.sub(r"^Timestamp .*$", "", done.stdout, flags=re.MULTILINE), done.stderr


def judge(root: Path, build: Path, sound: tuple[int, str, str]) -> str:
    code, printed, said = ask(root, build)
    if code == 0:
        return "as before" if printed == sound[1] else "believed"
    return "refused" if REFUSAL.search(said) else "failed"


def experiment(root: Path, build: Path, places: int, seed: int) -> tuple[Counter[str], list[tuple[int, str]]]:
    """Overwrite one place after the other, each in a page that is sound else."""
    page, draw = root / PAGE, random.Random(seed)
    extents, sound = list(pieces(page)), ask(root, build)
    assert sound[0] == 0, sound
    found: Counter[str] = Counter()
    wrong = []
    for _ in range(places):
        start, end = draw.choices(extents, [end - start for start, end in extents])[0]
        at = draw.randrange(start, max(end - BYTES, start + 1))
        with page.open("r+b") as stream:
            stream.seek(at)
            before = stream.read(BYTES)
            stream.seek(at)
            stream.write(draw.randbytes(BYTES))
            stream.flush()
            outcome = judge(root, build, sound)
            stream.seek(at)
            stream.write(before)
        found[outcome] += 1
        if outcome not in ("as before", "refused"):
            wrong.append((at, outcome))
    return found, wrong


def test_no_damage_is_believed(root: Path, native_build: Path) -> None:
    found, wrong = experiment(root, native_build, PLACES, 1)
    assert wrong == [], found
    assert found["refused"] > 20


def test_the_same_profile_again_makes_it_good(root: Path, native_build: Path, repo: Path, run) -> None:
    """Whoever changes something refuses it too: until then nothing does."""
    mock = (native_build / "mock-nvml", "--root", root)
    with (root / PAGE).open("r+b") as stream:
        found = stream.read().index(b"train")
        stream.seek(found)
        stream.write(b"T")
    message = f"mock-nvml: {DAMAGED.format(root / PAGE)}\n"
    code, _printed, said = ask(root, native_build)
    assert (code, said) == (255, message)
    for words in (["status"], ["set", "-i", "1", "thermal.temperature_gpu_c=51"], ["reset"]):
        done = run(*mock, *words)
        assert (done.returncode, done.stderr) == (3, message.removeprefix("mock-nvml: "))
    apply(root, native_build, run, repo / "charts/gpu-mock/profiles/l40s.yaml", "--count", "3")
    assert ask(root, native_build)[0] == 0
    assert "train" not in run(*mock, "status").stdout


@pytest.mark.parametrize("first", ["nvidia-smi", "mock-nvml", "apply"])
def test_the_first_program_after_a_boot_makes_it_good(
    first: str, root: Path, native_build: Path, repo: Path, run
) -> None:
    """Who goes first makes anew what a power loss has torn, and that alone: GPU 1 goes on as it was set."""
    mock = (native_build / "mock-nvml", "--root", root)
    for change in (
        ["process", "add", "-i", "0", "--pid", "6", "--name", "train"],
        ["set", "-i", "1", "thermal.temperature_gpu_c=52"],
    ):
        assert run(*mock, *change).returncode == 0
    with (root / PAGE).open("r+b") as stream:
        stream.seek(stream.read().index(b"train"))
        stream.write(b"T")
    assert ask(root, native_build)[0] == 255
    boot(root / PAGE)
    done = run(*mock, "set", "--dry-run", "-i", "1", "thermal.temperature_gpu_c=53")
    assert (done.returncode, done.stderr) == (3, f"{DAMAGED.format(root / PAGE)}\n")
    if first == "nvidia-smi":
        assert ask(root, native_build)[0] == 0
    elif first == "mock-nvml":
        assert run(*mock, "status").returncode == 0
    else:
        apply(root, native_build, run, repo / "charts/gpu-mock/profiles/l40s.yaml", "--count", "3")
    devices = json.loads(run(*mock, "status", "--json").stdout)["devices"]
    assert devices[0]["processes"] == []
    code, printed, said = ask(root, native_build)
    assert (code, said) == (0, "")
    assert "52 C" in printed


SETTER = """
import ctypes, sys
nvml, device = ctypes.CDLL(sys.argv[1]), ctypes.c_void_p()
assert nvml.nvmlInit_v2() == 0
assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
with open(sys.argv[2], "r+b") as page:
    page.seek(page.read().index(b"train"))
    page.write(b"T")
print(nvml.nvmlDeviceSetComputeMode(device, 2), nvml.nvmlInit_v2(), nvml.nvmlShutdown(), nvml.nvmlShutdown())
print(nvml.nvmlInit_v2())
"""


def test_a_setter_of_a_running_program_changes_nothing(root: Path, native_build: Path, run) -> None:
    done = run(native_build / "mock-nvml", "--root", root, "process", "add", "-i", "0", "--pid", "5", "--name", "train")
    assert done.returncode == 0, done.stderr
    done = run(sys.executable, "-c", SETTER, root / "usr/lib64/libnvidia-ml.so.1", root / PAGE)
    assert done.stdout.splitlines() == ["999 0 0 0", "999"], done.stderr
    assert done.stderr.splitlines() == [
        f"mock-nvml: {NOT_CHANGED.format(root / PAGE)}",
        f"mock-nvml: {DAMAGED.format(root / PAGE)}",
    ]
