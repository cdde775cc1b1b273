#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Use the kernel module for longer than the tests do, on a kernel as users have it and on one that watches itself.

Usage: tests/kernel/soak/run.py [--cycles 1000] [--seconds 300] [--seed TEXT]

On Debian's kernel: load, VFs on, VFs off, unload, as often as asked. On the debug kernel: all at once and nonsense
beside it, for as long as asked, then a quarter of that with memory refused, and at the end a search for memory that
nobody refers to. 0 leaves a part out.
Prints JSON, and fails where a kernel warned of anything, a cache grew with the cycles, or a process hung.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# First of these, because it makes this checkout importable as a collection.
from machine import CACHE, machine  # noqa: E402, I001

import debian_kernel  # noqa: E402
import debug_kernel  # noqa: E402
import guest  # noqa: E402
import kmemleak  # noqa: E402
from growth import growing  # noqa: E402
from guest_module import GuestModule  # noqa: E402
from kernel_log import trouble, unexpected  # noqa: E402

INTERVALS = 10
ROUND_SECONDS = 60
# Seconds: a machine that does other things is slow, and so is a kernel that looks at each access to memory.
PATIENCE = 900
WORDLIST = "mkdir -p /lib/firmware && printf 'alpha\\nbeta\\n' >/lib/firmware/mock-accel-wordlist"


def say(text: str) -> None:
    print(f"soak: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def explained(accel: GuestModule) -> Iterator[None]:
    """Where the guest does not answer in time, say what its processes wait for, and what its kernel has said."""
    try:
        yield
    except (subprocess.TimeoutExpired, guest.GuestError):
        say(accel.guest.run("echo w >/proc/sysrq-trigger; dmesg --notime | tail -n 300").stdout)
        raise


def run_cycles(accel: GuestModule, cycles: int) -> dict[str, Any]:
    """The cycles in ten parts of the same length, with a look at the kernel's caches after each."""
    accel.script("cycles.py", "5")
    samples = [json.loads(accel.script("slabs.py"))]
    part, seconds = max(1, cycles // INTERVALS), 0.0
    for number in range(1, INTERVALS + 1):
        begin = time.monotonic()
        for done in range(0, part, 10):
            accel.script("cycles.py", str(min(10, part - done)), timeout=PATIENCE)
        seconds += time.monotonic() - begin
        samples.append(json.loads(accel.script("slabs.py")))
        say(f"{number * part} cycles")
    first, last = samples[0], samples[-1]
    return {
        "cycles": part * INTERVALS,
        "seconds": round(seconds),
        "warnings": accel.new_warnings(),
        "slab_kib": {"before": 4 * first["pages of SUnreclaim"], "after": 4 * last["pages of SUnreclaim"]},
        "slab_objects": {"before": count_objects(first), "after": count_objects(last)},
        "growing": growing(samples, part),
    }


def count_objects(sample: dict[str, int]) -> int:
    return sum(count for name, count in sample.items() if not name.startswith("pages of "))


def run_everything(accel: GuestModule, seconds: int, seed: str) -> dict[str, Any]:
    """Rounds of stress and fuzzing at the same time, each with the module loaded anew; then with memory refused."""
    accel.guest.must(f"{WORDLIST}; mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug")
    operations: Counter[str] = Counter()
    stuck: list[str] = []
    warnings: list[str] = []
    rounds = max(1, round(seconds / ROUND_SECONDS))
    begin = time.monotonic()
    for number in range(rounds):
        accel.load("num_pfs=4 num_roots=2 num_vfs=1", timeout=PATIENCE)
        with ThreadPoolExecutor() as pool:
            stress = pool.submit(accel.script, "stress.py", str(ROUND_SECONDS), timeout=PATIENCE)
            fuzz = pool.submit(accel.script, "fuzz.py", str(ROUND_SECONDS), f"{seed}-{number}", timeout=PATIENCE)
        answer = json.loads(fuzz.result())
        operations.update(answer["operations"])
        stuck += [*stress.result().split(), *answer["stuck"].values(), *map(str, answer["failed"])]
        # Each round: the kernel's log has an end.
        warnings += unexpected(accel.new_warnings())
        if stuck:
            break
        accel.unload(timeout=PATIENCE)
        say(f"{number + 1} of {rounds} rounds")
    warnings += unexpected(accel.new_warnings())
    taken = round(time.monotonic() - begin)
    refused = {}
    if not stuck:
        refused = json.loads(accel.script("refuse.py", str(seconds // 4), seed, timeout=PATIENCE))
    return {
        "seconds": taken,
        "seed": seed,
        "operations": dict(operations),
        "memory_refused": refused,
        "stuck": stuck,
        # Where memory is refused, much is said of it.
        "warnings": warnings + trouble(accel.new_warnings()),
        # It turns itself off at the first thing that it finds.
        "lockdep": accel.guest.must("awk '/debug_locks/ { print $2 }' /proc/lockdep_stats").strip(),
        "kmemleak": kmemleak.summary(kmemleak.scan(accel.guest)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cycles", type=int, default=1000, help="on Debian's kernel (default 1000)")
    parser.add_argument("--seconds", type=int, default=300, help="on the debug kernel (default 300)")
    parser.add_argument("--seed", default=secrets.token_hex(8), help="of the fuzzing (default: another one each time)")
    options = parser.parse_args()
    # Ended by a signal, the guest is removed too, as after any other failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("soak: ended by a signal"))
    kernel = debian_kernel.find(CACHE)
    figures: dict[str, Any] = {}
    if options.cycles:
        with machine(kernel) as accel, explained(accel):
            figures["cycles"] = {"kernel": kernel.release, **run_cycles(accel, options.cycles)}
    if options.seconds:
        debug = debug_kernel.find(CACHE, kernel.version)
        guest.BOOT_SECONDS = PATIENCE
        with machine(debug) as accel, explained(accel):
            figures["debug"] = {"kernel": debug.release, **run_everything(accel, options.seconds, options.seed)}
    print(json.dumps(figures, indent=2))
    faults = find_faults(figures)
    for fault in faults:
        say(f"FAILED: {fault}")
    return 1 if faults else 0


def find_faults(figures: dict[str, Any]) -> list[str]:
    faults = []
    for part, found in figures.items():
        if found["warnings"]:
            faults.append(f"{part}: the kernel warned of {found['warnings'][0]!r}")
        if found.get("growing"):
            faults.append(f"{part}: these caches grow: {', '.join(found['growing'])}")
        if found.get("stuck"):
            faults.append(f"{part}: a process hung or failed: {found['stuck'][0]!r}")
        if found.get("lockdep", "1") != "1":
            faults.append(f"{part}: lockdep has turned itself off")
        refused = found.get("memory_refused")
        if refused is not None and (not refused or not all(refused.values())):
            faults.append(f"{part}: memory was not refused in each of the things that were done, but {refused}")
        if found.get("kmemleak", {}).get("ours"):
            faults.append(f"{part}: the module has lost memory:\n{found['kmemleak']['ours'][0]}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
