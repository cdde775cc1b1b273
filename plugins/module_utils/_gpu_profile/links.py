# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section nvlink of a profile from the links of every GPU. Imports the standard library only."""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import places

# How a link to a switch that is no PCI device of the host is told.
NOWHERE = "00:00.0"
# What a profile says once for all GPUs.
SHARED = ("version", "bandwidth_per_link_mbps", "c2c_enabled", "c2c_links", "c2c_bandwidth_per_link_mbps")

Json = dict[str, t.Any]


class SeveralModelsError(MirageError):
    """The GPUs of a host differ in what a profile says once for all of them."""


def section(gpus: t.Sequence[Json], bare: bool) -> Json:
    check_alike(gpus)
    found: Json = {}
    for name in SHARED:
        value = next((gpu["nvlink"][name] for gpu in gpus if name in gpu["nvlink"]), None)
        if value is not None:
            found[name] = value
    count = links_per_gpu(gpus)
    if not count:
        return found
    found = {"version": found.pop("version", None), "links_per_gpu": count, **found}
    switches = pattern(gpus)
    if switches is not None and all(address is None or address.place == NOWHERE for address in switches):
        # How many there are is not told; one stands for all of them.
        found["external_switches"] = 1
    elif switches is not None:
        found["switches"] = [{"bdf": written(address, gpus, bare)} for address in switches]
    elif any(link["active"] for gpu in gpus for link in gpu["nvlink"]["links"]):
        found["device_links"] = [
            {"index": i, "links": [one_link(link, gpus, bare) for link in gpu["nvlink"]["links"]]}
            for i, gpu in enumerate(gpus)
            if gpu["nvlink"]["links"]
        ]
    return {name: value for name, value in found.items() if value is not None}


def links_per_gpu(gpus: t.Sequence[Json]) -> int:
    return max((link["link"] + 1 for gpu in gpus for link in gpu["nvlink"].get("links", [])), default=0)


def check_alike(gpus: t.Sequence[Json]) -> None:
    first = gpus[0]
    for gpu in gpus[1:]:
        for name, what in (("version", "NVLinks"), ("c2c_enabled", "links between chips")):
            if gpu["nvlink"].get(name) == first["nvlink"].get(name):
                continue
            raise SeveralModelsError(
                f"Error while making a profile of several models of GPU: GPU {first['index']}"
                f" ({first['keys'].get('name')}) and GPU {gpu['index']} ({gpu['keys'].get('name')}) differ in their"
                f" {what}, which a profile describes once for all GPUs; name the GPUs of one model in the option gpus"
            )


def pattern(gpus: t.Sequence[Json]) -> list[places.Address | None] | None:
    """The switches that every GPU's links lead to in turn; None where links go otherwise."""
    ways = [[(link["link"], link.get("type"), link.get("bus_id")) for link in gpu["nvlink"]["links"]] for gpu in gpus]
    first = ways[0]
    if any(way != first for way in ways) or [link for link, _, _ in first] != list(range(len(first))):
        return None
    if any(kind != "switch" for _, kind, _ in first):
        return None
    addresses = [places.parse(bus_id) for _, _, bus_id in first]
    for count in range(1, len(addresses) + 1):
        if all(address == addresses[i % count] for i, address in enumerate(addresses)):
            return addresses[:count]
    return None


def one_link(link: Json, gpus: t.Sequence[Json], bare: bool) -> Json:
    if not link["active"]:
        return {"link": link["link"], "state": "inactive"}
    found: Json = {"link": link["link"], "state": "active"}
    address = places.parse(link.get("bus_id"))
    peers = [i for i, gpu in enumerate(gpus) if address is not None and places.parse(gpu["bus_id"]) == address]
    if peers:
        return {**found, "remote_device_type": "gpu", "remote_index": peers[0]}
    if link.get("type"):
        found["remote_device_type"] = link["type"]
    if address is not None and address.place != NOWHERE:
        found["remote_pci_bus_id"] = written(address, gpus, bare)
    return found


def written(address: places.Address | None, gpus: t.Sequence[Json], bare: bool) -> str:
    """Without its domain where that is the one that the GPUs' addresses are written without."""
    assert address is not None
    first = places.parse(gpus[0]["bus_id"])
    return address.place if bare and first and address.domain == first.domain else address.whole
