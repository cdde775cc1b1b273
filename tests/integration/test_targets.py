# SPDX-License-Identifier: GPL-3.0-or-later
"""Run each integration target by ansible-playbook, against the built library or a real kube-apiserver."""

from __future__ import annotations

import re
import socket
import threading
import time
from pathlib import Path

import building
import pytest

DRIVER_VERSION = "550.163.01"


def assert_played(done) -> None:
    """The play ran to its end, and its assertions were among what it ran."""
    assert done.returncode == 0, done.stdout + done.stderr
    recap = re.search(r"ok=(\d+) .*failed=(\d+)", done.stdout)
    assert recap, done.stdout
    assert int(recap[1]) > 5
    assert recap[2] == "0"
    assert "All assertions passed" in done.stdout


def test_every_target_is_run(repo: Path) -> None:
    folder = repo / "tests" / "integration"
    targets = {path.parent.parent.name for path in (folder / "targets").glob("*/tasks/main.yml")}
    assert targets == {path.name for path in (folder / "targets").iterdir()}
    text = "".join(path.read_text() for path in sorted(folder.glob("test_*.py")))
    assert targets == set(re.findall(r'\bplaybook\("(\w+)"', text))


def test_verify_and_info_modules_have_a_target(repo: Path) -> None:
    """The other modules change things, and are tested where their role is; these speak to the world outside."""
    targets = {path.name for path in (repo / "tests" / "integration" / "targets").iterdir()}
    judges = {path.stem for path in (repo / "plugins" / "modules").glob("*_verify.py")}
    assert judges | {"nvml_info"} <= targets


def test_nvml_info(playbook, native_build: Path, repo: Path) -> None:
    variables = {
        "library": str(native_build / "libnvidia-ml.so.1"),
        "profiles": str(repo / "charts" / "gpu-mock" / "profiles"),
        "driver_version": DRIVER_VERSION,
    }
    assert_played(playbook("nvml_info", variables))


def test_gpu_profile(playbook, native_build: Path, repo: Path) -> None:
    variables = {
        "library": str(native_build / "libnvidia-ml.so.1"),
        "profiles": str(repo / "charts" / "gpu-mock" / "profiles"),
        "program": str(native_build / "mock-nvml"),
        "document": str(repo / "tests" / "native" / "fixtures" / "nvidia-smi-q-x" / "gb200.xml"),
    }
    assert_played(playbook("gpu_profile", variables))


@pytest.fixture
def nodes(apiserver):
    """Three GPU nodes: one good, one with an unhealthy GPU, one that comes while the play waits for it."""
    amounts = {"cpu": "2", "memory": "24620056Ki", "nvidia.com/gpu": "8"}
    labels = {"nvidia.com/gpu.present": "true"}
    apiserver.make_node("good", labels=labels, capacity=amounts, allocatable=amounts)
    apiserver.make_node("bad", labels=labels, capacity=amounts, allocatable={**amounts, "nvidia.com/gpu": "7"})
    yield amounts
    for node in apiserver.request("GET", "/api/v1/nodes")["items"]:
        apiserver.delete_node(node["metadata"]["name"])


def come_late(apiserver, amounts: dict[str, str], begun: Path, stop: threading.Event) -> None:
    """What a kubelet and a device plugin do: the node first, some resources, at last the GPUs."""
    while not begun.exists() and not stop.wait(0.1):
        pass
    # The module has to start before the node comes, else it would not have to wait.
    if not stop.wait(4):
        apiserver.make_node("late", capacity={"cpu": "2"}, allocatable={"cpu": "2"})
    if not stop.wait(1):
        apiserver.set_status("late", capacity=amounts, allocatable={**amounts, "nvidia.com/gpu": "0"})
    if not stop.wait(1):
        apiserver.set_status("late", allocatable=amounts)


def test_node_allocatable_verify(playbook, apiserver, nodes, tmp_path: Path) -> None:
    with socket.socket() as taken:
        # Bound and not listening: a port on which nobody answers, and which nobody can take meanwhile.
        taken.bind(("127.0.0.1", 0))
        certificate, key = apiserver.expired_certificate()
        stranger = apiserver.kubeconfig()
        stranger.write_text(stranger.read_text().replace(str(apiserver.ca_cert), str(apiserver.folder / "clients.crt")))
        empty = tmp_path / "empty"
        empty.touch()
        kubeconfigs = {
            "admin": apiserver.kubeconfig(),
            "nobody": apiserver.kubeconfig("nobody"),
            "unknown_token": apiserver.kubeconfig(token="0123456789abcdef"),
            "expired_certificate": apiserver.kubeconfig(client_certificate=certificate, client_key=key),
            "closed_port": apiserver.kubeconfig(server=f"https://127.0.0.1:{taken.getsockname()[1]}"),
            "wrong_authority": stranger,
            "empty": empty,
            "no_such_file": tmp_path / "no-such-file",
        }
        variables = {
            "kubeconfigs": {name: str(path) for name, path in kubeconfigs.items()},
            "token": apiserver.tokens["admin"],
            "url": apiserver.url,
            "ca_cert": str(apiserver.ca_cert),
        }
        stop = threading.Event()
        kubelet = threading.Thread(target=come_late, args=(apiserver, nodes, tmp_path / "begun", stop))
        kubelet.start()
        try:
            done = playbook("node_allocatable_verify", variables)
        finally:
            stop.set()
            kubelet.join()
    assert_played(done)
    assert apiserver.tokens["admin"] not in done.stdout


def test_a_watch_outlives_a_restart_of_the_server(apiserver, nodes) -> None:
    """kill -9 of etcd and kube-apiserver while the module waits; what came meanwhile is seen."""
    from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_client, _wait

    client = _kubernetes_client.connect({"kubeconfig": str(apiserver.kubeconfig())})
    outcome: list[_wait.Outcome] = []

    def gpus(items: list[dict]) -> bool:
        return all(item["status"]["allocatable"]["nvidia.com/gpu"] == "8" for item in items)

    def wait() -> None:
        outcome.append(_wait.watch_until(client.collection("/api/v1/nodes", "listing nodes"), gpus, 120))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(1)
    apiserver.kill_and_start_again()
    assert thread.is_alive()
    apiserver.set_status("bad", allocatable=nodes)
    thread.join(60)
    assert outcome
    assert outcome[0].satisfied
    assert {item["metadata"]["name"] for item in outcome[0].items} == {"good", "bad"}


@pytest.fixture
def driver_root(native_build: Path, repo: Path, tmp_path: Path, run) -> dict[str, str]:
    """Variables of a driver root with four GPUs."""
    root = tmp_path / "root"
    profile = repo / "charts" / "gpu-mock" / "profiles" / "a100.yaml"
    building.make_native("install", f"DESTDIR={root}")
    done = run(native_build / "mock-nvml", "--root", root, "apply", "--count", "4", profile)
    assert done.returncode == 0, done.stdout + done.stderr
    return {"root": str(root), "library": str(root / "usr/lib64/libnvidia-ml.so.1")}


def test_nvml_fault(playbook, driver_root: dict[str, str]) -> None:
    assert_played(playbook("nvml_fault", driver_root))


def test_nvml_settings(playbook, driver_root: dict[str, str]) -> None:
    assert_played(playbook("nvml_settings", driver_root))
