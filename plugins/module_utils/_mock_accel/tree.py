# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the functions of mock_accel, and the module itself, from a host's /sys and /dev.

Nothing is judged here. Functions may come and go, hang or lose their driver while they are read: what cannot be read is
left out, a function that has gone is left out whole, and no exception leaves this file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import grp
import os
import pwd
import stat
import typing as t
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.function import (
    ADDRESS,
    DRIVER,
    DeviceReading,
    Function,
    Listed,
    Node,
    Reading,
    describe_all,
    own_addresses,
    pcie_root,
)
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.openers import Opener, read_openers

FUNCTION_FILES = (
    *("vendor", "device", "class", "subsystem_vendor", "subsystem_device", "revision", "numa_node"),
    *("sriov_totalvfs", "sriov_numvfs"),
    *("current_link_speed", "current_link_width", "max_link_speed", "max_link_width"),
)
DEVICE_FILES = ("uuid", "memory_size", "capabilities", "status", "errors", "dev", "uevent")
# The most that a file of sysfs holds, and as much as a function has of configuration space.
MOST = 4096


@dataclasses.dataclass(frozen=True)
class ModuleFacts:
    """The kernel module itself."""

    loaded: bool
    version: str | None
    parameters: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Tree:
    """Where a host has its sysfs, its device nodes and its processes."""

    sysfs: Path = Path("/sys")
    dev: Path = Path("/dev")
    processes: Path = Path("/proc")

    @property
    def functions(self) -> Path:
        return self.sysfs / "bus/pci/devices"


def read_module(tree: Tree) -> ModuleFacts:
    """A module that is still coming or already going counts as not loaded."""
    folder = tree.sysfs / "module/mock_accel"
    values, _silent = read_files(folder / "parameters", _entries(folder / "parameters"))
    facts, _silent = read_files(folder, ("version", "initstate"))
    loaded = folder.is_dir() and facts.get("initstate", "live") == "live"
    return ModuleFacts(loaded, facts.get("version") if loaded else None, values if loaded else {})


def read_functions(tree: Tree, module: ModuleFacts) -> list[Function]:
    """All functions on mock_accel's buses in the order of their addresses; none where the module is not loaded."""
    if not module.loaded:
        return []
    own = own_addresses(_list_functions(tree), module.parameters, described_addresses(tree))
    readings = (read_function(tree, address) for address in own)
    return describe_all(reading for reading in readings if reading)


def read_family(tree: Tree, address: str) -> tuple[Function | None, tuple[Function, ...]]:
    """A physical function as it is now and those that its links call its virtual ones; both may be gone."""
    physical = read_function(tree, address)
    if physical is None:
        return None, ()
    virtual = [read_function(tree, link) for name, link in physical.links.items() if name.startswith("virtfn")]
    found = describe_all([physical, *(reading for reading in virtual if reading)])
    return (
        next(one for one in found if one.address == address),
        tuple(one for one in found if one.parent and one.parent.address == address),
    )


def read_function(tree: Tree, address: str) -> Reading | None:
    """What there is to read of a function, or nothing if it is gone in the end."""
    folder = tree.functions / address
    path = _path_in_sysfs(tree, address)
    files, silent = read_files(folder, FUNCTION_FILES)
    links = {name: link_target(folder / name) for name in _entries(folder) if _is_link_of_ours(name)}
    whole = {name: target for name, target in links.items() if target and _is_whole(name, target)}
    device, device_silent = _read_device(tree, folder / DRIVER)
    config = b""
    if device is None:
        with contextlib.suppress(OSError):
            config = _read(folder / "config", MOST)
    # The link goes first; what was read without it may be half of a function.
    if not os.path.lexists(folder):
        return None
    return Reading(
        address=address,
        path=path,
        files=files,
        links=whole,
        config=config,
        device=device,
        silent=silent or device_silent,
    )


def read_users(tree: Tree, functions: t.Iterable[Function]) -> dict[int, list[Opener]]:
    """Devices of these functions that are open, by number, each with who has it."""
    numbers = {function.node.number for function in functions if function.node}
    return read_openers(tree.processes, numbers.__contains__)


def _list_functions(tree: Tree) -> list[Listed]:
    found = [name for name in _entries(tree.functions) if ADDRESS.fullmatch(name)]
    return [
        Listed(name, pcie_root(_path_in_sysfs(tree, name)), link_target(tree.functions / name / "driver"))
        for name in found
    ]


def described_addresses(tree: Tree) -> set[str]:
    """Addresses of the functions that configfs has and that are plugged in."""
    folder = tree.sysfs / "kernel/config/mock-accel"
    found = set()
    for name in _entries(folder):
        files, _silent = read_files(folder / name, ("address",))
        found.add(files.get("address", ""))
    return found - {""}


def _read_device(tree: Tree, folder: Path) -> tuple[DeviceReading | None, bool]:
    """The device of class mock-accel in this folder of its function, and whether it left a question unanswered."""
    names = _entries(folder)
    if not names:
        return None, False
    files, silent = read_files(folder / names[0], DEVICE_FILES)
    if not files and not silent:
        # Gone since it was listed.
        return None, False
    return DeviceReading(names[0], files, _read_node(tree, names[0], files)), silent


def _read_node(tree: Tree, name: str, files: t.Mapping[str, str]) -> Node | None:
    """The device's node; what lies at its place and is another device's, or none at all, is not it."""
    try:
        major, minor = map(int, files["dev"].split(":"))
    except (KeyError, ValueError):
        return None
    event = dict(line.split("=", 1) for line in files.get("uevent", "").splitlines() if "=" in line)
    path = tree.dev / (event.get("DEVNAME") or name)
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return Node(None, major, minor, None, None, None)
    if not stat.S_ISCHR(status.st_mode) or status.st_rdev != os.makedev(major, minor):
        return Node(None, major, minor, None, None, None)
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    return Node(str(path), major, minor, mode, _user(status.st_uid), _group(status.st_gid))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _path_in_sysfs(tree: Tree, address: str) -> str | None:
    """Where the function's link leads, seen from the top of sysfs; nothing where it leads out of it."""
    try:
        # Only this one link counts, and what it leads to is not looked at: Kubernetes reads it in the same way.
        target = os.path.normpath(tree.functions / (tree.functions / address).readlink())
    except OSError:
        return None
    path = os.path.relpath(target, tree.sysfs)
    return None if path.startswith("..") else path


def _is_link_of_ours(name: str) -> bool:
    return name in ("driver", "physfn") or name.startswith("virtfn")


def _is_whole(name: str, target: str) -> bool:
    """Whether the link leads to what its name says; all but the driver are functions."""
    return name == "driver" or ADDRESS.fullmatch(target) is not None


def link_target(path: Path) -> str | None:
    """Last part of what a link leads to; None where there is none (any more)."""
    try:
        return path.readlink().name or None
    except OSError:
        return None


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []


def read_files(folder: Path, names: t.Iterable[str]) -> tuple[dict[str, str], bool]:
    """The text of those files that can be read, and whether the device behind one did not answer."""
    found, silent = {}, False
    for name in names:
        try:
            found[name] = _read(folder / name, MOST).decode("utf-8", "replace").strip()
        except OSError as error:
            silent |= error.errno == errno.EIO
    return found, silent


def _read(path: Path, size: int) -> bytes:
    # Without waiting: what is no file of sysfs after all must not stop the module.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)
