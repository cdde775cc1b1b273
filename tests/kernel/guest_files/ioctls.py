# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: do to a character device what users do and must not do, and print the answers as JSON."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import sys
from pathlib import Path

STATUS = 0x80044D01
PASSPHRASE = 0xC1014D02
NAME = sys.argv[1]
STATUS_FILE = Path(f"/sys/class/mock-accel/{NAME}/status")

libc = ctypes.CDLL(None, use_errno=True)


def failure(call, *arguments) -> str:
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "no error"


def raw_ioctl(fd: int, request: int, pointer: int) -> str:
    """With whatever pointer, which Python's own function would not pass on."""
    result = libc.ioctl(fd, ctypes.c_ulong(request), ctypes.c_void_p(pointer))
    return "no error" if result == 0 else errno.errorcode[ctypes.get_errno()]


def status(fd: int) -> int:
    value = bytearray(4)
    fcntl.ioctl(fd, STATUS, value)
    return int.from_bytes(value, "little")


def passphrase(fd: int, count: int) -> list[str]:
    value = bytearray(257)
    value[0] = count
    fcntl.ioctl(fd, PASSPHRASE, value)
    assert value[0] == count
    text, _, rest = bytes(value[1:]).partition(b"\0")
    assert not any(rest), "what is behind the passphrase is not zero"
    return text.decode().split(" ")


def set_status(text: str) -> None:
    STATUS_FILE.write_text(text)


def main() -> None:
    fd = os.open(f"/dev/{NAME}", os.O_RDWR)
    answers = {"status before": status(fd)}
    set_status("1\n")
    answers["status after"] = status(fd)
    answers["text after"] = os.pread(fd, 4096, 0).decode()
    answers["refused statuses"] = [failure(set_status, text) for text in ("2", "-1", "x", "\n", "4294967296")]
    set_status("0\n")
    answers["status at the end"] = status(fd)

    whole = os.pread(fd, 4096, 0)
    pieces, piece = b"", os.read(fd, 7)
    while piece:
        pieces += piece
        piece = os.read(fd, 7)
    answers["read in pieces"] = pieces == whole
    answers["read behind the end"] = os.pread(fd, 10, 100000).decode()
    answers["write"] = failure(os.write, fd, b"x")

    answers["passphrases"] = [passphrase(fd, count) for count in (1, 6, 12)] + [passphrase(fd, 12) for _ in range(20)]
    answers["refused word counts"] = [failure(passphrase, fd, count) for count in (0, 13, 255)]
    answers["unknown ioctls"] = [raw_ioctl(fd, request, 0) for request in (0, 0x80044D03, 0x80044E01, 0xFFFFFFFF)]
    answers["bad pointers"] = [
        raw_ioctl(fd, request, pointer)
        for request in (STATUS, PASSPHRASE)
        for pointer in (0, 1, 0x7FFFFFFFF000, 0xFFFF800000000000, 0xFFFFFFFFFFFFFFFF)
    ]
    print(json.dumps(answers))


main()
