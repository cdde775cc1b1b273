#!/usr/bin/env python3
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the functions of the module mock_accel that are made at run time to what a file describes.

Each change is one line on standard output when it is done, so that no output means that all was as it should be. What
stands in the way is one line each on standard error, and the exit status is 1. What can be known beforehand is said
before anything is changed. Where the kernel refuses midway, what had to be unplugged is plugged in again as it was, as
far as that goes; standard error says so, and what was done before.

Only functions that this command has made are changed or removed: they are on a record, to which each is added just
before it is made, and which lies where it does not outlive the kernel that knows the functions.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import re
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

FORMAT = 1
DRIVER = "mock-accel"
SIZES = {"K": 10, "M": 20, "G": 30, "T": 40}
MAX_MEMORY = 1 << 62
MAX_NUMBER = 511
# The kernel's log has nothing of a folder that cannot be made.
MAKE_REASONS = {
    errno.EEXIST: "another one has its number, or it was made meanwhile: choose another name",
    errno.ENOSPC: f"there are {MAX_NUMBER + 1} already: remove one first",
}
BUS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FunctionsError(Exception):
    """What stands in the way, one line each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))


# --- attributes: from what people write or the kernel shows to one form ---


def number(allowed: t.Container[int]) -> t.Callable[[str], str]:
    def normal(text: str) -> str:
        value = int(text, 0)
        if value not in allowed:
            raise ValueError
        return str(value)

    return normal


def hexadecimal(digits: int, first: int = 0, last: int | None = None) -> t.Callable[[str], str]:
    most = (1 << 4 * digits) - 1 if last is None else last

    def normal(text: str) -> str:
        value = int(text, 0)
        if not first <= value <= most:
            raise ValueError
        return f"0x{value:0{digits}x}"

    return normal


def size(text: str) -> str:
    shift = SIZES.get(text[-1:].upper(), 0)
    value = int(text[:-1] if shift else text, 0) << shift
    if not 1 <= value <= MAX_MEMORY:
        raise ValueError
    return str(value)


def switch(text: str) -> str:
    return {"true": "1", "1": "1", "false": "0", "0": "0"}[text.lower()]


def matching(pattern: re.Pattern[str]) -> t.Callable[[str], str]:
    def normal(text: str) -> str:
        if not pattern.fullmatch(text.lower()):
            raise ValueError
        return text.lower()

    return normal


# In the order in which they are written: the bus before what is decided on it.
ATTRIBUTES: dict[str, t.Callable[[str], str]] = {
    "registers": switch,
    "vendor": hexadecimal(4, 0x2, 0xFFFE),
    "device": hexadecimal(4, last=0xFFFE),
    "subsystem_vendor": hexadecimal(4),
    "subsystem_device": hexadecimal(4),
    "vf_device": hexadecimal(4, last=0xFFFE),
    "class": hexadecimal(6),
    "revision": hexadecimal(2),
    "uuid": matching(UUID),
    "root_bus": matching(BUS),
    "slot": number(range(-1, 32)),
    "numa_node": number(range(-1, 1 << 16)),
    "total_vfs": number(range(8)),
    "memory_size": size,
    "vf_memory_size": size,
    "link_speed": number(range(1, 7)),
    "link_width": number((1, 2, 4, 8, 16, 32)),
}


# --- the description ---


class Function(t.NamedTuple):
    name: str
    enabled: bool
    settings: dict[str, str]


class Description(t.NamedTuple):
    functions: list[Function]
    vfs: dict[str, int]


def read_function(entry: dict[str, t.Any], problems: list[str]) -> Function:
    name = str(entry.get("name", ""))
    settings = {}
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        problems.append(f"'{name}' cannot be the name of a function: use letters, digits, '.', '-' and '_'")
    numbered = re.fullmatch(r"mock(\d{1,64})", name)
    if numbered and int(numbered[1]) > MAX_NUMBER:
        problems.append(f"'{name}' cannot be the name of a function: numbers go up to {MAX_NUMBER}")
    for key, value in entry.items():
        if key in ("name", "enabled"):
            continue
        if key not in ATTRIBUTES:
            problems.append(f"Function {name}: there is no attribute {key}; there are: {', '.join(ATTRIBUTES)}")
            continue
        try:
            settings[key] = ATTRIBUTES[key](str(value))
        except (ValueError, KeyError):
            problems.append(f"Function {name}: '{value}' is no value of {key}")
    return Function(name, bool(entry.get("enabled", True)), settings)


def parse_description(text: str) -> Description:
    try:
        data = json.loads(text)
        version, entries, vfs = data["version"], data["functions"], data.get("vfs", {})
    except (ValueError, KeyError, TypeError) as error:
        raise FunctionsError(f"The description is damaged ({type(error).__name__}: {error})") from error
    if version != FORMAT:
        raise FunctionsError(f"The description has format {version}, this command knows {FORMAT}")
    problems: list[str] = []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FunctionsError("The description's functions are not a list of objects with a name each")
    if not isinstance(vfs, dict) or not all(str(count).isdigit() for count in vfs.values()):
        raise FunctionsError("The description's vfs are not numbers by the names of functions")
    functions = [read_function(entry, problems) for entry in entries]
    names = [function.name for function in functions]
    problems += [f"Function {name} is described twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if problems:
        raise FunctionsError(*problems)
    return Description(functions, {str(name): int(count) for name, count in vfs.items()})


# --- the record of what was made ---


class Record:
    """Names of the functions that were made, each with the settings it was last given."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.made: dict[str, dict[str, str]] = {}
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            text = path.read_text(encoding="utf-8")
            try:
                self.made = {str(name): dict(settings) for name, settings in json.loads(text)["functions"].items()}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise FunctionsError(
                    f"The record {path} is damaged ({type(error).__name__}: {error}): remove the functions that it is"
                    " about with rmdir in configfs, and then the file"
                ) from error

    def write(self) -> None:
        if not self.made:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"version": FORMAT, "functions": self.made}, indent=2) + "\n"
        with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self._path)


