# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: what libnvidia-ml.so costs its clients, against bare C functions of the same signatures in one run.

Prints one JSON object. Times are ns a call (calls, threads), microseconds (start) and milliseconds (nvidia_smi), each
with min, median and p99. A ratio is the library's median over the bare function's: it holds anywhere, times do not.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent.parent
NATIVE = REPO / "native" / "nvml"
DRIVER_VERSION = "550.163.01"

Rounds = dict[str, list[float]]


def run(*argv: str | Path, env: dict[str, str] | None = None) -> str:
    command = [str(arg) for arg in argv]
    done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"bench: Error while running {' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def read_rounds(output: str) -> Rounds:
    lines = [line.split() for line in output.splitlines()]
    return {name: [float(number) for number in numbers] for name, *numbers in lines}


def summary(numbers: list[float]) -> dict[str, float]:
    ordered = sorted(numbers)
    rank = max(0, math.ceil(0.99 * len(ordered)) - 1)
    return {
        "min": round(ordered[0], 3),
        "median": round(statistics.median(ordered), 3),
        "p99": round(ordered[rank], 3),
    }


def against_bare(rounds: Rounds, name: str) -> dict[str, object]:
    library, bare = summary(rounds[f"{name}.library"]), summary(rounds[f"{name}.bare"])
    return {"library": library, "bare": bare, "ratio": round(library["median"] / bare["median"], 2)}


def calls(rounds: Rounds) -> dict[str, object]:
    names = dict.fromkeys(key.split(".")[0] for key in rounds)
    return {name: against_bare(rounds, name) for name in names}


def threads(rounds: Rounds) -> dict[str, object]:
    """How much more eight threads get done than one: the bare functions show what the machine allows."""

    def scaling(who: str) -> float:
        return round(statistics.median(rounds[f"one.{who}"]) / statistics.median(rounds[f"eight.{who}"]), 2)

    return {
        "one": against_bare(rounds, "one"),
        "eight": against_bare(rounds, "eight"),
        "eight_over_one": {"library": scaling("library"), "bare": scaling("bare")},
    }


def start(outputs: list[str]) -> dict[str, object]:
    starts = [read_rounds(output) for output in outputs]
    numbers = {name: [one[name][0] for one in starts] for name in starts[0]}
    return {
        "dlopen_us": summary(numbers["dlopen.us"]),
        "init_us": summary(numbers["init.us"]),
        "rss_growth_kib": summary(numbers["rss.kib"]),
        "threads_started": int(max(numbers["threads.more"])),
    }


def program_ms(command: list[str | Path], env: dict[str, str], times: int) -> dict[str, float]:
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        run(*command, env=env)
        taken.append((time.perf_counter() - begin) * 1e3)
    return summary(taken)


def header_folder() -> Path:
    """The official nvml.h, fetched into the cache by the build that has just run."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mirage.accel"
    found = sorted((cache / "nvml-header").glob("*/nvml.h"), key=lambda path: path.stat().st_mtime)
    if not found:
        sys.exit(
            f"bench: Error while looking for nvml.h: there is none in {cache}/nvml-header; run make -C native/nvml"
        )
    return found[-1].parent


def build(folder: Path, profile: Path) -> tuple[Path, Path]:
    """A driver root with the profile's device page, and the C half of this benchmark."""
    root = folder / "driver"
    run("make", "-C", NATIVE, "install", f"DESTDIR={root}")
    run(root / "usr" / "bin" / "mock-nvml", "--root", root, "apply", profile)
    program = folder / "bench"
    source = Path(__file__).with_name("bench.c")
    options = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", header_folder()]
    run(os.environ.get("CC", "cc"), *options, "-o", program, source, "-ldl", "-lpthread")
    return root, program


def measure(profile: Path, quick: bool) -> dict[str, object]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
    rounds, count, starts = ("20", "1000", 3) if quick else ("300", "20000", 30)
    with tempfile.TemporaryDirectory(prefix="mirage-bench-") as name:
        root, program = build(Path(name), profile)
        library = root / "usr" / "lib64" / f"libnvidia-ml.so.{DRIVER_VERSION}"
        return {
            "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "kernel": platform.release()},
            "profile": profile.stem,
            "library_bytes": library.stat().st_size,
            "calls_ns": calls(read_rounds(run(program, "calls", library, rounds, count, env=env))),
            "threads_ns": threads(read_rounds(run(program, "threads", library, rounds, count, env=env))),
            "start": start([run(program, "start", library, env=env) for _ in range(starts)]),
            "nvidia_smi_ms": {
                "table": program_ms([root / "usr" / "bin" / "nvidia-smi"], env, starts),
                "list": program_ms([root / "usr" / "bin" / "nvidia-smi", "-L"], env, starts),
            },
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--profile", default="a100", help="profile of charts/gpu-mock/profiles (default a100)")
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that it works, the times mean little")
    options = parser.parse_args()
    profile = REPO / "charts" / "gpu-mock" / "profiles" / f"{options.profile}.yaml"
    if not profile.is_file():
        parser.error(f"profile {options.profile} does not exist: there is no {profile.relative_to(REPO)}")
    print(json.dumps(measure(profile, options.quick), indent=2))


if __name__ == "__main__":
    main()
