# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks nodes, verify and teardown on this host, with a driver root and a folder of nodes of the test's."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import typing as t
from pathlib import Path

import building
import pytest

pytestmark = pytest.mark.timeout(1200)


class Host:
    """The playbooks as a user runs them without an inventory."""

    def __init__(self, repo: Path, run, environment: dict[str, str], folder: Path) -> None:
        self._repo, self._run, self._environment = repo, run, environment
        self.root, self.dev, self.report = folder / "driver", folder / "dev", folder / "report"
        self._settings = {
            "gpu_mock_driver_root": str(self.root),
            "gpu_mock_dev_dir": str(self.dev),
            "verify_report_dir": str(self.report),
            # A cluster that runs on this host is another test's.
            "local_cluster_state_dir": str(folder / "cluster"),
            "verify_cluster": False,
        }

    def play(self, playbook: str, *options: str, **settings: t.Any) -> subprocess.CompletedProcess[str]:
        variables = json.dumps({**self._settings, **settings})
        command = ["ansible-playbook", f"playbooks/{playbook}.yml", "-e", variables, *options]
        return self._run(*command, cwd=self._repo, env=self._environment, timeout=900)

    def smi(self, *arguments: str) -> str:
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.root / "usr/lib64")}
        done = self._run(self.root / "usr/bin/nvidia-smi", *arguments, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self) -> set[str]:
        return {str(path) for top in (self.root, self.dev) for path in top.rglob("*") if not path.is_dir()}


def changes(done: subprocess.CompletedProcess[str]) -> int:
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", done.stdout))


@pytest.fixture(scope="module")
def host(repo: Path, run, ansible_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Host]:
    environment = {**ansible_env, "ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true"}
    yield Host(repo, run, environment, tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="module")
def placed(host: Host) -> Host:
    """The host after the first run; check mode came before it, and left nothing."""
    predicted = host.play("nodes", "--check", "--diff")
    assert changes(predicted) > 0
    assert host.files() == set()
    assert changes(host.play("nodes")) > 0
    return host


def test_gpus_are_listed_by_the_vendors_program(placed: Host) -> None:
    assert len(placed.smi("-L").splitlines()) == 8
    assert "NVIDIA-SMI 550.163.01" in placed.smi()
    assert sorted(path.name for path in placed.dev.iterdir()) == [
        *(f"nvidia{minor}" for minor in range(8)),
        "nvidiactl",
    ]


def test_second_run_changes_nothing(placed: Host) -> None:
    assert changes(placed.play("nodes")) == 0


def test_record_names_exactly_what_was_placed(placed: Host) -> None:
    record = json.loads((placed.root / "config/owner.json").read_text())
    # Files of MIG come and go with instances; they are known by their place.
    of_mig = {name for name in placed.files() if name.startswith(str(placed.root / "proc/driver/nvidia"))}
    assert len(of_mig) == 3
    assert set(record["files"]) | {str(placed.root / "config/owner.json")} == placed.files() - of_mig


def test_verification_is_ok_and_written_three_times(placed: Host) -> None:
    done = placed.play("verify")
    assert changes(done) == 0
    report = json.loads((placed.report / "verify.json").read_text())
    assert (report["ok"], report["checks"]) == (True, 4)
    table = (placed.report / "verify.txt").read_text()
    assert table.count(" OK") == 5
    assert max(map(len, table.splitlines())) <= 100
    assert "<title>OK: " in (placed.report / "verify.html").read_text()


@pytest.mark.parametrize(
    ("broken", "settings", "failed"),
    [
        pytest.param("", {"gpu_mock_count": 7}, {"GPUs that nvidia-smi lists", "UUIDs", "Device nodes"}, id="count"),
        pytest.param("", {"gpu_mock_profile": "gb200"}, {"GPUs that nvidia-smi lists"}, id="profile"),
        pytest.param("", {"gpu_mock_driver_version": "1.2"}, {"Driver version"}, id="version"),
        pytest.param("dev/nvidia3", {}, {"Device nodes"}, id="node-missing"),
        pytest.param(
            "driver/usr/lib64/libnvidia-ml.so.1",
            {},
            {"GPUs that nvidia-smi lists", "Driver version", "UUIDs"},
            id="library-missing",
        ),
    ],
)
def test_verification_names_what_is_wrong(placed: Host, broken: str, settings: dict, failed: set[str]) -> None:
    path = placed.root.parent / broken
    aside = placed.root.parent / "aside"
    if broken:
        path.rename(aside)
    try:
        done = placed.play("verify", **settings)
    finally:
        if broken:
            aside.rename(path)
    assert done.returncode != 0
    report = json.loads((placed.report / "verify.json").read_text())
    wrong = [row["check"] for row in report["rows"] if row["status"] == "FAILED"]
    assert len(wrong) == len(failed)
    assert all(any(check.startswith(start) for check in wrong) for start in failed)
    assert f"{len(failed)} of 4 checks FAILED" in done.stdout


