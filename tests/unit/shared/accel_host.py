# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with the kernel module mock_accel, made up in a folder: its /sys and /dev, and a kernel that obeys writes.

Everything is on disk and nothing in memory, so that a child process may change it as well.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
from pathlib import Path

MAJOR = 240
GIB = 1 << 30
# A file that is there and answers every read with an input/output error: nothing is mapped at address 0.
UNANSWERED = "/proc/self/mem"


def config_space(uuid_text: str, memory: int, capabilities: int, status: int = 0, virtual: bool = False) -> bytes:
    """A configuration space as the module builds it: ids, and registers in a DVSEC behind another capability."""
    space = bytearray(4096)
    space[0:4] = b"\xff" * 4 if virtual else bytes.fromhex("e51d0100")
    space[0x08:0x0C] = bytes.fromhex("01000012")
    space[0x100:0x104] = (0x10 | 1 << 16 | 0x140 << 20).to_bytes(4, "little")
    space[0x140:0x144] = (0x23 | 1 << 16).to_bytes(4, "little")
    space[0x144:0x148] = (0x1DE5 | 0x3C << 20).to_bytes(4, "little")
    space[0x148:0x14A] = (1).to_bytes(2, "little")
    registers = 0x14C
    space[registers + 0x08 : registers + 0x18] = uuid.UUID(uuid_text).bytes
    space[registers + 0x20 : registers + 0x28] = memory.to_bytes(8, "little")
    space[registers + 0x28 : registers + 0x2C] = capabilities.to_bytes(4, "little")
    space[registers + 0x2C : registers + 0x30] = status.to_bytes(4, "little")
    return bytes(space)


