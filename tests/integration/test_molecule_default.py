# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenario `default`: a fresh host gets its GPUs by ssh, is verified, and is clean afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenarios import Scenario

pytestmark = pytest.mark.timeout(1800)

ACTIONS = ["destroy", "create", "prepare", "check", "converge", "idempotence", "verify", "cleanup", "destroy"]


def gpu_nodes() -> list[str]:
    return sorted(path.name for path in Path("/dev").glob("nvidia*"))


def test_default_scenario(repo: Path, run, ansible_env: dict[str, str], tmp_path: Path) -> None:
    before = gpu_nodes()
    scenario = Scenario("default", run, repo, ansible_env, tmp_path)
    assert scenario.executed(scenario.do("test", timeout=1500), ACTIONS) == ACTIONS
    assert gpu_nodes() == before
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert not (scenario.files / "host").exists()
    assert scenario.processes() == []
