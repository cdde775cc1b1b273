# SPDX-License-Identifier: GPL-3.0-or-later
"""CDI specifications: what the container runtime adds to a container with our devices, one file for each claim."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

from . import files, points
from .errors import CdiError
from .prepared import PreparedClaim, PreparedDevice

KIND = "example.com/mock-accel"

# From old to new, with what a specification must have to need it. Runtimes refuse versions that they do not know.
BASE_VERSION = "0.3.0"

_UID = r"[0-9A-Za-z][0-9A-Za-z-]*"


def qualified(device: PreparedDevice) -> str:
    """The name by which the kubelet asks the runtime for it."""
    return f"{KIND}={device.cdi_name}"


def specification(claim: PreparedClaim) -> dict[str, t.Any]:
    """What a claim's file holds."""
    spec = {
        "cdiVersion": "",
        "kind": KIND,
        "devices": [
            {
                "name": device.cdi_name,
                "containerEdits": {
                    "env": [f"{name}={value}" for name, value in environment(device).items()],
                    "deviceNodes": [
                        {
                            "path": device.device_node,
                            "type": "c",
                            "major": device.major,
                            "minor": device.minor,
                            "permissions": device.access,
                        }
                    ],
                },
            }
            for device in claim.devices
        ],
    }
    spec["cdiVersion"] = required_version(spec)
    return spec


def environment(device: PreparedDevice) -> dict[str, str]:
    """The plain names, those of this device alone, and what the claim's configuration adds."""
    values = {"UUID": device.uuid, "PCI": device.pci_address, "DEVICE": device.name}
    suffix = device.name.upper()
    return {
        **{f"MOCK_ACCEL_{key}": value for key, value in values.items()},
        **{f"MOCK_ACCEL_{key}_{suffix}": value for key, value in values.items()},
        **device.environment,
    }


def required_version(spec: t.Mapping[str, t.Any]) -> str:
    """The lowest cdiVersion that allows all that stands in a specification."""
    devices = spec["devices"]
    edits = [spec.get("containerEdits", {}), *(device.get("containerEdits", {}) for device in devices)]
    nodes = [node for edit in edits for node in edit.get("deviceNodes", [])]
    mounts = [mount for edit in edits for mount in edit.get("mounts", [])]
    vendor_class = spec["kind"].rpartition("/")[2]
    needs = [
        ("1.1.0", any(edit.get("netDevices") for edit in edits)),
        ("0.7.0", any(edit.get("intelRdt") or edit.get("additionalGids") for edit in edits)),
        ("0.6.0", "." in vendor_class or any("annotations" in one for one in [spec, *devices])),
        ("0.5.0", any(device["name"][0].isdigit() for device in devices) or any("hostPath" in node for node in nodes)),
        ("0.4.0", any("type" in mount for mount in mounts)),
    ]
    return next((version for version, needed in needs if needed), BASE_VERSION)


class CdiFolder:
    """The files of one driver in the folder that runtimes read; those of others are left alone."""

    def __init__(self, path: Path, driver_name: str) -> None:
        self.path = path
        self._driver_name = driver_name
        self._ours = re.compile(rf"{re.escape(driver_name)}_({_UID})\.json")
        self._unfinished = re.compile(rf"\.{re.escape(driver_name)}_{_UID}\.json{re.escape(files.SUFFIX)}")

    def file(self, uid: str) -> Path:
        return self.path / f"{self._driver_name}_{uid}.json"

    def write(self, claim: PreparedClaim) -> None:
        path = self.file(claim.ref.uid)
        try:
            # Not durable: after a power failure it is compared with the checkpoint, and made again.
            files.replace(path, _text(claim), point="cdi", durable=False)
        except OSError as error:
            raise CdiError(f"Error while writing the CDI specification {path}: {error.strerror}") from error

    def holds(self, claim: PreparedClaim) -> bool:
        """Whether the claim's file is there with what belongs into it."""
        try:
            return self.file(claim.ref.uid).read_text(encoding="utf-8") == _text(claim)
        except (FileNotFoundError, UnicodeDecodeError):
            return False
        except OSError as error:
            raise CdiError(f"Error while reading {self.file(claim.ref.uid)}: {error.strerror}") from error

    def remove(self, uid: str) -> bool:
        """True if there was one."""
        path = self.file(uid)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise CdiError(f"Error while removing the CDI specification {path}: {error.strerror}") from error
        return True

    def remove_others(self, kept: t.Container[str]) -> list[str]:
        """Remove our files of claims that are not among these, and what was never finished; their UIDs."""
        removed = []
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for path in sorted(self.path.iterdir()):
                ours = self._ours.fullmatch(path.name)
                if self._unfinished.fullmatch(path.name) or (ours and ours[1] not in kept):
                    path.unlink(missing_ok=True)
                    points.reached("recover-file-removed")
                if ours and ours[1] not in kept:
                    removed.append(ours[1])
        except OSError as error:
            raise CdiError(f"Error while cleaning the CDI folder {self.path}: {error.strerror}") from error
        return removed


def _text(claim: PreparedClaim) -> str:
    return json.dumps(specification(claim), indent=2) + "\n"
