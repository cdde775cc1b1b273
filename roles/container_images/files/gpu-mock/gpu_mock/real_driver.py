# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a real NVIDIA driver loaded? The kernel says so; device nodes do not, because ours look the same."""

from __future__ import annotations

from pathlib import Path


def evidence(proc: Path) -> str:
    """What shows that a real driver is loaded, or nothing. A pod's own /proc shows the host's kernel."""
    version = proc / "driver/nvidia/version"
    if version.exists():
        return f"{version} exists"
    devices = proc / "devices"
    try:
        lines = devices.read_text().splitlines()
    except FileNotFoundError:
        return ""
    # Lines are like "195 nvidia-frontend"; some drivers register as "nvidia" or "nvidiactl".
    names = [line.split()[1] for line in lines if len(line.split()) == 2]
    found = [name for name in names if name.startswith("nvidia")]
    return f"{devices} lists {found[0]}" if found else ""
