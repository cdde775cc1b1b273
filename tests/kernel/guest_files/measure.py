# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: measure the module, and print as JSON all that was measured. Times are seconds.

Argument: how many rounds of each. What was printed by slabs.py before and after is compared by the caller.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MODULE = "/root/mock_accel.ko"
CLASS = Path("/sys/class/mock-accel")
KERNELS_OWN = Path("/sys/class/net/lo/mtu")
ATTRIBUTES = ("uuid", "memory_size", "status")
READS = 500
ROUNDS = int(sys.argv[1])


def seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def load(parameters: str) -> None:
    subprocess.run(["insmod", MODULE, *parameters.split()], check=True)


def unload() -> None:
    subprocess.run(["rmmod", "mock_accel"], check=True)


def settle() -> None:
    """udev looks at what has come and gone, which must not be measured with what comes next."""
    subprocess.run(["udevadm", "settle"], check=True)


def loads(parameters: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"load": [], "unload": []}
    for _ in range(ROUNDS):
        found["load"].append(seconds(lambda: load(parameters)))
        settle()
        found["unload"].append(seconds(unload))
        settle()
    return found


def read(path: Path) -> Callable[[], None]:
    def times() -> None:
        for _ in range(READS):
            with path.open("rb", buffering=0) as file:
                file.read(4096)

    return times


def reads() -> dict[str, list[float]]:
    """One read with opening and closing, the files in turn, so that what slows one down slows all of them."""
    files = {"mtu": KERNELS_OWN, **{name: CLASS / "mock0" / name for name in ATTRIBUTES}}
    found: dict[str, list[float]] = {name: [] for name in files}
    for _ in range(10 * ROUNDS):
        for name, path in files.items():
            found[name].append(seconds(read(path)) / READS)
    return found


def vfs() -> dict[str, list[float]]:
    numbers = CLASS / "mock0/sriov_numvfs"
    found: dict[str, list[float]] = {"on": [], "off": []}
    for _ in range(ROUNDS):
        found["on"].append(seconds(lambda: numbers.write_text("4")))
        settle()
        found["off"].append(seconds(lambda: numbers.write_text("0")))
        settle()
    return found


def main() -> None:
    # What a program takes that does nothing: it is in the times of loading.
    start = [seconds(lambda: subprocess.run(["insmod", "--version"], capture_output=True)) for _ in range(ROUNDS)]
    answer = {"start": start, "4": loads("num_pfs=4 num_roots=2"), "64": loads("num_pfs=64 num_roots=4")}
    load("num_pfs=4 num_roots=2")
    settle()
    answer |= {"reads": reads(), "vfs": vfs()}
    unload()
    print(json.dumps(answer))


main()
