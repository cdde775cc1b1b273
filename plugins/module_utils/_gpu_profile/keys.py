# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be known of single keys of a profile. Imports the standard library only."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]


# Keys that do not take N/A: what the source says is not there is left out.
WITHOUT_NONE = (
    "bar1_memory.used_bytes",
    "clocks_throttle_reasons.",
    "compute_capability.",
    "compute_mode",
    "confidential_compute.capable",
    "confidential_compute.protected_memory_used_bytes",
    "dynamic_metrics.",
    "fabric.",
    "fan.count",
    "gpm.supported",
    "gpus_per_module",
    "memory.reserved_bytes",
    "memory.total_bytes",
    "memory.used_bytes",
    "mig.gpu_instance_profiles",
    "multi_gpu_board",
    "name",
    "pci.bus_id",
    "pci.slots",
    "persistence_mode",
    "platform.memory_numa_nodes",
    "platform.module_ids",
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


# A reading above its highest value, or below its lowest, would have the profile refused. Boards say so while they
# change clocks, or where somebody else than the driver limits their power.
HIGHEST = {
    "bar1_memory.used_bytes": "bar1_memory.total_bytes",
    "clocks.graphics_current": "clocks.graphics_max",
    "clocks.sm_current": "clocks.sm_max",
    "clocks.memory_current": "clocks.memory_max",
    "clocks.video_current": "clocks.video_max",
    "pcie.current_link_gen": "pcie.max_link_gen",
    "pcie.current_link_width": "pcie.max_link_width",
    "power.enforced_limit_mw": "power.max_limit_mw",
    "power.requested_limit_mw": "power.max_limit_mw",
}
LOWEST = {
    "power.enforced_limit_mw": "power.min_limit_mw",
    "power.requested_limit_mw": "power.min_limit_mw",
}


# The order of sections in a profile; what is not named here comes last.
ORDER = (
    "name",
    "brand",
    "architecture",
    "compute_capability",
    "num_gpu_cores",
    "num_multiprocessors",
    "gpus_per_module",
    "board_part_number",
    "gpu_part_number",
    "fru_part_number",
    "vbios_version",
    "multi_gpu_board",
    "addressing_mode",
    "sparse_operation_mode",
    "inforom",
    "gsp_firmware",
    "memory",
    "bar1_memory",
    "confidential_compute",
    "pci",
    "pcie",
    "platform",
    "fabric",
    "power",
    "thermal",
    "fan",
    "performance_state",
    "clocks",
    "supported_clocks",
    "clocks_throttle_reasons",
    "utilization",
    "encoder_stats",
    "fbc_stats",
    "ecc",
    "retired_pages",
    "remapped_rows",
    "display",
    "persistence_mode",
    "compute_mode",
    "mig",
    "gpu_operation_mode",
    "driver_model",
    "accounting",
    "virtualization",
    "capabilities",
    "gpm",
    "topology",
    "processes",
)


# The order within a section; what is not named here comes after, as it was told.
INNER = (
    "management_supported",
    "total_bytes",
    "reserved_bytes",
    "used_bytes",
    "memory_bus_width",
    "capable",
    "protected_memory_bytes",
    "protected_memory_used_bytes",
    "device_id",
    "subsystem_id",
    "class",
    "slots",
    "bus_id",
    "max_link_gen",
    "max_device_link_gen",
    "max_host_link_gen",
    "current_link_gen",
    "device_current_link_gen",
    "max_link_width",
    "current_link_width",
    "replay_counter",
    "replay_rollover_counter",
    "tx_throughput_kbps",
    "rx_throughput_kbps",
    "default_limit_mw",
    "enforced_limit_mw",
    "requested_limit_mw",
    "min_limit_mw",
    "max_limit_mw",
    "current_draw_mw",
    "average_draw_mw",
    "total_energy_consumption_mj",
    "temperature_gpu_c",
    "temperature_memory_c",
    "shutdown_threshold_c",
    "slowdown_threshold_c",
    "max_operating_c",
    "memory_max_operating_c",
    "target_temperature_c",
    "target_temperature_min_c",
    "target_temperature_max_c",
    "current_c",
    "shutdown_c",
    "slowdown_c",
    "memory_max_c",
    "count",
    "gpu",
    "mode_current",
    "mode_pending",
    "default_mode",
    "mode",
    "session_count",
    "average_fps",
    "average_latency_us",
    "memory",
    "module",
    "tlimit",
    "voltage_uv",
)


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


def takes_none(path: str) -> bool:
    if path.startswith(WITH_NONE):
        return True
    return not any(path == name or (name.endswith(".") and path.startswith(name)) for name in WITHOUT_NONE)


def is_reading(path: str) -> bool:
    return any(path == name or (name.endswith(".") and path.startswith(name)) for name in READINGS)


def ordered(keys: Json) -> Json:
    return in_order({name: inner(value) for name, value in keys.items()}, ORDER)


def inner(value: t.Any) -> t.Any:
    if not isinstance(value, dict):
        return value
    parts = {name: inner(part) for name, part in value.items()}
    return in_order(parts, INNER)


def in_order(keys: Json, order: tuple[str, ...]) -> Json:
    return dict(sorted(keys.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))