# --- the kernel's side ---


class Kernel:
    """configfs, the class, the PCI functions and who has their nodes open, as files."""

    def __init__(self, configfs: Path, devices: Path, pci: Path, processes: Path) -> None:
        self._configfs, self._devices, self._pci, self._processes = configfs, devices, pci, processes

    def mount(self) -> None:
        """Where systemd does not do it: configfs is in the kernel, but nothing has mounted it."""
        place = self._configfs.parent
        if not self._configfs.is_dir() and str(place) == "/sys/kernel/config" and place.is_dir():
            subprocess.run(["mount", "-t", "configfs", "configfs", str(place)], check=False, capture_output=True)

    def is_there(self) -> bool:
        return self._configfs.is_dir()

    def names(self) -> list[str]:
        return sorted(path.name for path in self._configfs.iterdir() if path.is_dir()) if self.is_there() else []

    def read(self, name: str, attribute: str) -> str:
        try:
            return (self._configfs / name / attribute).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise FunctionsError(f"Error while reading {attribute} of function {name}: {error.strerror}") from error

    def write(self, name: str, attribute: str, value: str) -> None:
        try:
            (self._configfs / name / attribute).write_text(value, encoding="utf-8")
        except OSError as error:
            raise FunctionsError(
                f"Error while setting {attribute} of function {name} to {value}: {error.strerror}; "
                "the kernel's log says why"
            ) from error

    def make(self, name: str) -> None:
        try:
            (self._configfs / name).mkdir()
        except OSError as error:
            reason = MAKE_REASONS.get(error.errno or 0, error.strerror)
            raise FunctionsError(f"Error while making function {name}: {reason}") from error

    def remove(self, name: str) -> None:
        try:
            (self._configfs / name).rmdir()
        except OSError as error:
            raise FunctionsError(f"Error while removing function {name}: {error.strerror}") from error

    def uses(self, name: str) -> list[str]:
        """What speaks against unplugging a function: someone has it, or one of its virtual functions."""
        device = self.read(name, "device_name")
        address = self.read(name, "address")
        found = self._uses_of_device(device) if device else []
        return found + self._uses_of_drivers(device or name, self._pci / address if address else None)

    def uses_of_vfs(self, device: str) -> list[str]:
        """What speaks against taking off the virtual functions of a physical one."""
        found = self._uses_of_device(device) + self._uses_of_drivers(device, self._devices / device / "device")
        return [reason for reason in found if reason.startswith(f"{device}_vf")]

    def _uses_of_device(self, device: str) -> list[str]:
        own = re.compile(re.escape(device) + r"(_vf\d+)?")
        names = [path.name for path in self._devices.glob(f"{device}*") if own.fullmatch(path.name)]
        states = [(name, self._status(name)) for name in sorted(names)]
        found = [f"{name} {state}" for name, state in states if state]
        return found + [f"{name} is open in {who}" for name, who in self._openers(own)]

    def _openers(self, own: re.Pattern[str]) -> list[tuple[str, str]]:
        """Devices whose node in /dev is open, each with a process that has it; whoever is no root sees only its own."""
        found = set()
        for process in self._processes.glob("[0-9]*"):
            # Processes end while they are looked at.
            with contextlib.suppress(OSError):
                for entry in (process / "fd").iterdir():
                    name = str(entry.readlink()).removeprefix("/dev/")
                    if own.fullmatch(name):
                        command = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                        found.add((name, f"process {process.name} ({command})"))
        return sorted(found)

    def _status(self, device: str) -> str:
        try:
            status = (self._devices / device / "status").read_text(encoding="utf-8").strip()
        except OSError as error:
            # One that has just gone is used by nobody; one that hangs may be.
            gone = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV)
            return "" if gone else "does not answer and may be allocated"
        return "is allocated" if status == "1" else ""

    def _uses_of_drivers(self, device: str, folder: Path | None) -> list[str]:
        """Functions that a driver other than ours has, such as one that hands them to virtual machines."""
        if folder is None:
            return []
        places = {device: folder}
        for path in sorted(folder.glob("virtfn*")):
            places[f"{device}_vf{path.name.removeprefix('virtfn')}"] = path
        found = {}
        for name, place in places.items():
            # Without a driver there is no link, and it can go while it is read.
            with contextlib.suppress(OSError):
                found[name] = (place / "driver").readlink().name
        return [f"{name} is bound to the driver {driver}" for name, driver in found.items() if driver != DRIVER]

    def physical(self) -> list[str]:
        return sorted(path.name for path in self._devices.glob("mock*") if (path / "sriov_numvfs").exists())

    def numvfs(self, device: str) -> int:
        return int((self._devices / device / "sriov_numvfs").read_text(encoding="utf-8"))

    def vfs_of(self, name: str) -> int:
        """How many virtual functions one has that is plugged in; one without a device of ours has none to speak of."""
        device = self.read(name, "device_name")
        return self.numvfs(device) if device in self.physical() else 0

    def totalvfs(self, device: str) -> int:
        return int((self._devices / device / "sriov_totalvfs").read_text(encoding="utf-8"))

    def set_numvfs(self, device: str, count: int) -> None:
        try:
            (self._devices / device / "sriov_numvfs").write_text(str(count), encoding="utf-8")
        except OSError as error:
            raise FunctionsError(f"Error while giving {device} {count} virtual functions: {error.strerror}") from error


