# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be seen of a function and its virtual ones, for the judgement of whether somebody uses them."""

from __future__ import annotations

import contextlib
import errno
import re
from pathlib import Path

from .openers import Opener, device_number, read_openers
from .use import Sighting


def look(devices: Path, processes: Path, name: str, function: Path | None, has_device: bool = True) -> list[Sighting]:
    """A physical function first, then the virtual ones, which have its name with a number.

    `function` is its folder among the PCI functions, where it is plugged in; without registers it has no device, and
    another one's may have that name.
    """
    places = read_places(name, function) if function else {}
    names = read_names(devices, name) if has_device else set()
    openers = read_openers_of(devices, processes, names)
    found = []
    for one in sorted({*places, *names}):
        status = read_status(devices / one) if one in names else ""
        driver = read_driver(places[one]) if one in places else None
        found.append(Sighting(one, status == "1", status is not None, driver, openers.get(one, [])))
    return found


def read_places(name: str, function: Path) -> dict[str, Path]:
    """Where each is on the PCI bus."""
    virtual = {f"{name}_vf{path.name.removeprefix('virtfn')}": path for path in function.glob("virtfn*")}
    return {name: function, **virtual}


def read_names(devices: Path, name: str) -> set[str]:
    """Which of them have a device; one that another driver has, has none."""
    own = re.compile(re.escape(name) + r"(_vf\d+)?")
    return {path.name for path in devices.glob(f"{name}*") if own.fullmatch(path.name)}


def read_status(device: Path) -> str | None:
    """Empty for a device that has just gone, which nobody uses; None for one that does not answer."""
    try:
        return (device / "status").read_text(encoding="utf-8").strip()
    except OSError as error:
        return "" if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV) else None


def read_driver(function: Path) -> str | None:
    try:
        return (function / "driver").readlink().name
    except OSError:
        # Without a driver there is no link, and it can go while it is read.
        return None


def read_openers_of(devices: Path, processes: Path, names: set[str]) -> dict[str, list[Opener]]:
    """Those of these devices that are open, each with who has it."""
    numbers = {}
    for name in names:
        # One may go while it is looked at.
        with contextlib.suppress(OSError):
            numbers[device_number((devices / name / "dev").read_text(encoding="utf-8"))] = name
    found = read_openers(processes, lambda number: number in numbers)
    return {numbers[number]: openers for number, openers in found.items()}
