# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: print what sysfs has of the devices of mock_accel, as JSON: links, texts and errors by path."""

from __future__ import annotations

import json
from pathlib import Path

SYSFS = Path("/sys")
CLASS = SYSFS / "class/mock-accel"
# Of a PCI function; of a device of the class it is everything but the kernel's power management.
PCI = ("vendor", "device", "class", "numa_node", "sriov_totalvfs", "sriov_numvfs", "driver", "physfn")


def entry(path: Path) -> dict[str, object]:
    if path.is_symlink():
        return {"link": str(path.readlink())}
    try:
        return {"text": path.read_text()}
    except OSError as error:
        return {"error": error.errno}


def main() -> None:
    found: dict[str, dict[str, object]] = {}

    def keep(path: Path) -> None:
        found[str(path.relative_to(SYSFS))] = entry(path)

    for link in sorted(CLASS.iterdir()):
        keep(link)
        device = link.resolve()
        for path in sorted(device.iterdir()):
            if path.is_symlink() or path.is_file():
                keep(path)
        for path in sorted((device / "device").resolve().iterdir()):
            if path.name in PCI or path.name.startswith("virtfn"):
                keep(path)
    print(json.dumps(found, indent=1, sort_keys=True))


main()