# --- from what is to what should be ---


class Change(t.NamedTuple):
    """What is to be done to one function, and what it was; the lines say it to people."""

    name: str
    lines: list[str]
    unplug: bool = False
    remove: bool = False
    make: bool = False
    settings: dict[str, str] | None = None
    plug: bool = False
    before: dict[str, str] | None = None


def plan_function(kernel: Kernel, record: Record, wanted: Function) -> Change | None:
    is_on = kernel.read(wanted.name, "enable") == "1"
    given = record.made[wanted.name]
    if set(given) - set(wanted.settings):
        # Only a new function has the defaults again.
        gone = sorted(set(given) - set(wanted.settings))
        line = f"make function {wanted.name} anew: {', '.join(gone)} back to the default"
        return Change(wanted.name, [line], is_on, True, True, wanted.settings, wanted.enabled, given)
    settings, lines, before = {}, [], {}
    for key, value in wanted.settings.items():
        now = kernel.read(wanted.name, key)
        with contextlib.suppress(ValueError, KeyError):
            now = ATTRIBUTES[key](now)
        # The slot of -1 is the kernel's to choose.
        if now != value and not (key in ("slot", "numa_node") and value == "-1"):
            settings[key], before[key] = value, now
            lines.append(f"change function {wanted.name}: {key} {now or 'nothing'} -> {value}")
    if not settings and is_on != wanted.enabled:
        lines.append(f"{'plug in' if wanted.enabled else 'unplug'} function {wanted.name}")
    if not lines:
        return None
    unplug = is_on and (bool(settings) or not wanted.enabled)
    return Change(wanted.name, lines, unplug, settings=settings, plug=wanted.enabled, before=before)


