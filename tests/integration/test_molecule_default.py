# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenario `default`: a fresh host gets its GPUs by ssh, is verified, and is clean afterwards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(1800)

ACTIONS = ["destroy", "create", "prepare", "check", "converge", "idempotence", "verify", "cleanup", "destroy"]


def gpu_nodes() -> list[str]:
    return sorted(path.name for path in Path("/dev").glob("nvidia*"))


def test_default_scenario(repo: Path, run, ansible_env: dict[str, str], tmp_path: Path) -> None:
    before = gpu_nodes()
    environment = {
        **ansible_env,
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
        "ANSIBLE_FORCE_COLOR": "false",
        "NO_COLOR": "1",
    }
    environment.pop("ANSIBLE_CONFIG")
    done = run("molecule", "test", "--scenario-name", "default", cwd=repo, env=environment, timeout=1500)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-12000:]
    ran = re.findall(r"\[default > (\w+)\] Executed: Successful", output)
    assert [action for action in ran if action in ACTIONS] == ACTIONS
    assert gpu_nodes() == before
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert not (tmp_path / "molecule/host").exists()
    running = [entry for entry in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in _read(entry)]
    assert running == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
