# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver root of a host: who owns it, what was placed in it, and how it is configured and taken away.

The record of the owner, config/owner.json, is what makes removal exact: only what it lists is ever deleted, and the
capability files of MIG, which come and go with instances.
Imports: standard library, `_device_nodes` and `_errors`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import stat
import subprocess
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils import _pci_domains
from ansible_collections.mirage.accel.plugins.module_utils._device_nodes import MAJOR
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import link_target

FORMAT = 1

# What the module mock_accel binds to its functions, and the vendor of those that are no GPUs.
ACCEL_DRIVER = "mock-accel"
ACCEL_VENDOR = "0x1de5"


# Where mock-nvml lays out which device nodes let a process use a MIG instance.
CAPABILITY_FILES = (
    "proc/driver/nvidia-caps/mig-minors",
    "proc/driver/nvidia/capabilities/mig/config",
    "proc/driver/nvidia/capabilities/mig/monitor",
    "proc/driver/nvidia/capabilities/gpu*/mig/gi*/access",
    "proc/driver/nvidia/capabilities/gpu*/mig/gi*/ci*/access",
)


class DriverRootError(MirageError):
    """A driver root that cannot be read, configured or taken over."""


@dataclasses.dataclass(frozen=True)
class Owner:
    """The contents of config/owner.json."""

    owner: str
    profile: str
    count: int
    driver_version: str
    config_sha256: str
    files: tuple[str, ...]

    def as_json(self) -> str:
        return json.dumps({"version": FORMAT, **dataclasses.asdict(self)}, indent=2) + "\n"


@dataclasses.dataclass(frozen=True)
class Description:
    """What `mock-nvml apply` is told."""

    config: str
    count: int
    driver_version: str
    node_name: str
    # The first one of the GPUs; 0: mock-nvml derives it from the node's name.
    pci_domain: int = 0


def config_file(root: pathlib.Path) -> pathlib.Path:
    return root / "config/config.yaml"


def owner_file(root: pathlib.Path) -> pathlib.Path:
    return root / "config/owner.json"


def page_file(root: pathlib.Path, driver_version: str) -> pathlib.Path:
    """Where NVIDIA's own container tools look for firmware, so that they carry the page into containers."""
    return root / "lib/firmware/nvidia" / driver_version / "gsp_mock.bin"


def capability_files(root: pathlib.Path) -> list[str]:
    """Those that are there now."""
    return [str(path) for pattern in CAPABILITY_FILES for path in sorted(root.glob(pattern))]


def parse_owner(text: str, where: str) -> Owner:
    """The record of the owner; a damaged one is an error, for guessing could delete another's files."""
    try:
        data = json.loads(text)
        if data["version"] != FORMAT:
            raise DriverRootError(
                f"Error while reading {where}: its format is {data['version']}, this collection knows {FORMAT}: "
                "use the version of the collection that wrote it"
            )
        fields = {field.name: data[field.name] for field in dataclasses.fields(Owner)}
        return Owner(**{**fields, "files": tuple(fields["files"])})
    except (ValueError, KeyError, TypeError) as error:
        raise DriverRootError(
            f"Error while reading {where}: it is damaged ({type(error).__name__}: {error}): "
            "look at what lies in the driver root, then remove the file"
        ) from error


