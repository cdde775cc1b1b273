# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in a guest: load and unload it, look at what it shows, and read what the kernel says about it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guest import Guest

FILES = Path(__file__).resolve().parent / "guest_files"
MODULE = "/root/mock_accel.ko"
CONFIGFS = "/sys/kernel/config"

# Every module that nobody signed and that is not part of the kernel is greeted with the first, once. The other is said
# where the machine that runs the guest has no time for it.
HARMLESS = re.compile(
    r"mock_accel: (loading out-of-tree module taints kernel|module verification failed)|hrtimer: interrupt took \d+ ns"
)


class GuestModule:
    def __init__(self, guest: Guest, content: bytes) -> None:
        self.guest = guest
        self._seen = self._warnings()
        guest.send(content, MODULE)
        # What modprobe and a host's init do: insmod resolves no dependency, and nobody else mounts this here.
        guest.must(f"modprobe configfs && {{ mountpoint -q {CONFIGFS} || mount -t configfs configfs {CONFIGFS}; }}")

    def load(self, parameters: str = "", timeout: float = 120) -> None:
        """Load it anew with these parameters."""
        self.guest.must(
            f"{self._unload} && insmod {MODULE} {parameters} && lsmod | grep -q '^mock_accel '", timeout=timeout
        )

    def unload(self, timeout: float = 120) -> None:
        self.guest.must(self._unload, timeout=timeout)

    def observe(self) -> dict[str, Any]:
        return json.loads(self.script("observe.py"))

    def script(self, name: str, *arguments: str, timeout: float = 120) -> str:
        return self.guest.python((FILES / name).read_text(), *arguments, timeout=timeout)

    @contextlib.contextmanager
    def holding(self, device: str) -> Iterator[int]:
        """A process called sleep that has a device open as one in a container does: by a node that only it sees."""
        numbers = self.guest.must(f"cat /sys/class/mock-accel/{device}/dev").strip().replace(":", " ")
        inside = f"mount -t tmpfs tmpfs /mnt && mknod /mnt/accelerator c {numbers} && exec sleep 600 3</mnt/accelerator"
        begin = f"unshare --mount setsid sh -c '{inside}' >/dev/null 2>&1 </dev/null & echo $!"
        pid = int(self.guest.must(begin))
        try:
            self.guest.must(f'until [ "$(cat /proc/{pid}/comm)" = sleep ]; do sleep 0.1; done', timeout=30)
            yield pid
        finally:
            self.guest.must(f"kill {pid} && while [ -e /proc/{pid}/fd/3 ]; do sleep 0.1; done")

    def set_vfs(self, device: str, number: int) -> None:
        self.guest.must(f"echo {number} >/sys/class/mock-accel/{device}/sriov_numvfs")

    def new_warnings(self) -> list[str]:
        """What the kernel has warned of since the last time."""
        all_of_them = self._warnings()
        # What nobody has read must not be pushed out by what follows.
        assert all_of_them[: len(self._seen)] == self._seen, "the kernel's log has lost its first lines"
        new, self._seen = all_of_them[len(self._seen) :], all_of_them
        return [line for line in new if not HARMLESS.search(line)]

    _unload = "if grep -q '^mock_accel ' /proc/modules; then rmmod mock_accel; fi"

    def _warnings(self) -> list[str]:
        # What programs write there is another matter.
        return self.guest.must("dmesg --kernel --notime --level emerg,alert,crit,err,warn").splitlines()


class Function:
    """A folder of configfs, made by the caller or by the module."""

    def __init__(self, accel: GuestModule, name: str) -> None:
        self.folder = f"{CONFIGFS}/mock-accel/{name}"
        self._accel = accel

    def make(self, **settings: object) -> Function:
        """A new folder with these settings; with enable=1 among them it is plugged in at last."""
        enable = settings.pop("enable", None)
        commands = [f"mkdir {self.folder}"]
        commands += [f"echo {value} >{self.folder}/{name}" for name, value in settings.items()]
        if enable is not None:
            commands.append(f"echo {enable} >{self.folder}/enable")
        self._accel.guest.must(" && ".join(commands))
        return self

    def set(self, name: str, value: object) -> None:
        self._accel.guest.must(f"echo {value} >{self.folder}/{name}")

    def refuses(self, name: str, value: object) -> str:
        """Set what must be refused, and return the error in words."""
        done = self._accel.guest.run(f"echo {value} >{self.folder}/{name}")
        assert done.returncode, f"{name} was set to {value}"
        return done.stderr.strip().rpartition(": ")[2]

    def get(self, name: str) -> str:
        return self._accel.guest.must(f"cat {self.folder}/{name}").strip()

    def remove(self) -> None:
        self._accel.guest.must(f"rmdir {self.folder}")
