# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the facts of a host's GPUs to a profile. Imports the standard library only."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import clocks, links, places, words

MAX_GPUS = 128
MAX_PROCESSES = 16

# Keys that do not take N/A: what the source says is not there is left out.
WITHOUT_NONE = (
    "clocks_throttle_reasons.",
    "compute_capability.",
    "compute_mode",
    "fabric.",
    "fan.count",
    "gpm.supported",
    "memory.reserved_bytes",
    "memory.total_bytes",
    "memory.used_bytes",
    "bar1_memory.used_bytes",
    "confidential_compute.capable",
    "confidential_compute.protected_memory_used_bytes",
    "mig.gpu_instance_profiles",
    "multi_gpu_board",
    "name",
    "persistence_mode",
    "processes",
    "remapped_rows.failure_occurred",
    "remapped_rows.pending",
    "retired_pages.double_bit_retirement.addresses",
    "retired_pages.pending_retirement",
    "retired_pages.single_bit_retirement.addresses",
    "supported_clocks.memory_clocks",
)
# Of those above, keys below them that take N/A nevertheless.
WITH_NONE = ("clocks_throttle_reasons.counters.", "fabric.health", "fabric.health_summary", "fabric.health_mask")

# A reading above its highest value would have the profile refused; boards say so while they change clocks.
HIGHEST = {
    "clocks.graphics_current": "clocks.graphics_max",
    "clocks.sm_current": "clocks.sm_max",
    "clocks.memory_current": "clocks.memory_max",
    "clocks.video_current": "clocks.video_max",
    "pcie.current_link_gen": "pcie.max_link_gen",
    "pcie.current_link_width": "pcie.max_link_width",
}

# The order of sections in a profile; what is not named here comes last.
ORDER = (
    "name brand architecture compute_capability num_gpu_cores num_multiprocessors gpus_per_module board_part_number"
    " gpu_part_number fru_part_number vbios_version multi_gpu_board addressing_mode sparse_operation_mode inforom"
    " gsp_firmware memory bar1_memory confidential_compute pci pcie platform fabric power thermal fan performance_state"
    " clocks supported_clocks clocks_throttle_reasons utilization encoder_stats fbc_stats ecc retired_pages"
    " remapped_rows display persistence_mode compute_mode mig gpu_operation_mode driver_model accounting virtualization"
    " capabilities gpm topology processes"
).split()

# The order within a section; what is not named here comes after, as it was told.
INNER = {
    name: rank
    for rank, name in enumerate(
        "management_supported total_bytes reserved_bytes used_bytes memory_bus_width capable protected_memory_bytes"
        " protected_memory_used_bytes device_id subsystem_id class slots bus_id max_link_gen max_device_link_gen"
        " max_host_link_gen current_link_gen device_current_link_gen max_link_width current_link_width replay_counter"
        " replay_rollover_counter tx_throughput_kbps rx_throughput_kbps default_limit_mw enforced_limit_mw"
        " requested_limit_mw min_limit_mw max_limit_mw current_draw_mw average_draw_mw total_energy_consumption_mj"
        " temperature_gpu_c temperature_memory_c shutdown_threshold_c slowdown_threshold_c max_operating_c"
        " memory_max_operating_c target_temperature_c target_temperature_min_c target_temperature_max_c current_c"
        " shutdown_c slowdown_c memory_max_c count gpu mode_current mode_pending default_mode mode"
        " session_count average_fps average_latency_us memory module tlimit voltage_uv".split()
    )
}

# What moves by itself: a profile that is otherwise the same is the same.
READINGS = (
    "bar1_memory.used_bytes",
    "clocks.graphics_current",
    "clocks.memory_current",
    "clocks.sm_current",
    "clocks.video_current",
    "clocks_throttle_reasons.",
    "confidential_compute.protected_memory_used_bytes",
    "encoder_stats.average_fps",
    "encoder_stats.average_latency_us",
    "encoder_stats.session_count",
    "fan.speed_percent",
    "fan.target_speed_percent",
    "fbc_stats.",
    "inforom.bbx_flush.",
    "memory.reserved_bytes",
    "memory.used_bytes",
    "pcie.current_link_gen",
    "pcie.current_link_width",
    "pcie.device_current_link_gen",
    "pcie.replay_counter",
    "pcie.replay_rollover_counter",
    "pcie.rx_throughput_kbps",
    "pcie.tx_throughput_kbps",
    "performance_state",
    "power.average_draw_mw",
    "power.current_draw_mw",
    "power.memory.",
    "power.module.average_draw_mw",
    "power.module.current_draw_mw",
    "power.total_energy_consumption_mj",
    "power.voltage_uv",
    "processes",
    "thermal.temperature_gpu_c",
    "thermal.temperature_memory_c",
    "thermal.tlimit.current_c",
    "utilization.",
)

