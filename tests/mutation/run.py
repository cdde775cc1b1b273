#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break plugins/module_utils/_dra/ in every small way that mutmut knows, and count how often the unit tests notice.

Usage: tests/mutation/run.py [MUTANT...]

Without names it tries the mutants of functions that are new or changed, and those that no test has noticed last time.
Prints the survivors and a line for each file, and fails where too few have been killed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUILD = REPO / "build" / "mutation"
# mutmut names a mutant by its path, and tries it where a module has that very name.
NAMED = Path("ansible_collections") / "mirage" / "accel"
DRA = NAMED / "plugins" / "module_utils" / "_dra"
COPIED = ("plugins", "meta", "tests/unit", "tests/conftest.py", "pyproject.toml")
LEAST_PERCENT = 85
# Exit status of the tests: one has failed, or pytest itself. Tests that were stopped after a time tell nothing.
KILLED = (1, 3)

Codes = dict[str, "int | None"]


def install() -> dict[str, str]:
    """mutmut beside the virtual environment that runs this; the environment variables to run it with."""
    requirements = REPO / "requirements" / "mutation.txt"
    tools = BUILD / "tools"
    stamp = tools / "requirements.txt"
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        shutil.rmtree(tools, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        what = ["--no-deps", "--require-hashes", "--target", str(tools), "--requirement", str(requirements)]
        subprocess.run([*pip, *what], check=True)
        shutil.copy(requirements, stamp)
    return {**os.environ, "PYTHONPATH": str(tools)}


def lay_out() -> None:
    """The collection at the path of its name, and the tests beside it, as they are now."""
    # mutmut copies over what it has, so that a test that is gone would stay.
    for old in ("ansible_collections", "tests", "mutants/tests"):
        shutil.rmtree(BUILD / old, ignore_errors=True)
    # Of a new function it would know only what new tests go through it.
    (BUILD / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *COPIED]
    names = subprocess.run(listed, cwd=REPO, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        target = BUILD / (NAMED / name if name.startswith(("plugins/", "meta/")) else name)
        if (REPO / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPO / name, target)
    shutil.copy(REPO / "tests" / "mutation" / "setup.cfg", BUILD)


def forget_survivors() -> None:
    """mutmut takes up only what has no result; a test may have come since."""
    for path in (BUILD / "mutants" / DRA).glob("*.meta"):
        known = json.loads(path.read_text())
        codes = known["exit_code_by_key"]
        known["exit_code_by_key"] = {name: code if code in KILLED else None for name, code in codes.items()}
        path.write_text(json.dumps(known, indent=4))


def results() -> dict[str, Codes]:
    """By file: the exit status of the tests for each mutant."""
    files = sorted((BUILD / "mutants" / DRA).glob("*.meta"))
    found = {path.stem: json.loads(path.read_text())["exit_code_by_key"] for path in files}
    return {name: codes for name, codes in found.items() if codes}


def report(found: dict[str, Codes]) -> float:
    """Print the survivors and the table; the percentage that was killed."""
    for codes in found.values():
        for name, code in codes.items():
            if code not in KILLED:
                print(f"survived: {name}{'' if code == 0 else f' (exit status {code})'}")
    rows = {name: (len(codes), sum(code in KILLED for code in codes.values())) for name, codes in found.items()}
    rows["all"] = sum(total for total, _ in rows.values()), sum(killed for _, killed in rows.values())
    print(f"{'file':20}{'mutants':>9}{'killed':>9}{'survived':>9}{'percent':>9}")
    for name, (total, killed) in rows.items():
        print(f"{name:20}{total:9}{killed:9}{total - killed:9}{100 * killed / total:9.1f}")
    total, killed = rows["all"]
    return 100 * killed / total


def main() -> int:
    BUILD.mkdir(parents=True, exist_ok=True)
    environment = install()
    lay_out()
    forget_survivors()
    command = ["nice", "-n", "19", sys.executable, str(BUILD / "tools" / "bin" / "mutmut"), "run", *sys.argv[1:]]
    done = subprocess.run(command, cwd=BUILD, env=environment, check=False)
    if done.returncode:
        return done.returncode
    percent = report(results())
    if percent < LEAST_PERCENT:
        print(f"tests/mutation: {percent:.1f} % of the mutants were killed, at least {LEAST_PERCENT} % are expected")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
