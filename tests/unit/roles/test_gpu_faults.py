# SPDX-License-Identifier: GPL-3.0-or-later
"""The role knows which kinds of faults NVIDIA's device plugin can notice, as the code announces them."""

from __future__ import annotations

from pathlib import Path

import yaml


def test_kinds_that_are_waited_for_are_those_that_announce_an_xid(repo: Path, native_build: Path, run) -> None:
    done = run(native_build / "mock-nvml", "faults")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()[2:]]
    announced = {row[1].strip("`") for row in rows if "Xid" in row[-2]}
    assert "fallen-off-bus" in announced and "slow" not in announced
    variables = yaml.safe_load((repo / "roles/gpu_faults/vars/main.yml").read_text())
    assert set(variables["_gpu_faults_announced"]) == announced | {"xid"}
