# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: for some seconds, call and write nonsense wherever the module listens, as root.

Arguments: seconds, and a seed. The same seed makes the same choices in each process, though not in the same order among
them. Prints JSON: the seed, how often each operation was done, and which processes did not end.

What is written to is found by walking, so that new files are covered by themselves.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import random
import select
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

SECONDS, SEED = float(sys.argv[1]), sys.argv[2]
DEVICES = Path("/sys/class/mock-accel")
CONFIG = Path("/sys/kernel/config/mock-accel")
DRIVER = Path("/sys/bus/pci/drivers/mock-accel")
MODULE = Path("/sys/module/mock_accel")
STATUS, PASSPHRASE = 0x80044D01, 0xC1014D02

# Linux 6.1 itself may block for good where a function is removed while its VFs are changed (docs/mock_accel.md), and
# adds VFs a second time where their bus is scanned again while they are being made.
LEFT_ALONE = {"remove", "rescan"}
# Texts that mean something to one file or another, and that almost do.
WORDS = (
    *(
        "0",
        "1",
        "2",
        "3",
        "4",
        "7",
        "8",
        "-1",
        "255",
        "256",
        "65536",
        "4294967295",
        "4294967296",
        "18446744073709551616",
    ),
    *("0x1de5", "0x0001", "0x120000", "0xffffffff", "1G", "16G", "8E", "99999999999T", "up", "down", "on", "auto", "y"),
    *("correctable", "nonfatal", "fatal", "add", "remove", "change", "1000:00", "1000:07", "ffff:ff", "1000:00:00.0"),
    # Kinds of devices that Linux itself does something about: displays, USB and disk controllers, bridges.
    *("0x030000", "0x030200", "0x0c0300", "0x0c0310", "0x0c0320", "0x0c0330", "0x010601", "0x060400", "0x058000"),
    *("1af4 1000", "1de5 0003", "ffffffff ffffffff ffffffff", "mock-accel", "none", "%s%n", "\0", " ", "\n", ""),
)
NAMES = (
    "mock0",
    "mock1",
    "mock7",
    "mock511",
    "mock512",
    "mock99999999999",
    "mock-1",
    "a",
    "b",
    "c",
    "..x",
    "é",
    "n" * 255,
)

# What is counted, how often each process does it at least, and how many seconds more it may take for that.
KINDS = ("ioctl", "transfer", "odd call", "write", "configuration", "driver", "folder")
ENOUGH = 6
PATIENCE = 30

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
for name in ("ioctl", "read", "write", "pread", "pwrite"):
    getattr(libc, name).restype = ctypes.c_long


