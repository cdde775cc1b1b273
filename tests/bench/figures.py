# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of the benchmark share: running a command that must succeed, and summing up what was measured."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
from pathlib import Path


def run(*argv: str | Path, env: dict[str, str] | None = None) -> str:
    command = [str(arg) for arg in argv]
    done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"bench: Error while running {' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def summary(numbers: list[float]) -> dict[str, float]:
    ordered = sorted(numbers)
    rank = max(0, math.ceil(0.99 * len(ordered)) - 1)
    return {
        "min": round(ordered[0], 3),
        "median": round(statistics.median(ordered), 3),
        "p99": round(ordered[rank], 3),
    }
