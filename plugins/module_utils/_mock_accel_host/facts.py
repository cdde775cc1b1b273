# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a host that loading the kernel module mock_accel depends on; nothing is judged or changed here."""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import json
import lzma
import os
import re
import shutil
import typing as t
from pathlib import Path

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.function import DRIVER, own_domains
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.openers import device_number, read_openers
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import (
    Tree,
    described_addresses,
    link_target,
    read_module,
)

COMMANDS = ("depmod", "dkms", "gcc", "kmodsign", "make", "modprobe", "openssl", "udevadm", "update-rc.d")
# What a shell of an unprivileged user may leave out of PATH.
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def read_text(path: Path) -> str:
    """The text of a file, empty where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def read_capabilities(root: Path) -> int:
    """The effective capabilities of this process, as a bit set."""
    match = re.search(r"^CapEff:\s+([0-9a-f]+)", read_text(root / "proc/self/status"), re.MULTILINE)
    return int(match.group(1), 16) if match else 0


def read_enforcement(root: Path) -> str:
    """The file that says that only signed modules are loaded, with what it says; empty where none does."""
    enforce = root / "sys/module/module/parameters/sig_enforce"
    if read_text(enforce).strip() == "Y":
        return "/sys/module/module/parameters/sig_enforce is Y"
    lockdown = re.search(r"\[(integrity|confidentiality)\]", read_text(root / "sys/kernel/security/lockdown"))
    return f"/sys/kernel/security/lockdown is {lockdown.group(1)}" if lockdown else ""


def read_headers(root: Path, kernel: str) -> dict[str, str]:
    """The folder of the kernel's headers, and its program that signs modules; empty where there is none."""
    folder = root / "lib/modules" / kernel / "build"
    program = folder / "scripts/sign-file"
    if not (folder / "Makefile").exists():
        return {"headers": "", "sign_file": ""}
    return {"headers": str(folder), "sign_file": str(program) if os.access(program, os.X_OK) else ""}


def read_commands(path: str) -> list[str]:
    return [name for name in COMMANDS if shutil.which(name, path=f"{path}:{SYSTEM_PATH}")]


def read_domains(root: Path) -> dict[str, bool]:
    """PCI domains in use, each with whether all that is in it belongs to the module."""
    tree = Tree(root / "sys", root / "dev")
    own = own_domains(read_module(tree).parameters, described_addresses(tree))
    domains: dict[str, bool] = dict.fromkeys(own, True)
    devices = root / "sys/bus/pci/devices"
    for device in sorted(devices.iterdir()) if devices.is_dir() else ():
        ours = link_target(device / "driver") == DRIVER
        domain = device.name.split(":")[0]
        domains[domain] = domain in own or (domains.get(domain, True) and ours)
    buses = root / "sys/class/pci_bus"
    for bus in sorted(buses.iterdir()) if buses.is_dir() else ():
        # A bus without devices has an owner all the same.
        domains.setdefault(bus.name.split(":")[0], False)
    return domains


def read_module_file(path: Path) -> bytes:
    """The contents of a module, whether its file is compressed or not."""
    readers: dict[str, t.Callable[..., bytes]] = {".ko": bytes, ".xz": lzma.decompress, ".gz": gzip.decompress}
    if path.suffix not in readers:
        raise ValueError(f"{path} is compressed in a way that Python does not know")
    return readers[path.suffix](path.read_bytes())


def read_loaded(root: Path, installed: Path) -> dict[str, t.Any]:
    """The module in the kernel: its parameters, and whether it is the one that is installed."""
    folder = root / "sys/module/mock_accel"
    # A module that is built in has no initstate; one that is going has another.
    loaded = read_text(folder / "initstate").strip() == "live"
    parameters = folder / "parameters"
    values = {path.name: read_text(path).strip() for path in parameters.iterdir()} if parameters.is_dir() else {}
    same = True
    with contextlib.suppress(OSError, lzma.LZMAError, EOFError, ValueError):
        # The note with the build's id is in the file byte for byte.
        same = (folder / "notes/.note.gnu.build-id").read_bytes() in read_module_file(installed)
    return {"loaded": loaded, "parameters": values if loaded else {}, "is_installed_one": same}