class Fuzzer:
    """One process with its own choices."""

    def __init__(self, number: int) -> None:
        self.random = random.Random(f"{SEED}-{number}")
        self.done: Counter[str] = Counter()
        # Two pages, of which the second is not there: what starts in the first ends in nothing.
        self.page = libc.mmap(None, 2 * mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE, 0x22, -1, 0)
        libc.munmap(ctypes.c_void_p(self.page + mmap.PAGESIZE), ctypes.c_size_t(mmap.PAGESIZE))
        self.readonly = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, 0x22, -1, 0)

    # --- what is chosen ---

    def pointer(self) -> int:
        edge = self.page + mmap.PAGESIZE
        bad = (0, 1, 4096, self.readonly, 0x7FFFFFFFF000, 0x800000000000, 0xFFFF800000000000, 0xFFFFFFFFFFFFFFFF)
        near = (self.page, edge - 1, edge - 3, edge - 4, edge - 256, edge - 257, edge)
        return self.random.choice((*bad, *near, self.page, self.random.getrandbits(64)))

    def count(self) -> int:
        return self.random.choice((0, 1, 3, 4, 256, 257, 4096, 1 << 31, (1 << 63) - 1, 1 << 63, (1 << 64) - 1))

    def offset(self) -> int:
        return self.random.choice((0, 1, 4095, 4096, 1 << 31, 1 << 32, (1 << 63) - 1, -1, -(1 << 63)))

    def request(self) -> int:
        """A number of ours, one that nearly is, or any."""
        kind = self.random.randrange(4)
        if kind == 0:
            return self.random.choice((STATUS, PASSPHRASE))
        if kind == 1:
            return self.random.choice((STATUS, PASSPHRASE)) ^ 1 << self.random.randrange(32)
        if kind == 2:
            return (
                self.random.getrandbits(2) << 30
                | self.random.getrandbits(14) << 16
                | 0x4D00
                | self.random.getrandbits(8)
            )
        return self.random.getrandbits(32)

    def content(self) -> bytes:
        kind = self.random.randrange(6)
        if kind < 3:
            return self.random.choice(WORDS).encode() + self.random.choice((b"", b"\n"))
        if kind == 3:
            return str(self.random.getrandbits(self.random.randrange(1, 70))).encode()
        if kind == 4:
            return self.random.randbytes(self.random.randrange(64))
        return self.random.choice((b"\xff", b"1", b"A", b",0")) * self.random.choice((4095, 4096, 4097, 70000))

    def alike(self, text: str) -> str:
        """Another value of the form that this one has."""
        text = text.strip()
        if text.startswith("0x"):
            digits = len(text) - 2
            kinds = [word for word in WORDS if word.startswith("0x") and len(word) == len(text)]
            return self.random.choice((*kinds, f"0x{self.random.getrandbits(4 * digits):0{digits}x}"))
        if text.lstrip("-").isdigit():
            return str(self.random.choice((-1, 0, 0, 1, 1, 2, 4, 7, 16, 31)))
        if ":" in text:
            return f"{self.random.choice((1, 0x1000, 0x1001, 0xFFFF)):04x}:{self.random.choice((0, 1, 7, 255)):02x}"
        return self.random.choice(WORDS)

    def has_missed(self) -> bool:
        return any(self.done[kind] < ENOUGH for kind in KINDS)

    # --- what is done ---

    def call_device(self) -> None:
        nodes = sorted(Path("/dev").glob("mock*"))
        if not nodes:
            return
        # Not read from a directory of the disk, so a file that is in use is the same one each time.
        with self.opened(self.random.choice(nodes), os.O_RDWR) as fd:
            for _ in range(self.random.randrange(1, 30)):
                self.random.choice((self.ioctl, self.ioctl, self.ioctl, self.transfer, self.odd_call))(fd)

    def ioctl(self, fd: int) -> None:
        self.done["ioctl"] += 1
        ctypes.memset(self.page, self.random.choice((0, 1, 12, 13, 255)), mmap.PAGESIZE)
        libc.ioctl(fd, ctypes.c_ulong(self.request()), ctypes.c_void_p(self.pointer()))

    def transfer(self, fd: int) -> None:
        self.done["transfer"] += 1
        call = self.random.choice((libc.pread, libc.pwrite, libc.read, libc.write))
        arguments = [fd, ctypes.c_void_p(self.pointer()), ctypes.c_size_t(self.count())]
        if call in (libc.pread, libc.pwrite):
            arguments.append(ctypes.c_long(self.offset()))
        call(*arguments)

    def odd_call(self, fd: int) -> None:
        """What a character device may be asked as well, and ours does not know."""
        self.done["odd call"] += 1
        calls = (
            lambda: os.lseek(fd, self.offset(), self.random.randrange(5)),
            lambda: mmap.mmap(fd, 4096),
            lambda: os.ftruncate(fd, 1 << 30),
            lambda: os.posix_fallocate(fd, 0, 1 << 30),
            lambda: os.fsync(fd),
            lambda: os.readv(
                fd, [bytearray(self.random.randrange(1, 5000)) for _ in range(self.random.randrange(1, 20))]
            ),
            lambda: os.writev(fd, [b"x" * 10, b"y"]),
            lambda: os.sendfile(fd, fd, 0, 1 << 20),
            lambda: select.select([fd], [fd], [fd], 0),
            lambda: fcntl.fcntl(fd, fcntl.F_SETFL, self.random.getrandbits(20) & ~os.O_DIRECT),
            lambda: os.close(os.open(f"/proc/self/fd/{fd}", self.random.getrandbits(18))),
        )
        self.attempt(self.random.choice(calls))

    def write_files(self) -> None:
        files = list_files(self.random.choice((*functions(), *DEVICES.glob("*"), DRIVER, MODULE, CONFIG)))
        # Looking for them takes longer than writing.
        for path in self.random.choices(files, k=10) if files else ():
            self.write_file(path)

    def write_file(self, path: Path) -> None:
        self.done["write"] += 1
        with self.opened(path, os.O_RDWR if self.random.random() < 0.5 else os.O_WRONLY) as fd:
            if self.random.random() < 0.1:
                self.transfer(fd)
            else:
                self.attempt(os.pwrite, fd, self.content(), self.random.choice((0, 0, 0, 0, 1, 4096)))
            self.attempt(os.pread, fd, self.random.choice((1, 4096, 1 << 20)), self.random.choice((0, 1, 5000)))

    def write_configuration(self) -> None:
        """Any bytes anywhere in the configuration space of a function."""
        paths = [folder / "config" for folder in functions()]
        if not paths:
            return
        with self.opened(self.random.choice(paths), os.O_RDWR) as fd:
            for _ in range(10):
                self.done["configuration"] += 1
                size = self.random.choice((1, 1, 2, 2, 4, 4, 4, 3, 8, 64, 4096))
                # The registers are in the first 512 bytes, but it may be written to anywhere.
                where = self.random.randrange(self.random.choice((0x200, 4200)))
                self.attempt(os.pwrite, fd, self.random.choice((b"\xff", b"\0")) * size, where)
                self.attempt(os.pwrite, fd, self.random.randbytes(size), where)
                self.attempt(os.pread, fd, 4096, self.random.randrange(4200))

    def use_driver(self) -> None:
        self.done["driver"] += 1
        folder = self.random.choice(functions() or [MODULE])
        # Else the nonsense that is written there would soon keep all of them from the driver.
        self.write_to(folder / "driver_override", "\n")
        for name in self.random.choice((("unbind", "bind"), ("unbind",), ("bind",), ("bind", "unbind", "bind"))):
            self.write_to(DRIVER / name, folder.name)

    def change_folders(self) -> None:
        if not CONFIG.is_dir():
            return
        self.done["folder"] += 1
        name = self.random.choice(NAMES)
        if self.random.random() < 0.6:
            self.attempt((CONFIG / name).mkdir)
            # Before it is there, it can be described: most values are refused, so they begin with good ones.
            attributes = list_files(CONFIG / name)
            for path in self.random.choices(attributes, k=self.random.randrange(6)) if attributes else ():
                with contextlib.suppress(OSError):
                    self.write_to(path, self.alike(path.read_text()))
            self.write_to(CONFIG / name / "enable", "1")
        else:
            self.attempt((CONFIG / name).rmdir)

    # --- the ways to it ---

    def write_to(self, path: Path, text: str) -> None:
        with self.opened(path, os.O_WRONLY) as fd:
            self.attempt(os.write, fd, text.encode())

    @contextlib.contextmanager
    def opened(self, path: Path, flags: int):
        try:
            fd = os.open(path, flags | os.O_NONBLOCK)
        except (OSError, ValueError):
            fd = os.open("/dev/null", os.O_RDWR)
        try:
            yield fd
        finally:
            os.close(fd)

    def attempt(self, call, *arguments) -> None:
        """Whatever it answers: only the kernel's health is judged."""
        with contextlib.suppress(OSError, ValueError, OverflowError):
            call(*arguments)

    def run(self, end: float) -> None:
        """Until then and, where everything takes long, on until it has come by everywhere."""
        work = (self.call_device, self.write_files, self.write_configuration, self.use_driver)
        while time.monotonic() < end or (time.monotonic() < end + PATIENCE and self.has_missed()):
            # What has just been listed may be gone.
            self.attempt(self.random.choice((*work, self.change_folders)))


