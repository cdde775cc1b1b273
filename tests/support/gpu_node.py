# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with mock GPUs for one test: programs find driver root, devices and kubelet where a node has them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
import time
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

VERSION = "550.163.01"
NODE = "worker-0"
DRIVER_ROOT = Path("/var/lib/nvidia-mock/driver")
MAJOR, CONTROL_MINOR = 195, 255
# What a program does in its own mount namespace before it begins. Of the machine's own GPUs, kubelet and driver root it
# sees nothing, and with its end all of this is gone.
ENTER = """
set -e
node=$1 driver_root=$2 proc=$3; shift 3
mount -t tmpfs none /var/lib
mkdir -p /var/lib/kubelet "$driver_root"
mount --bind "$node/kubelet" /var/lib/kubelet
mount --bind "$node/driver" "$driver_root"
mount --bind "$node/run" /run
mount --bind "$node/dev" /dev
if [ -n "$proc" ]; then mount --bind "$node/driver/proc/driver" /proc/driver; fi
exec "$@"
"""


class GpuNode:
    """Its files lie below one folder; whoever is started through it has mounts of its own."""

    def __init__(self, build: Path, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "driver"
        self.kubelet = folder / "kubelet"
        self.run = folder / "run"
        self.log = folder / "log"
        # What the profile in force describes, as `mock-nvml check --json` prints it.
        self.described: dict[str, t.Any] = {}
        self._build = build
        self._processes: list[subprocess.Popen[bytes]] = []
        for path in (
            "driver/usr/lib64",
            "driver/usr/bin",
            "driver/dev",
            "dev",
            "run",
            "kubelet/device-plugins",
            "kubelet/plugins_registry",
        ):
            (folder / path).mkdir(parents=True)
        for library in ("libnvidia-ml.so", "libcuda.so"):
            shutil.copy(build / f"{library}.{VERSION}", self.root / "usr/lib64")
            (self.root / "usr/lib64" / f"{library}.1").symlink_to(f"{library}.{VERSION}")
        shutil.copy(build / "nvidia-smi", self.root / "usr/bin")

    def apply(self, profile: Path) -> None:
        """Put a profile in force, with a device node for each GPU."""
        self.mock_nvml("apply", "--node-name", NODE, profile)
        self.described = json.loads(
            succeed([self._build / "mock-nvml", "check", "--json", "--node-name", NODE, profile])
        )
        nodes = [(f"nvidia{gpu['minor']}", MAJOR, gpu["minor"]) for gpu in self.described["devices"]]
        nodes.append(("nvidiactl", MAJOR, CONTROL_MINOR))
        for name, major, minor in nodes:
            make_node(self.root / "dev" / name, major, minor)
        for name, major, minor in [*nodes, ("null", 1, 3), ("zero", 1, 5), ("random", 1, 8), ("urandom", 1, 9)]:
            make_node(self.folder / "dev" / name, major, minor)

    @property
    def uuids(self) -> list[str]:
        return [gpu["uuid"] for gpu in self.described["devices"]]

    def mock_nvml(self, *argv: str | Path) -> str:
        return succeed([self._build / "mock-nvml", "--root", self.root, *argv])

    def run_program(self, *argv: str | Path) -> str:
        """A program that ends by itself and has to succeed; returns what it prints."""
        return succeed(self.command(*argv), env=environment())

    def nvidia_smi(self, *argv: str) -> str:
        """Our own, as root on the host."""
        return self.run_program(DRIVER_ROOT / "usr/bin/nvidia-smi", *argv)

    def command(self, *argv: str | Path, proc: bool = False) -> list[str]:
        """With proc, the driver's files are in /proc/driver, too, as docs/mig.md says."""
        enter = ["unshare", "--mount", "--propagation=private", "sh", "-c", ENTER, "enter"]
        return [*enter, str(self.folder), str(DRIVER_ROOT), "proc" if proc else "", *map(str, argv)]

    def start(self, *argv: str | Path, proc: bool = False) -> subprocess.Popen[bytes]:
        """A program that goes on until it is stopped; its words go to the log."""
        command = self.command(*argv, proc=proc)
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes], seconds: float = 20) -> int:
        """As a pod is stopped; returns the exit status."""
        process.terminate()
        return process.wait(seconds)

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-6000:] if self.log.exists() else ""

    def wait_for(self, true: Callable[[], t.Any], seconds: float = 20) -> t.Any:
        """What is true in the end; otherwise the test fails, as it does when a started program has ended."""
        end = time.monotonic() + seconds
        while not (found := true()):
            for process in self._processes:
                assert process.poll() in (None, 0), f"a program ended with {process.returncode}:\n{self.said()}"
            assert time.monotonic() < end, f"not within {seconds} s:\n{self.said()}"
            time.sleep(0.02)
        return found

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def gpu_node(build: Path) -> Iterator[GpuNode]:
    """A node whose folder has a short name, as names of sockets must not be long, and is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mirage-node-"))
    node = None
    try:
        node = GpuNode(build, folder)
        yield node
    finally:
        if node:
            node.close()
        shutil.rmtree(folder)


def make_node(path: Path, major: int, minor: int) -> None:
    os.mknod(path, stat.S_IFCHR, os.makedev(major, minor))
    path.chmod(0o666)


def environment() -> dict[str, str]:
    """Little of this machine, so that a program does the same on every other one."""
    return {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(DRIVER_ROOT / "usr/lib64")}


def succeed(argv: list[t.Any], **options: t.Any) -> str:
    """What a command prints; its failure is the test's."""
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False, timeout=60, **options)
    assert done.returncode == 0, f"{argv[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
