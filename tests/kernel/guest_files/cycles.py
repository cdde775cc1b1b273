# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: load the module, VFs on, VFs off, unload, as often as asked; any step that fails ends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CLASS = Path("/sys/class/mock-accel")
VFS = 2


def cycle() -> None:
    subprocess.run(["insmod", "/root/mock_accel.ko", "num_pfs=2", "num_roots=2"], check=True)
    (CLASS / "mock1/sriov_numvfs").write_text(str(VFS))
    names = {path.name for path in CLASS.iterdir()}
    assert names == {"mock0", "mock1", "mock1_vf0", "mock1_vf1"}, names
    for name in names:
        assert (Path("/dev") / name).read_text().startswith(f"device: {name}\n"), name
    (CLASS / "mock1/sriov_numvfs").write_text("0")
    subprocess.run(["rmmod", "mock_accel"], check=True)
    assert not CLASS.exists()


for _ in range(int(sys.argv[1])):
    cycle()
