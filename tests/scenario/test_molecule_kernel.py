# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenario `kernel`: virtual machines get GPUs and accelerators, are rebooted, and clean afterwards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(3600)

ACTIONS = ["destroy", "create", "prepare", "converge", "idempotence", "verify", "side_effect"]
ACTIONS += ["cleanup", "destroy"]


def loaded_here() -> bool:
    return Path("/sys/module/mock_accel").exists()


def test_kernel_scenario(repo: Path, run, ansible_env: dict[str, str], tmp_path: Path) -> None:
    before = loaded_here()
    environment = {
        **ansible_env,
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
        "ANSIBLE_FORCE_COLOR": "false",
        "NO_COLOR": "1",
    }
    environment.pop("ANSIBLE_CONFIG")
    try:
        done = run("molecule", "test", "--scenario-name", "kernel", cwd=repo, env=environment, timeout=3000)
    finally:
        # molecule does that after a failure too; this also after a hang.
        run("molecule", "destroy", "--scenario-name", "kernel", cwd=repo, env=environment, timeout=300)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-12000:]
    ran = re.findall(r"\[kernel > (\w+)\] Executed: Successful", output)
    assert [action for action in ran if action in ACTIONS] == ACTIONS
    # The module was loaded in the virtual machines, and never here.
    assert loaded_here() == before
    cmdlines = Path("/proc").glob("[0-9]*/cmdline")
    left = [entry.parent.name for entry in cmdlines if str(tmp_path).encode() in _read(entry)]
    assert left == []
    assert not list((tmp_path / "molecule").glob("*/pid"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
