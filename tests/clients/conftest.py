# SPDX-License-Identifier: GPL-3.0-or-later
"""Unmodified clients of NVML, each on all profiles: what they are told is compared with `mock-nvml check --json`.

Clients that people start by hand get the library by their environment. NVIDIA's programs for Kubernetes, which ask for
the rest of a node, get one (tests/support/gpu_node.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gpu_node
import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", params=["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"])
def profile(request: pytest.FixtureRequest, repo: Path) -> Path:
    return repo / "charts" / "gpu-mock" / "profiles" / f"{request.param}.yaml"


@pytest.fixture(scope="session")
def client_env(native_build: Path, profile: Path) -> dict[str, str]:
    """An environment in which a client finds our library, and in it the profile: no device node filters it."""
    env = {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", "MOCK_NVML_LOG")}
    return {**env, "LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile)}


@pytest.fixture(scope="session")
def node(native_build: Path, profile: Path, run: Run) -> dict:
    """What the profile describes, as the control command reads it: the other side of every comparison."""
    done = run(native_build / "mock-nvml", "check", "--json", profile)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def client(client_env: dict[str, str], run: Run) -> Callable[..., str]:
    """Run a client that has to succeed; returns what it prints."""

    def call(*argv: str | Path, **more: str) -> str:
        done = run(*argv, env={**client_env, **more}, timeout=120)
        assert done.returncode == 0, f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return call


@pytest.fixture(scope="session")
def consumers(
    repo: Path, cache: Path, ansible_env: dict[str, str], run: Run, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Folders of NVIDIA's programs by the name of the build, made as role container_images makes them."""
    answer = tmp_path_factory.mktemp("consumers") / "programs.json"
    variables = {
        "role_path": str(repo / "roles" / "container_images"),
        "programs_cache": str(cache),
        "programs_file": str(answer),
    }
    playbook = [Path(sys.executable).parent / "ansible-playbook", "tests/clients/programs.yml"]
    done = run(*playbook, "-e", json.dumps(variables), cwd=repo, env=ansible_env, timeout=3600)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: Path(folder) for name, folder in json.loads(answer.read_text()).items()}


@pytest.fixture
def host(native_build: Path) -> Iterator[gpu_node.GpuNode]:
    """A node that has a driver root; a test puts a profile in force."""
    with gpu_node.gpu_node(native_build) as one:
        yield one
