# SPDX-License-Identifier: GPL-3.0-or-later
"""A claim in Kubernetes' binary encoding: entries of its status replaced, and every other byte as it was.

A server compares a claim's allocation byte by byte, opaque parameters included. In JSON it shows these without the
spaces that their author may have written, so what was read as JSON cannot always be written again.
"""

from __future__ import annotations

import datetime
import json
import typing as t

from google.protobuf.message import DecodeError

from .api import resource_claim_pb2 as messages
from .device_status import Json
from .errors import Conflict, Refused

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\0"


def with_devices(data: bytes, version: str, before: t.Sequence[Json], after: t.Sequence[Json]) -> bytes:
    """The claim of this version, whose entries are those before, with those after; who has written since has won."""
    if not data.startswith(_MAGIC):
        raise Refused(f"Error while reading a claim: it begins with {data[:4]!r}, which is another encoding")
    try:
        envelope = messages.Unknown.FromString(data[len(_MAGIC) :])
        claim = messages.ResourceClaim.FromString(envelope.raw)
    except DecodeError as error:
        raise Refused(f"Error while reading a claim: {error}") from error
    if claim.metadata.resourceVersion != version or len(claim.status.devices) != len(before):
        raise Conflict(
            f"Error while writing a claim: it has the version {claim.metadata.resourceVersion}, not {version}"
        )
    # What stays the same stays so to the byte.
    there = [(entry, message.SerializeToString()) for entry, message in zip(before, claim.status.devices, strict=True)]
    made = [next((text for entry, text in there if entry == one), None) or _encoded(one) for one in after]
    del claim.status.devices[:]
    for text in made:
        claim.status.devices.add().MergeFromString(text)
    envelope.raw = claim.SerializeToString()
    return _MAGIC + envelope.SerializeToString()


def _encoded(entry: Json) -> bytes:
    message = messages.AllocatedDeviceStatus(
        driver=entry["driver"], pool=entry["pool"], device=entry["device"], shareID=entry.get("shareID")
    )
    for condition in entry.get("conditions") or []:
        time = datetime.datetime.fromisoformat(condition["lastTransitionTime"])
        plain = {name: value for name, value in condition.items() if name != "lastTransitionTime"}
        message.conditions.add(**plain, lastTransitionTime={"seconds": int(time.timestamp())})
    if "data" in entry:
        message.data.raw = json.dumps(entry["data"], separators=(",", ":")).encode()
    return message.SerializeToString()