def read_record(path: Path) -> dict[str, t.Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def read_installed(root: Path, record: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The record of what was installed, and whether the file is still the one that was."""
    path = root / str(record.get("path", "")).lstrip("/")
    try:
        intact = hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"]
    except (OSError, KeyError):
        intact = False
    return {"record": dict(record), "intact": intact}


def read_majors(root: Path) -> set[int]:
    """Of the device numbers that drivers have, the major ones of the module's."""
    drivers = read_text(root / "proc/devices")
    return {int(number) for number in re.findall(rf"^ *(\d+) {DRIVER}$", drivers, re.MULTILINE)}


def read_opened(root: Path) -> dict[str, list[dict[str, t.Any]]]:
    """Devices that are open, each with the processes that have it open; one that is gone has its numbers for a name."""
    devices = sorted((root / "sys/class/mock-accel").glob("mock*/dev"))
    names = {device_number(read_text(path)): path.parent.name for path in devices}
    majors = read_majors(root)
    found = read_openers(root / "proc", lambda number: number in names or os.major(number) in majors)
    return {
        names.get(number, f"{os.major(number)}:{os.minor(number)}"): [opener._asdict() for opener in found[number]]
        for number in sorted(found)
    }


def read_status(path: Path) -> str:
    """The status of a device; empty for one that has just gone, `hangs` for one that does not answer."""
    try:
        return path.read_text().strip()
    except OSError as error:
        return "" if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV) else "hangs"


def read_states(root: Path) -> dict[str, list[str]]:
    """Devices that are allocated, and those that do not answer, so that nobody knows."""
    devices = root / "sys/class/mock-accel"
    states = {path.parent.name: read_status(path) for path in sorted(devices.glob("mock*/status"))}
    return {
        "allocated": [name for name, status in states.items() if status == "1"],
        "hanging": [name for name, status in states.items() if status == "hangs"],
    }


def read_foreign(root: Path) -> dict[str, str]:
    """Our functions that another driver has, each with its name: those have no device of our class."""
    pci = root / "sys/bus/pci/devices"
    places: dict[str, Path] = {}
    for device in (root / "sys/class/mock-accel").glob("mock*"):
        if "_vf" not in device.name:
            places[device.name] = device / "device"
    for folder in (root / "sys/kernel/config/mock-accel").glob("*"):
        address = read_text(folder / "address").strip()
        if address:
            places[read_text(folder / "device_name").strip() or folder.name] = pci / address
    for name, place in list(places.items()):
        for link in place.glob("virtfn*"):
            places[f"{name}_vf{link.name.removeprefix('virtfn')}"] = link
    drivers = {name: link_target(place / "driver") for name, place in sorted(places.items())}
    return {name: driver for name, driver in drivers.items() if driver and driver != DRIVER}


def read_functions(root: Path) -> dict[str, list[str]]:
    """Functions in configfs beyond those of the parameters, and those of them that the role's own command has made."""
    folder = root / "sys/kernel/config/mock-accel"
    count = read_text(root / "sys/module/mock_accel/parameters/num_pfs").strip()
    given = {f"mock{number}" for number in range(int(count) if count.isdigit() else 0)}
    there = sorted(path.name for path in folder.iterdir() if path.name not in given) if folder.is_dir() else []
    made = read_record(root / "run/mock-accel/functions.json").get("functions", {})
    return {"functions": there, "made_functions": [name for name in there if name in made]}


def read_nodes(root: Path) -> list[int]:
    """NUMA nodes that are online."""
    nodes: list[int] = []
    for part in read_text(root / "sys/devices/system/node/online").strip().split(","):
        first, _dash, last = part.partition("-")
        if first.isdigit():
            nodes += range(int(first), int(last or first) + 1)
    return nodes


def gather(root: Path, state_dir: Path) -> dict[str, t.Any]:
    """All facts, of the host whose file system is `root`."""
    system = os.uname()
    kernel = read_text(root / "proc/sys/kernel/osrelease").strip() or system.release
    record = read_record(root / str(state_dir).lstrip("/") / "installed.json")
    return {
        "kernel": kernel,
        "architecture": system.machine,
        "has_modules": (root / "proc/modules").exists(),
        "modules_disabled": read_text(root / "proc/sys/kernel/modules_disabled").strip() == "1",
        "capabilities": read_capabilities(root),
        "enforcement": read_enforcement(root),
        **read_headers(root, kernel),
        "commands": read_commands(os.environ.get("PATH", "")),
        "systemd": (root / "run/systemd/system").is_dir(),
        "machine_id": read_text(root / "etc/machine-id").strip(),
        "numa_nodes": read_nodes(root),
        "domains": read_domains(root),
        "configured": read_text(root / "etc/modprobe.d/mirage-accel-mock_accel.conf"),
        **read_installed(root, record),
        **read_loaded(root, root / str(record.get("path", "")).lstrip("/")),
        "opened": read_opened(root),
        **read_states(root),
        "foreign": read_foreign(root),
        **read_functions(root),
    }