# What a board has and clients look for. Where the source does not tell it, the user is told so.
WANTED = (
    "addressing_mode",
    "architecture",
    "board_part_number",
    "brand",
    "clocks.memory_deferred_khz",
    "compute_capability.major",
    "confidential_compute.capable",
    "display.mode",
    "ecc.default_mode",
    "encoder_stats.capacity_percent",
    "fru_part_number",
    "gpu_part_number",
    "memory.memory_bus_width",
    "memory.reserved_bytes",
    "num_gpu_cores",
    "num_multiprocessors",
    "pcie.device_current_link_gen",
    "pcie.max_host_link_gen",
    "power.total_energy_consumption_mj",
    "power.voltage_uv",
    "sparse_operation_mode",
)

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


def is_reading(path: str) -> bool:
    return any(path == name or (name.endswith(".") and path.startswith(name)) for name in READINGS)


def fill(facts: Json, document: Json, name: str) -> Json:
    """The facts of a library with those of a document of the same GPUs where the library tells nothing."""
    by_uuid = {gpu["uuid"]: gpu for gpu in document["gpus"]}
    missing = [gpu["uuid"] for gpu in facts["gpus"] if gpu["uuid"] not in by_uuid]
    if missing:
        raise NoGpuError(
            f"Error while reading the document {name}: it has no GPU {missing[0]}, which the library has; make it with"
            " nvidia-smi -q -x on the host of the library"
        )
    gpus = []
    for gpu in facts["gpus"]:
        more = words.flatten(by_uuid[gpu["uuid"]]["keys"])
        gpus.append({**gpu, "keys": words.nest({**more, **words.flatten(gpu["keys"])})})
    return {**facts, "gpus": gpus, "document": True}


def make(facts: Json, source: str, chosen: t.Sequence[int] = (), scrub: bool = True) -> Made:
    """A profile of the GPUs that were chosen, by their indexes; without a choice, of all."""
    gpus = choose(facts["gpus"], source, chosen)
    notes: list[str] = []
    for gpu in gpus:
        prepare(gpu, facts, scrub, notes)
    if scrub:
        rename(gpus, "platform.chassis_serial_number", lambda n: f"{n:013d}")
        rename(gpus, "fabric.cluster_uuid", lambda n: f"{n:08x}-0000-0000-0000-{n:012x}")
    slots = places.slots(gpus, scrub)
    if scrub and slots.listed and not slots.bare:
        notes.append("PCI domains are kept: only they tell the addresses of these GPUs apart.")
    put_serials(gpus, scrub, notes)
    put_modules(gpus)
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
        if not gpu["keys"].get("name") or "total_bytes" not in gpu["keys"].get("memory", {}):
            raise NoGpuError(
                f"Error while making a profile from {source}: it does not tell name and memory of GPU {gpu['index']},"
                f" which a profile must have{first_error(gpu)}; choose other GPUs in the option gpus"
            )
    return picked


def first_error(gpu: Json) -> str:
    for name, message in gpu["errors"].items():
        return f" ({name}: {message})"
    return ""


# --- one GPU ---


def prepare(gpu: Json, facts: Json, scrub: bool, notes: list[str]) -> None:
    """Its keys as a profile has them."""
    flat = {
        path: value for path, value in words.flatten(gpu["keys"]).items() if value != words.NONE or takes_none(path)
    }
    gpu["keys"] = keys = words.nest(flat)
    for name, message in gpu["errors"].items():
        notes.append(f"{name} of GPU {gpu['index']} is left out: {message}.")
    lower(keys, gpu["index"], notes)
    shorten_errors(keys)
    firmware = keys.get("gsp_firmware", {})
    if firmware.get("version") not in (None, words.NONE):
        firmware.setdefault("mode", "enabled")
        # Without a version it is the driver's, on a site that chooses another driver too.
        if firmware["version"] == facts["driver_version"]:
            del firmware["version"]
    if "memory_clocks" in keys.get("supported_clocks", {}):
        found, whole = clocks.compact(keys["supported_clocks"]["memory_clocks"])
        keys["supported_clocks"]["memory_clocks"] = found
        if not whole:
            notes.append(f"Some supported clocks of GPU {gpu['index']} are left out: a profile has no room for them.")
    # The keys name what a process is called: it is nobody's business beside the board.
    processes = keys.pop("processes", [])
    if processes and not scrub:
        keys["processes"] = processes[:MAX_PROCESSES]
        if len(processes) > MAX_PROCESSES:
            notes.append(f"GPU {gpu['index']} has {len(processes)} processes; the first {MAX_PROCESSES} are kept.")