def functions() -> list[Path]:
    """The folders of our functions: domain 0 is the machine's own."""
    found = []
    for link in Path("/sys/bus/pci/devices").iterdir():
        if not link.name.startswith("0000:"):
            with contextlib.suppress(OSError):
                found.append(link.resolve(strict=True))
    return sorted(found)


def list_files(folder: Path) -> list[Path]:
    """All that root may write below a folder, in an order that does not depend on chance."""
    found = []
    # Links are not followed: they lead to other folders of ours, or to the machine's own.
    for place, _, names in os.walk(folder.resolve()):
        for name in sorted(names):
            path = Path(place) / name
            with contextlib.suppress(OSError):
                if name not in LEFT_ALONE and path.stat().st_mode & 0o222:
                    found.append(path)
    return found


def every_number() -> int:
    """Each number that an ioctl of ours could have, with each direction and the sizes that matter."""
    tried = 0
    argument = ctypes.create_string_buffer(1 << 14)
    for node in sorted(Path("/dev").glob("mock*"))[:2]:
        try:
            fd = os.open(node, os.O_RDWR)
        except OSError:
            # Others may use them as well.
            continue
        for low in range(256):
            for direction in range(4):
                for size in (0, 1, 3, 4, 5, 8, 256, 257, 258, 0x3FFF):
                    libc.ioctl(fd, ctypes.c_ulong(direction << 30 | size << 16 | 0x4D00 | low), argument)
                    tried += 1
        os.close(fd)
    return tried


def main() -> None:
    print(f"seed {SEED}", file=sys.stderr, flush=True)
    counts = Counter({"every ioctl number": every_number()})
    end = time.monotonic() + SECONDS
    running = {}
    for number in range(4):
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            fuzzer, failure = Fuzzer(number), ""
            try:
                fuzzer.run(end)
            except Exception:
                failure = traceback.format_exc()
            os.write(writing, json.dumps([fuzzer.done, failure]).encode())
            os._exit(0)
        os.close(writing)
        running[pid] = reading
    failed = []
    while running and time.monotonic() < end + 60:
        for pid in list(running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                operations, failure = json.loads(os.read(running.pop(pid), 65536) or b'[{}, ""]')
                counts.update(operations)
                failed += [failure or f"ended with {status}"] * bool(failure or status)
        time.sleep(0.1)
    for folder in CONFIG.glob("*") if not running else ():
        # Those of the module's parameters stay.
        with contextlib.suppress(OSError):
            folder.rmdir()
    stuck = {pid: Path(f"/proc/{pid}/stack").read_text() for pid in running}
    print(json.dumps({"seed": SEED, "operations": counts, "stuck": stuck, "failed": failed}))


main()
