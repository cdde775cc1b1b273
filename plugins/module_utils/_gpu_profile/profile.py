# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the facts of a host's GPUs to a profile. Imports the standard library only."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import gpu_keys, limits, links, places, words
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.keys import (
    WANTED,
    is_reading,
    ordered,
    takes_none,
)

MAX_GPUS = 128


Json = dict[str, t.Any]


class NoGpuError(MirageError):
    """There is nothing to describe."""


class Made(t.NamedTuple):
    profile: Json
    # Keys that the source does not tell of any GPU, or of which it tells no more than that they are above 0.
    untold: list[str]
    # What is not in the profile as the source tells it, one sentence each.
    notes: list[str]


def at_rest(facts: Json) -> Json:
    """The facts without readings."""

    def still(keys: Json) -> Json:
        flat = words.flatten(keys)
        return words.nest({path: value for path, value in flat.items() if not is_reading(path)})

    return {**facts, "gpus": [{**gpu, "keys": still(gpu["keys"])} for gpu in facts["gpus"]]}


def fill(facts: Json, document: Json, name: str) -> Json:
    """The facts of a library with those of a document of the same GPUs where the library tells nothing."""
    by_uuid = {gpu["uuid"]: gpu for gpu in document["gpus"]}
    missing = [gpu["uuid"] for gpu in facts["gpus"] if gpu["uuid"] not in (None, *by_uuid)]
    if missing:
        raise NoGpuError(
            f"Error while reading the document {name}: it has no GPU {missing[0]}, which the library has; make it with"
            " nvidia-smi -q -x on the host of the library"
        )
    gpus = []
    for gpu in facts["gpus"]:
        more = words.flatten(by_uuid[gpu["uuid"]]["keys"]) if gpu["uuid"] in by_uuid else {}
        gpus.append({**gpu, "keys": words.nest({**more, **words.flatten(gpu["keys"])})})
    return {**facts, "gpus": gpus, "document": True}


def make(facts: Json, source: str, chosen: t.Sequence[int] = (), scrub: bool = True) -> Made:
    """A profile of the GPUs that were chosen, by their indexes; without a choice, of all."""
    gpus = choose(facts["gpus"], source, chosen)
    notes: list[str] = []
    for gpu in gpus:
        gpu_keys.prepare(gpu, facts, scrub, notes)
    if scrub:
        rename(gpus, "platform.chassis_serial_number", lambda n: f"{n:013d}")
        rename(gpus, "fabric.cluster_uuid", lambda n: f"{n:08x}-0000-0000-0000-{n:012x}")
    slots = places.slots(gpus, scrub)
    if scrub and slots.listed and not slots.bare:
        notes.append("PCI domains are kept: only they tell the addresses of these GPUs apart.")
    put_serials(gpus, scrub, notes)
    put_modules(gpus)
    put_memory_nodes(gpus)
    level = places.default_level(gpus)
    for gpu in gpus:
        words.put(gpu["keys"], "topology.default_level", level)
    defaults, devices = merge([words.flatten(gpu["keys"]) for gpu in gpus])
    put_addresses(defaults, devices, slots)
    put_identities(devices, gpus, scrub, bool(chosen))
    profile: Json = {
        "version": "1.0",
        "system": system(facts, len(gpus)),
        "device_defaults": ordered(words.nest(defaults)),
    }
    listed = [{"index": i, **ordered(words.nest(own))} for i, own in enumerate(devices) if own]
    if listed:
        profile["devices"] = listed
    put_node(profile, gpus, slots, notes)
    least = {path for gpu in gpus for path in gpu.get("least", [])}
    return Made(profile, sorted({*untold(profile, defaults), *least}), notes)


def choose(all_gpus: t.Sequence[Json], source: str, chosen: t.Sequence[int]) -> list[Json]:
    """Copies of the chosen GPUs with their indexes on the host."""
    if not all_gpus:
        raise NoGpuError(f"Error while making a profile from {source}: it has no GPU")
    gpus = [{**gpu, "index": index} for index, gpu in enumerate(all_gpus)]
    missing = [index for index in chosen if not 0 <= index < len(gpus)]
    if missing:
        raise NoGpuError(
            f"Error while making a profile from {source}: it has no GPU {missing[0]}, only 0 to {len(gpus) - 1};"
            " set the option gpus to those"
        )
    picked = [gpus[index] for index in dict.fromkeys(chosen)] if chosen else gpus
    if len(picked) > MAX_GPUS:
        raise NoGpuError(
            f"Error while making a profile from {source}: it has {len(picked)} GPUs and a profile at most {MAX_GPUS};"
            " choose some in the option gpus"
        )
    for gpu in picked:
        flat = words.flatten(gpu["keys"])
        if flat.get("name") in (None, "", words.NONE) or flat.get("memory.total_bytes") in (None, 0, words.NONE):
            raise NoGpuError(
                f"Error while making a profile from {source}: it does not tell name and memory of GPU {gpu['index']},"
                f" which a profile must have{first_error(gpu)}; choose other GPUs in the option gpus"
            )
    return picked


def first_error(gpu: Json) -> str:
    """The error that says why name or memory is missing, in brackets, else any."""
    for name in ("handle", "name", "memory", *gpu["errors"]):
        if name in gpu["errors"]:
            return f" ({name}: {gpu['errors'][name]})"
    return ""


