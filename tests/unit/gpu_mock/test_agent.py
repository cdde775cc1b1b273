# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod of a node, run as its own process is run: to the end, against an API server."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
import typing as t

import pytest
from gpu_mock import agent, kube, label, node_files, owner
from gpu_mock.settings import Settings
from gpu_mock.status import Status

Take = t.Callable[[], dict[str, t.Any]]
NODE = "node-1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "RETRY_S", 0.1)
    monkeypatch.setattr(agent, "WATCH_S", 5)


def wait_for(condition: t.Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.02)


def run_until(settings: Settings, api: kube.Api, act: t.Callable[[], None]) -> int:
    """Run the agent here (signals reach the main thread only), and act from another thread."""
    old = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    failures: list[BaseException] = []

    def acting() -> None:
        try:
            act()
        except BaseException as error:
            failures.append(error)
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=acting)
    thread.start()
    try:
        code = agent.Agent(settings, api, Status(settings.status_dir)).run()
    finally:
        thread.join()
        for number, handler in old.items():
            signal.signal(number, handler)
    if failures:
        raise failures[0]
    return code


def stop_when(settings: Settings, text: str) -> t.Callable[[], None]:
    """Send the kubelet's signal once the pod says the text."""
    reason = settings.status_dir / "reason"

    def act() -> None:
        wait_for(lambda: reason.exists() and text in reason.read_text())
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    return act


def has_label(fake_api: t.Any) -> bool:
    return fake_api.labels().get(label.LABEL) == "true"


def place_for(settings: Settings, api: kube.Api) -> None:
    assert run_until(settings, api, stop_when(settings, "Ready:")) == 0


def test_a_restart_keeps_everything(node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take) -> None:
    place_for(node, api)
    assert has_label(fake_api)
    assert fake_api.tokens == {"Bearer a-token"}
    before = snapshot()
    assert before
    place_for(node, api)
    assert snapshot() == before
    assert has_label(fake_api)


def test_ready_is_a_file_and_a_reason(node: Settings, api: kube.Api) -> None:
    def act() -> None:
        wait_for((node.status_dir / "ready").exists)
        stop_when(node, "Ready: node node-1 has 2 GPUs of profile a100, driver 550.163.01")()

    assert run_until(node, api, act) == 0


def test_removal_takes_all_and_says_so(node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take) -> None:
    def act() -> None:
        wait_for((node.status_dir / "ready").exists)
        fake_api.set_order("order-1")

    assert run_until(node, api, act) == 0
    assert snapshot() == {}
    assert not has_label(fake_api)
    assert fake_api.labels() == {"kubernetes.io/hostname": NODE}
    assert node.termination_log.read_text() == "removed for order-1: 15 files on node node-1"
    # The kubelet starts the container again: nothing may come back.
    assert run_until(node, api, lambda: None) == 0
    assert snapshot() == {}
    assert node.termination_log.read_text() == "removed for order-1: node node-1 has no files of this release"


def test_a_label_that_others_set_too_stays(node: Settings, api: kube.Api, fake_api: t.Any) -> None:
    fake_api.add_node(NODE, {label.LABEL: "true"})
    fake_api.set_order("order-1")
    assert run_until(node, api, lambda: None) == 0
    assert has_label(fake_api)


def test_a_refused_release_leaves_the_label_of_the_one_that_serves(
    node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take
) -> None:
    place_for(node, api)
    before = snapshot()
    second = dataclasses.replace(node, release="second")
    assert run_until(second, api, stop_when(second, "is served by gpu-mock/default/rel")) == 0
    assert has_label(fake_api)
    assert fake_api.managers[NODE][label.LABEL] == {"gpu-mock/default/rel"}
    assert snapshot() == before


def test_the_longest_names_fit_into_a_field_manager(node: Settings) -> None:
    longest = dataclasses.replace(node, namespace="n" * 63, release="r" * 53)
    assert len(longest.owner) <= 128


def test_a_failed_removal_says_why(node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take) -> None:
    place_for(node, api)
    before = snapshot()
    fake_api.failures["PATCH", f"/api/v1/nodes/{NODE}"] = 403
    fake_api.set_order("order-1")
    assert run_until(node, api, lambda: None) == 1
    assert node.termination_log.read_text().startswith("failed for order-1: node node-1: Error while calling PATCH")
    assert "denied by the policy" in node.termination_log.read_text()
    assert snapshot() == before


