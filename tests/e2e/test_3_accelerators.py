# SPDX-License-Identifier: GPL-3.0-or-later
"""The mock-device driver under this host's real kubelet, scheduler and API server, while parts of it die or fail."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from crash_points import PREPARE, UNPREPARE
from dra_agent import wait_for
from driver_on_host import DEVICE_CLASS, DEVICES, DOMAIN, KUBELET, NAMESPACE, Cluster, DriverOnHost, claim, device_class
from kubernetes import client
from site_under_test import KUBECONFIG, Site, pid_of

pytestmark = pytest.mark.timeout(5400)

NewDriver = Callable[[str], DriverOnHost]
# A refused pod is tried again after 10 to 15 s by the kubelet, which as many drivers wait for side by side.
LANES = 7
# Within which slices are to be right again.
RIGHT_AGAIN_S = 30


@pytest.fixture(scope="module")
def cluster(up) -> Iterator[Cluster]:
    found = Cluster(KUBECONFIG)
    found.resource.create_device_class(device_class())
    yield found
    found.resource.delete_device_class(DEVICE_CLASS)


@pytest.fixture(scope="module", autouse=True)
def left_behind(cluster: Cluster) -> Iterator[Path]:
    """What a killed agent has left: the kubelet tries it, more and more seldom, while the other cases run."""
    path = KUBELET / "plugins_registry" / f"left-behind.{DOMAIN}-pod-reg.sock"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def new_driver(cluster: Cluster, site: Site, tmp_path: Path) -> Iterator[NewDriver]:
    node_name = site.node()["metadata"]["name"]
    with contextlib.ExitStack() as cleanup:

        def make(name: str) -> DriverOnHost:
            driver = DriverOnHost(tmp_path / name, KUBECONFIG, node_name)
            selector = f"spec.driver={driver.driver}"
            cleanup.callback(cluster.resource.delete_collection_resource_slice, field_selector=selector)
            cleanup.callback(driver.close)
            cleanup.callback(leave, cluster, driver)
            cluster.wait(lambda: sorted(cluster.published(driver.driver)) == DEVICES, 60, driver.said)
            return driver

        yield make


def leave(cluster: Cluster, driver: DriverOnHost) -> None:
    """Have nothing of the driver's in use; only after a failure there is something."""
    if driver.driver in cluster.asked.values():
        driver.serve()
        cluster.forget_all(driver.driver)


def run_pod(cluster: Cluster, driver: DriverOnHost, name: str, kind: str, count: int = 1) -> dict[str, list[str]]:
    """A running pod with so many devices; the answer is which, by the claim's UID."""
    cluster.ask(name, driver.driver, kind, count)
    return running(cluster, driver, name)


def running(cluster: Cluster, driver: DriverOnHost, name: str, seconds: float = 120) -> dict[str, list[str]]:
    cluster.wait(lambda: cluster.is_running(name), seconds, lambda: f"{name}: {cluster.events(name)}\n{driver.said()}")
    devices = cluster.devices(name)
    (held,) = devices.values()
    wanted = {device.replace("-", "_") for device in held}
    cluster.wait(lambda: told_devices(cluster, name) == wanted, 20, lambda: f"{wanted}: {cluster.output(name)}")
    return devices


def told_devices(cluster: Cluster, name: str) -> set[str]:
    """The devices that the variables in a pod's container name."""
    return {value for key, value in cluster.output(name).items() if key.startswith("MOCK_ACCEL_DEVICE")}


def await_held(driver: DriverOnHost, devices: dict[str, list[str]]) -> None:
    wait_for(lambda: driver.holds(devices), 60, lambda: f"not just {devices} in use: {driver.said()}")


