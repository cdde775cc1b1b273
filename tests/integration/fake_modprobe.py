#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for modprobe on a test host: the module shows in a /sys of ordinary files, and no kernel is asked.

What it takes from the module's file is real: that it is where depmod has found it, and the build's id.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

SYSFS = Path("/sys/module/mock_accel")
CONFIGFS = Path("/sys/kernel/config/mock-accel")
DEFAULTS = {
    "num_pfs": "1",
    "total_vfs": "4",
    "num_vfs": "0",
    "num_roots": "1",
    "numa_nodes": "",
    "first_domain": "0x1000",
    "pf_memory": str(16 << 30),
    "vf_memory": str(2 << 30),
    "link_speed": "4",
    "link_width": "16",
    "uuid_seed": "",
}


def options() -> dict[str, str]:
    text = "".join(path.read_text() for path in sorted(Path("/etc/modprobe.d").glob("*.conf")))
    given = " ".join(re.findall(r"^options mock_accel (.*)$", text, re.MULTILINE))
    return dict(word.split("=", 1) for word in given.split())


def load(release: str) -> None:
    found = re.search(r"^(\S*/mock_accel\.ko):", Path(f"/lib/modules/{release}/modules.dep").read_text(), re.MULTILINE)
    if not found:
        sys.exit("modprobe: FATAL: Module mock_accel not found")
    parameters = {**DEFAULTS, **options()}
    unknown = set(parameters) - set(DEFAULTS)
    if unknown:
        sys.exit(f"modprobe: ERROR: unknown parameters {unknown}")
    (SYSFS / "parameters").mkdir(parents=True)
    (SYSFS / "notes").mkdir()
    for name, value in parameters.items():
        (SYSFS / "parameters" / name).write_text(f"{value}\n")
    note = ["objcopy", "-O", "binary", "--only-section=.note.gnu.build-id"]
    subprocess.run([*note, f"/lib/modules/{release}/{found[1]}", SYSFS / "notes/.note.gnu.build-id"], check=True)
    CONFIGFS.mkdir(parents=True, exist_ok=True)
    for number in range(int(parameters["num_pfs"])):
        folder = Path(f"/sys/class/mock-accel/mock{number}")
        folder.mkdir(parents=True)
        (folder / "status").write_text("0\n")
        (CONFIGFS / f"mock{number}").mkdir()
    (SYSFS / "initstate").write_text("live\n")


def main(arguments: list[str]) -> None:
    if arguments == ["--remove", "mock_accel"]:
        for folder in (SYSFS, Path("/sys/class/mock-accel"), CONFIGFS):
            shutil.rmtree(folder)
    elif arguments == ["mock_accel"]:
        if not SYSFS.exists():
            load(Path("/fake/proc/sys/kernel/osrelease").read_text().strip())
    else:
        sys.exit(f"modprobe: this one does not know {arguments}")


if __name__ == "__main__":
    main(sys.argv[1:])
