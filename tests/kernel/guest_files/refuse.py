# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest, on the debug kernel: for some seconds, do what users do while one piece of memory is refused.

Arguments: seconds, and a seed that decides which. The module is not loaded before, nor afterwards. Prints JSON: how
often memory was refused in each of the things that were done. Only the kernel's health is judged, not what they answer.

Nothing is plugged in, nor are VFs made: Linux itself goes on with a PCI device that it could not add (6.1 warns in
pci_device_add, and falls over it at the next look at that bus), whoever's device it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SECONDS, SEED = float(sys.argv[1]), sys.argv[2]
SETTINGS = Path("/sys/kernel/debug/failslab")
FAIL_NTH = "/proc/thread-self/fail-nth"
CONFIG = Path("/sys/kernel/config/mock-accel")
DRIVER = Path("/sys/bus/pci/drivers/mock-accel")
CLASS = Path("/sys/class/mock-accel")
ADDRESS = "1000:00:00.0"
PASSPHRASE = 0xC1014D02
FINIT_MODULE, DELETE_MODULE = 313, 176

libc = ctypes.CDLL(None, use_errno=True)
chance = random.Random(SEED)
refused: Counter[str] = Counter()


@contextlib.contextmanager
def refusing(what: str, most: int) -> Iterator[None]:
    """One of the next requests for memory, which this process makes itself, fails."""
    fd = os.open(FAIL_NTH, os.O_RDWR)
    os.write(fd, str(chance.randrange(1, most)).encode())
    try:
        with contextlib.suppress(OSError):
            yield
    finally:
        # Nothing of it is left when that request has come.
        refused[what] += os.pread(fd, 20, 0).strip() == b"0"
        os.pwrite(fd, b"0", 0)
        os.close(fd)


def load(parameters: str) -> bool:
    with open("/root/mock_accel.ko", "rb") as file:  # noqa: PTH123
        return libc.syscall(FINIT_MODULE, file.fileno(), parameters.encode(), 0) == 0


def unload() -> None:
    assert libc.syscall(DELETE_MODULE, b"mock_accel", 0) == 0, os.strerror(ctypes.get_errno())


def loading() -> None:
    with refusing("load", 150):
        load("num_pfs=0")
    if Path("/sys/module/mock_accel").exists():
        unload()
    # Where Linux itself gives up a driver midway, its folder goes with the last reference, which this kernel keeps for
    # up to four seconds on purpose.
    patience = time.monotonic() + 30
    while any(path.exists() for path in (DRIVER, CLASS)):
        assert time.monotonic() < patience, "a driver or a class is left of a module that was not loaded"
        time.sleep(0.1)


def making() -> None:
    folder = CONFIG / "extra"
    with refusing("mkdir", 30):
        folder.mkdir()
    if folder.exists():
        folder.rmdir()


def binding() -> None:
    (DRIVER / "unbind").write_text(ADDRESS)
    with refusing("bind", 120):
        (DRIVER / "bind").write_text(ADDRESS)
    if not (DRIVER / ADDRESS).exists():
        (DRIVER / "bind").write_text(ADDRESS)


def using() -> None:
    with refusing("use", 12):
        fd = os.open("/dev/mock0", os.O_RDWR)
        try:
            os.pread(fd, 4096, 0)
            fcntl.ioctl(fd, PASSPHRASE, bytearray(b"\x05" + bytes(256)))
        finally:
            os.close(fd)


def main() -> None:
    # Not only in the few places that may not wait, and without a stack in the log each time.
    (SETTINGS / "ignore-gfp-wait").write_text("N")
    (SETTINGS / "verbose").write_text("0")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end - SECONDS / 2:
        loading()
    assert load("num_pfs=1")
    while time.monotonic() < end:
        chance.choice((making, binding, binding, using, using))()
    unload()
    print(json.dumps(refused))


main()
