# SPDX-License-Identifier: GPL-3.0-or-later
"""A host for the command mock-accel-functions: a configfs of ordinary files that behaves as the kernel's does."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import mock_accel_functions.__main__ as command
import pytest

MAJOR = 240
DEFAULTS = {
    "enable": "0",
    "device_name": "",
    "address": "",
    "vendor": "0x1de5",
    "device": "0x0001",
    "subsystem_vendor": "0x1de5",
    "subsystem_device": "0x0001",
    "vf_device": "0x0002",
    "class": "0x120000",
    "revision": "0x01",
    "registers": "1",
    "uuid": "46c8e2b2-eb85-840b-b820-6b53b1e0a161",
    "root_bus": "1000:00",
    "slot": "-1",
    "numa_node": "-1",
    "total_vfs": "4",
    "memory_size": str(16 << 30),
    "vf_memory_size": str(2 << 30),
    "link_speed": "4",
    "link_width": "16",
}


class FunctionsHost:
    """A module that is loaded with one function of its parameters."""

    def __init__(self, folder: Path, capsys, patch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self.configfs, self.devices = folder / "config/mock-accel", folder / "class"
        self.pci, self.processes = folder / "pci", folder / "proc"
        self.record = folder / "run/mock-accel/functions.json"
        self.writes: list[str] = []
        self._names: list[str] = []
        # What the kernel would not take: attributes and names.
        self.refused: set[str] = set()
        self.dies_at = ""
        # What happens beside the unplugging of a function, and where its virtual functions are, which go with it.
        self.on_unplug: Callable[[str], object] = lambda name: None
        self.takes_vfs_along: Path | None = None
        self.devices.mkdir(parents=True)
        self.configfs.mkdir(parents=True)
        host = self

        class Kernel(command.Kernel):
            def set_numvfs(self, device: str, count: int) -> None:
                if f"{device}={count}" in host.refused:
                    raise command.FunctionsError(f"Error while giving {device} {count} virtual functions: refused")
                super().set_numvfs(device, count)

            def make(self, name: str) -> None:
                if name == host.dies_at:
                    raise KeyboardInterrupt
                if name in host.refused:
                    raise command.FunctionsError(f"Error while making function {name}: refused")
                host.add(name)

            def remove(self, name: str) -> None:
                assert self.read(name, "enable") == "0", "a configfs folder that is enabled"
                host.writes.append(f"{name} removed")
                shutil.rmtree(host.configfs / name)

            def write(self, name: str, attribute: str, value: str) -> None:
                if attribute in host.refused or f"{name} {attribute}={value}" in host.refused:
                    raise command.FunctionsError(
                        f"Error while setting {attribute} of function {name} to {value}: refused"
                    )
                if attribute != "enable":
                    assert self.read(name, "enable") == "0", "settings of an enabled function"
                host.writes.append(f"{name} {attribute}={value}")
                super().write(name, attribute, value)
                if (attribute, value) == ("enable", "0"):
                    host.on_unplug(name)
                    if host.takes_vfs_along:
                        (host.takes_vfs_along / "sriov_numvfs").write_text("0\n")

        patch.setattr(command, "Kernel", Kernel)
        self.add("mock0")
        self.set("mock0", enable="1", device_name="mock0")
        self.writes.clear()

    def add(self, name: str) -> None:
        self.writes.append(f"{name} made")
        (self.configfs / name).mkdir()
        self.set(name, **DEFAULTS)
        self.set(name, device_name=name)

    def set(self, name: str, **attributes: str) -> None:
        for attribute, value in attributes.items():
            (self.configfs / name / attribute).write_text(f"{value}\n")

    def get(self, name: str, *attributes: str) -> dict[str, str]:
        return {attribute: (self.configfs / name / attribute).read_text().strip() for attribute in attributes}

    def device(self, name: str, status: str = "0", numvfs: str = "0") -> Path:
        folder = self.devices / name
        folder.mkdir()
        (folder / "status").write_text(f"{status}\n")
        (folder / "dev").write_text(f"{MAJOR}:{self._minor(name)}\n")
        if "_" not in name:
            (folder / "sriov_numvfs").write_text(f"{numvfs}\n")
            (folder / "sriov_totalvfs").write_text("4\n")
        return folder

    def hang(self, name: str) -> None:
        """What does not answer is EIO to read; a folder is an error of another number, and no text either."""
        (self.devices / name / "status").unlink()
        (self.devices / name / "status").mkdir()

    def _minor(self, name: str) -> int:
        """Its own, for each name in turn."""
        if name not in self._names:
            self._names.append(name)
        return self._names.index(name)

    def open(self, name: str, pid: int, command: str) -> None:
        """Of a node that has some other path, as in a container."""
        process = self.processes / str(pid)
        (process / "fd").mkdir(parents=True)
        node = process / "node"
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(MAJOR, self._minor(name)))
        (process / "fd/3").symlink_to(node)
        (process / "comm").write_text(f"{command}\n")

    def bind(self, address: str, driver: str, vf: int | None = None) -> Path:
        folder = self.pci / address
        place = folder if vf is None else folder / f"virtfn{vf}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")
        return folder

    def run(
        self, *functions: dict, action: str = "apply", check: bool = False, vfs: dict | None = None, text: str = ""
    ):
        description = self.record.parents[2] / "functions.json"
        description.write_text(text or json.dumps({"version": 1, "functions": functions, "vfs": vfs or {}}))
        places = ["--description", description, "--record", self.record]
        places += ["--configfs", self.configfs, "--devices", self.devices, "--pci", self.pci]
        places += ["--processes", self.processes]
        status = command.main([*(["--check"] if check else []), *map(str, places), action])
        said = self._capsys.readouterr()
        return status, said.out.splitlines(), said.err.splitlines()

    def names(self) -> list[str]:
        return sorted(path.name for path in self.configfs.iterdir())
