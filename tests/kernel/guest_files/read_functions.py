# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: for some seconds, read all functions while VFs and drivers come and go; print what was seen.

Arguments: seconds, and how many looks there must be. Where one takes long, it goes on until there were as many and
something has been seen to come and to go, for a minute more at the most.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import sys
import time
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import Tree, read_functions, read_module

END = time.monotonic() + float(sys.argv[1])
ENOUGH = int(sys.argv[2])
# There is somebody who looks.
LOOKING = Path("/tmp/looking")
DRIVER = Path("/sys/bus/pci/drivers/mock-accel")
CLASS = Path("/sys/class/mock-accel")


def attempt(path: Path, text: str) -> None:
    with contextlib.suppress(OSError):
        path.write_text(text)


def disturb() -> None:
    """Mostly virtual functions lose their driver and get it back, which is quick; at times some come and go."""
    while LOOKING.exists():
        for _ in range(20):
            address = random.choice([path.name for path in Path("/sys/bus/pci/devices").glob("1000:*")])
            if not address.endswith(".0"):
                attempt(DRIVER / "unbind", address)
                time.sleep(random.random() / 100)
                attempt(DRIVER / "bind", address)
        for number in (0, random.randrange(1, 5)):
            attempt(CLASS / "mock1/sriov_numvfs", str(number))


def main() -> None:
    LOOKING.touch()
    child = os.fork()
    if not child:
        disturb()
        os._exit(0)
    counts = {"looks": 0, "functions": 0, "unbound": 0}
    seen = set()
    while time.monotonic() < END or (
        time.monotonic() < END + 60 and (counts["looks"] < ENOUGH or not counts["unbound"] or len(seen) < 2)
    ):
        found = read_functions(Tree(), read_module(Tree()))
        json.dumps([dataclasses.asdict(function) for function in found])
        counts["looks"] += 1
        counts["functions"] += len(found)
        counts["unbound"] += sum(function.name is None for function in found)
        seen.add(len(found))
    LOOKING.unlink()
    failed = os.waitpid(child, 0)[1]
    print(json.dumps({**counts, "numbers": sorted(seen), "failed": failed}))


main()
