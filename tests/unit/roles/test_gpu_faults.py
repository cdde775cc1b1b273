# SPDX-License-Identifier: GPL-3.0-or-later
"""The role knows which kinds of faults NVIDIA's device plugin can notice, and hands on all options of a fault."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.mirage.accel.plugins.modules import nvml_fault


def test_kinds_that_are_waited_for_are_those_that_announce_an_xid(repo: Path, native_build: Path, run) -> None:
    done = run(native_build / "mock-nvml", "faults")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()[2:]]
    announced = {row[1].strip("`") for row in rows if "Xid" in row[-2]}
    assert "fallen-off-bus" in announced and "slow" not in announced
    variables = yaml.safe_load((repo / "roles/gpu_faults/vars/main.yml").read_text())
    assert set(variables["_gpu_faults_announced"]) == announced | {"xid"}


def test_every_option_of_the_module_is_handed_on(repo: Path) -> None:
    variables = yaml.safe_load((repo / "roles/gpu_faults/vars/main.yml").read_text())
    task = yaml.safe_load((repo / "roles/gpu_faults/tasks/hosts.yml").read_text())[0]
    given = task["mirage.accel.nvml_fault"]
    of_variables = {"path", "kind", "gpus", "state"}
    assert set(given) == set(nvml_fault.ARGUMENT_SPEC)
    assert set(variables["_gpu_faults_options"]) == set(given) - of_variables
    for name in variables["_gpu_faults_options"]:
        assert given[name] == f"{{{{ gpu_faults_options.{name} | default(omit) }}}}"
