# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree such as mock_accel shows in sysfs (native/mock_accel/ABI.md), to be read and changed without a kernel."""

from __future__ import annotations

import errno
import json
import shutil
import uuid
from pathlib import Path

GI = 1 << 30
# Functions in a slot, and slots of a root bus.
FUNCTIONS = 8
SLOTS = 32
# Reading address 0 of a process gives the error that a function gives which does not answer: EIO.
NO_ANSWER = Path("/proc/self/mem")


def replay(recording: Path, root: Path) -> Path:
    """A tree as a guest has shown it: links, texts and errors by path (tests/kernel/guest_files/record.py)."""
    for name, entry in json.loads(recording.read_text()).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "text" in entry:
            path.write_text(entry["text"])
        elif "link" in entry:
            path.symlink_to(entry["link"])
        else:
            assert entry == {"error": errno.EIO}, name
            path.symlink_to(NO_ANSWER)
    return root


class AccelTree:
    """The sysfs of a host, which may be there already; `root` is what a driver is told to be /sys."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.class_folder = root / "class/mock-accel"
        for folder in (self.class_folder, root / "bus/pci/devices", root / "bus/pci/drivers/mock-accel"):
            folder.mkdir(parents=True, exist_ok=True)

    def add_pf(
        self, number: int, *, total_vfs: int = 4, memory: int = 16 * GI, numa_node: int = 0, domain: int | None = None
    ) -> Path:
        domain = 0x1000 + number // SLOTS if domain is None else domain
        pci = self._function(f"{domain:04x}", number % SLOTS, 0, numa_node)
        folder = self._device(f"mock{number}", pci, memory, numa_node, number * FUNCTIONS, 0x5 if total_vfs else 0x4)
        if total_vfs:
            for name, value in (("sriov_totalvfs", total_vfs), ("sriov_numvfs", 0)):
                (pci / name).write_text(f"{value}\n")
                (folder / name).symlink_to(f"../../{name}")
        return folder

    def add_vfs(self, number: int, count: int, *, memory: int = 2 * GI) -> list[Path]:
        """Virtual functions 0 to count-1 of a physical one, as writing sriov_numvfs makes them."""
        pf = self.pci(f"mock{number}")
        made = []
        for vf in range(count):
            domain, slot = pf.name.split(":")[0], int(pf.name.split(":")[2].split(".")[0], 16)
            numa_node = int((pf / "numa_node").read_text())
            pci = self._function(domain, slot, vf + 1, numa_node)
            (pci / "physfn").symlink_to(f"../{pf.name}")
            (pf / f"virtfn{vf}").symlink_to(f"../{pci.name}")
            minor = number * FUNCTIONS + vf + 1
            made.append(self._device(f"mock{number}_vf{vf}", pci, memory, numa_node, minor, 0x6))
        (pf / "sriov_numvfs").write_text(f"{count}\n")
        return made

    def remove(self, name: str) -> None:
        """A function goes, with its virtual ones."""
        pci = self.pci(name)
        for vf in sorted(path.name for path in self.class_folder.glob(f"{name}_vf*")):
            self.remove(vf)
        (self.class_folder / name).unlink()
        (self.root / "bus/pci/devices" / pci.name).unlink(missing_ok=True)
        shutil.rmtree(pci)

    def pci(self, name: str) -> Path:
        return (self.class_folder / name / "device").resolve(strict=True)

    def write(self, name: str, file: str, text: str) -> None:
        path = self.class_folder / name / file
        if path.is_symlink():
            path.unlink()
        path.write_text(f"{text}\n")

    def status(self, name: str) -> int:
        return int((self.class_folder / name / "status").read_text())

    def statuses(self) -> dict[str, int]:
        """Those that are allocated."""
        return {path.name: 1 for path in sorted(self.class_folder.iterdir()) if self.status(path.name)}

    def silence(self, name: str) -> None:
        """It does not answer any more: what is a register cannot be read."""
        for file in ("status", "errors"):
            path = self.class_folder / name / file
            path.unlink()
            path.symlink_to(NO_ANSWER)

    def _function(self, domain: str, slot: int, function: int, numa_node: int) -> Path:
        name = f"{domain}:00:{slot:02x}.{function}"
        folder = self.root / f"devices/pci{domain}:00/{name}"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text("0x1de5\n")
        (folder / "device").write_text("0x0002\n" if function else "0x0001\n")
        (folder / "numa_node").write_text(f"{numa_node}\n")
        (folder / "driver").symlink_to("../../../bus/pci/drivers/mock-accel")
        (self.root / "bus/pci/devices" / name).symlink_to(f"../../../devices/pci{domain}:00/{name}")
        return folder

    def _device(self, name: str, pci: Path, memory: int, numa_node: int, minor: int, capabilities: int) -> Path:
        folder = pci / "mock-accel" / name
        folder.mkdir(parents=True)
        files = {
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
            "memory_size": memory,
            "numa_node": numa_node,
            "capabilities": f"0x{capabilities:08x}",
            "status": 0,
            "errors": "0x00",
            "dev": f"240:{minor}",
            "uevent": f"MAJOR=240\nMINOR={minor}\nDEVNAME={name}",
        }
        for file, value in files.items():
            (folder / file).write_text(f"{value}\n")
        (folder / "device").symlink_to(f"../../../{pci.name}")
        (folder / "subsystem").symlink_to("../../../../../class/mock-accel")
        (self.class_folder / name).symlink_to(f"../../devices/{pci.parent.name}/{pci.name}/mock-accel/{name}")
        return folder