def takes_none(path: str) -> bool:
    if path.startswith(WITH_NONE):
        return True
    return not any(path == name or (name.endswith(".") and path.startswith(name)) for name in WITHOUT_NONE)


def lower(keys: Json, index: int, notes: list[str]) -> None:
    flat = words.flatten(keys)
    for path, limit in HIGHEST.items():
        value, highest = flat.get(path), flat.get(limit)
        if isinstance(value, int) and isinstance(highest, int) and value > highest:
            words.put(keys, path, highest)
            notes.append(f"{path} of GPU {index} was {value}, above its highest value, and is {highest}.")


def shorten_errors(keys: Json) -> None:
    """A sum is only written where it is not that of its parts."""
    for scope in keys.get("ecc", {}).get("errors", {}).values():
        for counters in scope.values():
            # A location that has no counter needs no line: there are many.
            for name in [name for name, value in counters.items() if value == words.NONE]:
                del counters[name]
            if counters.get("total") == words.sum_of_parts(counters):
                del counters["total"]


# --- all of them ---


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
    modules = [gpu["module_id"] for gpu in gpus]
    if None not in modules and len(modules) <= places.MAX_LISTED:
        for gpu in gpus:
            words.put(gpu["keys"], "platform.module_ids", modules)
        return
    for gpu, module in zip(gpus, modules):
        words.put(gpu["keys"], "platform.module_id", module)


def merge(gpus: t.Sequence[Json]) -> tuple[Json, list[Json]]:
    """What most GPUs have, and for each what it has otherwise; of values that are equally frequent, the first counts."""
    defaults: Json = {}
    devices: list[Json] = [{} for _ in gpus]
    for path in dict.fromkeys(path for gpu in gpus for path in gpu):
        told = [gpu[path] for gpu in gpus if path in gpu]
        common = max(told, key=told.count)
        # Where a key cannot be taken back by N/A, it is a default only if all have it.
        if len(told) == len(gpus) or (takes_none(path) and told.count(common) > len(gpus) - len(told)):
            defaults[path] = common
        for gpu, own in zip(gpus, devices):
            value = gpu.get(path, words.NONE if path in defaults else None)
            if value is not None and value != defaults.get(path):
                own[path] = value
    return defaults, devices


def put_addresses(defaults: Json, devices: t.Sequence[Json], slots: places.Slots) -> None:
    if len(slots.listed) <= places.MAX_LISTED:
        if slots.listed:
            defaults["pci.slots"] = slots.listed
        return
    for own, address in zip(devices, slots.listed):
        own["pci.bus_id"] = address


def put_identities(devices: t.Sequence[Json], gpus: t.Sequence[Json], scrub: bool, chosen: bool) -> None:
    for i, (own, gpu) in enumerate(zip(devices, gpus)):
        # Some of a host's GPUs are a host of their own, whose device nodes begin with 0.
        if gpu["minor"] not in (None, i) and not chosen:
            own["minor_number"] = gpu["minor"]
        if not scrub:
            own.update({name: gpu[name] for name in ("uuid", "serial") if gpu[name]})


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


def ordered(keys: Json) -> Json:
    rank = {name: n for n, name in enumerate(ORDER)}
    sections = {name: inner(value) for name, value in keys.items()}
    return dict(sorted(sections.items(), key=lambda item: rank.get(item[0], len(rank))))


def inner(value: t.Any) -> t.Any:
    if not isinstance(value, dict):
        return value
    parts = {name: inner(part) for name, part in value.items()}
    return dict(sorted(parts.items(), key=lambda item: INNER.get(item[0], len(INNER))))


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
