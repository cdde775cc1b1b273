# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test may ask for: the checkout, the cache, programs, the vendor's nvidia-smi, an API server, a runner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import apiserver as servers
import building
import pytest
import vendor_smi as smi_programs
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

REPO = Path(__file__).resolve().parent.parent

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# The committed link makes this checkout importable as ansible_collections.mirage.accel whatever its folder is called.
_AnsibleCollectionFinder(paths=[str(REPO / ".collections")])._install()


def run_command(*argv: str | Path, timeout: float = 600, **kwargs: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return it with its text output; a failing command is a result, not an exception."""
    options: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    options.update(kwargs)
    if "input" in options:
        options.pop("stdin")
    return subprocess.run([str(arg) for arg in argv], text=True, check=False, timeout=timeout, **options)


def must_run(*argv: str | Path, **kwargs: object) -> str:
    """Run a command that a fixture needs; its failure is shown whole."""
    done = run_command(*argv, **kwargs)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test that asks for programs may have to build them in an empty cache, which is part of its time."""
    for item in items:
        if {"programs", "kubernetes_programs", "consumers"}.intersection(getattr(item, "fixturenames", ())):
            limit = item.get_closest_marker("timeout")
            item.add_marker(pytest.mark.timeout(max(3600, limit.args[0] if limit else 0)), append=False)


@pytest.fixture(scope="session")
def run() -> Run:
    return run_command


@pytest.fixture(scope="session")
def repo() -> Path:
    return REPO


@pytest.fixture(scope="session")
def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mirage.accel"


@pytest.fixture(scope="session")
def native_build() -> Path:
    """The folder of the library, libcuda, mock-nvml and our nvidia-smi, built by make (which knows what is stale)."""
    building.make_native()
    return building.NATIVE / "build"


@pytest.fixture(scope="session")
def vendor_smi(cache: Path) -> Path:
    """The vendor's own nvidia-smi of the default driver version, unpacked aside from Debian 13's non-free component."""
    return smi_programs.unpacked(cache, smi_programs.DRIVER_VERSION, "trixie")


@pytest.fixture(scope="session")
def newer_smi(cache: Path) -> Path:
    """The vendor's own nvidia-smi 555.58.02 of Debian's experimental suite; without it the test is skipped."""
    return smi_programs.newer(cache)


@pytest.fixture(scope="session")
def ansible_env() -> dict[str, str]:
    """An environment with the commands of this virtual environment and the settings of this checkout."""
    bin_dir = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{bin_dir}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(REPO / "ansible.cfg")}


@pytest.fixture(scope="session")
def programs(ansible_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of the Go programs by name of the build, made as the roles make them where the cache has them not."""
    answer = tmp_path_factory.mktemp("programs") / "programs.json"
    playbook = [Path(sys.executable).parent / "ansible-playbook", REPO / "tests" / "programs.yml"]
    must_run(*playbook, "-e", f"answer={answer}", cwd=REPO, env=ansible_env, timeout=3600)
    return {name: Path(folder) for name, folder in json.loads(answer.read_text()).items()}


@pytest.fixture(scope="session")
def helm(programs: dict[str, Path]) -> Path:
    return programs["helm"] / "helm"


@pytest.fixture(scope="session")
def kubectl(programs: dict[str, Path]) -> Path:
    return programs["kubernetes"] / "kubectl"


@pytest.fixture(scope="session")
def kubernetes_programs(repo: Path, cache: Path, run, ansible_env: dict[str, str]) -> dict[str, str]:
    """Folders of etcd's and Kubernetes' programs by name, from the cache, else a release, else built."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "programs.json"
        variables = {
            "top": str(repo),
            "role_path": str(repo / "roles" / "local_cluster"),
            "programs_cache": str(cache),
            "programs_file": str(answer),
        }
        command = [Path(sys.executable).parent / "ansible-playbook", "tests/integration/programs.yml"]
        done = run(*command, "-e", json.dumps(variables), cwd=repo, env=ansible_env, timeout=3600)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(answer.read_text())


@pytest.fixture(scope="session")
def apiserver(kubernetes_programs: dict[str, str]) -> Iterator[servers.ApiServer]:
    """A real kube-apiserver for as long as the tests run, and nothing left of it afterwards."""
    with servers.running(kubernetes_programs) as server:
        yield server
