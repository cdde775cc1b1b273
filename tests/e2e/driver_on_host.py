# SPDX-License-Identifier: GPL-3.0-or-later
"""The DRA driver's two commands beside this host's real kubelet, and the pods and claims that use it.

The host's kernel loads no module: each driver has a name of its own and reads a tree that a guest's kernel has shown.
"""

from __future__ import annotations

import signal
import subprocess
import typing as t
from pathlib import Path

from accel_sysfs import AccelTree, replay
from dra_agent import Agent, wait_for
from kubernetes import client, config

KUBELET = Path("/var/lib/kubelet")
RECORDING = Path(__file__).resolve().parents[1] / "unit/fixtures/sysfs/two_boards.json"
DEVICES = ["mock0", "mock0-vf0", "mock0-vf1", "mock1"]
# What claims ask for: virtual functions of mock0, or mock1, which has none.
WHICH = {"vf": 'deviceType == "vf"', "pf": "numaNode == 1"}
DEVICE_CLASS = "mock-accel-of-a-test"
# Names of the tests' drivers end so.
DOMAIN = "on-host.example.com"
NAMESPACE = "default"
# Nothing tells of a change in such a tree.
RESCAN = "--rescan-interval=1s"
Json = dict[str, t.Any]


class DriverOnHost(Agent):
    """Controller and node agent. The agent is started by the test, which also lets it die."""

    def __init__(self, folder: Path, kubeconfig: Path, node_name: str) -> None:
        folder.mkdir()
        super().__init__(folder, AccelTree(replay(RECORDING, folder / "sys")), node_name, f"{folder.name}.{DOMAIN}")
        self.kubeconfig = kubeconfig
        self.plugin_dir = KUBELET / "plugins" / self.driver
        self.registry_dir = KUBELET / "plugins_registry"
        self.cdi_dir = Path("/var/run/cdi")
        # It did not answer when the tree was recorded.
        self.sysfs.write("mock1", "status", "0")
        self.sysfs.write("mock1", "errors", "0x00")
        self.controller = self.run_controller()

    def arguments(self, *more: str) -> list[str]:
        return super().arguments(RESCAN, *more)

    def run_controller(self) -> subprocess.Popen[bytes]:
        flags = {
            "node-name": self.node_name,
            "driver-name": self.driver,
            "sysfs-root": self.sysfs.root,
            "kubeconfig": self.kubeconfig,
        }
        return self.run(["controller", RESCAN, *(f"--{key}={value}" for key, value in flags.items())])

    def start(
        self, *more: str, die_at: str = "", pod_uid: str = "", wait: bool = True, within: float = 60
    ) -> subprocess.Popen[bytes]:
        """Start the node agent; ready when the kubelet has registered it, unless it dies before that."""
        registered = self.registrations()
        process = super().start(*more, die_at=die_at, pod_uid=pod_uid, wait=wait)
        wait_for(lambda: self.registrations() > registered or process.poll() is not None, within, self.said)
        return process

    def cdi_files(self) -> list[str]:
        """Those of this driver, unfinished ones too."""
        return [name for name in super().cdi_files() if name.lstrip(".").startswith(f"{self.driver}_")]

    def dies(self, process: subprocess.Popen[bytes]) -> None:
        """The process comes to the point at which it was told to die."""
        assert process.wait(90) == -signal.SIGKILL, self.log.read_text()

    def holds(self, devices: dict[str, list[str]]) -> bool:
        """Whether checkpoint, CDI files and statuses agree: just these devices are in use, by their claims' UIDs."""
        names = sorted(name.replace("-", "_") for held in devices.values() for name in held)
        return (
            {uid: sorted(held) for uid, held in self.recorded().items()} == devices
            and self.cdi_files() == sorted(f"{self.driver}_{uid}.json" for uid in devices)
            and list(self.sysfs.statuses()) == names
        )

    def registrations(self) -> int:
        """How often the kubelet has registered the driver."""
        return self.log.read_text().count("The kubelet has registered the driver")

    def said(self) -> str:
        """The end of what both processes have said."""
        return self.log.read_text()[-6000:]

    def serve(self) -> None:
        """Have an agent, whatever has become of the last one: without it no pod can end."""
        if not self.process or self.process.poll() is not None:
            self.start()

    def close(self) -> None:
        super().close()
        # Which the kubelet would try as long as it lives.
        for path in self.registry_dir.glob(f"{self.driver}-*"):
            path.unlink()


