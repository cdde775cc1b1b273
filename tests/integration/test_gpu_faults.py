# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook fault.yml: mock GPUs of a driver root, and nodes of a real kube-apiserver that no kubelet keeps."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from plays import refused

RESOURCE = "nvidia.com/gpu"
PODS = "/api/v1/namespaces/default/pods"
LABEL = {"app.kubernetes.io/name": "nvidia-device-plugin"}


class Faults:
    """Four GPUs, of which the last is lost, and the playbook that ends that."""

    def __init__(self, command: Path, root: Path, play: t.Callable[..., t.Any]) -> None:
        self._argv = [str(command), "--root", str(root)]
        self._play = play

    def mock(self, *words: str) -> str:
        return subprocess.run([*self._argv, *words], check=True, capture_output=True, text=True).stdout

    def lost(self) -> list[int]:
        devices = json.loads(self.mock("status", "--json"))["devices"]
        return [device["index"] for device in devices if device["faults"]]

    def play(self, *arguments: str, **variables: t.Any) -> t.Any:
        options = {"command": self._argv[0], **variables.pop("gpu_fault_options", {})}
        return self._play({"gpu_fault_options": options, **variables}, *arguments)


def said(done: t.Any) -> str:
    """What a play has said that must have succeeded; Ansible breaks long lines."""
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return " ".join(done.stdout.split())


@pytest.fixture
def faults(repo: Path, run, native_build: Path, clean_env: dict[str, str], apiserver, tmp_path: Path) -> Faults:
    root = tmp_path / "driver"

    def play(variables: dict[str, t.Any], *arguments: str) -> t.Any:
        given = {
            "kubeconfig": str(apiserver.kubeconfig()),
            "gpu_mock_driver_root": str(root),
            "gpu_faults_nodes": ["left", "served"],
            **variables,
        }
        command = [Path(sys.executable).parent / "ansible-playbook", "playbooks/fault.yml", "-e", json.dumps(given)]
        return run(*command, *arguments, cwd=repo, env={**clean_env, "HOME": str(tmp_path)}, timeout=300)

    made = Faults(native_build / "mock-nvml", root, play)
    made.mock("apply", "--count", "4", "--node-name", "one", str(repo / "charts/gpu-mock/profiles/gb200.yaml"))
    made.mock("fail", "fallen-off-bus", "-i", "3")
    return made


@pytest.fixture
def left(apiserver) -> t.Iterator[None]:
    """A node from which the device plugin is gone: kubelet keeps the capacity."""
    apiserver.make_node("left", capacity={RESOURCE: "4"}, allocatable={RESOURCE: "0"})
    yield
    apiserver.delete_node("left")


@pytest.fixture
def served(apiserver) -> t.Iterator[None]:
    """A node whose device plugin has taken a GPU away."""
    apiserver.make_node("served", capacity={RESOURCE: "4"}, allocatable={RESOURCE: "3"})
    pod = {
        "metadata": {"name": "plugin", "labels": LABEL},
        "spec": {"nodeName": "served", "containers": [{"name": "plugin", "image": "none"}]},
    }
    account = {"metadata": {"name": "default"}}
    apiserver.request("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    apiserver.request("POST", PODS, pod)
    yield
    apiserver.request("DELETE", f"{PODS}/plugin?gracePeriodSeconds=0")
    apiserver.request("DELETE", "/api/v1/namespaces/default/serviceaccounts/default")
    apiserver.delete_node("served")


def test_a_node_that_the_device_plugin_has_left_is_not_waited_for(faults: Faults, left: None) -> None:
    told = f"left: {RESOURCE} allocatable 0 before, 0 now, of 4; no device plugin serves it"
    assert told in said(faults.play(gpu_fault_state="absent", gpu_faults_timeout=5))
    assert faults.lost() == []
    begun = said(faults.play(gpu_fault="fallen-off-bus", gpu_fault_gpus=2))
    assert told in begun and "RETRYING" not in begun
    assert faults.lost() == [2]


def test_check_mode_tells_what_would_be(faults: Faults, served: None, apiserver) -> None:
    predicted = said(faults.play("--check", "--diff", gpu_fault_state="absent"))
    assert f"served: {RESOURCE} allocatable 3 before, 3 now, of 4; the device plugin would be started anew" in predicted
    assert "default/plugin on served" in predicted and "was started" not in predicted
    assert [pod["metadata"]["name"] for pod in apiserver.request("GET", PODS)["items"]] == ["plugin"]
    assert faults.lost() == [3]


def test_the_plugin_is_left_alone_while_another_gpu_is_lost(faults: Faults, served: None, apiserver) -> None:
    """It would find no GPU at all, and the wait for all of them would end in a failure."""
    faults.mock("fail", "lost", "-i", "1")
    ended = said(faults.play(gpu_fault_state="absent", gpu_fault_gpus="1", gpu_faults_timeout=5))
    assert "the device plugin is left alone, it would see no GPU while there is still fallen-off-bus" in ended
    assert [pod["metadata"]["name"] for pod in apiserver.request("GET", PODS)["items"]] == ["plugin"]
    assert faults.lost() == [3]


def test_a_node_of_another_host_is_left_alone(faults: Faults, served: None, apiserver) -> None:
    """By default those nodes are meant that are called as the hosts of the play are."""
    ended = said(faults.play(gpu_fault_state="absent", gpu_faults_nodes=[], gpu_faults_timeout=5))
    assert (
        "served: nvidia.com/gpu allocatable 3 before, 3 now, of 4; it is left alone, being no host of this play"
        in ended
    )
    assert [pod["metadata"]["name"] for pod in apiserver.request("GET", PODS)["items"]] == ["plugin"]


def test_what_the_plugin_does_not_mind_is_no_failure(faults: Faults, served: None) -> None:
    asked = {"gpu_fault": "xid", "gpu_fault_gpus": "0", "gpu_fault_options": {"xid": 13}}
    begun = said(faults.play(**asked, gpu_faults_notice=2))
    assert f"served: {RESOURCE} allocatable 3 before, 3 now, of 4" in begun


def test_an_xid_has_no_end(faults: Faults) -> None:
    assert "An Xid error is an event and has no end" in refused(faults.play(gpu_fault_state="absent", gpu_fault="xid"))


def test_options_reach_the_fault_and_nothing_is_warned_of(faults: Faults) -> None:
    options = {"code": "TIMEOUT", "after_calls": 2, "duration": 900}
    done = faults.play(gpu_fault="error", gpu_fault_gpus="1", gpu_fault_options=options)
    assert "[WARNING]" not in said(done) + done.stderr
    (fault,) = json.loads(faults.mock("status", "--json"))["devices"][1]["faults"]
    assert (fault["code_name"], fault["after_calls"], fault["for_ms"]) == ("TIMEOUT", 2, 900_000)


def test_an_option_that_is_none_is_refused(faults: Faults) -> None:
    done = faults.play(gpu_fault="lost", gpu_fault_options={"gpus": [1], "latencies": 3})
    assert "gpu_fault_options (gpu_faults_options) has gpus, latencies, which is none of command, xid," in refused(done)
    assert faults.lost() == [3]
