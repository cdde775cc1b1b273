# SPDX-License-Identifier: GPL-3.0-or-later
"""What libnvidia-ml.so costs its clients, against bare C functions of the same signatures in one run.

Times are ns a call (calls, threads), microseconds (start) and milliseconds (nvidia_smi), each with min, median and p99.
A ratio is the library's median over the bare function's: it holds anywhere, times do not.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from figures import run, summary

REPO = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPO / "tests" / "support"))

import building  # noqa: E402

DRIVER_VERSION = "550.163.01"

Rounds = dict[str, list[float]]


def read_rounds(output: str) -> Rounds:
    lines = [line.split() for line in output.splitlines()]
    return {name: [float(number) for number in numbers] for name, *numbers in lines}


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


def make(*words: str) -> None:
    try:
        building.make_native(*words)
    except building.BuildFailed as failed:
        sys.exit(f"bench: Error while building the library: {failed}")


def build_root(folder: Path, profile: Path) -> Path:
    """A driver root with the profile's device page."""
    root = folder / "driver"
    make("install", f"DESTDIR={root}")
    run(root / "usr" / "bin" / "mock-nvml", "--root", root, "apply", profile)
    return root


def build_program(folder: Path, name: str, *more: str | Path) -> Path:
    """A C half of this benchmark; more are options and what it is linked with."""
    program = folder / name
    options = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", building.nvml_header().parent]
    source = Path(__file__).with_name(f"{name}.c")
    run(os.environ.get("CC", "cc"), *options, "-o", program, source, *more, "-ldl", "-lpthread")
    return program


def changes(folder: Path, root: Path, library: Path, rounds: str, env: dict[str, str]) -> dict[str, object]:
    """How soon another process sees a change, and wakes for an event, in microseconds."""
    make("build/common.a")
    program = build_program(
        folder, "changes", "-D_GNU_SOURCE", f"-I{building.NATIVE}", building.NATIVE / "build" / "common.a"
    )
    page = root / "lib" / "firmware" / "nvidia" / DRIVER_VERSION / "gsp_mock.bin"
    measured = read_rounds(run(program, library, page, rounds, env=env))
    return {
        "seen_us": summary(measured["seen"]),
        "set_us": summary(measured["set"]),
        "wake_us": summary(measured["wake"]),
        "waiting_cpu_percent": measured["wait.cpu"][0],
    }


def measure(profile: Path, quick: bool) -> dict[str, object]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
    rounds, count, starts = ("20", "1000", 3) if quick else ("300", "20000", 30)
    with tempfile.TemporaryDirectory(prefix="mirage-bench-") as name:
        folder = Path(name)
        root, program = build_root(folder, profile), build_program(folder, "bench")
        library = root / "usr" / "lib64" / f"libnvidia-ml.so.{DRIVER_VERSION}"
        return {
            "profile": profile.stem,
            "library_bytes": library.stat().st_size,
            "calls_ns": calls(read_rounds(run(program, "calls", library, rounds, count, env=env))),
            "threads_ns": threads(read_rounds(run(program, "threads", library, rounds, count, env=env))),
            "start": start([run(program, "start", library, env=env) for _ in range(starts)]),
            "changes": changes(folder, root, library, "50" if quick else "2000", env),
            "nvidia_smi_ms": {
                "table": program_ms([root / "usr" / "bin" / "nvidia-smi"], env, starts),
                "list": program_ms([root / "usr" / "bin" / "nvidia-smi", "-L"], env, starts),
            },
        }
