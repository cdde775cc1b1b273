# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in a guest: load and unload it, look at what it shows, and read what the kernel says about it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from guest import Guest

FILES = Path(__file__).resolve().parent / "guest_files"
MODULE = "/root/mock_accel.ko"

# Every module that nobody signed and that is not part of the kernel is greeted with these, once.
GREETINGS = re.compile(r"mock_accel: (loading out-of-tree module taints kernel|module verification failed)")


class GuestModule:
    def __init__(self, guest: Guest, content: bytes) -> None:
        self.guest = guest
        self._seen = self._warnings()
        guest.send(content, MODULE)

    def load(self, parameters: str = "") -> None:
        """Load it anew with these parameters."""
        self.guest.must(f"{self._unload} && insmod {MODULE} {parameters} && lsmod | grep -q '^mock_accel '")

    def unload(self) -> None:
        self.guest.must(self._unload)

    def observe(self) -> dict[str, Any]:
        return json.loads(self.script("observe.py"))

    def script(self, name: str, *arguments: str) -> str:
        return self.guest.python((FILES / name).read_text(), *arguments)

    def set_vfs(self, device: str, number: int) -> None:
        self.guest.must(f"echo {number} >/sys/class/mock-accel/{device}/sriov_numvfs")

    def new_warnings(self) -> list[str]:
        """What the kernel has warned of since the last time."""
        all_of_them = self._warnings()
        new, self._seen = all_of_them[len(self._seen) :], all_of_them
        return [line for line in new if not GREETINGS.search(line)]

    _unload = "if grep -q '^mock_accel ' /proc/modules; then rmmod mock_accel; fi"

    def _warnings(self) -> list[str]:
        # What programs write there is another matter.
        return self.guest.must("dmesg --kernel --notime --level emerg,alert,crit,err,warn").splitlines()
