# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One function on the buses of mock_accel: what was read of it, and what that says.

Plain data in, records out: whatever a file holds, or does not hold, is a value or None and never an exception. Imports
the standard library only, and what does the same.
"""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils import _pci_domains
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.registers import answers, find_registers
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.use import DRIVER

ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")
# Buses that a machine has itself are in this domain; mock_accel makes none there.
MACHINE_DOMAIN = 0

_ROOT = re.compile(r"pci[0-9a-f]{4}:[0-9a-f]{2}")
_VIRTUAL_LINK = re.compile(r"virtfn(\d+)")
CAPABILITIES = ("sriov", "vf", "passphrase")
STATUSES = {0: "free", 1: "allocated"}


@dataclasses.dataclass(frozen=True)
class Node:
    """The device node of a function. Numbers come from sysfs; the rest is missing where there is no such node."""

    path: str | None
    major: int
    minor: int
    mode: str | None
    owner: str | None
    group: str | None

    @property
    def number(self) -> int:
        """The device's, whatever node of it is opened."""
        return os.makedev(self.major, self.minor)


@dataclasses.dataclass(frozen=True)
class DeviceReading:
    """What was read of a device of class mock-accel."""

    name: str
    files: t.Mapping[str, str]
    node: Node | None = None


@dataclasses.dataclass(frozen=True)
class Reading:
    """What was read of a function. A file or link that could not be read is left out."""

    address: str
    # Where the link in bus/pci/devices leads, from the top of sysfs on.
    path: str | None
    files: t.Mapping[str, str]
    # Last parts of what the links lead to.
    links: t.Mapping[str, str]
    # As much of the configuration space as was read; not asked where a device tells the same.
    config: bytes = b""
    device: DeviceReading | None = None
    # A file answered with an input/output error.
    silent: bool = False


@dataclasses.dataclass(frozen=True)
class Parent:
    """The physical function of a virtual one."""

    address: str
    name: str | None


@dataclasses.dataclass(frozen=True)
class Function:
    """A physical or virtual function. None stands for what it does not have or did not say."""

    address: str
    name: str | None
    kind: str
    path: str | None
    pcie_root: str | None
    numa_node: int | None
    vendor: str | None
    device: str | None
    # `class` in what users get, which is no name in Python.
    pci_class: str | None
    subsystem_vendor: str | None
    subsystem_device: str | None
    revision: str | None
    driver: str | None
    parent: Parent | None
    total_vfs: int | None
    num_vfs: int | None
    vfs: tuple[str, ...]
    link_speed: str | None
    link_width: int | None
    max_link_speed: str | None
    max_link_width: int | None
    uuid: str | None
    memory_size: int | None
    capabilities: tuple[str, ...] | None
    status: str | None
    errors: int | None
    responding: bool
    node: Node | None

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"{self.name} ({self.address})" if self.name else self.address

    def as_dict(self) -> dict[str, t.Any]:
        values = dataclasses.asdict(self)
        return {{"pci_class": "class"}.get(key, key): value for key, value in values.items()}


def pcie_root(path: str | None) -> str | None:
    """The root bus as Kubernetes derives it: what comes after /sys/devices in the path that the link gives."""
    parts = (path or "").split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "devices" and _ROOT.fullmatch(parts[1]) else None


def address_key(address: str) -> tuple[int, ...]:
    """Sorts addresses as numbers: a domain may have more than four digits."""
    return tuple(int(part, 16) for part in re.split(r"[:.]", address))


def describe_all(readings: t.Iterable[Reading]) -> list[Function]:
    """All functions in the order of their addresses."""
    found = {reading.address: reading for reading in readings}
    names = {address: reading.device.name for address, reading in found.items() if reading.device}
    return [describe(found[address], names) for address in sorted(found, key=address_key)]


def describe(reading: Reading, names: t.Mapping[str, str]) -> Function:
    """What a reading says; `names` are those of the devices by address of their function."""
    files = reading.files
    responding = not reading.silent and answers(reading.config)
    physfn = reading.links.get("physfn")
    parent = Parent(physfn, names.get(physfn)) if physfn else None
    # What the PCI core reads from a function that does not answer is made of ones, and means nothing.
    link = files if responding else {}
    return Function(
        address=reading.address,
        name=reading.device.name if reading.device else None,
        kind="virtual" if parent else "physical",
        path=reading.path,
        pcie_root=pcie_root(reading.path),
        numa_node=number(files.get("numa_node")),
        vendor=files.get("vendor") or None,
        device=files.get("device") or None,
        pci_class=files.get("class") or None,
        subsystem_vendor=files.get("subsystem_vendor") or None,
        subsystem_device=files.get("subsystem_device") or None,
        revision=files.get("revision") or None,
        driver=reading.links.get("driver"),
        parent=parent,
        total_vfs=None if parent else number(files.get("sriov_totalvfs", "0")),
        num_vfs=None if parent else number(files.get("sriov_numvfs", "0")),
        vfs=_virtual(reading.links),
        link_speed=_speed(link.get("current_link_speed")),
        link_width=_width(link.get("current_link_width")),
        max_link_speed=_speed(link.get("max_link_speed")),
        max_link_width=_width(link.get("max_link_width")),
        responding=responding,
        node=reading.device.node if reading.device else None,
        **(_of_device(reading.device.files) if reading.device else _of_registers(reading.config, responding)),
    )


