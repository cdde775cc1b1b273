# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a pool <-> ResourceSlice objects: made, brought up to date, compared, and translated between API versions.

Plain data in, plain data out. Our form is that of resource.k8s.io/v1; only `encode` and `decode` know of others.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from . import conditions, sharing
from .slices import NO_OPTIONS, Counters, Features, Json, Options, Slice, counters_of

GROUP = "resource.k8s.io"
# Those that we can speak, the best first.
VERSIONS = ("v1", "v1beta2", "v1beta1")
# `kubectl get resourceslices -l driver=...` finds ours.
LABEL = "driver"


@dataclass(frozen=True, slots=True)
class Owner:
    """The node that the slices go with."""

    name: str
    uid: str

    def reference(self) -> Json:
        return {"apiVersion": "v1", "kind": "Node", "name": self.name, "uid": self.uid, "controller": True}


def manifest(part: Slice, driver: str, owner: Owner, generation: int, count: int) -> Json:
    """A ResourceSlice that is to be created; names begin with the index, and the server adds what makes them unique."""
    return {
        "metadata": {
            "generateName": f"{part.index:05x}-{driver}-{owner.name}-",
            "labels": {LABEL: driver},
            "ownerReferences": [owner.reference()],
        },
        "spec": {
            "driver": driver,
            "nodeName": owner.name,
            "pool": {"name": owner.name, "generation": generation, "resourceSliceCount": count},
            **part.content(),
        },
    }


def updated(observed: Json, wanted: Json) -> Json:
    """The observed slice with what is wanted in it; what others have added to its metadata stays."""
    metadata = observed["metadata"]
    return {
        "metadata": {
            **metadata,
            "labels": {**(metadata.get("labels") or {}), **wanted["metadata"]["labels"]},
            "ownerReferences": wanted["metadata"]["ownerReferences"],
        },
        "spec": {**wanted["spec"], **_with_times(wanted["spec"], observed["spec"])},
    }


def _with_times(wanted: Json, observed: Json) -> Json:
    """The devices that are wanted; a taint that is there already keeps the time since which it is."""
    if not any(device.get("taints") for device in wanted.get("devices") or ()):
        return {}
    times = {
        (device["name"], _taint_key(taint)): taint["timeAdded"]
        for device in observed.get("devices") or ()
        for taint in device.get("taints") or ()
        if taint.get("timeAdded")
    }

    def timed(device: Json, taint: Json) -> Json:
        time = times.get((device["name"], _taint_key(taint)))
        return {**taint, "timeAdded": time} if time else taint

    return {
        "devices": [
            {**device, "taints": [timed(device, taint) for taint in device["taints"]]}
            if device.get("taints")
            else device
            for device in wanted["devices"]
        ]
    }


def _taint_key(taint: Json) -> tuple[str, str, str]:
    return taint["key"], taint.get("value", ""), taint["effect"]


def same(observed: Json, wanted: Json) -> bool:
    """Whether a slice is as it should be, but for its name and the times that the server has added."""
    metadata, ours = observed["metadata"], wanted["metadata"]
    return (
        ours["labels"].items() <= (metadata.get("labels") or {}).items()
        and metadata.get("ownerReferences") == ours["ownerReferences"]
        and _bare(observed["spec"]) == _bare(wanted["spec"])
    )


def _bare(value: t.Any) -> t.Any:
    """Without times and without what is empty, which the server may leave out."""
    if isinstance(value, dict):
        bare = {name: _bare(item) for name, item in value.items() if name != "timeAdded"}
        return {name: item for name, item in bare.items() if item not in (None, [], {})}
    return [_bare(item) for item in value] if isinstance(value, (list, tuple)) else value


def dropped(sent: Json, stored: Json) -> list[str]:
    """Fields of a spec that was sent and that the server has not stored, by their path, each once."""
    return sorted({re.sub(r"\[\d+\]", "[]", path) for path in _missing(sent, stored, "")})


def _missing(sent: t.Any, stored: t.Any, path: str) -> t.Iterator[str]:
    if isinstance(sent, dict):
        there = stored if isinstance(stored, dict) else {}
        for name, value in sent.items():
            below = f"{path}.{name}" if path else name
            if value in (None, [], {}):
                continue
            if name not in there:
                yield below
            else:
                yield from _missing(value, there[name], below)
    elif isinstance(sent, (list, tuple)):
        there = stored if isinstance(stored, list) else []
        for number, value in enumerate(sent):
            below = f"{path}[{number}]"
            if number < len(there):
                yield from _missing(value, there[number], below)
            else:
                yield below


# --- versions of the API ---


def encode(one: Json, version: str) -> Json:
    """An object of ours for a server that speaks this version."""
    spec = one["spec"]
    if version == "v1beta1" and "devices" in spec:
        nested = [
            {"name": device["name"], "basic": {key: value for key, value in device.items() if key != "name"}}
            for device in spec["devices"]
        ]
        spec = {**spec, "devices": nested}
    return {**one, "apiVersion": f"{GROUP}/{version}", "kind": "ResourceSlice", "spec": spec}


def decode(one: Json) -> Json:
    """A server's object in our form, without what is only of the server's interest."""
    metadata = {name: value for name, value in one["metadata"].items() if name != "managedFields"}
    spec = one["spec"]
    if any("basic" in device for device in spec.get("devices") or ()):
        spec = {**spec, "devices": [{"name": d["name"], **(d.get("basic") or {})} for d in spec["devices"]]}
    return {"metadata": metadata, "spec": spec}


# --- what a server serves ---


def probe(driver: str, owner: Owner, options: Options = NO_OPTIONS, *, inline: bool) -> Json:
    """A slice to be created as a dry run, with everything in it that is wanted and that a server may not serve."""
    counters = counters_of(1, 1)
    device: Json = {
        "name": "probe",
        "attributes": {"deviceType": {"string": "pf"}},
        "consumesCounters": [{"counterSet": "probe-shared", "counters": counters}],
        "taints": [{"key": f"{driver}/probe", "effect": "NoSchedule"}],
    }
    if options.shared:
        device["allowMultipleAllocations"] = True
        device["capacity"] = {"memory": {"value": "1Gi", "requestPolicy": sharing.request_policy(1 << 30)}}
    if options.binding:
        device.update(conditions.published(driver))
    sets = ({"name": "probe-shared", "counters": counters},) if inline else None
    return manifest(Slice(0, (device,), sets), driver, owner, 1, 1)


def with_probe(features: Features, stored: Json, *, inline: bool) -> Features:
    """What the stored probe says of the server."""
    device = (stored["spec"].get("devices") or [{}])[0]
    found: Counters = ("inline" if inline else "split") if device.get("consumesCounters") else "none"
    shared = device.get("allowMultipleAllocations") and device["capacity"]["memory"].get("requestPolicy")
    return replace(
        features,
        counters=found,
        taints=bool(device.get("taints")),
        sharing=bool(shared),
        binding=bool(device.get("bindingConditions") and device.get("bindingFailureConditions")),
    )
