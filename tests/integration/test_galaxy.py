# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as Galaxy hands it out: built from an export of HEAD, installed into an empty path, used there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

BIN = Path(sys.executable).parent
Ansible = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def export(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git knows at HEAD, in a folder that is neither called accel nor below ansible_collections."""
    folder = tmp_path_factory.mktemp("a clone of any name")
    archive = folder.with_suffix(".tar")
    subprocess.run(["git", "archive", "--format=tar", f"--output={archive}", "HEAD"], cwd=repo, check=True)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="tar")
    return folder


@pytest.fixture(scope="module")
def package(export: Path, run, ansible_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("package")
    done = run(
        BIN / "ansible-galaxy", "collection", "build", "--output-path", output, cwd=export, env=plain(ansible_env)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    version = yaml.safe_load((export / "galaxy.yml").read_text())["version"]
    assert [path.name for path in output.iterdir()] == [f"mirage-accel-{version}.tar.gz"]
    return next(output.iterdir())


@pytest.fixture(scope="module")
def members(package: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(package) as tar:
        return {member.name: member for member in tar.getmembers()}


@pytest.fixture(scope="module")
def installed(package: Path, run, ansible_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path that it is installed into; kubernetes.core is found where the virtual environment has it."""
    path = tmp_path_factory.mktemp("collections")
    command = [BIN / "ansible-galaxy", "collection", "install", "--offline", "--collections-path", path, package]
    done = run(*command, cwd=path, env=plain(ansible_env))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mirage.accel" in done.stdout
    return path


@pytest.fixture(scope="module")
def ansible(installed: Path, run, ansible_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Runs one of ansible's commands where nothing but the installed collection is to be found."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    env = {**plain(ansible_env), "ANSIBLE_COLLECTIONS_PATH": str(installed)}

    def command(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return run(BIN / program, *arguments, cwd=elsewhere, env=env, timeout=900)

    return command


def plain(env: dict[str, str]) -> dict[str, str]:
    """Without the checkout's settings: an installed collection has none."""
    return {name: value for name, value in env.items() if not name.startswith("ANSIBLE_")}


def modules(export: Path) -> list[str]:
    return sorted(f"mirage.accel.{path.stem}" for path in (export / "plugins" / "modules").glob("*.py"))


@pytest.mark.parametrize(
    "needed",
    [
        "README.md",
        "meta/runtime.yml",
        "changelogs/changelog.yaml",
        "playbooks/site.yml",
        "playbooks/teardown.yml",
        "charts/gpu-mock/Chart.yaml",
        "charts/gpu-mock/profiles/a100.yaml",
        "charts/gpu-mock/profiles/gb200.yaml",
        "charts/mock-device/Chart.yaml",
        "roles/dra_driver/files/Containerfile",
        "native/nvml/Makefile",
        "native/nvml/libnvidia-ml.sym",
        "roles/mock_nvml/tasks/main.yml",
        "roles/local_cluster/files/go/kubernetes/go.sum",
    ],
)
def test_the_package_holds_what_users_need(members: dict[str, tarfile.TarInfo], needed: str) -> None:
    assert needed in members


def test_every_file_of_the_rooms_is_in_the_package(export: Path, members: dict[str, tarfile.TarInfo]) -> None:
    rooms = ("charts", "native", "playbooks", "plugins", "roles")
    files = {str(path.relative_to(export)) for room in rooms for path in (export / room).rglob("*") if path.is_file()}
    assert files - set(members) == set()


def test_programs_stay_programs(export: Path, members: dict[str, tarfile.TarInfo]) -> None:
    scripts = {name for name in members if (export / name).is_file() and (export / name).stat().st_mode & 0o100}
    assert scripts
    assert {name for name in scripts if not members[name].mode & 0o100} == set()


def test_the_package_holds_nothing_else(export: Path, members: dict[str, tarfile.TarInfo]) -> None:
    made = {"MANIFEST.json", "FILES.json"}
    assert {name for name in members if not (export / name).exists()} == made
    roots = {name.split("/")[0] for name in members}
    assert not roots & {"tests", "molecule", ".collections", ".ci", ".git", ".config"}


def test_the_package_is_small(package: Path) -> None:
    assert package.stat().st_size < 2 * 2**20


def test_the_dependency_is_kubernetes_core(installed: Path) -> None:
    manifest = json.loads((installed / "ansible_collections/mirage/accel/MANIFEST.json").read_text())
    info = manifest["collection_info"]
    assert info["dependencies"] == {"kubernetes.core": ">=6.0.0"}
    assert info["license"] == ["GPL-3.0-or-later"]


def test_every_module_is_documented(ansible: Ansible, export: Path) -> None:
    done = ansible("ansible-doc", "--type", "module", "--json", *modules(export))
    assert done.returncode == 0, done.stderr
    documented: dict[str, t.Any] = json.loads(done.stdout)
    assert sorted(documented) == modules(export)
    for name, docs in documented.items():
        assert docs["doc"]["short_description"], name
        assert docs["doc"]["description"], name
        assert docs["return"], name
        assert name in docs["examples"], f"{name} has no example of itself"
        for option, about in docs["doc"].get("options", {}).items():
            assert about["description"], f"{name}: {option}"
            assert about.get("type"), f"{name}: {option}"


def test_the_list_names_every_module(ansible: Ansible, export: Path) -> None:
    done = ansible("ansible-doc", "--type", "module", "--list", "--json", "mirage.accel")
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)) == modules(export)


def test_roles_are_documented(ansible: Ansible, export: Path) -> None:
    roles = sorted(f"mirage.accel.{path.name}" for path in (export / "roles").iterdir() if path.is_dir())
    done = ansible("ansible-doc", "--type", "role", "--json", *roles)
    assert done.returncode == 0, done.stderr
    documented = json.loads(done.stdout)
    assert sorted(documented) == roles
    assert [name for name in roles if "main" not in documented[name]["entry_points"]] == []


def test_the_site_is_found_by_its_name(ansible: Ansible) -> None:
    done = ansible("ansible-playbook", "mirage.accel.site", "--list-tasks")
    assert done.returncode == 0, done.stdout + done.stderr
    plays = re.findall(r"play #\d+ \(([^)]*)\)", done.stdout)
    assert len(plays) >= 6
    assert "mock_nvml : " in done.stdout
    assert "TAGS: [" in done.stdout


@pytest.mark.parametrize("playbook", ["verify", "teardown"])
def test_the_other_playbooks_are_found(ansible: Ansible, playbook: str) -> None:
    done = ansible("ansible-playbook", f"mirage.accel.{playbook}", "--list-tasks")
    assert done.returncode == 0, done.stdout + done.stderr


def recap(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = re.findall(r"(\w+)=(\d+)", done.stdout.split("PLAY RECAP")[1].splitlines()[1])
    return {name: int(number) for name, number in numbers}


def test_the_installed_site_gives_this_host_gpus(ansible: Ansible, installed: Path, run, tmp_path: Path) -> None:
    """With a driver root and a folder of device nodes of its own, so that this host stays as it is."""
    root, dev = tmp_path / "driver", tmp_path / "dev"
    dev.mkdir()
    variables = {
        "gpu_mock_driver_root": str(root),
        "gpu_mock_dev_dir": str(dev),
        "gpu_mock_count": 3,
        "device_nodes_persist": False,
    }
    arguments = ["-e", json.dumps(variables), "--tags", "build,nodes"]
    assert recap(ansible("ansible-playbook", "mirage.accel.site", *arguments))["changed"] > 0
    assert recap(ansible("ansible-playbook", "mirage.accel.site", *arguments))["changed"] == 0

    listed = run(root / "usr/bin/nvidia-smi", "-L", env={"LD_LIBRARY_PATH": str(root / "usr/lib64")})
    assert listed.stdout.count("NVIDIA A100-SXM4-40GB (UUID: GPU-") == 3, listed.stdout + listed.stderr
    assert sorted(path.name for path in dev.iterdir()) == ["nvidia0", "nvidia1", "nvidia2", "nvidiactl"]

    done = ansible("ansible-playbook", "mirage.accel.teardown", "-e", json.dumps(variables), "--tags", "nodes")
    assert recap(done)["changed"] > 0
    assert list(dev.iterdir()) == []
    assert not root.exists()
