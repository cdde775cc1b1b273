# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenario `cluster`, on the machine that the cases before have left as it was."""

from __future__ import annotations

import re
from pathlib import Path

import host_state
import pytest

pytestmark = pytest.mark.timeout(3600)

ACTIONS = ["prepare", "converge", "idempotence", "verify", "side_effect", "verify", "cleanup"]


def test_cluster_scenario(before: host_state.HostState, repo: Path, run, ansible_env: dict, tmp_path: Path) -> None:
    environment = {
        **ansible_env,
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
        "ANSIBLE_FORCE_COLOR": "false",
        "NO_COLOR": "1",
    }
    environment.pop("ANSIBLE_CONFIG")
    try:
        done = run("molecule", "test", "--scenario-name", "cluster", cwd=repo, env=environment, timeout=3000)
    finally:
        # molecule cleans up after a failure too; this also after a hang.
        run("make", "down", cwd=repo, timeout=600)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-12000:]
    ran = re.findall(r"\[cluster > (\w+)\] Executed: Successful", output)
    assert [action for action in ran if action in ACTIONS] == ACTIONS
    left = host_state.left_behind(before)
    assert not left, host_state.dump(left)
