# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel modules that the cluster needs: which are there, which can be loaded, and that a boot loads them again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

# Each with where it shows that it is there, loaded or built in.
MODULES = ("br_netfilter", "overlay")
BRIDGE_SETTING = "net/bridge/bridge-nf-call-iptables"
BOOT_FILES = {
    "/etc/modules-load.d/mirage-accel.conf": "# Written by mirage.accel.local_cluster.\nbr_netfilter\noverlay\n",
    "/etc/sysctl.d/90-mirage-accel.conf": (
        "# Written by mirage.accel.local_cluster.\nnet.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\n"
    ),
}


def runs_systemd(root: Path = Path("/")) -> bool:
    """Whether systemd is the init; its folder alone may be the host's, seen from a container."""
    try:
        init = (root / "proc/1/comm").read_text().strip()
    except OSError:
        return False
    return init == "systemd" and (root / "run/systemd/system").is_dir()


def is_there(module: str, root: Path = Path("/")) -> bool:
    """Whether the kernel has what a module brings."""
    if module == "br_netfilter":
        return (root / "proc/sys" / BRIDGE_SETTING).exists()
    try:
        listed = (root / "proc/filesystems").read_text()
    except OSError:
        return False
    return module in listed.split()


def is_loaded(module: str, root: Path = Path("/")) -> bool:
    """Whether it is loaded as a module, so that it could be taken out."""
    try:
        return any(line.split()[0] == module for line in (root / "proc/modules").read_text().splitlines())
    except OSError:
        return False


def modprobe(*arguments: str) -> str:
    """Why modprobe failed; empty where it did not."""
    # Not every PATH has the folders of system tools.
    program = shutil.which("modprobe", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return "modprobe is not installed"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or f"modprobe ended with {done.returncode}"


def can_load(module: str) -> bool:
    return not modprobe("--dry-run", "--quiet", module)


def loadable_modules(root: Path = Path("/")) -> list[str]:
    """The modules that are not there yet and that modprobe finds."""
    return [module for module in MODULES if not is_there(module, root) and can_load(module)]


def boot_files_to_write() -> dict[str, str]:
    """What a boot needs so that the cluster finds its modules and settings; only systemd reads these files."""
    if not runs_systemd():
        return {}
    found = {}
    for path, text in BOOT_FILES.items():
        if not Path(path).exists() or Path(path).read_text() != text:
            found[path] = text
    return found
