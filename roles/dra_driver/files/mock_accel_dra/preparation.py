# SPDX-License-Identifier: GPL-3.0-or-later
"""What a claim is prepared as, and which others it stands against. Pure: the same answer to the same question."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from . import allocation
from .errors import ClaimError
from .inventory import AccelDevice
from .prepared import ClaimRef, PreparedClaim, PreparedDevice
from .slices import attributes_of


def compute(
    ref: ClaimRef,
    results: t.Sequence[allocation.Result],
    find: t.Callable[[str], AccelDevice | None],
    with_metadata: bool = False,
) -> PreparedClaim:
    """The preparation of a claim: its devices as they are now."""
    prepared: list[PreparedDevice] = []
    for result in results:
        device = find(result.device)
        if device is None:
            raise ClaimError(f"the device {result.device} of request {result.request} is not on this node any more")
        if not device.responding and not result.admin:
            raise ClaimError(f"the device {result.device} of request {result.request} does not answer")
        # A device that comes twice, for two requests or shares, needs two names.
        same = sum(1 for other in prepared if other.device_name == result.device)
        prepared.append(
            PreparedDevice(
                name=device.name,
                device_name=result.device,
                parent=device.parent,
                pool=result.pool,
                requests=(result.base_request,),
                # Not the UID first: a name that begins with a digit needs a newer version of CDI.
                cdi_name=f"claim-{ref.uid}-{result.device}" + (f"-{same + 1}" if same else ""),
                uuid=device.uuid,
                pci_address=device.pci_address,
                device_node=device.device_node,
                major=device.major,
                minor=device.minor,
                admin=result.admin,
                share_id=result.share_id,
                access=result.config.access,
                environment=result.config.environment,
                attributes=attributes_of(device) if with_metadata else {},
                result=result.request if with_metadata else "",
            )
        )
    return PreparedClaim(ref, tuple(prepared))


def conflict(claim: PreparedClaim, others: t.Iterable[PreparedClaim]) -> str | None:
    """Why the claim cannot have its devices: another holds one of them, or a part of it, or what it is a part of."""
    for other in others:
        for theirs in other.holds():
            for ours in claim.holds():
                holder = f"held by the claim {other.ref} (UID {other.ref.uid}), which has not been released"
                if ours.name == theirs.name and not (ours.share_id and theirs.share_id):
                    return f"the device {ours.device_name} is {holder}"
                if theirs.parent == ours.name:
                    return f"the device {ours.device_name} has the function {theirs.device_name}, {holder}"
                if ours.parent == theirs.name:
                    return f"the device {ours.device_name} is a function of {theirs.device_name}, {holder}"
    return None


def refresh(claim: PreparedClaim, find: t.Callable[[str], AccelDevice | None]) -> PreparedClaim:
    """The claim with what its devices are now: numbers and UUIDs can be others after a reboot."""

    def fresh(device: PreparedDevice) -> PreparedDevice:
        here = find(device.device_name)
        if here is None:
            return device
        return replace(
            device,
            uuid=here.uuid,
            pci_address=here.pci_address,
            device_node=here.device_node,
            major=here.major,
            minor=here.minor,
            attributes=attributes_of(here) if device.attributes else device.attributes,
        )

    return replace(claim, devices=tuple(fresh(device) for device in claim.devices))
