# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's side, as files: nothing is decided here."""

from __future__ import annotations

import contextlib
import errno
import re
import subprocess
from pathlib import Path

from .attributes import MAX_NUMBER
from .errors import FunctionsError
from .openers import Opener, device_number, read_openers

DRIVER = "mock-accel"
# The kernel's log has nothing of a folder that cannot be made.
MAKE_REASONS = {
    errno.EEXIST: "another one has its number, or it was made meanwhile: choose another name",
    errno.ENOSPC: f"there are {MAX_NUMBER + 1} already: remove one first",
}


class Kernel:
    """configfs, the class, the PCI functions and who has their nodes open, as files."""

    def __init__(self, configfs: Path, devices: Path, pci: Path, processes: Path) -> None:
        self._configfs, self._devices, self._pci, self._processes = configfs, devices, pci, processes

    def mount(self) -> None:
        """Where systemd does not do it: configfs is in the kernel, but nothing has mounted it."""
        place = self._configfs.parent
        if not self._configfs.is_dir() and str(place) == "/sys/kernel/config" and place.is_dir():
            subprocess.run(["mount", "-t", "configfs", "configfs", str(place)], check=False, capture_output=True)

    def is_there(self) -> bool:
        return self._configfs.is_dir()

    def names(self) -> list[str]:
        return sorted(path.name for path in self._configfs.iterdir() if path.is_dir()) if self.is_there() else []

    def read(self, name: str, attribute: str) -> str:
        try:
            return (self._configfs / name / attribute).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise FunctionsError(f"Error while reading {attribute} of function {name}: {error.strerror}") from error

    def write(self, name: str, attribute: str, value: str) -> None:
        try:
            (self._configfs / name / attribute).write_text(value, encoding="utf-8")
        except OSError as error:
            raise FunctionsError(
                f"Error while setting {attribute} of function {name} to {value}: {error.strerror}; "
                "the kernel's log says why"
            ) from error

    def make(self, name: str) -> None:
        try:
            (self._configfs / name).mkdir()
        except OSError as error:
            reason = MAKE_REASONS.get(error.errno or 0, error.strerror)
            raise FunctionsError(f"Error while making function {name}: {reason}") from error

    def remove(self, name: str) -> None:
        try:
            (self._configfs / name).rmdir()
        except OSError as error:
            raise FunctionsError(f"Error while removing function {name}: {error.strerror}") from error

    def uses(self, name: str) -> list[str]:
        """What speaks against unplugging a function: someone has it, or one of its virtual functions."""
        device = self.read(name, "device_name")
        address = self.read(name, "address")
        found = self._uses_of_device(device) if device else []
        return found + self._uses_of_drivers(device or name, self._pci / address if address else None)

    def uses_of_vfs(self, device: str) -> list[str]:
        """What speaks against taking off the virtual functions of a physical one."""
        found = self._uses_of_device(device) + self._uses_of_drivers(device, self._devices / device / "device")
        return [reason for reason in found if reason.startswith(f"{device}_vf")]

    def _uses_of_device(self, device: str) -> list[str]:
        own = re.compile(re.escape(device) + r"(_vf\d+)?")
        names = sorted(path.name for path in self._devices.glob(f"{device}*") if own.fullmatch(path.name))
        states = [(name, self._status(name)) for name in names]
        found = [f"{name} {state}" for name, state in states if state]
        openers = self._openers(names)
        return found + [f"{name} is open in process {opener.pid} ({opener.command})" for name, opener in openers]

    def _openers(self, names: list[str]) -> list[tuple[str, Opener]]:
        """Of these devices those that are open, each with who has it."""
        numbers = {}
        for name in names:
            # One may go while it is looked at.
            with contextlib.suppress(OSError):
                numbers[device_number((self._devices / name / "dev").read_text(encoding="utf-8"))] = name
        found = read_openers(self._processes, lambda number: number in numbers)
        return sorted((numbers[number], opener) for number, openers in found.items() for opener in openers)

    def _status(self, device: str) -> str:
        try:
            status = (self._devices / device / "status").read_text(encoding="utf-8").strip()
        except OSError as error:
            # One that has just gone is used by nobody; one that hangs may be.
            gone = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV)
            return "" if gone else "does not answer and may be allocated"
        return "is allocated" if status == "1" else ""

    def _uses_of_drivers(self, device: str, folder: Path | None) -> list[str]:
        """Functions that a driver other than ours has, such as one that hands them to virtual machines."""
        if folder is None:
            return []
        places = {device: folder}
        for path in sorted(folder.glob("virtfn*")):
            places[f"{device}_vf{path.name.removeprefix('virtfn')}"] = path
        found = {}
        for name, place in places.items():
            # Without a driver there is no link, and it can go while it is read.
            with contextlib.suppress(OSError):
                found[name] = (place / "driver").readlink().name
        return [f"{name} is bound to the driver {driver}" for name, driver in found.items() if driver != DRIVER]

    def physical(self) -> list[str]:
        return sorted(path.name for path in self._devices.glob("mock*") if (path / "sriov_numvfs").exists())

    def numvfs(self, device: str) -> int:
        return int((self._devices / device / "sriov_numvfs").read_text(encoding="utf-8"))

    def vfs_of(self, name: str) -> int:
        """How many virtual functions one has that is plugged in; one without a device of ours has none to speak of."""
        device = self.read(name, "device_name")
        return self.numvfs(device) if device in self.physical() else 0

    def totalvfs(self, device: str) -> int:
        return int((self._devices / device / "sriov_totalvfs").read_text(encoding="utf-8"))

    def set_numvfs(self, device: str, count: int) -> None:
        try:
            (self._devices / device / "sriov_numvfs").write_text(str(count), encoding="utf-8")
        except OSError as error:
            raise FunctionsError(f"Error while giving {device} {count} virtual functions: {error.strerror}") from error
