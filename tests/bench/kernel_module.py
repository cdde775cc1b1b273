# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel module costs, in a QEMU guest without hardware acceleration, which is slower than a real machine.

Times are milliseconds (loading, VFs) and microseconds (reading an attribute, with opening and closing), each with min,
median and p99; loading is held against what was promised, reading against the kernel's own attribute in the same run.
Memory is what the kernel's slabs and per-processor areas have grown by, free objects not counted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from figures import summary

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "kernel"))

# First of these, because it makes this checkout importable as a collection.
from machine import CACHE, machine  # noqa: E402, I001

import debian_kernel  # noqa: E402
from guest_module import GuestModule  # noqa: E402

# What loading may take, by the number of physical functions.
LIMITS_MS = {"4": 300, "64": 3000}
READ_LIMIT = 2
PAGE = 4096

Seconds = dict[str, list[float]]


def milliseconds(numbers: list[float]) -> dict[str, float]:
    return summary([1e3 * one for one in numbers])


def loading(found: dict[str, Seconds]) -> dict[str, object]:
    return {
        f"{functions}_functions": {
            "load": milliseconds(found[functions]["load"]),
            "limit": limit,
            "unload": milliseconds(found[functions]["unload"]),
        }
        for functions, limit in LIMITS_MS.items()
    }


def reading(found: Seconds) -> dict[str, object]:
    times = {name: summary([1e6 * one for one in numbers]) for name, numbers in found.items()}
    own = times.pop("mtu")
    ratios = {name: round(one["median"] / own["median"], 2) for name, one in times.items()}
    return {"mtu": own, **times, "ratios": ratios, "limit": READ_LIMIT}


def memory(before: dict[str, int], after: dict[str, int], functions: int) -> float:
    """KiB that one function takes."""
    pages = sum(after[name] - before[name] for name in ("pages of SUnreclaim", "pages of Percpu"))
    return round(pages * PAGE / 1024 / functions, 1)


def measure_memory(accel: GuestModule) -> dict[str, float]:
    """By kind of function: many of them, because a slab is counted as a whole."""

    def count(parameters: str) -> dict[str, int]:
        accel.load(parameters)
        return json.loads(accel.script("slabs.py"))

    # The first time, the kernel also makes what it then keeps.
    count("num_pfs=64 num_roots=4")
    none = count("num_pfs=1")
    many = count("num_pfs=65 num_roots=4 total_vfs=0")
    with_room = count("num_pfs=65 num_roots=4 total_vfs=7")
    without = count("num_pfs=8 total_vfs=7")
    virtual = count("num_pfs=8 total_vfs=7 num_vfs=7")
    accel.unload()
    return {
        "physical": memory(none, many, 64),
        "physical_with_7_vfs_off": memory(none, with_room, 64),
        "virtual": memory(without, virtual, 56),
    }


def measure(quick: bool) -> dict[str, object]:
    kernel = debian_kernel.find(CACHE)
    with machine(kernel) as accel:
        found = json.loads(accel.script("measure.py", "2" if quick else "20", timeout=1200))
        return {
            "kernel": kernel.release,
            "module_bytes": int(accel.guest.must("stat --format %s /root/mock_accel.ko")),
            "program_start_ms": milliseconds(found["start"]),
            "loading_ms": loading(found),
            "attribute_us": reading(found["reads"]),
            "vfs_ms": {name: milliseconds(numbers) for name, numbers in found["vfs"].items()},
            "memory_kib": measure_memory(accel),
        }
