# SPDX-License-Identifier: GPL-3.0-or-later
"""The same with the real library and control command: what is placed works, and all of it is found again."""

from __future__ import annotations

import dataclasses
import os
import shutil
import typing as t
from pathlib import Path

import pytest
from gpu_mock import node_files, owner
from gpu_mock.errors import RefusedError
from gpu_mock.settings import Settings

Take = t.Callable[[], dict[str, t.Any]]


@pytest.fixture
def real(node: Settings, native_build: Path, repo: Path) -> Settings:
    """A node's pod with the payload that the Containerfile copies, and a profile as the ConfigMap brings it."""
    for folder, names in {
        "usr/lib64": ["libnvidia-ml.so.1", "libcuda.so.1"],
        "usr/bin": ["mock-nvml", "nvidia-smi"],
    }.items():
        for name in names:
            shutil.copy(native_build / name, node.payload / folder / name)
    shutil.copy(repo / "charts/gpu-mock/profiles/a100.yaml", node.config_file)
    return dataclasses.replace(node, count=3)


def place(settings: Settings) -> list[str]:
    return node_files.ensure(settings, owner.read(settings.driver_root))


def smi(run: t.Callable[..., t.Any], settings: Settings) -> list[str]:
    root = settings.driver_root
    done = run(root / "usr/bin/nvidia-smi", "-L", env={**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib64")})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_what_is_placed_works_and_goes(real: Settings, run: t.Callable[..., t.Any], snapshot: Take) -> None:
    place(real)
    before = snapshot()
    lines = smi(run, real)
    assert len(lines) == 3
    assert all("NVIDIA A100-SXM4-40GB (UUID: GPU-" in line for line in lines)
    assert place(real) == []
    assert snapshot() == before
    record = owner.read(real.driver_root)
    assert record is not None
    node_files.remove(real, record)
    assert snapshot() == {}
    assert not real.driver_root.exists()


def control(run: t.Callable[..., t.Any], settings: Settings, *argv: str) -> str:
    root = settings.driver_root
    done = run(root / "usr/bin/mock-nvml", "--root", root, *argv)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_restart_keeps_the_running_state_and_another_description_ends_it(
    real: Settings, run: t.Callable[..., t.Any]
) -> None:
    place(real)
    control(run, real, "fail", "ecc-correctable", "-i", "0")
    control(run, real, "set", "utilization.gpu=70", "-i", "1")
    before = control(run, real, "status", "--json")
    assert '"kind": "ecc-correctable"' in before
    assert place(real) == []
    assert control(run, real, "status", "--json") == before
    place(dataclasses.replace(real, count=2))
    after = control(run, real, "status", "--json")
    assert '"kind":' not in after
    assert '"utilization.gpu": 70' not in after


def test_files_of_mig_instances_go_too(real: Settings, run: t.Callable[..., t.Any], snapshot: Take) -> None:
    place(real)
    root = real.driver_root
    env = {**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib64")}
    assert run(root / "usr/bin/nvidia-smi", "-i", "0", "-mig", "1", env=env).returncode == 0
    assert run(root / "usr/bin/nvidia-smi", "mig", "-i", "0", "-cgi", "19", "-C", env=env).returncode == 0
    assert list(root.glob("proc/driver/nvidia/capabilities/gpu0/mig/gi*/ci0/access"))
    record = owner.read(root)
    assert record is not None
    node_files.remove(real, record)
    assert snapshot() == {}


def test_an_upgrade_keeps_the_page_and_changes_the_gpus(
    real: Settings, run: t.Callable[..., t.Any], repo: Path
) -> None:
    place(real)
    inode = real.page.stat().st_ino
    shutil.copy(repo / "charts/gpu-mock/profiles/gb200.yaml", real.config_file)
    place(dataclasses.replace(real, profile="gb200", count=2))
    assert real.page.stat().st_ino == inode
    lines = smi(run, real)
    assert len(lines) == 2
    assert all("GB200" in line for line in lines)


def test_a_description_with_a_mistake_names_the_line(real: Settings, snapshot: Take) -> None:
    real.config_file.write_text("device_defaults:\n  name: [not, a, name]\n")
    with pytest.raises(RefusedError, match=r"config\.yaml:2: "):
        place(real)
    assert snapshot() == {}
