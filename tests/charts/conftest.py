# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart that a file of tests is about (its `CHART`), as helm renders and packs it, and helm's unit test plugin."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

Run = t.Callable[..., t.Any]


def go_build(repo: Path, env: dict[str, str], options: dict[str, t.Any]) -> Path:
    """The folder of the programs that the module go_build made."""
    playbook = Path(sys.executable).parent / "ansible"
    command = [playbook, "localhost", "-m", "mirage.accel.go_build", "-a", json.dumps(options)]
    done = subprocess.run(
        command,
        cwd=repo,
        env={**env, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout[done.stdout.index("{") :])
    return Path(result["plays"][0]["tasks"][0]["hosts"]["localhost"]["path"])


@pytest.fixture(scope="session")
def helm_unittest(repo: Path, cache: Path, ansible_env: dict[str, str]) -> Path:
    source = repo / "roles/helm_releases/files/go/helm-unittest"
    pins = (source / "go.mod").read_text().split()
    version = pins[pins.index("github.com/helm-unittest/helm-unittest") + 1]
    options = {"name": "helm-unittest", "version": version, "src": str(source), "cache_dir": str(cache)}
    return go_build(repo, ansible_env, options) / "helm-unittest"


@pytest.fixture(scope="module")
def chart(repo: Path, request: pytest.FixtureRequest) -> Path:
    return repo / "charts" / request.module.CHART


@pytest.fixture(scope="module")
def template(run: Run, helm: Path, chart: Path) -> Run:
    def render(*options: str, release: str = chart.name) -> t.Any:
        return run(helm, "template", release, chart, *options)

    return render


@pytest.fixture
def packed(run: Run, helm: Path, chart: Path, tmp_path: Path) -> list[str]:
    """The files of the chart's package."""
    assert run(helm, "package", chart, "--destination", tmp_path).returncode == 0
    return run("tar", "-tzf", next(tmp_path.glob("*.tgz"))).stdout.split()
