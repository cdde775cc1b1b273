# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file systems of Debian's suites, taken from the cache or made by the role's own tasks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent.parent

# A machine of a cloud: with systemd, ssh and Python, and with what a verified host needs beside it (cffi for module
# nvml_info; debootstrap does not see that one of its packages needs python3-ply), and what a node of Kubernetes needs
# (iptables). It has no network to fetch more.
GUEST_PACKAGES = (
    "dbus",
    "iproute2",
    "iptables",
    "kmod",
    "openssh-server",
    "pciutils",
    "procps",
    "python3",
    "python3-cffi",
    "python3-ply",
    "systemd-sysv",
    "udev",
)


class RootFileSystemError(Exception):
    """A root file system could not be made; the text says what the playbook said."""


def archive(packages: Sequence[str], suite: str = "bookworm") -> Path:
    """The tar file of a suite with these packages beside those that every Debian has."""
    variables = {"container_images_rootfs_suite": suite, "container_images_rootfs_packages": list(packages)}
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg")}
    with tempfile.TemporaryDirectory() as place:
        answer = Path(place) / "answer"
        argv = [Path(sys.executable).parent / "ansible-playbook", REPO / "tests/rootfs.yml"]
        argv += ["-e", json.dumps({**variables, "answer": str(answer)})]
        done = subprocess.run(
            argv, cwd=REPO, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RootFileSystemError(f"no root file system of {suite}:\n{done.stdout}{done.stderr}")
        return Path(answer.read_text())
