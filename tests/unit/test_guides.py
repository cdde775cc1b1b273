# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guides show of mock-nvml is what it prints."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest


class Gpus(t.NamedTuple):
    """The GPUs of the guides: eight A100s of a node that is called vm."""

    argv: list[str]

    def run(self, *words: str) -> str:
        return subprocess.run([*self.argv, *words], check=True, capture_output=True, text=True).stdout

    def answer(self, *words: str) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads(self.run(*words, "--json")))


@pytest.fixture
def gpus(native_build: Path, repo: Path, tmp_path: Path) -> Gpus:
    gpus = Gpus([str(native_build / "mock-nvml"), "--root", str(tmp_path)])
    gpus.run("apply", "--node-name", "vm", str(repo / "charts/gpu-mock/profiles/a100.yaml"))
    return gpus


@pytest.fixture
def faults_guide(repo: Path) -> str:
    return (repo / "docs" / "faults.md").read_text()


def shape(value: t.Any) -> t.Any:
    """Names without what is said under them; values of a GPU have other names on each board."""
    if isinstance(value, dict):
        return {key: shape(inner) if key not in ("values", "faulty_values") else {} for key, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_the_lost_gpu_of_the_guide(gpus: Gpus, faults_guide: str) -> None:
    lost = gpus.answer("fail", "fallen-off-bus", "-i", "3")["devices"][0]
    assert f"GPU 3 ({lost['uuid']}): changed\n" in faults_guide
    # NVIDIA's nvidia-smi shows the domain's last four digits; tests/native/test_faults.py runs it.
    assert f"handle for GPU{lost['pci_bus_id'][4:]}: GPU is lost." in faults_guide


def divide(native_build: Path, root: Path) -> None:
    """The first GPU has one MIG device; NVML alone makes them, so the root needs a library that finds its page."""
    folder = root / "usr" / "lib64"
    folder.mkdir(parents=True)
    for library in native_build.glob("libnvidia-ml.so*"):
        shutil.copy(library, folder, follow_symlinks=False)
    for words in ("-mig 1", "mig -cgi 9 -C"):
        argv = [native_build / "nvidia-smi", *words.split(), "-i", "0"]
        subprocess.run(argv, check=True, env={**os.environ, "LD_LIBRARY_PATH": str(folder)})


def test_the_answers_of_the_guide(gpus: Gpus, faults_guide: str, native_build: Path, tmp_path: Path) -> None:
    change, fault, status = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", faults_guide, re.DOTALL))
    assert shape(change) == shape(gpus.answer("set", "-i", "0", "utilization.gpu=1"))
    made = gpus.answer("fail", "ecc-uncorrectable", "--count", "3", "-i", "0")["devices"][0]["fault"]
    assert fault == made
    gpus.run("clear")
    divide(native_build, tmp_path)
    process = "--pid 4711 --memory 2000 --name python3 --utilization 80 --gpu-instance 2 --compute-instance 0"
    gpus.run("process", "add", *process.split(), "-i", "0")
    told = gpus.answer("status")
    assert shape(status) == shape(told)
    for key in ("processes", "mig"):
        assert status["devices"][0][key] == told["devices"][0][key]
    assert set(status["devices"][0]["values"]) <= set(told["devices"][0]["values"])
