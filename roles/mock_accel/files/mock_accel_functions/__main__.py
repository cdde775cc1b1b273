# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the functions of the module mock_accel that are made at run time to what a file describes."""

from __future__ import annotations

import argparse
import sys
import typing as t
from pathlib import Path

from .change import plan
from .description import Description, parse_description
from .errors import FunctionsError
from .execution import carry_out
from .kernel import Kernel
from .progress import Progress
from .record import Record
from .vfs import VfChange, apply_vfs, plan_vfs


def main(arguments: t.Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mock-accel-functions", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "action",
        choices=["judge", "apply", "start", "remove"],
        help="judge: the description alone, without a kernel; apply: the functions; start: these, then the numbers of "
        "virtual ones; remove: all that was made",
    )
    parser.add_argument("--check", action="store_true", help="say what would be done, and change nothing")
    parser.add_argument(
        "--description", default="/var/lib/mirage-accel/mock_accel/functions.json", help="a JSON file, or - for stdin"
    )
    parser.add_argument("--record", type=Path, default=Path("/run/mock-accel/functions.json"))
    parser.add_argument("--configfs", type=Path, default=Path("/sys/kernel/config/mock-accel"))
    parser.add_argument("--devices", type=Path, default=Path("/sys/class/mock-accel"))
    parser.add_argument("--pci", type=Path, default=Path("/sys/bus/pci/devices"))
    parser.add_argument("--processes", type=Path, default=Path("/proc"))
    options = parser.parse_args(arguments)
    kernel = Kernel(options.configfs, options.devices, options.pci, options.processes)
    try:
        wanted = Description([], {})
        if options.action != "remove":
            text = sys.stdin.read() if options.description == "-" else Path(options.description).read_text("utf-8")
            wanted = parse_description(text)
        if options.action == "judge":
            return 0
        kernel.mount()
        record = Record(options.record)
        changes = plan(kernel, record, wanted.functions)
        vf_changes: list[VfChange] = []
        if options.action == "start":
            vf_changes = plan_vfs(kernel, wanted.vfs, any(change.plug for change in changes))
        progress = Progress()
        if options.check:
            progress.say(*(line for change in changes for line in change.lines))
            progress.say(*(change.line() for change in vf_changes))
            return 0
        if changes or set(record.made) - {function.name for function in wanted.functions}:
            carry_out(kernel, record, changes, {function.name: function for function in wanted.functions}, progress)
        if options.action == "start":
            apply_vfs(kernel, wanted.vfs, progress)
    except FunctionsError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Error while reading {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
