# SPDX-License-Identifier: GPL-3.0-or-later
"""The DRA driver's node agent as a process, which a test starts, kills and looks at."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from accel_sysfs import AccelTree

DRIVER = "mock-accel.example.com"
NODE = "worker-0"
FILES = Path(__file__).resolve().parents[2] / "roles" / "dra_driver" / "files"


class Agent:
    """The node agent as a process, and what it leaves in the folders of its node."""

    def __init__(self, folder: Path, sysfs: AccelTree, node_name: str = NODE, driver: str = DRIVER) -> None:
        self.folder = folder
        self.sysfs = sysfs
        self.node_name = node_name
        self.driver = driver
        self.plugin_dir = folder / "plugin"
        self.registry_dir = folder / "registry"
        self.cdi_dir = folder / "cdi"
        self.kubeconfig = folder / "kubeconfig"
        self.log = folder / "log"
        # The one that was started last, and all.
        self.process: subprocess.Popen[bytes] | None = None
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def checkpoint(self) -> Path:
        return self.plugin_dir / "checkpoint.json"

    def arguments(self, *more: str) -> list[str]:
        values = {
            "node-name": self.node_name,
            "sysfs-root": self.sysfs.root,
            "plugin-dir": self.plugin_dir,
            "registry-dir": self.registry_dir,
            "cdi-dir": self.cdi_dir,
            "kubeconfig": self.kubeconfig,
            "driver-name": self.driver,
        }
        return ["node-agent", *(f"--{key}={value}" for key, value in values.items()), *more]

    def start(self, *more: str, die_at: str = "", pod_uid: str = "", wait: bool = True) -> subprocess.Popen[bytes]:
        """Start the node agent; ready when its registrar's socket is there."""
        if pod_uid:
            more = (*more, f"--pod-uid={pod_uid}")
        process = self.run(self.arguments(*more), die_at)
        self.process = process
        if wait:
            self.wait_ready(process, pod_uid)
        return process

    def run(self, arguments: list[str], die_at: str = "") -> subprocess.Popen[bytes]:
        """One of the driver's commands, whose words go to the log."""
        environment = {**os.environ, "PYTHONPATH": str(FILES), "MOCK_ACCEL_DRA_DIE_AT": die_at}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "mock_accel_dra", *arguments]
            process = subprocess.Popen(command, env=environment, stderr=log, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def wait_ready(self, process: subprocess.Popen[bytes], pod_uid: str = "", timeout: float = 30.0) -> None:
        def ready() -> bool:
            assert process.poll() is None, f"the plugin has ended with {process.returncode}: {self.log.read_text()}"
            return any(map(listens, self.registrars(pod_uid)))

        wait_for(ready, timeout, self.log.read_text)

    def registrars(self, pod_uid: str = "") -> list[Path]:
        """The registrar's sockets of that pod's starts, or the only one; dead ones too."""
        return sorted(
            self.registry_dir.glob(f"{self.driver}-{pod_uid}-*-reg.sock" if pod_uid else f"{self.driver}-reg.sock")
        )

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(20)

    def cdi_files(self) -> list[str]:
        """All that is in the folder, unfinished files too."""
        return sorted(path.name for path in self.cdi_dir.iterdir()) if self.cdi_dir.exists() else []

    def recorded(self) -> dict[str, list[str]]:
        """What the checkpoint holds: devices by the claims' UIDs."""
        if not self.checkpoint.exists():
            return {}
        claims = json.loads(self.checkpoint.read_text())["claims"]
        return {uid: [device["device_name"] for device in one["devices"]] for uid, one in claims.items()}

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(20)


def listens(path: Path) -> bool:
    """Whether somebody listens there; what a dead process has left does not count."""
    with socket.socket(socket.AF_UNIX) as probe:
        return path.exists() and probe.connect_ex(str(path)) == 0


def wait_for(
    true: t.Callable[[], t.Any],
    timeout: float = 10.0,
    otherwise: t.Callable[[], str] = lambda: "",
    interval: float = 0.02,
) -> None:
    """Until it is true; otherwise the test fails with those words. Who asks a server takes a longer interval."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, otherwise() or f"not within {timeout} s"
        time.sleep(interval)
