# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that Kubernetes' own scheduler binds only when the node agent has said that their devices answer."""

from __future__ import annotations

import tempfile
import time
import typing as t
from pathlib import Path

import apiserver as servers
import dra_scheduling
import pytest
from accel_sysfs import AccelTree
from dra_controller import DRIVER, NODE, until
from dra_node import Node
from dra_scheduling import Scheduling

ANSWERS, FAILED = f"{DRIVER}/DeviceAnswers", f"{DRIVER}/DeviceFailed"
FLAG = "--binding-conditions"


@pytest.fixture
def tree(tmp_path: Path) -> AccelTree:
    made = AccelTree(tmp_path / "sys")
    for number in range(2):
        made.add_pf(number)
    return made


@pytest.fixture
def scheduling(
    kubernetes_programs: dict[str, str], repo: Path, tmp_path: Path, tree: AccelTree
) -> t.Iterator[Scheduling]:
    with dra_scheduling.running(kubernetes_programs, repo, tmp_path, tree, FLAG) as made:
        yield made


@pytest.fixture
def agent(scheduling: Scheduling) -> t.Iterator[t.Callable[[], Node]]:
    """Starts the node agent of the scheduler's node."""
    with tempfile.TemporaryDirectory(prefix="dra-") as folder:
        made = Node(Path(folder))
        (made.folder / "kubeconfig").write_text(scheduling.server.kubeconfig().read_text())

        def start() -> Node:
            made.start(f"--node-name={NODE}", f"--sysfs-root={scheduling.tree.root}", FLAG)
            return made

        yield start
        made.close()


def said(scheduling: Scheduling, name: str) -> dict[str, str]:
    entries = scheduling.get(name).get("status", {}).get("devices") or []
    return {one["type"]: one["status"] for entry in entries for one in entry["conditions"]}


def test_a_pod_is_bound_when_its_device_answers(scheduling: Scheduling, agent: t.Callable[[], Node]) -> None:
    name = scheduling.claim({"name": "accel", "exactly": {"deviceClassName": "mock-accel-pf"}})
    scheduling.gets(name)
    (result,) = scheduling.results(name)
    assert (result["bindingConditions"], result["bindingFailureConditions"]) == ([ANSWERS], [FAILED])
    time.sleep(2)
    assert not scheduling.is_bound(name)
    agent()
    until(lambda: scheduling.is_bound(name), scheduling.driver)
    assert said(scheduling, name) == {ANSWERS: "True"}
    # And of a claim that comes when the agent is there already.
    later = scheduling.claim({"name": "accel", "exactly": {"deviceClassName": "mock-accel-pf"}})
    until(lambda: scheduling.is_bound(later), scheduling.driver)


def test_what_the_scheduler_waits_for_outlives_the_preparation(
    scheduling: Scheduling, agent: t.Callable[[], Node]
) -> None:
    name = scheduling.claim({"name": "accel", "exactly": {"deviceClassName": "mock-accel-pf"}})
    node = agent()
    until(lambda: scheduling.is_bound(name), scheduling.driver)
    claim = scheduling.get(name)
    with node.kubelet() as kubelet:
        assert not kubelet.prepare(claim)[claim["metadata"]["uid"]].error
        until(lambda: said(scheduling, name) == {ANSWERS: "True", "Ready": "True"}, scheduling.driver)
        assert not kubelet.unprepare(claim)[claim["metadata"]["uid"]].error
        until(lambda: said(scheduling, name) == {ANSWERS: "True"}, scheduling.driver)


@pytest.mark.parametrize("fault", ["silent", "gone"])
def test_a_device_that_fails_meanwhile_is_changed_for_another(
    scheduling: Scheduling, agent: t.Callable[[], Node], fault: str
) -> None:
    name = scheduling.claim({"name": "accel", "exactly": {"deviceClassName": "mock-accel-pf"}})
    first = scheduling.gets(name)
    scheduling.tree.silence(first) if fault == "silent" else scheduling.tree.remove(first)
    other = {"mock0": "mock1", "mock1": "mock0"}[first]
    agent()
    until(lambda: scheduling.given(name) == other, scheduling.driver, 60)
    until(lambda: scheduling.is_bound(name), scheduling.driver, 60)
    assert said(scheduling, name) == {ANSWERS: "True"}


def test_a_server_that_does_not_serve_them_waits_for_nothing(
    kubernetes_programs: dict[str, str], repo: Path, tmp_path: Path, tree: AccelTree
) -> None:
    class Without(servers.ApiServer):
        def _apiserver_command(self, etcd: int, port: int) -> list[str]:
            return [*super()._apiserver_command(etcd, port), "--feature-gates=DRADeviceBindingConditions=false"]

    with dra_scheduling.running(kubernetes_programs, repo, tmp_path, tree, FLAG, kind=Without) as made:
        assert not any("bindsToNode" in device for device in made.cluster.devices().values())
        name = made.claim({"name": "accel", "exactly": {"deviceClassName": "mock-accel-pf"}})
        until(lambda: made.is_bound(name), made.driver)
        assert made.driver.said("The scheduler waits for nothing") == 1
        assert made.driver.said("dropped fields") == 0
