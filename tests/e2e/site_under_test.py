# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that the cases work on: the make targets and the commands that a user types next to them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from dra_agent import wait_for

DRIVER_ROOT = Path("/var/lib/nvidia-mock/driver")
REPORT = Path("/var/lib/mirage-accel/report/verify.json")
KUBECONFIG = Path("/var/lib/mirage-accel/cluster/admin.kubeconfig")


class Site:
    """The make targets and the commands a user would type next to them."""

    def __init__(self, repo: Path, run, kubectl: Path, helm: Path) -> None:
        self._repo, self._run = repo, run
        self._tools = {"kubectl": kubectl, "helm": helm}
        self.env = {**os.environ, "KUBECONFIG": str(KUBECONFIG)}

    def make(self, target: str, *args: str) -> subprocess.CompletedProcess[str]:
        argv = ["make", target] + ([f"ARGS={' '.join(args)}"] if args else [])
        return self._run(*argv, cwd=self._repo, timeout=3600)

    def tool(self, name: str, *args: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
        return self._run(self._tools[name], *args, env=self.env, cwd=self._repo, **kwargs)

    def kubectl(self, *args: str, **kwargs: object) -> str:
        done = self.tool("kubectl", *args, **kwargs)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    def module(self, name: str, arguments: dict) -> subprocess.CompletedProcess[str]:
        """One of the collection's modules alone, as `ansible` runs it; the answer is JSON."""
        return self._ansible("ansible", "localhost", "-m", f"mirage.accel.{name}", "-a", json.dumps(arguments))

    def play(self, playbook: str, *args: str) -> subprocess.CompletedProcess[str]:
        return self._ansible("ansible-playbook", playbook, *args)

    def _ansible(self, command: str, *args: str) -> subprocess.CompletedProcess[str]:
        venv = Path(sys.executable).parent
        settings = {"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        environment = {**self.env, **settings, "PATH": f"{venv}:{self.env['PATH']}"}
        return self._run(venv / command, *args, cwd=self._repo, env=environment)

    def node(self) -> dict:
        return json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"][0]

    def smi(self, *args: str) -> str:
        done = self._run(
            DRIVER_ROOT / "usr/bin/nvidia-smi",
            *args,
            env={**os.environ, "LD_LIBRARY_PATH": str(DRIVER_ROOT / "usr/lib64")},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def eventually(holds: Callable[[], bool], what: str, seconds: float = 180) -> None:
    """Wait for a state of the cluster; the bound only keeps a broken run from hanging."""
    wait_for(holds, seconds, lambda: f"after {seconds:.0f} s: not {what}", interval=1)


def pid_of(component: str) -> int | None:
    """The component of this cluster: another one on the machine may run programs of the same names."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        program = Path(argv[0].decode("utf-8", "replace"))
        if program.name == component and program.is_relative_to(KUBECONFIG.parent):
            return int(entry.name)
    return None


def report_rows() -> list[dict]:
    return json.loads(REPORT.read_text())["rows"]


def placed_files() -> dict[str, str]:
    """Every file of the driver root with its contents' hash, and every device node, by path."""
    found = {}
    for path in sorted(DRIVER_ROOT.rglob("*")):
        if path.is_file() and not path.is_symlink():
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif not path.is_dir():
            found[str(path)] = "node or link"
    found.update({str(path): "node" for path in Path("/dev").glob("nvidia*")})
    return found


def pod(name: str, gpus: int) -> str:
    """A pod that sleeps with that many GPUs."""
    container = {
        "name": "main",
        "image": "localhost/mirage/base:latest",
        "imagePullPolicy": "Never",
        "command": ["sleep", "3600"],
        "resources": {"limits": {"nvidia.com/gpu": gpus}},
    }
    spec = {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
