# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a profile for what NVML numbers and nvidia-smi prints. Imports the standard library only."""

from __future__ import annotations

import typing as t

# What a board does not have. A key that is left out means that the source does not tell.
NONE = "N/A"

BRANDS = (
    "unknown",
    "quadro",
    "tesla",
    "nvs",
    "grid",
    "geforce",
    "titan",
    "nvidia_vapps",
    "nvidia_vpc",
    "nvidia_vcs",
    "nvidia_vws",
    "nvidia_cloud_gaming",
    "quadro_rtx",
    "nvidia_rtx",
    "nvidia",
    "geforce_rtx",
    "titan_rtx",
)
ARCHITECTURES = {
    2: "kepler",
    3: "maxwell",
    4: "pascal",
    5: "volta",
    6: "turing",
    7: "ampere",
    8: "ada_lovelace",
    9: "hopper",
    10: "blackwell",
    13: "rubin",
}
ENABLED = ("disabled", "enabled")
COMPUTE_MODES = ("default", "exclusive_thread", "prohibited", "exclusive_process")
ADDRESSING_MODES = ("none", "hmm", "ats")
VIRTUALIZATION_MODES = ("none", "pass_through", "vgpu", "host_vgpu", "host_vsga")
HOST_VGPU_MODES = ("non_sriov", "sriov")
OPERATION_MODES = ("all_on", "compute", "low_dp")
DRIVER_MODELS = ("wddm", "wdm", "mcdm")
PEER_TYPES = ("direct_connected", "switch_connected")
FABRIC_STATES = ("not_supported", "not_started", "in_progress", "completed")
FABRIC_SUMMARIES = ("not_supported", "healthy", "unhealthy", "limited_capacity")
FABRIC_CONFIGURATIONS = {
    1: "none",
    2: "incorrect_sysguid",
    3: "incorrect_chassis_sn",
    4: "no_partition",
    5: "insufficient_nvlinks",
    6: "incompatible_gpu_fw",
    7: "invalid_location",
    8: "gpu_state_invalid",
}
# The conditions of a fabric's health in the order of their bits, two for each: 0 not told, 1 true, 2 false.
FABRIC_CONDITIONS = ("degraded_bandwidth", "route_recovery", "route_unhealthy", "access_timeout_recovery")
ATOMICS = ("FETCHADD_32", "FETCHADD_64", "SWAP_32", "SWAP_64", "CAS_32", "CAS_64", "CAS_128")
REASONS = (
    "gpu_idle",
    "applications_clocks_setting",
    "sw_power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
    "display_clocks_setting",
)
# nvmlMemoryLocation_t
ECC_LOCATIONS = (
    "l1_cache",
    "l2_cache",
    "device_memory",
    "register_file",
    "texture_memory",
    "texture_shm",
    "cbu",
    "sram",
)

Json = dict[str, t.Any]


def word(words: t.Sequence[str] | dict[int, str], number: int) -> str | None:
    """The word for a number, or None for one that the format has no word for."""
    if isinstance(words, dict):
        return words.get(number)
    return words[number] if 0 <= number < len(words) else None


def put(keys: Json, path: str, value: t.Any) -> None:
    """Set a nested key by its dotted path; None is nothing to set."""
    if value is None:
        return
    *sections, name = path.split(".")
    for section in sections:
        keys = keys.setdefault(section, {})
    keys[name] = value


def flatten(keys: Json, prefix: str = "") -> Json:
    """The leaves of nested keys by their dotted paths; a list is a leaf."""
    flat: Json = {}
    for name, value in keys.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def nest(flat: Json) -> Json:
    """The other way."""
    keys: Json = {}
    for path, value in flat.items():
        put(keys, path, value)
    return keys


def sum_of_parts(counters: Json) -> int:
    """What a board's errors add up to where it does not say so itself."""
    return sum(value for name, value in counters.items() if name != "total" and isinstance(value, int))
