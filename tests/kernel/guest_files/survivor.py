# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: keep devices open while their functions go, and print what each file answers, as JSON."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sys
from pathlib import Path

STATUS = 0x80044D01
PASSPHRASE = 0xC1014D02


def answer(call, *arguments) -> str:
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "no error"


def ask(fd: int) -> list[str]:
    return [
        answer(os.pread, fd, 10, 0),
        answer(fcntl.ioctl, fd, STATUS, bytearray(4)),
        answer(fcntl.ioctl, fd, PASSPHRASE, bytearray(257)),
        answer(fcntl.ioctl, fd, 0, bytearray(4)),
    ]


def main() -> None:
    names, (path, text) = sys.argv[1].split(","), sys.argv[2].split("=")
    files = {name: os.open(f"/dev/{name}", os.O_RDWR) for name in names}
    before = {name: ask(fd) for name, fd in files.items()}
    Path(path).write_text(text)
    # What is read from it must not be what is left in a buffer: these are plain system calls.
    after = {name: ask(fd) for name, fd in files.items()}
    gone = [name for name in names if not Path("/dev", name).exists()]
    for fd in files.values():
        os.close(fd)
    print(json.dumps({"before": before, "after": after, "gone": gone}))


main()
