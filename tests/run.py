#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every test, stage by stage, print what each stage took, and end with one line "N passed, N failed".

Usage: tests/run.py [STAGE...]   (no stage: all of them but those that are apart)

A stage's output is printed whole when it ends, because some stages run beside others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent

# From quick to slow, so that a broken formatting rule does not wait for a cluster. Each is a folder of pytest files.
# A step's lanes run side by side: what happens in virtual machines mostly waits for one emulated processor, and touches
# nothing of this machine; unit is with them because the other lane is longer. The last has the machine to itself, as
# users have.
STEPS = (
    (("gates",),),
    (("unit", "kernel", "scenario"), ("native", "clients", "charts", "integration")),
    (("e2e",),),
)
STAGES = tuple(stage for step in STEPS for lane in step for stage in lane)
# Two nodes, of which an emulated processor is one, take longer than all the rest: by name only.
APART = ("cluster",)
# By which make hands its own arguments on to the makes that it starts.
MAKE_VARIABLES = ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")


@dataclass(frozen=True)
class Result:
    stage: str
    passed: int
    failed: int
    skipped: int
    seconds: float


def count(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped test cases of a JUnit report; a missing report counts as one failure."""
    if not report.exists():
        return 0, 1, 0
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    return len(cases) - failed - skipped, failed, skipped


def install_packages() -> None:
    """Install the Debian packages that the tests need and the machine lacks."""
    lines = (TESTS / "packages.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Package}\n", *wanted]
    listed = subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()
    missing = sorted(set(wanted) - {line[3:] for line in listed if line.startswith("ii")})
    if not missing:
        return
    print(f"Installing {', '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"tests/run.py: apt-get {' '.join(command)} failed: {done.stderr.strip()}")


def run_stage(stage: str, folder: Path) -> Result:
    report = folder / f"{stage}.xml"
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "--durations=5", str(TESTS / stage)]
    # What `make test ARGS=e2e` was told is not meant for the `make up` of a test.
    environment = {name: value for name, value in os.environ.items() if name not in MAKE_VARIABLES}
    done = subprocess.run(
        command, cwd=TESTS.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    returncode = done.returncode
    # In one piece: another lane's thread prints too.
    print(f"\n=== {stage}\n{done.stdout.decode('utf-8', 'replace')}", end="", flush=True)
    passed, failed, skipped = count(report)
    if returncode and not failed:
        # A stage that collects nothing, or ends by a signal, has failed although no case says so.
        failed = 1
    return Result(stage, passed, failed, skipped, time.monotonic() - started)


def run_lanes(lanes: Sequence[Sequence[str]], folder: Path) -> list[Result]:
    """Run lanes side by side, the stages of each in order. After an interruption no further stage begins."""
    interrupted = threading.Event()

    def run_lane(stages: Sequence[str]) -> list[Result]:
        return [run_stage(stage, folder) for stage in stages if not interrupted.is_set()]

    with ThreadPoolExecutor() as pool:
        try:
            return [result for lane in pool.map(run_lane, lanes) for result in lane]
        except BaseException:
            interrupted.set()
            raise


def main() -> int:
    stages = sys.argv[1:] or STAGES
    unknown = [stage for stage in stages if stage not in STAGES + APART]
    if unknown:
        print(f"tests/run.py: no stage {', '.join(unknown)}; there are: {', '.join(STAGES + APART)}", file=sys.stderr)
        return 2
    install_packages()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="mirage-tests-") as folder:
        for step in (*STEPS, *(((stage,),) for stage in APART)):
            lanes = [wanted for lane in step if (wanted := [stage for stage in lane if stage in stages])]
            if not lanes:
                continue
            print(f"\nRunning {' beside '.join(', '.join(lane) for lane in lanes)}", flush=True)
            results += run_lanes(lanes, Path(folder))

    print("\nstage        passed  failed  skipped  seconds")
    for result in results:
        print(f"{result.stage:<12} {result.passed:>6} {result.failed:>7} {result.skipped:>8} {result.seconds:>8.0f}")
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(result.skipped for result in results)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