def test_a_pods_life(cluster: Cluster, new_driver: NewDriver) -> None:
    driver = new_driver("life")
    driver.start()
    devices = run_pod(cluster, driver, "life", "vf", 2)
    assert list(devices.values()) == [["mock0-vf0", "mock0-vf1"]]
    await_held(driver, devices)
    cluster.wait(lambda: len(cluster.claim("life").status.devices or []) == 2, 30, driver.said)

    def healths() -> set[str]:
        (container,) = cluster.pod("life").status.container_statuses
        return {one.health for status in container.allocated_resources_status or [] for one in status.resources}

    cluster.wait(lambda: healths() == {"Healthy"}, 60, driver.said)
    driver.sysfs.write("mock0_vf0", "errors", "0x01")
    cluster.wait(lambda: healths() == {"Healthy", "Unhealthy"}, 60, driver.said)
    # Whoever has one that does not answer must go.
    driver.sysfs.silence("mock0_vf0")
    cluster.wait(lambda: not cluster.pod("life"), 60, driver.said)
    cluster.forget("life")
    cluster.wait(lambda: driver.recorded() == {} and driver.cdi_files() == [], 30, driver.said)


def dies_at(
    cluster: Cluster, driver: DriverOnHost, neighbour: dict[str, list[str]], prepare: str, unprepare: str
) -> None:
    """A pod comes while the agent dies at one point, and goes while it dies at another one."""
    process = driver.start(die_at=prepare)
    cluster.ask(driver.folder.name, driver.driver, "vf", 2)
    driver.dies(process)
    driver.start()
    devices = running(cluster, driver, driver.folder.name)
    assert driver.holds({**neighbour, **devices}), driver.said()

    driver.stop()
    process = driver.start(die_at=unprepare)
    cluster.leave(driver.folder.name)
    driver.dies(process)
    driver.start()
    cluster.forget(driver.folder.name)
    assert driver.holds(neighbour), driver.said()
    driver.stop()


def test_killed_at_each_point(cluster: Cluster, new_driver: NewDriver) -> None:
    """No claim is lost, no device given twice, no CDI file left, and the pod beside it notices nothing."""
    pairs = list(zip(PREPARE, itertools.cycle(UNPREPARE), strict=False))
    assert {name for pair in pairs for name in pair} == {*PREPARE, *UNPREPARE}

    def lane(number: int) -> int:
        driver = new_driver(f"killed-{number}")
        beside = f"beside-{number}"
        driver.start()
        neighbour = run_pod(cluster, driver, beside, "pf")
        started = cluster.pod(beside).status.container_statuses[0].container_id
        driver.stop()
        for prepare, unprepare in pairs[number::LANES]:
            try:
                dies_at(cluster, driver, neighbour, prepare, unprepare)
            except BaseException as error:
                error.add_note(f"while it died at {prepare}, then at {unprepare}")
                raise
        driver.start()
        (container,) = cluster.pod(beside).status.container_statuses
        assert (container.container_id, container.restart_count) == (started, 0)
        assert sorted(cluster.published(driver.driver)) == DEVICES
        cluster.forget(beside)
        assert driver.holds({}), driver.said()
        return len(pairs[number::LANES])

    with ThreadPoolExecutor(LANES) as pool:
        assert sum(pool.map(lane, range(LANES))) == len(pairs) >= 20


def test_the_controller_is_killed(cluster: Cluster, new_driver: NewDriver) -> None:
    """What it has published stays, and what changed meanwhile is published by the next one."""
    driver = new_driver("published")
    driver.controller.kill()
    driver.controller.wait(20)
    uids = cluster.slice_uids(driver.driver)
    driver.sysfs.write("mock1", "errors", "0x01")
    driver.controller = driver.run_controller()
    cluster.wait(lambda: cluster.published(driver.driver)["mock1"].taints, RIGHT_AGAIN_S, driver.said)
    assert sorted(cluster.published(driver.driver)) == DEVICES
    assert cluster.slice_uids(driver.driver) == uids, "changed, not made anew"


