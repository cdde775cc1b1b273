# SPDX-License-Identifier: GPL-3.0-or-later
"""Unmodified clients of NVML, each on all profiles: what they are told is compared with `mock-nvml check --json`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

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
