# SPDX-License-Identifier: GPL-3.0-or-later
"""The role mock_nvml on a controller with and without the static libyaml, as a compiler that says so makes it look."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Include the step
      ansible.builtin.include_role:
        name: mirage.accel.mock_nvml
        tasks_from: install_packages.yml
        public: false
"""


@pytest.mark.parametrize(
    ("answer", "skipped"), [("libyaml.a", False), ("/usr/lib/libyaml.a", True)], ids=["missing", "there"]
)
def test_libyaml_is_installed_only_where_it_is_missing(
    tmp_path: Path, repo: Path, run, ansible_env: dict[str, str], answer: str, skipped: bool
) -> None:
    gcc = tmp_path / "bin/gcc"
    gcc.parent.mkdir()
    gcc.write_text(f"#!/bin/sh\necho {answer}\n")
    gcc.chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAY)
    environment = {**ansible_env, "PATH": f"{gcc.parent}:{ansible_env['PATH']}"}
    playbook = Path(sys.executable).with_name("ansible-playbook")
    # The tests' own packages hold libyaml-dev, so that apt has nothing to change.
    done = run(sys.executable, playbook, tmp_path / "play.yml", cwd=repo, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("Install libyaml-dev on the controller]" not in done.stdout) is skipped, done.stdout
    assert f"skipped={int(skipped)}" in done.stdout
    assert "changed=0" in done.stdout