def test_the_kubelet_is_killed(cluster: Cluster, new_driver: NewDriver) -> None:
    """It deletes its node's slices when it starts."""
    driver = new_driver("kubelet")
    driver.start()
    devices = run_pod(cluster, driver, "kubelet-stays", "pf")
    started = cluster.pod("kubelet-stays").status.container_statuses[0].container_id
    uids = cluster.slice_uids(driver.driver)
    registered = driver.registrations()
    os.kill(pid_of("kubelet"), signal.SIGKILL)
    cluster.wait(lambda: driver.registrations() > registered, 90, driver.said)
    cluster.wait(
        lambda: (
            sorted(cluster.published(driver.driver)) == DEVICES and cluster.slice_uids(driver.driver).isdisjoint(uids)
        ),
        RIGHT_AGAIN_S,
        driver.said,
    )
    more = run_pod(cluster, driver, "kubelet-new", "vf", 2)
    assert driver.holds({**devices, **more}), driver.said()
    (container,) = cluster.pod("kubelet-stays").status.container_statuses
    assert (container.container_id, container.restart_count) == (started, 0)
    cluster.forget("kubelet-new")
    cluster.forget("kubelet-stays")
    assert driver.holds({}), driver.said()


def test_rolling_updates_while_pods_come_and_go(cluster: Cluster, new_driver: NewDriver) -> None:
    """As with maxSurge: the new instance is there before the old one goes. No pod is told of it."""
    driver = new_driver("rolling")
    old, done = driver.start(pod_uid="instance-0"), threading.Event()
    lives = [0, 0]

    def load(number: int) -> None:
        while not done.is_set():
            name = f"rolling-{number}-{lives[number]}"
            run_pod(cluster, driver, name, "pf" if number else "vf")
            # A pod that has been refused once comes later all the same, so that would not be seen.
            refused = [event for event in cluster.events(name) if "Prepare" in event]
            assert not refused, refused
            cluster.forget(name)
            lives[number] += 1

    def another_life() -> None:
        """A pod of each kind comes and goes, as a whole."""
        goal = [count + 2 for count in lives]

        def reached() -> bool:
            for one in loads:
                if one.done():
                    one.result()
            return all(count >= wanted for count, wanted in zip(lives, goal, strict=True))

        cluster.wait(reached, 120, lambda: f"{lives} and not {goal}: {driver.said()}")

    with ThreadPoolExecutor(2) as pool:
        loads = [pool.submit(load, number) for number in range(2)]
        try:
            for number in range(1, 4):
                new = driver.start(pod_uid=f"instance-{number}")
                another_life()
                old.send_signal(signal.SIGTERM)
                assert old.wait(30) == 0, driver.said()
                old = new
            another_life()
        finally:
            done.set()
        for one in loads:
            one.result()
    assert driver.holds({}), driver.said()


PARAMETERS = {"apiVersion": "mock-accel.example.com/v1", "kind": "DeviceConfig", "environment": {"A": 1}}


def test_what_goes_wrong_is_an_event_of_the_pod_and_of_no_other(cluster: Cluster, new_driver: NewDriver) -> None:
    driver = new_driver("mishaps")
    driver.start()
    beside = run_pod(cluster, driver, "beside-mishaps", "pf")

    def says(name: str, *words: str) -> None:
        def told() -> bool:
            return any(all(word in event for word in words) for event in cluster.events(name))

        cluster.wait(told, 60, lambda: f"{name}: {cluster.events(name)}\n{driver.said()}")
        assert not cluster.is_running(name)

    # Parameters that are none.
    cluster.ask("bad-parameters", driver.driver, "vf", parameters=PARAMETERS)
    says("bad-parameters", "FailedPrepareDynamicResources", "config[0].opaque.parameters.environment.A: a number")
    cluster.forget("bad-parameters")

    # Parameters for a request that there is not: the server does not take such a claim.
    strange = claim("unknown-request", driver.driver, "vf", 1, {**PARAMETERS, "environment": {}})
    strange["spec"]["devices"]["config"][0]["requests"] = ["nope"]
    with pytest.raises(client.ApiException, match="nope"):
        cluster.resource.create_namespaced_resource_claim(NAMESPACE, strange)

    # A checkpoint that cannot be trusted.
    driver.stop()
    kept = driver.checkpoint.read_text()
    driver.checkpoint.write_text(kept.replace("mock1", "mock2"))
    driver.start()
    cluster.ask("corrupt", driver.driver, "vf")
    says("corrupt", "FailedPrepareDynamicResources", "its checksum is", str(driver.checkpoint))
    driver.checkpoint.write_text(kept)
    devices = running(cluster, driver, "corrupt")
    assert driver.holds({**beside, **devices}), driver.said()
    cluster.forget("corrupt")

    # A full disk.
    driver.stop()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", driver.plugin_dir], check=True)
    try:
        driver.checkpoint.write_text(kept)
        driver.start()
        fill(driver.plugin_dir / "filler")
        cluster.ask("full", driver.driver, "vf")
        says("full", "FailedPrepareDynamicResources", "No space left on device")
        assert driver.holds(beside), driver.said()
        (driver.plugin_dir / "filler").unlink()
        running(cluster, driver, "full")
        cluster.forget("full")
        driver.stop()
    finally:
        subprocess.run(["umount", "--lazy", driver.plugin_dir], check=True)

    # A device that has gone once it was given.
    cluster.ask("gone", driver.driver, "vf", 2)
    cluster.wait(lambda: cluster.claim("gone").status.allocation, 60, driver.said)
    driver.sysfs.remove("mock0_vf1")
    driver.start()
    says("gone", "FailedPrepareDynamicResources", "the device mock0-vf1 of request accel is not on this node any more")
    cluster.forget("gone")

    (container,) = cluster.pod("beside-mishaps").status.container_statuses
    assert container.restart_count == 0 and cluster.is_running("beside-mishaps")
    assert driver.holds(beside), driver.said()
    cluster.forget("beside-mishaps")
    assert driver.holds({}), driver.said()