def plan(kernel: Kernel, record: Record, functions: list[Function]) -> list[Change]:
    there = set(kernel.names())
    if functions and not kernel.is_there():
        raise FunctionsError("No function can be made: the module mock_accel is not loaded, or is one without configfs")
    changes, problems = [], []
    wanted = {function.name for function in functions}
    for name in sorted(set(record.made) & there - wanted):
        is_on = kernel.read(name, "enable") == "1"
        changes.append(Change(name, [f"remove function {name}"], is_on, True))
    # Those that ask for a number go before those that take the lowest free one.
    for function in sorted(functions, key=lambda one: not re.fullmatch(r"mock\d+", one.name)):
        if function.name not in there:
            line = f"make function {function.name}"
            changes.append(Change(function.name, [line], make=True, settings=function.settings, plug=function.enabled))
        elif function.name not in record.made:
            problems.append(f"Function {function.name} is there and was not made by this command: choose another name")
        else:
            change = plan_function(kernel, record, function)
            changes += [change] if change else []
    for change in changes:
        used = kernel.uses(change.name) if change.unplug else []
        if used:
            problems.append(f"Function {change.name} cannot be changed or removed: {', '.join(used)}")
    if problems:
        raise FunctionsError(*problems)
    return changes


class Progress:
    """Says what is done when it is done, and remembers it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, *lines: str) -> None:
        self.lines += lines
        for line in lines:
            print(line, flush=True)

    def failure(self, error: FunctionsError, more: t.Iterable[str]) -> FunctionsError:
        done = [f"Done before that: {'; '.join(self.lines)}"] if self.lines else []
        return FunctionsError(str(error), *more, *done)


def carry_out(
    kernel: Kernel, record: Record, changes: list[Change], wanted: dict[str, Function], progress: Progress
) -> None:
    unfinished: list[Change] = []
    vfs: dict[str, int] = {}
    try:
        # All unplugging comes first, so that functions can change places.
        for change in changes:
            if change.unplug:
                # Others may have taken it since all was judged.
                used = kernel.uses(change.name)
                if used:
                    raise FunctionsError(f"Function {change.name} cannot be changed or removed: {', '.join(used)}")
                vfs[change.name] = kernel.vfs_of(change.name)
                kernel.write(change.name, "enable", "0")
                unfinished.append(change)
        remove(kernel, changes, unfinished, progress)
        record.made = {name: made for name, made in record.made.items() if name in kernel.names()}
        record.write()
        for change in changes:
            if change.make or not change.remove:
                unfinished += [] if change in unfinished else [change]
                if change.make:
                    record.made[change.name] = change.settings or {}
                    record.write()
                    kernel.make(change.name)
                set_up(kernel, change)
                unfinished.remove(change)
                progress.say(*change.lines)
                record.made[change.name] = wanted[change.name].settings
    except FunctionsError as error:
        more = put_back(kernel, record, unfinished, vfs)
        record.made = {name: made for name, made in record.made.items() if name in kernel.names()}
        record.write()
        raise progress.failure(error, more) from error
    record.made.update({name: function.settings for name, function in wanted.items()})
    record.write()


def remove(kernel: Kernel, changes: list[Change], unfinished: list[Change], progress: Progress) -> None:
    for change in changes:
        if not change.remove:
            continue
        kernel.remove(change.name)
        if change.make:
            unfinished += [] if change in unfinished else [change]
        else:
            unfinished[:] = [one for one in unfinished if one != change]
            progress.say(*change.lines)


def set_up(kernel: Kernel, change: Change) -> None:
    try:
        give(kernel, change.name, change.settings or {}, change.plug)
    except FunctionsError:
        # Half a function is none; the next run makes it anew.
        if change.make:
            with contextlib.suppress(FunctionsError):
                kernel.remove(change.name)
        raise


def give(kernel: Kernel, name: str, settings: dict[str, str], plug: bool) -> None:
    for key in ATTRIBUTES:
        if key in settings:
            kernel.write(name, key, settings[key])
    if plug:
        kernel.write(name, "enable", "1")


def put_back(kernel: Kernel, record: Record, unfinished: list[Change], vfs: dict[str, int]) -> list[str]:
    """Functions that were taken apart for a change that did not come, as they were, with as many virtual ones (`vfs`).

    Returns what became of each.
    """
    lines = []
    for change in unfinished:
        if change.make and not change.remove:
            # A new one: there is nothing to put back.
            continue
        try:
            if change.name not in kernel.names():
                # Its owner is still this command.
                record.made[change.name] = change.before or {}
                record.write()
                kernel.make(change.name)
            give(kernel, change.name, change.before or {}, change.unplug)
            if vfs.get(change.name):
                kernel.set_numvfs(kernel.read(change.name, "device_name"), vfs[change.name])
            lines.append(f"Function {change.name} is as it was")
        except FunctionsError as error:
            lines.append(f"Function {change.name} could not be put back: {error}")
    return lines


class VfChange(t.NamedTuple):
    """The number of virtual functions of one physical function."""

    device: str
    before: int
    after: int

    def line(self) -> str:
        return f"virtual functions of {self.device}: {self.before} -> {self.after}"


def plan_vfs(kernel: Kernel, vfs: dict[str, int], others_may_come: bool = False) -> list[VfChange]:
    """What is to be done about numbers; all that stands in the way is known before the first is changed."""
    there = kernel.physical()
    problems = [f"{name} has no virtual functions to be had" for name in sorted(vfs) if name not in there]
    changes = [VfChange(name, kernel.numvfs(name), vfs[name]) for name in there if name in vfs]
    changes = [change for change in changes if change.before != change.after]
    problems = [] if others_may_come else problems
    for change in changes:
        most, used = kernel.totalvfs(change.device), kernel.uses_of_vfs(change.device)
        if change.after > most:
            problems.append(f"{change.device} cannot have {change.after} virtual functions: {most} at most")
        if used:
            problems.append(f"{change.line()} cannot be: {', '.join(used)}")
    if problems:
        raise FunctionsError(*problems)
    return changes


def apply_vfs(kernel: Kernel, vfs: dict[str, int], progress: Progress) -> None:
    for change in plan_vfs(kernel, vfs):
        try:
            # From one number to another the kernel goes by way of none.
            if change.before and change.after:
                kernel.set_numvfs(change.device, 0)
            kernel.set_numvfs(change.device, change.after)
        except FunctionsError as error:
            raise progress.failure(error, put_vfs_back(kernel, change)) from error
        progress.say(change.line())


def put_vfs_back(kernel: Kernel, change: VfChange) -> list[str]:
    try:
        if kernel.numvfs(change.device) != change.before:
            kernel.set_numvfs(change.device, change.before)
    except FunctionsError as error:
        return [str(error)]
    return [f"{change.device} has {change.before} virtual functions, as before"]


def main(arguments: t.Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mock-accel-functions", description=__doc__.splitlines()[0])
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
    parser.add_argument("--record", type=Path, default=Path("/run/mirage-accel/mock_accel_functions.json"))
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
