# SPDX-License-Identifier: GPL-3.0-or-later
"""The DRA driver's controller as a process, and what tests ask of the API server that it publishes to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import apiserver as servers
from accel_sysfs import AccelTree

DRIVER = "mock-accel.example.com"
NODE = "worker-1"
GROUP = "/apis/resource.k8s.io"
Json = dict[str, t.Any]


class Driver:
    """One process of the controller; what it says is in `log`. `who` replaces what the user's kubeconfig holds."""

    def __init__(
        self,
        repo: Path,
        server: servers.ApiServer,
        tree: AccelTree,
        log: Path,
        interval: str = "1s",
        user: str = "admin",
        flags: t.Sequence[str] = (),
        **who: t.Any,
    ) -> None:
        self.log = log
        command = [sys.executable, "-m", "mock_accel_dra", "controller", f"--node-name={NODE}", "--verbosity=10"]
        command += [f"--sysfs-root={tree.root}", f"--kubeconfig={server.kubeconfig(user, **who)}"]
        command += [f"--rescan-interval={interval}", *flags]
        environ = {**os.environ, "PYTHONPATH": str(repo / "roles/dra_driver/files"), "PYTHONDONTWRITEBYTECODE": ""}
        self.started = time.monotonic()
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, env=environ, stderr=output, stdin=subprocess.DEVNULL)

    def said(self, text: str) -> int:
        return self.log.read_text().count(text)

    def status(self, name: str) -> str:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return re.search(rf"^{name}:\s*(.*)$", text, re.MULTILINE)[1]  # type: ignore[index]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


class Cluster:
    """What a test asks of the server."""

    def __init__(self, server: servers.ApiServer, version: str = "v1") -> None:
        self.server = server
        self.path = f"{GROUP}/{version}/resourceslices"

    def slices(self, **selectors: str) -> list[Json]:
        query = "&".join(f"{name}={value}" for name, value in selectors.items())
        items = self.server.request("GET", f"{self.path}?{query}")["items"]
        return sorted(items, key=lambda item: item["metadata"]["name"])

    def devices(self) -> dict[str, Json]:
        """Of a complete pool; else nothing."""
        found = self.slices(fieldSelector=f"spec.driver%3D{DRIVER}")
        pools = {(one["spec"]["pool"]["generation"], one["spec"]["pool"]["resourceSliceCount"]) for one in found}
        if len(pools) != 1 or pools.pop()[1] != len(found):
            return {}
        devices = [device for one in found for device in one["spec"].get("devices") or ()]
        return {device["name"]: device.get("basic", device) for device in devices}

    def is_published(self, *names: str) -> bool:
        return sorted(self.devices()) == sorted(names)

    def delete_slices(self) -> None:
        """As a kubelet does when it starts."""
        self.server.request("DELETE", f"{self.path}?fieldSelector=spec.nodeName%3D{NODE}")


def until(condition: t.Callable[[], t.Any], driver: Driver, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert driver.process.poll() is None, driver.log.read_text()
        assert time.monotonic() < deadline, driver.log.read_text()
        time.sleep(0.02)