def fill(path: Path) -> None:
    """All the space that its file system has left."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(512)):
                pass
        except OSError:
            return


def supervise(action: str, component: str) -> None:
    """Stop or start a part of the cluster for good."""
    folder = KUBECONFIG.parent / "supervisor"
    command = [
        sys.executable,
        "-m",
        "supervisor.supervisorctl",
        "-c",
        str(folder / "supervisord.conf"),
        action,
        component,
    ]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(folder / "python")}, check=True, capture_output=True)


def test_the_api_server_is_away_for_a_minute(cluster: Cluster, new_driver: NewDriver) -> None:
    """Meanwhile a device fails, and the agent dies and comes back. It is last: a cluster takes long to settle."""
    driver = new_driver("away")
    driver.start()
    devices = run_pod(cluster, driver, "away-stays", "pf")
    started = cluster.pod("away-stays").status.container_statuses[0].container_id
    supervise("stop", "kube-apiserver")
    try:
        stopped = time.monotonic()
        driver.sysfs.write("mock0_vf1", "errors", "0x01")
        driver.kill()
        driver.start()
        cluster.wait(lambda: driver.holds(devices), 30, driver.said)
        time.sleep(max(0.0, 60 - (time.monotonic() - stopped)))
    finally:
        supervise("start", "kube-apiserver")

    def answers() -> bool:
        try:
            return bool(cluster.published(driver.driver))
        except Exception:
            return False

    cluster.wait(answers, 60, lambda: "the API server does not come back")
    cluster.wait(lambda: cluster.published(driver.driver)["mock0-vf1"].taints, RIGHT_AGAIN_S, driver.said)
    assert sorted(cluster.published(driver.driver)) == DEVICES
    more = run_pod(cluster, driver, "away-new", "vf")
    assert list(more.values()) == [["mock0-vf0"]], "the other one has failed"
    assert driver.holds({**devices, **more}), driver.said()
    assert cluster.pod("away-stays").status.container_statuses[0].container_id == started
    cluster.forget("away-new")
    cluster.forget("away-stays")
    assert driver.holds({}), driver.said()


def test_where_the_kubelet_has_tried_in_vain(cluster: Cluster, new_driver: NewDriver, left_behind: Path) -> None:
    """It would try the same name after up to two minutes only."""
    driver = new_driver("left-behind")
    driver.start(pod_uid="pod", within=RIGHT_AGAIN_S)
    assert not left_behind.exists()
    devices = run_pod(cluster, driver, "left-behind", "pf")
    assert driver.holds(devices), driver.said()
    cluster.forget("left-behind")
