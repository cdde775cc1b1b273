# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenario `cluster`: this machine and a guest as the two nodes of one cluster, and nothing left of it."""

from __future__ import annotations

from pathlib import Path

import host_state
import pytest
from scenarios import Scenario

pytestmark = pytest.mark.timeout(5400)

ACTIONS = ["destroy", "create", "prepare", "converge", "idempotence", "verify", "side_effect", "cleanup", "destroy"]


def test_cluster_scenario(repo: Path, run, ansible_env: dict, tmp_path: Path) -> None:
    run("make", "down", cwd=repo, timeout=600)
    before = host_state.observe()
    scenario = Scenario("cluster", run, repo, ansible_env, tmp_path)
    try:
        done = scenario.do("test", timeout=5000)
    finally:
        # molecule does that after a failure too; this also after a hang.
        scenario.do("destroy", timeout=300)
        run("make", "down", cwd=repo, timeout=600)
    assert scenario.executed(done, ACTIONS) == ACTIONS
    left = host_state.left_behind(before)
    assert not left, host_state.dump(left)
    assert scenario.processes() == []