class AccelHost:
    """`sysfs` and `dev` are what the modules are told; the methods are what a kernel or an administrator does."""

    def __init__(self, folder: Path) -> None:
        self.sysfs = folder / "sys"
        self.dev = folder / "dev"
        self.proc = folder / "proc"
        self.pci = self.sysfs / "bus/pci/devices"
        self.log = folder / "writes"
        # By address and number: what the kernel answers to that write.
        self.refusals: dict[tuple[str, int], int] = {}
        # Whether the kernel makes devices and nodes of new virtual functions.
        self.makes_devices = True
        self.makes_nodes = True
        self.dev.mkdir(parents=True)
        for name in ("bus/pci/devices", "bus/pci/drivers/mock-accel", "bus/pci/drivers/vfio-pci"):
            (self.sysfs / name).mkdir(parents=True)

    def load(self, **parameters: object) -> None:
        values = {"num_pfs": 1, "total_vfs": 4, "num_roots": 1, "first_domain": 0x1000, **parameters}
        folder = self.sysfs / "module/mock_accel"
        (folder / "parameters").mkdir(parents=True)
        (folder / "initstate").write_text("live\n")
        for name, value in values.items():
            (folder / "parameters" / name).write_text(f"{value}\n")

    def place(self, address: str) -> Path:
        """The folder of a function; its root bus is told by the domain and, in this machine, the bus."""
        return self.sysfs / "devices" / f"pci{address.rsplit(':', 1)[0]}" / address

    def add_function(self, address: str, *, driver: str | None = "mock-accel", **files: object) -> Path:
        folder = self.place(address)
        folder.mkdir(parents=True)
        values = {
            **{"vendor": "0x1de5", "device": "0x0001", "class": "0x120000", "revision": "0x01", "numa_node": 0},
            **{"subsystem_vendor": "0x1de5", "subsystem_device": "0x0001"},
            **{"current_link_speed": "16.0 GT/s PCIe", "current_link_width": 16},
            **{"max_link_speed": "16.0 GT/s PCIe", "max_link_width": 16},
            **files,
        }
        for name, value in values.items():
            if value is not None:
                (folder / name).write_text(f"{value}\n")
        (folder / "config").write_bytes(config_space(_uuid(address), 16 * GIB, 5, 0, "physfn" in files))
        (self.pci / address).symlink_to(f"../../../devices/{folder.parent.name}/{address}")
        if driver:
            self.bind(address, driver)
        return folder

    def bind(self, address: str, driver: str) -> None:
        (self.place(address) / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")

    def unbind(self, address: str) -> None:
        """As the kernel does it: the device goes, and with it all virtual functions."""
        (self.place(address) / "driver").unlink()
        for node in (self.place(address) / "mock-accel").glob("*"):
            (self.dev / node.name).unlink(missing_ok=True)
        shutil.rmtree(self.place(address) / "mock-accel", ignore_errors=True)

    def add_device(self, address: str, name: str, minor: int, memory: int, capabilities: int) -> Path:
        folder = self.place(address) / "mock-accel" / name
        folder.mkdir(parents=True)
        values = {
            "uuid": _uuid(address),
            "memory_size": memory,
            "capabilities": f"0x{capabilities:08x}",
            "status": 0,
            "dev": f"{MAJOR}:{minor}",
            "uevent": f"MAJOR={MAJOR}\nMINOR={minor}\nDEVNAME={name}",
        }
        for file, value in values.items():
            (folder / file).write_text(f"{value}\n")
        if self.makes_nodes:
            os.mknod(self.dev / name, stat.S_IFCHR | 0o600, os.makedev(MAJOR, minor))
        return folder

    def add_pf(self, number: int, address: str, total_vfs: int = 4, vfs: int = 0) -> str:
        """Physical function `number` with its device, as our driver makes it."""
        shown = {"sriov_totalvfs": total_vfs, "sriov_numvfs": 0} if total_vfs else {}
        self.add_function(address, **shown, **({"sriov_drivers_autoprobe": 1} if total_vfs else {}))
        self.add_device(address, f"mock{number}", 8 * number, 16 * GIB, 5 if total_vfs else 4)
        if vfs:
            self.set_vfs(address, vfs)
        return address

    def set_vfs(self, address: str, number: int) -> None:
        """What a write to sriov_numvfs does."""
        folder = self.place(address)
        before = int((folder / "sriov_numvfs").read_text())
        if before and number:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        names = list((folder / "mock-accel").glob("*"))
        for index in range(before):
            self.remove(virtual(address, index))
            (folder / f"virtfn{index}").unlink()
        for index in range(number):
            self._add_vf(address, index, names[0].name if names else None)
        (folder / "sriov_numvfs").write_text(f"{number}\n")

    def _add_vf(self, parent: str, index: int, parent_name: str | None) -> None:
        address = virtual(parent, index)
        folder = self.add_function(address, driver=None, device="0x0002")
        (folder / "config").write_bytes(config_space(_uuid(address), 2 * GIB, 6, 0, True))
        (folder / "physfn").symlink_to(f"../{parent}")
        (self.place(parent) / f"virtfn{index}").symlink_to(f"../{address}")
        if self.makes_devices:
            self.bind(address, "mock-accel")
            if parent_name:
                minor = 8 * int(parent_name.removeprefix("mock")) + 1 + index
                self.add_device(address, f"{parent_name}_vf{index}", minor, 2 * GIB, 6)

    def remove(self, address: str) -> None:
        """Unplug one function."""
        for node in (self.place(address) / "mock-accel").glob("*"):
            (self.dev / node.name).unlink(missing_ok=True)
        (self.pci / address).unlink()
        shutil.rmtree(self.place(address))

    def device(self, name: str) -> Path:
        """The folder of a device of class mock-accel."""
        (found,) = self.sysfs.glob(f"devices/*/*/mock-accel/{name}")
        return found

    def open(self, name: str, pid: int, command: str) -> None:
        """A process opens the device by a node of its own, as one in a container does."""
        process = self.proc / str(pid)
        (process / "fd").mkdir(parents=True)
        major, minor = map(int, (self.device(name) / "dev").read_text().split(":"))
        os.mknod(process / "node", stat.S_IFCHR | 0o600, os.makedev(major, minor))
        (process / "fd/3").symlink_to(process / "node")
        (process / "comm").write_text(f"{command}\n")

    def hang(self, address: str) -> None:
        """The function answers no more: what the kernel does not remember cannot be read."""
        for status in (self.place(address) / "mock-accel").glob("*/status"):
            status.unlink()
            status.symlink_to(UNANSWERED)
        (self.place(address) / "config").write_bytes(b"\xff" * 4096)

    def write(self, path: Path, number: int) -> None:
        """Stands in for the module's own write, in the child process that it makes for it."""
        address = path.parent.name
        with self.log.open("a") as log:
            log.write(f"{address} {number}\n")
        refusal = self.refusals.get((address, number))
        if refusal:
            raise OSError(refusal, os.strerror(refusal))
        if not path.exists():
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        self.set_vfs(address, number)

    @property
    def writes(self) -> list[str]:
        """All that was written so far, as "address number"."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def numbers(self) -> dict[str, int]:
        """The number of virtual functions by address of the physical one."""
        return {path.parent.name: int(path.read_text()) for path in sorted(self.pci.glob("*/sriov_numvfs"))}


def virtual(address: str, index: int) -> str:
    """The address of a virtual function."""
    return f"{address[:-1]}{int(address[-1]) + 1 + index}"


def _uuid(address: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, address))