def read_owner(root: pathlib.Path) -> Owner | None:
    path = owner_file(root)
    try:
        return parse_owner(path.read_text(encoding="utf-8"), str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def real_driver(proc: pathlib.Path) -> str:
    """What shows that a real NVIDIA driver is loaded, or nothing. A device node alone shows nothing: we make them."""
    version = proc / "driver/nvidia/version"
    if version.exists():
        return str(version)
    devices = proc / "devices"
    for line in devices.read_text(encoding="utf-8").splitlines() if devices.exists() else []:
        if re.fullmatch(r"\s*\d+\s+nvidia.*", line):
            return f"{devices} ({line.strip()})"
    return ""


def apply(command: pathlib.Path, root: pathlib.Path, wanted: Description, dry_run: bool) -> dict[str, t.Any]:
    """Let mock-nvml write configuration and device page; its answer, whose `changed` says whether anything did."""
    argv = [str(command), "--root", str(root), "apply", "--json", "--count", str(wanted.count)]
    argv += ["--driver-version", wanted.driver_version, "--node-name", wanted.node_name]
    argv += ["--pci-domain", f"0x{wanted.pci_domain:04x}"] if wanted.pci_domain else []
    argv += ["--dry-run"] if dry_run else []
    done = subprocess.run([*argv, "/dev/stdin"], input=wanted.config, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().replace("/dev/stdin", "configuration") or f"exit code {done.returncode}"
        raise DriverRootError(f"Error while configuring driver root {root}: {reason}")
    return json.loads(done.stdout)


def domains_of(answer: dict[str, t.Any]) -> set[int]:
    """The PCI domains that the GPUs of an answer of mock-nvml lie in."""
    return {int(device["pci_bus_id"].split(":")[0], 16) for device in answer.get("devices", [])}


def chosen_domain(config: str) -> int:
    """The PCI domain that an earlier run has chosen, as the configuration's own section has it; 0 for none."""
    found = re.search(r"^ *site:\n(?: .*\n)*? +pci_domain: (0x[0-9a-f]+)$", config, re.MULTILINE)
    return int(found[1], 16) if found else 0


def taken_domains(devices: pathlib.Path, described: t.Collection[str] = ()) -> set[int]:
    """PCI domains with a device (in /sys/bus/pci/devices) that is not a mock GPU which the module mock_accel shows.

    Those are known by their driver, and without it by their addresses in configfs (`described`).
    """
    taken = set()
    for device in devices.iterdir() if devices.is_dir() else ():
        ours = device.name in described or link_target(device / "driver") == ACCEL_DRIVER
        if not ours or text_or_nothing(device / "vendor").strip() == ACCEL_VENDOR:
            taken.add(int(device.name.split(":")[0], 16))
    return taken


def free_domain(domains: set[int], taken: set[int]) -> int:
    """The first domain to which all of them can be moved without meeting a taken one; 0 where there is none."""
    offsets = [domain - min(domains) for domain in domains]
    # The same range that mock-nvml derives from, beginning behind the one that is taken.
    places = _pci_domains.places(max(offsets) + 1)
    behind = min(max(min(domains) + 1 - _pci_domains.FIRST, 0), len(places))
    for start in (*places[behind:], *places[:behind]):
        if not any(start + offset in taken for offset in offsets):
            return start
    return 0


def choose_domain(
    wanted: Description, chosen: int, taken: set[int], ask: t.Callable[[Description], dict[str, t.Any]]
) -> Description:
    """The description with a PCI domain that the machine does not use; one chosen before stays while it is free.

    Addresses that the description gives with a domain are taken as they are, whoever else lies there.
    """
    kept = dataclasses.replace(wanted, pci_domain=chosen)
    domains = domains_of(ask(kept))
    if not domains & taken:
        return kept
    moved = dataclasses.replace(wanted, pci_domain=free_domain(domains, taken))
    return kept if domains_of(ask(moved)) & taken else moved


def text_or_nothing(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def describe(files: t.Iterable[str]) -> dict[str, str]:
    """What lies at each path: "0644 SHA256" for a file, "link TARGET" for a link; what is not there is left out."""
    found = {}
    for name in files:
        path = pathlib.Path(name)
        if path.is_symlink():
            found[name] = f"link {path.readlink()}"
        elif path.is_file():
            mode = stat.S_IMODE(path.stat().st_mode)
            found[name] = f"{mode:04o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found


def existing(files: t.Iterable[str], root: pathlib.Path) -> list[str]:
    """Those that are there and may go: anything in the driver root; outside of it only device nodes of GPUs."""
    return [
        path for path in files if os.path.lexists(path) and (pathlib.Path(path).is_relative_to(root) or is_gpu(path))
    ]


def is_gpu(path: str) -> bool:
    status = os.lstat(path)
    return stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) == MAJOR


def empty_folders(named: t.Iterable[str], gone: t.Iterable[str], top: pathlib.Path) -> list[pathlib.Path]:
    """Folders of the named files, up to `top`, that hold nothing once the gone ones are gone; innermost first."""
    removed = set(gone)
    candidates = {parent for path in named for parent in pathlib.Path(path).parents if parent.is_relative_to(top)}
    folders = []
    for folder in sorted(candidates, key=lambda path: len(path.parts), reverse=True):
        if folder.is_dir() and all(str(entry) in removed for entry in folder.iterdir()):
            removed.add(str(folder))
            folders.append(folder)
    return folders


def remove(files: t.Iterable[str], folders: t.Iterable[pathlib.Path]) -> None:
    for path in files:
        pathlib.Path(path).unlink(missing_ok=True)
    for folder in folders:
        folder.rmdir()