def _of_device(files: t.Mapping[str, str]) -> dict[str, t.Any]:
    """What the device of our class shows."""
    return {
        "uuid": files.get("uuid") or None,
        "memory_size": number(files.get("memory_size")),
        "capabilities": _capabilities(number(files.get("capabilities"))),
        "status": _status(number(files.get("status"))),
        "errors": number(files.get("errors")),
    }


def _of_registers(config: bytes, responding: bool) -> dict[str, t.Any]:
    """The same without a device, as far as the registers could be read."""
    registers = find_registers(config) if responding else None
    if registers is None:
        return dict.fromkeys(("uuid", "memory_size", "capabilities", "status", "errors"))
    return {
        "uuid": registers.uuid,
        "memory_size": registers.memory_size,
        "capabilities": _capabilities(registers.capabilities),
        # Eight bits each: what it is to its users, and what is wrong with it.
        "status": _status(registers.status & 0xFF),
        "errors": registers.status >> 8 & 0xFF,
    }


def number(text: str | None) -> int | None:
    """A number as the kernel writes it, decimal or hexadecimal; nothing for anything else."""
    try:
        return int(text or "", 0)
    except ValueError:
        return None


def _virtual(links: t.Mapping[str, str]) -> tuple[str, ...]:
    """Addresses of the virtual functions, by their numbers."""
    found = [(int(match[1]), target) for name, target in links.items() if (match := _VIRTUAL_LINK.fullmatch(name))]
    return tuple(target for _number, target in sorted(found))


def _speed(text: str | None) -> str | None:
    return None if not text or text.startswith("Unknown") else text


def _width(text: str | None) -> int | None:
    # 0 and 255 are what the PCI core writes where it knows of no link.
    width = number(text)
    return width if width not in (0, 255) else None


def _status(value: int | None) -> str | None:
    return None if value is None else STATUSES.get(value, "unknown")


def _capabilities(bits: int | None) -> tuple[str, ...] | None:
    """The words for the bits that are set; one without a word is its number."""
    if bits is None:
        return None
    words = dict(enumerate(CAPABILITIES))
    return tuple(words.get(bit, f"bit {bit}") for bit in range(32) if bits >> bit & 1)


def select(
    functions: t.Iterable[Function], wanted: t.Collection[str] | None = None, kind: str | None = None
) -> list[Function]:
    """Those that are named, by name or address, and of a kind; None does not ask for anything."""
    names = None if wanted is None else {*wanted, *(name.lower() for name in wanted)}
    return [
        one
        for one in functions
        if (names is None or one.name in names or one.address in names) and kind in (None, one.kind)
    ]


@dataclasses.dataclass(frozen=True)
class Listed:
    """A function of the machine, whoever made it: only what tells whether it is one of ours."""

    address: str
    pcie_root: str | None
    driver: str | None


def own_addresses(
    listed: t.Sequence[Listed], parameters: t.Mapping[str, str], described: t.Collection[str]
) -> list[str]:
    """The functions on mock_accel's buses: those that its driver has, and their neighbours without a driver.

    A root bus is ours where the driver has a function on it, where the module's parameters have put it, and where one
    of the functions is that configfs describes (`described`: their addresses).
    """
    roots = {f"pci{domain:04x}:00" for domain in _domains_of_parameters(parameters)}
    roots |= {one.pcie_root for one in listed if one.pcie_root and (one.driver == DRIVER or one.address in described)}
    roots -= {root for root in roots if int(root[3:7], 16) == MACHINE_DOMAIN}
    return [one.address for one in listed if one.driver == DRIVER or one.pcie_root in roots]


def own_domains(parameters: t.Mapping[str, str], described: t.Iterable[str]) -> set[str]:
    """The PCI domains that the loaded module has made; it shares none, whatever drivers its functions have."""
    return {f"{domain:04x}" for domain in _domains_of_parameters(parameters)} | {
        address.split(":")[0] for address in described
    }


def _domains_of_parameters(parameters: t.Mapping[str, str]) -> range:
    first, count = (number(parameters.get(name)) or 0 for name in ("first_domain", "num_roots"))
    # Without a function of the parameters there is no root bus of theirs.
    if number(parameters.get("num_pfs")) == 0:
        count = 0
    # Whatever is written there.
    return _pci_domains.following(first, count)
