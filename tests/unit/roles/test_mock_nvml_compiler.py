# SPDX-License-Identifier: GPL-3.0-or-later
"""The role mock_nvml with a compiler that is named: it has to build for the host, whatever the controller is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PLAY = """\
- hosts: localhost
  gather_facts: false
  vars:
    mock_nvml_compiler: {compiler}
    mock_nvml_libyaml: /usr/lib/libyaml.a
  tasks:
    - name: Have a host of some architecture
      ansible.builtin.set_fact:
        architecture: {architecture}
        cacheable: true
    - name: Include the step
      ansible.builtin.include_role:
        name: mirage.accel.mock_nvml
        tasks_from: compiler.yml
        public: false
"""


@pytest.fixture
def see_to_compiler(tmp_path: Path, repo: Path, run, ansible_env: dict[str, str]) -> Callable:
    def call(compiler: str | Path, architecture: str):
        (tmp_path / "play.yml").write_text(PLAY.format(compiler=compiler, architecture=architecture))
        playbook = Path(sys.executable).with_name("ansible-playbook")
        return run(sys.executable, playbook, tmp_path / "play.yml", cwd=repo, env=ansible_env)

    return call


@pytest.fixture
def compiler(tmp_path: Path) -> Path:
    path = tmp_path / "some-gcc"
    path.write_text('#!/bin/sh\n[ "$1" = -dumpmachine ] && echo aarch64-linux-gnu\n')
    path.chmod(0o755)
    return path


def test_one_that_builds_for_the_host_is_taken(see_to_compiler, compiler: Path) -> None:
    done = see_to_compiler(compiler, "aarch64")
    assert done.returncode == 0, done.stdout
    # The libyaml is named, so that none is fetched.
    assert "skipped=1" in done.stdout
    assert "changed=0" in done.stdout


def test_one_that_builds_for_another_is_refused(see_to_compiler, compiler: Path) -> None:
    done = see_to_compiler(compiler, "x86_64")
    assert done.returncode == 2
    assert f"The compiler {compiler} builds for aarch64-linux-gnu and this host is x86_64: set mock_nvml_compiler" in (
        done.stdout.replace("\n", " ")
    )


def test_one_that_is_not_there_is_named(see_to_compiler) -> None:
    done = see_to_compiler("/nonexistent/gcc", "aarch64")
    assert done.returncode == 2
    assert "The compiler /nonexistent/gcc does not run on the controller (" in done.stdout
    assert "install it (Debian: gcc-aarch64-linux-gnu) or set mock_nvml_compiler to another" in done.stdout