def test_files_of_the_site_are_used_and_stay(node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take) -> None:
    place_for(node, api)
    record = owner.read(node.driver_root)
    assert record is not None
    owner.write(node.driver_root, dataclasses.replace(record, owner="mirage.accel/mock_nvml"))
    before = snapshot()
    place_for(node, api)
    assert has_label(fake_api)
    fake_api.set_order("order-1")
    assert run_until(node, api, lambda: None) == 0
    assert snapshot() == before
    assert not has_label(fake_api)
    assert "belong to mirage.accel/mock_nvml and stay" in node.termination_log.read_text()


def test_other_gpus_than_the_sites_are_not_ready(
    node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take
) -> None:
    place_for(node, api)
    record = owner.read(node.driver_root)
    assert record is not None
    owner.write(node.driver_root, dataclasses.replace(record, owner="mirage.accel/mock_nvml"))
    before = snapshot()
    other = dataclasses.replace(node, count=4)

    def act() -> None:
        stop_when(node, "gpu.count is 2 there and 4 here: make the values equal")()
        assert not (node.status_dir / "ready").exists()

    assert run_until(other, api, act) == 0
    assert snapshot() == before
    assert not has_label(fake_api), "a node that is refused must not be offered"


def test_an_old_pod_does_not_undo_an_upgrade(
    node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "WATCH_S", 1)
    newer = dataclasses.replace(node, count=1)
    after: list[dict[str, t.Any]] = []

    def act() -> None:
        wait_for((node.status_dir / "ready").exists)
        node_files.ensure(newer, owner.read(node.driver_root))
        after.append(snapshot())
        # The old pod looks again; a watch of the fake server ends with any change.
        before = len(fake_api.requests)
        fake_api.set_order("no")
        wait_for(lambda: len(fake_api.requests) >= before + 2)
        os.kill(os.getpid(), signal.SIGTERM)

    assert run_until(node, api, act) == 0
    assert snapshot() == after[0]
    assert (node.status_dir / "ready").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("driver/nvidia/version", "NVRM version: 570", id="version"),
        pytest.param("devices", "Character devices:\n195 nvidia-frontend\n", id="devices"),
    ],
)
def test_a_real_driver_is_refused(
    node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take, name: str, text: str
) -> None:
    path = node.proc / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert run_until(node, api, stop_when(node, "Not ready: node node-1 has a real NVIDIA driver")) == 0
    assert snapshot() == {}
    assert not has_label(fake_api)


def test_a_node_no_longer_selected_is_cleaned(node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take) -> None:
    path = "/apis/apps/v1/namespaces/default/daemonsets/gpu-mock"

    def act() -> None:
        wait_for((node.status_dir / "ready").exists)
        fake_api.objects[path]["spec"]["template"]["spec"]["nodeSelector"] = {"pool": "gpu"}
        os.kill(os.getpid(), signal.SIGTERM)

    assert run_until(node, api, act) == 0
    assert snapshot() == {}
    assert not has_label(fake_api)


def test_a_pod_that_outlives_its_release_keeps_the_files(
    node: Settings, api: kube.Api, fake_api: t.Any, snapshot: Take
) -> None:
    def act() -> None:
        wait_for((node.status_dir / "ready").exists)
        fake_api.objects.pop("/apis/apps/v1/namespaces/default/daemonsets/gpu-mock")
        os.kill(os.getpid(), signal.SIGTERM)

    assert run_until(node, api, act) == 0
    assert len(snapshot()) == 15


def test_the_api_server_may_be_late(node: Settings, api: kube.Api, fake_api: t.Any) -> None:
    path = "/api/v1/namespaces/default/configmaps/gpu-mock"
    late = fake_api.objects.pop(path)

    def act() -> None:
        reason = node.status_dir / "reason"
        wait_for(lambda: reason.exists() and "not found (HTTP 404)" in reason.read_text())
        fake_api.objects[path] = late
        stop_when(node, "Ready:")()

    assert run_until(node, api, act) == 0


def test_a_label_with_another_value_is_refused(node: Settings, api: kube.Api, fake_api: t.Any) -> None:
    fake_api.add_node(NODE, {label.LABEL: "false"})
    assert run_until(node, api, stop_when(node, "has another value of the label nvidia.com/gpu.present")) == 0
    assert fake_api.labels()[label.LABEL] == "false"
