# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: print all that the module shows there, as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

FILES = ("vendor", "device", "class", "subsystem_vendor", "subsystem_device", "numa_node", "local_cpulist")
LINK_FILES = ("current_link_speed", "current_link_width", "max_link_speed", "max_link_width")
PCI = Path("/sys/bus/pci/devices")


def text(path: Path) -> str:
    return path.read_text().strip()


def target(path: Path) -> str | None:
    return path.resolve().name if path.is_symlink() else None


def accel(path: Path) -> dict[str, object]:
    node = Path("/dev") / path.name
    numbers = node.stat().st_rdev
    return {
        "entries": sorted(entry.name for entry in path.iterdir()),
        "values": {entry.name: text(entry) for entry in path.iterdir() if entry.is_file() and entry.name != "uevent"},
        "pci": target(path / "device"),
        "node": f"{os.major(numbers)}:{os.minor(numbers)}",
        "text": node.read_text(),
    }


def function(path: Path) -> dict[str, object]:
    links = {entry.name: target(entry) for entry in path.glob("virtfn*")}
    return {
        **{name: text(path / name) for name in (*FILES, *LINK_FILES)},
        "path": str(path.resolve()),
        "driver": target(path / "driver"),
        "physfn": target(path / "physfn"),
        "virtfns": [links[f"virtfn{number}"] for number in range(len(links))],
        "config": (path / "config").read_bytes().hex(),
    }


def main() -> None:
    parameters = Path("/sys/module/mock_accel/parameters")
    devices = Path("/sys/class/mock-accel")
    print(
        json.dumps(
            {
                "parameters": {path.name: text(path) for path in parameters.glob("*")},
                "devices": {path.name: accel(path) for path in devices.glob("*")},
                "functions": {path.name: function(path) for path in PCI.iterdir() if text(path / "vendor") == "0x1de5"},
                "nodes": sorted(path.name for path in Path("/dev").glob("mock*") if path.is_char_device()),
            }
        )
    )


main()