def rename(gpus: t.Sequence[Json], path: str, form: t.Callable[[int], str]) -> None:
    """Another name for each one that is there, the same for the same; N/A and zeros are no names."""
    numbers: dict[str, int] = {}
    for gpu in gpus:
        name = words.flatten(gpu["keys"]).get(path)
        if name is None or name == words.NONE or not name.strip("0-"):
            continue
        words.put(gpu["keys"], path, form(numbers.setdefault(name, len(numbers) + 1)))


def put_serials(gpus: t.Sequence[Json], scrub: bool, notes: list[str]) -> None:
    """GPUs of one module share its serial number, so that these tell how many there are on one."""
    serials = [gpu["serial"] for gpu in gpus]
    if None in serials:
        return
    shared = Counter(serials)
    count = shared[serials[0]]
    neighbours = all(serials[i] == serials[i // count * count] for i in range(len(serials)))
    if count > 1 and set(shared.values()) == {count} and neighbours:
        for gpu in gpus:
            gpu["keys"]["gpus_per_module"] = count
    elif max(shared.values()) > 1 and scrub:
        notes.append("Some GPUs share a serial number in a way that gpus_per_module cannot say; each has its own now.")


def put_modules(gpus: t.Sequence[Json]) -> None:
    for gpu in gpus:
        if gpu["module_id"] is not None and not limits.fits("platform.module_id", gpu["module_id"]):
            gpu["module_id"] = None
    modules = [gpu["module_id"] for gpu in gpus]
    if None not in modules and len(modules) <= places.MAX_LISTED:
        for gpu in gpus:
            words.put(gpu["keys"], "platform.module_ids", modules)
        return
    for gpu in gpus:
        words.put(gpu["keys"], "platform.module_id", gpu["module_id"])


def put_memory_nodes(gpus: t.Sequence[Json]) -> None:
    """The NUMA nodes of the GPUs' own memory; the format has them by index, for all or for none."""
    nodes = [gpu.get("memory_node") for gpu in gpus]
    if None not in nodes and len(nodes) <= places.MAX_LISTED:
        for gpu in gpus:
            words.put(gpu["keys"], "platform.memory_numa_nodes", nodes)


def merge(gpus: t.Sequence[Json]) -> tuple[Json, list[Json]]:
    """What most GPUs have, and for each what it has otherwise; of equally frequent values the first counts."""
    defaults: Json = {}
    devices: list[Json] = [{} for _ in gpus]
    for path in dict.fromkeys(path for gpu in gpus for path in gpu):
        told = [gpu[path] for gpu in gpus if path in gpu]
        common = max(told, key=told.count)
        # Where a key cannot be taken back by N/A, it is a default only if all have it.
        if len(told) == len(gpus) or (takes_none(path) and told.count(common) > len(gpus) - len(told)):
            defaults[path] = common
        for i, own in enumerate(devices):
            value = gpus[i].get(path, words.NONE if path in defaults else None)
            if value is not None and value != defaults.get(path):
                own[path] = value
    return defaults, devices


def put_addresses(defaults: Json, devices: t.Sequence[Json], slots: places.Slots) -> None:
    if len(slots.listed) <= places.MAX_LISTED:
        if slots.listed:
            defaults["pci.slots"] = slots.listed
        return
    for i, address in enumerate(slots.listed):
        devices[i]["pci.bus_id"] = address


def put_identities(devices: t.Sequence[Json], gpus: t.Sequence[Json], scrub: bool, chosen: bool) -> None:
    minors = [gpu["minor"] for gpu in gpus]
    # Some of a host's GPUs are a host of their own, whose device nodes begin with 0.
    numbered = not chosen and len(set(minors)) == len(minors) and all(minor in range(255) for minor in minors)
    for i, gpu in enumerate(gpus):
        if numbered and gpu["minor"] != i:
            devices[i]["minor_number"] = gpu["minor"]
        if scrub:
            continue
        if gpu["uuid"] and limits.GPU_UUID.fullmatch(gpu["uuid"]):
            devices[i]["uuid"] = gpu["uuid"]
        if gpu["serial"]:
            devices[i]["serial"] = gpu["serial"]


def put_node(profile: Json, gpus: t.Sequence[Json], slots: places.Slots, notes: list[str]) -> None:
    nvlink = links.section(gpus, slots.bare)
    if nvlink:
        profile["nvlink"] = nvlink
    # Indexes of root complexes count within the list of slots, which repeats.
    first = list(gpus[: len(slots.listed)]) if slots.bare and slots.listed else list(gpus)
    roots = places.root_complexes(first)
    if roots:
        profile["pcie_topology"] = {"root_complexes": roots}
        if not places.is_told_exactly(first, roots):
            notes.append("GPUs of one host bridge are at different levels; a profile has one level for all of them.")


def system(facts: Json, count: int) -> Json:
    told = {name: facts[name] for name in ("driver_version", "nvml_version", "cuda_version") if facts[name]}
    return {**told, "num_devices": count}


def untold(profile: Json, defaults: Json) -> list[str]:
    """Wanted keys, and sections of the node, that are not in the profile."""
    missing = [path for path in WANTED if path not in defaults]
    missing += [name for name in ("nvlink.version", "pcie_topology.root_complexes") if missing_in(profile, name)]
    capable = isinstance(defaults.get("mig.max_gpu_instances"), int) and defaults["mig.max_gpu_instances"] > 0
    if capable and "mig.gpu_instance_profiles" not in defaults:
        missing.append("mig.gpu_instance_profiles")
    return missing


def missing_in(profile: Json, path: str) -> bool:
    section, name = path.split(".")
    return name not in profile.get(section, {})
