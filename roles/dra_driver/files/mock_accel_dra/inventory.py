# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices that sysfs shows, as plain records, and the kernel's word that something has changed there.

It reads and never writes. A device that goes while it is read is not there; one that does not answer is.
"""

from __future__ import annotations

import errno
import os
import re
import select
import socket
import typing as t
from dataclasses import dataclass
from pathlib import Path

from . import log
from .errors import InventoryError

CLASS = "mock-accel"

_NAME = re.compile(r"(mock(\d+))(?:_vf(\d+))?", re.ASCII)
_ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_ROOT = re.compile(r"pci[0-9a-f]{4,}:[0-9a-f]{2}")
_GONE = (errno.ENOENT, errno.ENODEV, errno.ENOTDIR, errno.ENXIO)


@dataclass(frozen=True, slots=True)
class AccelDevice:
    """One function of a board as its driver shows it."""

    name: str
    kind: str
    parent: str | None
    uuid: str
    memory: int
    numa_node: int | None
    capabilities: int
    # None for these two where it does not answer.
    allocated: bool | None
    errors: int | None
    responding: bool
    pci_address: str
    pcie_root: str | None
    physfn: str | None
    device_node: str
    major: int
    minor: int
    total_vfs: int = 0
    num_vfs: int = 0

    @property
    def device_name(self) -> str:
        """What Kubernetes knows it by: a DNS label."""
        return self.name.replace("_", "-")

    @property
    def order(self) -> tuple[int, int]:
        """By number of the physical function, which comes before its virtual ones."""
        match = _NAME.fullmatch(self.name)
        assert match
        return int(match[2]), -1 if match[3] is None else int(match[3])


def scan(sysfs_root: Path) -> list[AccelDevice]:
    """All devices, in the order of their numbers; none where the module is not loaded."""
    folder = sysfs_root / "class" / CLASS
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InventoryError(f"Error while reading {folder}: {error.strerror}") from error
    found = (_read_device(f"{folder}/{name}", name) for name in names if _NAME.fullmatch(name))
    return sorted((device for device in found if device), key=lambda device: device.order)


def read(sysfs_root: Path, device_name: str) -> AccelDevice | None:
    """The device that Kubernetes knows by that name; none where it is not here."""
    name = device_name.replace("-", "_")
    return _read_device(f"{sysfs_root}/class/{CLASS}/{name}", name) if _NAME.fullmatch(name) else None


def _read_device(path: str, name: str) -> AccelDevice | None:
    try:
        return _device(path, name)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise InventoryError(f"Error while reading {path}: {error.strerror}") from error
    except ValueError as error:
        # One that shows nonsense is no reason to hide its neighbours.
        log.warning("Left out a device that cannot be read", device=name, reason=error)
        return None


def _device(path: str, name: str) -> AccelDevice:
    match = _NAME.fullmatch(name)
    assert match
    pci = os.path.realpath(f"{path}/device", strict=True)
    status, errors = _register(f"{path}/status"), _register(f"{path}/errors")
    numa_node = int(_text(f"{path}/numa_node"))
    major, minor = _text(f"{path}/dev").split(":")
    is_vf = match[3] is not None
    return AccelDevice(
        name=name,
        kind="vf" if is_vf else "pf",
        parent=match[1] if is_vf else None,
        uuid=_text(f"{path}/uuid"),
        memory=int(_text(f"{path}/memory_size")),
        numa_node=numa_node if numa_node >= 0 else None,
        capabilities=int(_text(f"{path}/capabilities"), 0),
        allocated=None if status is None else bool(status & 1),
        errors=errors,
        responding=status is not None and errors is not None,
        pci_address=_address(pci),
        pcie_root=next((part for part in pci.split("/") if _ROOT.fullmatch(part)), None),
        physfn=_link(f"{pci}/physfn") if is_vf else None,
        device_node=f"/dev/{name}",
        major=int(major),
        minor=int(minor),
        total_vfs=0 if is_vf else _number(f"{path}/sriov_totalvfs"),
        num_vfs=0 if is_vf else _number(f"{path}/sriov_numvfs"),
    )


def _text(path: str) -> str:
    # Not Path.read_text: a node can have a thousand devices, and this takes a fifth of the time.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 4096).decode("ascii").strip()
    finally:
        os.close(handle)


def _register(path: str) -> int | None:
    """A register's value; none where the function does not answer."""
    try:
        return int(_text(path), 0)
    except OSError as error:
        if error.errno == errno.EIO:
            return None
        raise


