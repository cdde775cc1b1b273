# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenario `kernel`: virtual machines get GPUs and accelerators, are rebooted, and clean afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenarios import Scenario

pytestmark = pytest.mark.timeout(3600)

ACTIONS = ["destroy", "create", "prepare", "converge", "idempotence", "verify", "side_effect"]
ACTIONS += ["cleanup", "destroy"]


def loaded_here() -> bool:
    return Path("/sys/module/mock_accel").exists()


def test_kernel_scenario(repo: Path, run, ansible_env: dict[str, str], tmp_path: Path) -> None:
    before = loaded_here()
    scenario = Scenario("kernel", run, repo, ansible_env, tmp_path)
    try:
        done = scenario.do("test", timeout=3000)
    finally:
        # molecule does that after a failure too; this also after a hang.
        scenario.do("destroy", timeout=300)
    assert scenario.executed(done, ACTIONS) == ACTIONS
    # The module was loaded in the virtual machines, and never here.
    assert loaded_here() == before
    assert scenario.processes() == []
    assert not list(scenario.files.glob("*/pid"))
