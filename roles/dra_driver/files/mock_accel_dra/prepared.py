# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepared claims as plain records: what the kubelet is told, what the runtime is told, and what undoing needs."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClaimRef:
    """A claim as the kubelet names it."""

    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class PreparedDevice:
    """One device of a claim. `name` is its name in sysfs, `device_name` that in Kubernetes."""

    name: str
    device_name: str
    parent: str | None
    pool: str
    # Without the subrequests, as the kubelet wants them.
    requests: tuple[str, ...]
    # The unique part of its CDI name.
    cdi_name: str
    uuid: str
    pci_address: str
    device_node: str
    major: int
    minor: int
    # An administrator's access holds nothing: others may have the device too.
    admin: bool = False
    share_id: str | None = None
    access: str = "rw"
    environment: t.Mapping[str, str] = field(default_factory=dict)
    # For the files of attributes, where these are wanted: what it is, and its request with the subrequest.
    attributes: t.Mapping[str, t.Any] = field(default_factory=dict)
    result: str = ""


@dataclass(frozen=True, slots=True)
class PreparedClaim:
    """One claim with its devices in the order of its allocation."""

    ref: ClaimRef
    devices: tuple[PreparedDevice, ...]
    # What its pod calls it, where it was made of a template and that is wanted.
    pod_claim: str = ""

    def holds(self) -> t.Iterator[PreparedDevice]:
        """Devices that are this claim's, alone or in part."""
        return (device for device in self.devices if not device.admin)