def test_a_cluster_that_is_missing_is_a_failed_row(placed: Host) -> None:
    done = placed.play("verify", verify_cluster=True)
    assert done.returncode != 0
    report = json.loads((placed.report / "verify.json").read_text())
    (wrong,) = [row for row in report["rows"] if row["status"] == "FAILED"]
    expected = f"kubeconfig at {placed.root.parent}/cluster/admin.kubeconfig"
    assert (wrong["check"], wrong["expected"], wrong["actual"]) == ("Kubernetes", expected, "none")


def test_a_description_of_ones_own_replaces_the_profile(placed: Host, repo: Path) -> None:
    text = (repo / "charts/gpu-mock/profiles/a100.yaml").read_text().replace("A100-SXM4-40GB", "A100-SXM4-41GB")
    assert changes(placed.play("nodes", gpu_mock_custom_config=text, gpu_mock_count=2)) > 0
    assert json.loads((placed.root / "config/owner.json").read_text())["profile"] == "custom"
    lines = placed.smi("-L").splitlines()
    assert len(lines) == 2
    assert all("NVIDIA A100-SXM4-41GB" in line for line in lines)
    assert changes(placed.play("nodes", gpu_mock_custom_config=text, gpu_mock_count=2)) == 0


def test_prebuilt_files_and_a_program_of_ones_own(placed: Host, native_build: Path, tmp_path: Path) -> None:
    prebuilt = tmp_path / "prebuilt"
    building.make_native("install", f"DESTDIR={prebuilt}")
    own = native_build / "nvidia-smi"
    placed.play("nodes", mock_nvml_prebuilt_dir=str(prebuilt), mock_nvml_nvidia_smi=str(own))
    assert (placed.root / "usr/bin/nvidia-smi").read_bytes() == own.read_bytes()
    library = "usr/lib64/libnvidia-ml.so.550.163.01"
    assert (placed.root / library).read_bytes() == (prebuilt / library).read_bytes()


def test_another_driver_version_leaves_nothing_of_the_old_one(placed: Host) -> None:
    """No Debian package has this version: our own nvidia-smi serves, and the run says why."""
    done = placed.play("nodes", gpu_mock_driver_version="551.0.1")
    assert changes(done) > 0
    assert "our own nvidia-smi serves instead" in done.stdout
    assert not [path for path in placed.files() if "550.163.01" in path]
    assert "551.0.1" in placed.smi("--query-gpu=driver_version", "--format=csv,noheader")


@pytest.fixture(scope="module")
def as_usual(placed: Host) -> Host:
    """After the cases with settings of their own."""
    assert changes(placed.play("nodes")) > 0
    return placed


@pytest.mark.parametrize("step", ["mock_nvml_install", "mock_nvml_configure", "device_nodes_install"])
def test_a_step_works_alone(as_usual: Host, step: str) -> None:
    assert changes(as_usual.play("nodes", "--tags", step)) == 0


def test_nodes_that_are_not_on_record_are_not_made(as_usual: Host) -> None:
    done = as_usual.play("nodes", "--tags", "device_nodes_install", gpu_mock_count=9)
    assert done.returncode != 0
    assert "does not list" in done.stdout
    assert not (as_usual.dev / "nvidia8").exists()


def test_teardown_takes_only_what_is_on_record(placed: Host) -> None:
    """Another mock's nodes have the same names and numbers."""
    theirs = placed.dev / "nvidia200"
    os.mknod(theirs, stat.S_IFCHR | 0o600, os.makedev(195, 200))
    try:
        for count in (128, 8):
            assert changes(placed.play("nodes", gpu_mock_count=count)) > 0
        assert placed.play("teardown", "--tags", "nodes").returncode == 0
        assert placed.files() == {str(theirs)}
        assert changes(placed.play("teardown", "--tags", "nodes")) == 0
        assert placed.files() == {str(theirs)}
    finally:
        theirs.unlink(missing_ok=True)
    placed.play("nodes")


def test_teardown_leaves_nothing(placed: Host) -> None:
    assert changes(placed.play("teardown", "--tags", "nodes", "--check")) > 0
    assert placed.files() != set()
    assert changes(placed.play("teardown", "--tags", "nodes")) > 0
    assert placed.files() == set()
    assert not placed.root.exists()
    assert changes(placed.play("teardown", "--tags", "nodes")) == 0
