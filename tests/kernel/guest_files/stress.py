# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: for some seconds, use all devices while VFs and drivers come and go; print who did not end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import sys
import time
from pathlib import Path

SECONDS = float(sys.argv[1])
CLASS = Path("/sys/class/mock-accel")
CONFIG = Path("/sys/kernel/config/mock-accel")
DRIVER = Path("/sys/bus/pci/drivers/mock-accel")
STATUS, PASSPHRASE = 0x80044D01, 0xC1014D02


def attempt(call, *arguments) -> None:
    """Whatever it answers: only the kernel's health is judged."""
    with contextlib.suppress(OSError):
        call(*arguments)


def use_nodes() -> None:
    for node in Path("/dev").glob("mock*"):
        try:
            fd = os.open(node, os.O_RDWR)
        except OSError:
            continue
        for _ in range(5):
            attempt(os.pread, fd, 300, 0)
            attempt(fcntl.ioctl, fd, STATUS, bytearray(4))
            attempt(fcntl.ioctl, fd, PASSPHRASE, bytearray(b"\x05" + bytes(256)))
            time.sleep(random.random() * 0.02)
        os.close(fd)


def use_files() -> None:
    for device in CLASS.glob("*"):
        for name in ("uuid", "status", "numa_node", "capabilities", "memory_size", "sriov_numvfs", "uevent"):
            attempt((device / name).read_bytes)
        attempt((device / "status").write_text, random.choice("01"))


def change_vfs() -> None:
    numbers = CLASS / f"mock{random.randrange(4)}/sriov_numvfs"
    attempt(numbers.write_text, "0")
    attempt(numbers.write_text, str(random.randrange(1, 5)))


def rebind() -> None:
    addresses = [path.name for path in Path("/sys/bus/pci/devices").glob("100*")]
    address = random.choice(addresses)
    attempt((DRIVER / "unbind").write_text, address)
    attempt((DRIVER / "bind").write_text, address)


def plug() -> None:
    """A function of its own, on the first root bus, whose others have VFs that come and go."""
    folder = CONFIG / "stress"
    attempt(folder.mkdir)
    attempt((folder / "enable").write_text, "1")
    attempt((folder / "enable").write_text, "0")
    attempt(folder.rmdir)


def main() -> None:
    end = time.monotonic() + SECONDS
    running = {}
    for work in (use_nodes, use_nodes, use_files, change_vfs, change_vfs, rebind, plug):
        pid = os.fork()
        if not pid:
            while time.monotonic() < end:
                work()
            os._exit(0)
        running[pid] = work.__name__
    while running and time.monotonic() < end + 60:
        for pid in list(running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done and not status:
                running.pop(pid)
        time.sleep(0.2)
    print(" ".join(running.values()))


main()