class Cluster:
    """What a test asks of the cluster's API, and has it do."""

    def __init__(self, kubeconfig: Path) -> None:
        api = config.new_client_from_config(str(kubeconfig))
        self.core, self.resource = client.CoreV1Api(api), client.ResourceV1Api(api)
        # Pods and claims that are there, with their drivers.
        self.asked: dict[str, str] = {}

    def published(self, driver: str) -> dict[str, t.Any]:
        """A driver's devices, by name."""
        found = self.resource.list_resource_slice(field_selector=f"spec.driver={driver}").items
        return {device.name: device for one in found for device in one.spec.devices or ()}

    def slice_uids(self, driver: str) -> set[str]:
        found = self.resource.list_resource_slice(field_selector=f"spec.driver={driver}").items
        return {one.metadata.uid for one in found}

    def ask(self, name: str, driver: str, kind: str, count: int = 1, parameters: Json | None = None) -> None:
        """A claim for so many devices of that type, with or without parameters, and a pod that uses it."""
        self.asked[name] = driver
        self.resource.create_namespaced_resource_claim(NAMESPACE, claim(name, driver, kind, count, parameters))
        self.core.create_namespaced_pod(NAMESPACE, pod_with(name))

    def pod(self, name: str) -> t.Any | None:
        try:
            return self.core.read_namespaced_pod(name, NAMESPACE)
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise

    def claim(self, name: str) -> t.Any:
        return self.resource.read_namespaced_resource_claim(name, NAMESPACE)

    def devices(self, name: str) -> dict[str, list[str]]:
        """What a claim has been given, by its UID."""
        found = self.claim(name)
        results = found.status.allocation.devices.results
        return {found.metadata.uid: sorted(one.device for one in results)}

    def is_running(self, name: str) -> bool:
        found = self.pod(name)
        return bool(found and found.status.phase == "Running" and all(c.ready for c in found.status.container_statuses))

    def output(self, name: str) -> dict[str, str]:
        """The driver's variables as the pod's container has seen them."""
        lines = self.core.read_namespaced_pod_log(name, NAMESPACE).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def events(self, name: str) -> list[str]:
        """What a user reads in `kubectl describe pod` that is not as it should be."""
        selector = f"involvedObject.name={name},type=Warning"
        return [
            f"{e.reason}: {e.message}"
            for e in self.core.list_namespaced_event(NAMESPACE, field_selector=selector).items
        ]

    def leave(self, name: str) -> None:
        """The pod is to go, for which `forget` waits."""
        self.core.delete_namespaced_pod(name, NAMESPACE)

    def forget(self, name: str, seconds: float = 90) -> None:
        """Pod and claim are gone."""
        found = self.pod(name)
        if found and not found.metadata.deletion_timestamp:
            self.leave(name)
        self.wait(lambda: not self.pod(name), seconds, lambda: f"the pod {name} is still there: {self.events(name)}")
        self.resource.delete_namespaced_resource_claim(name, NAMESPACE)
        self.wait(lambda: not self._claim_exists(name), seconds, lambda: f"the claim {name} is still there")
        self.asked.pop(name, None)

    def forget_all(self, driver: str) -> None:
        """What a test that has failed has left."""
        for name in [name for name, other in self.asked.items() if other == driver]:
            self.forget(name)

    def wait(self, true: t.Callable[[], t.Any], seconds: float, otherwise: t.Callable[[], str]) -> None:
        """As `wait_for`, at a pace that leaves the machine to those who are asked."""
        wait_for(true, seconds, otherwise, interval=0.3)

    def _claim_exists(self, name: str) -> bool:
        found = self.resource.list_namespaced_resource_claim(NAMESPACE, field_selector=f"metadata.name={name}")
        return bool(found.items)


def device_class() -> Json:
    """For every driver of these tests."""
    expression = f'device.driver.endsWith(".{DOMAIN}")'
    spec = {"selectors": [{"cel": {"expression": expression}}]}
    return {"metadata": {"name": DEVICE_CLASS}, "spec": spec}


def claim(name: str, driver: str, kind: str, count: int, parameters: Json | None = None) -> Json:
    expression = f'device.driver == "{driver}" && device.attributes["{driver}"].{WHICH[kind]}'
    exactly = {"deviceClassName": DEVICE_CLASS, "count": count, "selectors": [{"cel": {"expression": expression}}]}
    devices: Json = {"requests": [{"name": "accel", "exactly": exactly}]}
    if parameters:
        devices["config"] = [{"opaque": {"driver": driver, "parameters": parameters}}]
    return {"metadata": {"name": name}, "spec": {"devices": devices}}


def pod_with(claim_name: str) -> Json:
    """A pod named as its claim, whose container prints what the driver has told it and sleeps."""
    container = {
        "name": "main",
        "image": "localhost/mirage/base:latest",
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", "env | grep ^MOCK_ACCEL; exec sleep 3600"],
        "resources": {"claims": [{"name": "accel"}]},
    }
    spec = {
        "containers": [container],
        "resourceClaims": [{"name": "accel", "resourceClaimName": claim_name}],
        "terminationGracePeriodSeconds": 1,
    }
    return {"metadata": {"name": claim_name}, "spec": spec}
