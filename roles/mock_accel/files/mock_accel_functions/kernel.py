# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's side, as files: nothing is decided here."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

from .attributes import MAX_NUMBER
from .errors import FunctionsError
from .sightings import look
from .use import all_reasons

# The kernel's log has nothing of a folder that cannot be made.
MAKE_REASONS = {
    errno.EEXIST: "another one has its number, or it was made meanwhile: choose another name",
    errno.ENOSPC: f"there are {MAX_NUMBER + 1} already: remove one first",
}


def write_once(path: Path, text: str) -> None:
    """What the kernel refuses is not asked of it again, as a buffer does when it is closed."""
    with path.open("wb", buffering=0) as file:
        file.write(text.encode())


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
            write_once(self._configfs / name / attribute, value)
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
        function = self._pci / address if address else None
        return all_reasons(look(self._devices, self._processes, device or name, function, has_device=bool(device)))

    def uses_of_vfs(self, device: str) -> list[str]:
        """What speaks against taking off the virtual functions of a physical one, which stays itself."""
        sightings = look(self._devices, self._processes, device, self._devices / device / "device")
        return all_reasons(seen for seen in sightings if seen.label != device)

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
            write_once(self._devices / device / "sriov_numvfs", str(count))
        except OSError as error:
            raise FunctionsError(f"Error while giving {device} {count} virtual functions: {error.strerror}") from error