def _number(path: str) -> int:
    """A number in a file that not every function has."""
    try:
        return int(_text(path))
    except FileNotFoundError:
        return 0


def _address(pci: str) -> str:
    name = pci.rpartition("/")[2]
    if not _ADDRESS.fullmatch(name):
        raise ValueError(f"its device {pci} is no PCI function")
    return name


def _link(path: str) -> str | None:
    try:
        return Path(path).readlink().name
    except FileNotFoundError:
        return None


# --- uevents ---

_NETLINK_KOBJECT_UEVENT = 15
_KERNEL_GROUP = 1
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Uevent:
    """One word of the kernel's."""

    action: str
    path: str
    variables: t.Mapping[str, str]

    @property
    def concerns_us(self) -> bool:
        """Of a device of our class, or of a PCI function that our module's driver serves or tells something of."""
        subsystem = self.variables.get("SUBSYSTEM")
        return subsystem == CLASS or (
            subsystem == "pci"
            and (
                self.variables.get("DRIVER") == CLASS or any(name.startswith("MOCK_ACCEL_") for name in self.variables)
            )
        )


def parse_uevent(datagram: bytes) -> Uevent | None:
    """`action@path`, then variables, each ended by a zero byte; none for what does not look like that."""
    head, *rest = datagram.split(b"\0")
    action, at, path = head.decode(errors="replace").partition("@")
    if not at or not path.startswith("/"):
        return None
    pairs = (item.decode(errors="replace").partition("=") for item in rest if b"=" in item)
    return Uevent(action, path, {name: value for name, _, value in pairs})


def open_uevents() -> socket.socket:
    """The kernel's uevents; those of every network namespace whose owner is not confined to a user namespace."""
    try:
        listener = socket.socket(
            socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _NETLINK_KOBJECT_UEVENT
        )
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        listener.bind((0, _KERNEL_GROUP))
    except OSError as error:
        raise InventoryError(f"Error while listening to uevents: {error.strerror}") from error
    return listener


class UeventSource:
    """Waits for uevents that concern us; another thread may close it."""

    def __init__(self, listener: socket.socket | None = None) -> None:
        self._listener = listener or open_uevents()
        self._end = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._listener, select.POLLIN)
        self._poll.register(self._end, select.POLLIN)

    def wait(self) -> bool:
        """Return when something may have changed: true; false when the source has been closed."""
        while True:
            ready = {handle for handle, _ in self._poll.poll()}
            if self._end in ready:
                self._listener.close()
                os.close(self._end)
                return False
            if self._drain():
                return True

    def close(self) -> None:
        os.eventfd_write(self._end, 1)

    def _drain(self) -> bool:
        """Read all there is; whether any of it concerns us."""
        concerned = False
        while True:
            try:
                datagram, sender = self._listener.recvfrom(1 << 16)
            except BlockingIOError:
                return concerned
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise InventoryError(f"Error while reading uevents: {error.strerror}") from error
                # The kernel has dropped some, and nobody knows which.
                concerned = True
                continue
            # Only the kernel has the port 0; other processes may send to the group too.
            if isinstance(sender, tuple) and sender[0] != 0:
                continue
            event = parse_uevent(datagram)
            concerned = concerned or (event is not None and event.concerns_us)
