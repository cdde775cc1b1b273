# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: write a value into a file, and print what the kernel announces meanwhile, as JSON."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

UEVENTS = 15
QUIET_SECONDS = 0.5
# Of the kernel's own bookkeeping, and different each time.
IGNORED = ("SEQNUM", "MODALIAS")


def parse(message: bytes) -> dict[str, str]:
    variables = (field.decode().partition("=") for field in message.split(b"\0")[1:] if field)
    return {name: value for name, _, value in variables if name not in IGNORED}


def main() -> None:
    path, text = sys.argv[1].split("=")
    events = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, UEVENTS) as kernel:
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        kernel.bind((0, 1))
        Path(path).write_text(text)
        kernel.settimeout(QUIET_SECONDS)
        try:
            while True:
                events.append(parse(kernel.recv(1 << 16)))
        except TimeoutError:
            pass
    print(json.dumps(events))


main()
