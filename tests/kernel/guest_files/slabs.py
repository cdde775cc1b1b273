# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: print as JSON how many objects each of the kernel's caches holds, and pages of what is in none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path

SLABS = Path("/sys/kernel/slab")

# The disk's blocks that are in memory: what anybody writes or has read, kept as long as its page is.
BLOCKS = "buffer_head"


def settle() -> None:
    """Free what is only kept in case somebody asks again, so that what is counted afterwards is in use."""
    subprocess.run(["udevadm", "settle"], check=True)
    # What waits to be written cannot be freed.
    os.sync()
    # What is freed after a grace period is freed in batches.
    time.sleep(1)
    Path("/proc/sys/vm/drop_caches").write_text("3")


def used_objects() -> dict[str, int]:
    """By cache; each has its own (slab_nomerge)."""
    return {cache.name: used(cache) for cache in SLABS.iterdir() if cache.name != BLOCKS}


def used(cache: Path) -> int:
    # A slab that belongs to a processor counts as full; after this none does.
    (cache / "shrink").write_text("1")
    return int((cache / "objects").read_text().split()[0])


def used_pages() -> dict[str, int]:
    """What is too large for a cache counts among the slabs' memory all the same."""
    kib = dict(re.findall(r"^(\w+): +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE))
    return {f"pages of {name}": int(kib[name]) // 4 for name in ("SUnreclaim", "VmallocUsed", "Percpu")}


def main() -> None:
    settle()
    print(json.dumps({**used_objects(), **used_pages()}))


main()
