# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's devices as the plugin needs them: looked up one by one, and told whether they are allocated."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from . import inventory
from .errors import DeviceError
from .inventory import AccelDevice

_GONE = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR)


class SysfsDevices:
    """What a sysfs shows at the moment of each call."""

    def __init__(self, sysfs_root: Path) -> None:
        self._root = sysfs_root

    def find(self, device_name: str) -> AccelDevice | None:
        return inventory.read(self._root, device_name)

    def all(self) -> list[AccelDevice]:
        return inventory.scan(self._root)

    def write_status(self, name: str, allocated: bool) -> bool:
        """False where the device is not here."""
        path = self._root / "class" / inventory.CLASS / name / "status"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, b"1\n" if allocated else b"0\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno in _GONE:
                return False
            raise DeviceError(f"Error while writing {int(allocated)} to {path}: {error.strerror}") from error
        return True
