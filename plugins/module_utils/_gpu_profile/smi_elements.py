# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The elements of a document of `nvidia-smi -q -x` that tell one key each, and how their texts are read.

Elements are named by their paths below <gpu>. Where programs of different ages call one thing by different names, the
first that is there counts. Imports the standard library only.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import words

MIB = 1 << 20


Read = t.Callable[[str], t.Any]


def number(text: str) -> int | None:
    """The whole number at the beginning: of "16x", "27 C", "640 bank(s)", "0 %"."""
    match = re.match(r"-?[0-9]+", text)
    return int(match[0]) if match else None


def thousandths(text: str) -> int | None:
    """Milliwatts of "165.93 W"."""
    match = re.match(r"([0-9]+)(?:\.([0-9]{1,3}))?", text)
    return int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")) if match else None


def mebibytes(text: str) -> int | None:
    value = number(text)
    return None if value is None else value * MIB


def hexadecimal(text: str) -> int | None:
    return int(text, 16) if re.fullmatch(r"(0x)?[0-9A-Fa-f]+", text) else None


def microvolts(text: str) -> int | None:
    value = thousandths(text)
    return None if value is None else value if text.endswith("mV") else value * 1000


def truth(text: str) -> bool | None:
    return {"yes": True, "no": False, "true": True, "false": False}.get(text.lower())


def active(text: str) -> bool | None:
    return {"active": True, "not active": False}.get(text.lower())


def switch(text: str) -> str | None:
    return text.lower() if text.lower() in words.ENABLED else None


def on(text: str) -> bool | None:
    return {"on": True, "off": False, "enabled": True, "disabled": False}.get(text.lower())


def plain(text: str) -> str | None:
    return text or None


def state(text: str) -> str | None:
    return text if re.fullmatch(r"P([0-9]|1[0-5])", text) else None


def one_of(choices: t.Any) -> Read:
    """The profile's word for what nvidia-smi prints: the same in lower case, with other marks between its parts."""
    known = {name.replace("_", ""): name for name in (choices.values() if isinstance(choices, dict) else choices)}

    def read(text: str) -> str | None:
        return known.get(re.sub(r"[^a-z0-9]", "", text.lower()))

    return read


def gom(text: str) -> str | None:
    return {"all on": "all_on", "compute": "compute", "low double precision": "low_dp"}.get(text.lower())


def atomics(text: str) -> list[str] | None:
    names = text.split()
    return names if names and set(names) <= set(words.ATOMICS) else None


def success(text: str) -> int | None:
    """The status of a fabric's registration; NVML's other codes are not to be told from their words."""
    return 0 if text == "Success" else None


def degraded(text: str) -> bool | None:
    return {"full": False, "degraded": True}.get(text.lower())


# A key of a GPU -> the elements that may tell it, and how its text is read.
ELEMENTS: dict[str, tuple[str, Read]] = {
    "name": ("product_name", plain),
    "brand": ("product_brand", one_of(words.BRANDS)),
    "architecture": ("product_architecture", one_of(words.ARCHITECTURES)),
    "board_part_number": ("board_part_number", plain),
    "gpu_part_number": ("gpu_part_number", plain),
    "fru_part_number": ("gpu_fru_part_number", plain),
    "vbios_version": ("vbios_version", plain),
    "multi_gpu_board": ("multigpu_board", truth),
    "addressing_mode": ("addressing_mode", one_of(words.ADDRESSING_MODES)),
    "sparse_operation_mode": ("sparse_operation_mode", switch),
    "inforom.image_version": ("inforom_version/img_version", plain),
    "inforom.oem_object": ("inforom_version/oem_object", plain),
    "inforom.ecc_object": ("inforom_version/ecc_object", plain),
    "inforom.pwr_object": ("inforom_version/pwr_object", plain),
    "inforom.bbx_flush.timestamp": ("inforom_bbx_flush/latest_timestamp", plain),
    "inforom.bbx_flush.duration_us": ("inforom_bbx_flush/latest_duration", number),
    "gsp_firmware.version": ("gsp_firmware_version", plain),
    "bar1_memory.total_bytes": ("bar1_memory_usage/total", mebibytes),
    "bar1_memory.used_bytes": ("bar1_memory_usage/used", mebibytes),
    "confidential_compute.protected_memory_bytes": ("cc_protected_memory_usage/total", mebibytes),
    "confidential_compute.protected_memory_used_bytes": ("cc_protected_memory_usage/used", mebibytes),
    "pci.device_id": ("pci/pci_device_id", hexadecimal),
    "pci.subsystem_id": ("pci/pci_sub_system_id", hexadecimal),
    "pcie.max_link_gen": ("pci/pci_gpu_link_info/pcie_gen/max_link_gen", number),
    "pcie.max_device_link_gen": ("pci/pci_gpu_link_info/pcie_gen/max_device_link_gen", number),
    "pcie.max_host_link_gen": ("pci/pci_gpu_link_info/pcie_gen/max_host_link_gen", number),
    "pcie.current_link_gen": ("pci/pci_gpu_link_info/pcie_gen/current_link_gen", number),
    "pcie.device_current_link_gen": ("pci/pci_gpu_link_info/pcie_gen/device_current_link_gen", number),
    "pcie.max_link_width": ("pci/pci_gpu_link_info/link_widths/max_link_width", number),
    "pcie.current_link_width": ("pci/pci_gpu_link_info/link_widths/current_link_width", number),
    "pcie.replay_counter": ("pci/replay_counter", number),
    "pcie.replay_rollover_counter": ("pci/replay_rollover_counter", number),
    "pcie.tx_throughput_kbps": ("pci/tx_util", number),
    "pcie.rx_throughput_kbps": ("pci/rx_util", number),
    "pcie.atomics_outbound": ("pci/atomic_caps_outbound", atomics),
    "pcie.atomics_inbound": ("pci/atomic_caps_inbound", atomics),
    "platform.chassis_serial_number": ("platformInfo/chassis_serial_number", plain),
    "platform.slot_number": ("platformInfo/slot_number", number),
    "platform.tray_index": ("platformInfo/tray_index", number),
    "platform.host_id": ("platformInfo/host_id", number),
    "platform.peer_type": ("platformInfo/peer_type", one_of(words.PEER_TYPES)),
    "power.default_limit_mw": (
        "gpu_power_readings/default_power_limit power_readings/default_power_limit",
        thousandths,
    ),
    "power.enforced_limit_mw": (
        "gpu_power_readings/current_power_limit power_readings/enforced_power_limit",
        thousandths,
    ),
    "power.requested_limit_mw": (
        "gpu_power_readings/requested_power_limit power_readings/power_limit",
        thousandths,
    ),
    "power.min_limit_mw": ("gpu_power_readings/min_power_limit power_readings/min_power_limit", thousandths),
    "power.max_limit_mw": ("gpu_power_readings/max_power_limit power_readings/max_power_limit", thousandths),
    "power.current_draw_mw": (
        "gpu_power_readings/instant_power_draw gpu_power_readings/power_draw power_readings/power_draw",
        thousandths,
    ),
    "power.average_draw_mw": ("gpu_power_readings/average_power_draw", thousandths),
    "power.memory.current_draw_mw": ("gpu_memory_power_readings/instant_power_draw", thousandths),
    "power.memory.average_draw_mw": (
        "gpu_memory_power_readings/average_power_draw gpu_memory_power_readings/power_draw",
        thousandths,
    ),
    "power.module.default_limit_mw": ("module_power_readings/default_power_limit", thousandths),
    "power.module.enforced_limit_mw": ("module_power_readings/current_power_limit", thousandths),
    "power.module.requested_limit_mw": ("module_power_readings/requested_power_limit", thousandths),
    "power.module.min_limit_mw": ("module_power_readings/min_power_limit", thousandths),
    "power.module.max_limit_mw": ("module_power_readings/max_power_limit", thousandths),
    "power.module.current_draw_mw": (
        "module_power_readings/instant_power_draw module_power_readings/power_draw",
        thousandths,
    ),
    "power.module.average_draw_mw": ("module_power_readings/average_power_draw", thousandths),
    "power.voltage_uv": ("voltage/graphics_volt", microvolts),
    "thermal.temperature_gpu_c": ("temperature/gpu_temp", number),
    "thermal.temperature_memory_c": ("temperature/memory_temp", number),
    "thermal.shutdown_threshold_c": ("temperature/gpu_temp_max_threshold", number),
    "thermal.slowdown_threshold_c": ("temperature/gpu_temp_slow_threshold", number),
    "thermal.max_operating_c": ("temperature/gpu_temp_max_gpu_threshold", number),
    "thermal.memory_max_operating_c": ("temperature/gpu_temp_max_mem_threshold", number),
    "thermal.target_temperature_c": ("temperature/gpu_target_temperature", number),
    "thermal.target_temperature_min_c": ("supported_gpu_target_temp/gpu_target_temp_min", number),
    "thermal.target_temperature_max_c": ("supported_gpu_target_temp/gpu_target_temp_max", number),
    "thermal.tlimit.current_c": ("temperature/gpu_temp_tlimit", number),
    "thermal.tlimit.shutdown_c": ("temperature/gpu_temp_max_tlimit_threshold", number),
    "thermal.tlimit.slowdown_c": ("temperature/gpu_temp_slow_tlimit_threshold", number),
    "thermal.tlimit.max_operating_c": ("temperature/gpu_temp_max_gpu_tlimit_threshold", number),
    "thermal.tlimit.memory_max_c": ("temperature/gpu_temp_max_mem_tlimit_threshold", number),
    "fan.speed_percent": ("fan_speed", number),
    "performance_state": ("performance_state", state),
    "clocks.graphics_current": ("clocks/graphics_clock", number),
    "clocks.graphics_max": ("max_clocks/graphics_clock", number),
    "clocks.graphics_app": ("applications_clocks/graphics_clock", number),
    "clocks.graphics_app_default": ("default_applications_clocks/graphics_clock", number),
    "clocks.graphics_boost_max": ("max_customer_boost_clocks/graphics_clock", number),
    "clocks.sm_current": ("clocks/sm_clock", number),
    "clocks.sm_max": ("max_clocks/sm_clock", number),
    "clocks.memory_current": ("clocks/mem_clock", number),
    "clocks.memory_max": ("max_clocks/mem_clock", number),
    "clocks.memory_app": ("applications_clocks/mem_clock", number),
    "clocks.memory_app_default": ("default_applications_clocks/mem_clock", number),
    "clocks.video_current": ("clocks/video_clock", number),
    "clocks.video_max": ("max_clocks/video_clock", number),
    "clocks.auto_boost": ("clock_policy/auto_boost", on),
    "clocks.auto_boost_default": ("clock_policy/auto_boost_default", on),
    "utilization.gpu": ("utilization/gpu_util", number),
    "utilization.memory": ("utilization/memory_util", number),
    "utilization.encoder": ("utilization/encoder_util", number),
    "utilization.decoder": ("utilization/decoder_util", number),
    "utilization.jpeg": ("utilization/jpeg_util", number),
    "utilization.ofa": ("utilization/ofa_util", number),
    "encoder_stats.session_count": ("encoder_stats/session_count", number),
    "encoder_stats.average_fps": ("encoder_stats/average_fps", number),
    "encoder_stats.average_latency_us": ("encoder_stats/average_latency", number),
    "fbc_stats.session_count": ("fbc_stats/session_count", number),
    "fbc_stats.average_fps": ("fbc_stats/average_fps", number),
    "fbc_stats.average_latency_us": ("fbc_stats/average_latency", number),
    "ecc.mode_current": ("ecc_mode/current_ecc", switch),
    "ecc.mode_pending": ("ecc_mode/pending_ecc", switch),
    "ecc.sram.threshold_exceeded": ("ecc_errors/aggregate/sram_threshold_exceeded", truth),
    "retired_pages.single_bit_retirement.count": (
        "retired_pages/multiple_single_bit_retirement/retired_count",
        number,
    ),
    "retired_pages.double_bit_retirement.count": ("retired_pages/double_bit_retirement/retired_count", number),
    "retired_pages.pending_retirement": ("retired_pages/pending_retirement", truth),
    "remapped_rows.correctable": ("remapped_rows/remapped_row_corr", number),
    "remapped_rows.uncorrectable": ("remapped_rows/remapped_row_unc", number),
    "remapped_rows.pending": ("remapped_rows/remapped_row_pending", truth),
    "remapped_rows.failure_occurred": ("remapped_rows/remapped_row_failure", truth),
    "display.mode": ("display_mode", switch),
    "display.active": ("display_active", switch),
    "persistence_mode": ("persistence_mode", switch),
    "compute_mode": ("compute_mode", one_of(words.COMPUTE_MODES)),
    "mig.mode_current": ("mig_mode/current_mig", switch),
    "mig.mode_pending": ("mig_mode/pending_mig", switch),
    "gpu_operation_mode.current": ("gpu_operation_mode/current_gom", gom),
    "gpu_operation_mode.pending": ("gpu_operation_mode/pending_gom", gom),
    "driver_model.current": ("driver_model/current_dm", one_of(words.DRIVER_MODELS)),
    "driver_model.pending": ("driver_model/pending_dm", one_of(words.DRIVER_MODELS)),
    "accounting.mode": ("accounting_mode", switch),
    "accounting.buffer_size": ("accounting_mode_buffer_size", number),
    "virtualization.mode": ("gpu_virtualization_mode/virtualization_mode", one_of(words.VIRTUALIZATION_MODES)),
    "virtualization.host_vgpu_mode": ("gpu_virtualization_mode/host_vgpu_mode", one_of(words.HOST_VGPU_MODES)),
    "virtualization.vgpu_heterogeneous_mode": ("gpu_virtualization_mode/vgpu_heterogeneous_mode", switch),
    "capabilities.egm": ("capabilities/egm", switch),
    "fabric.state": ("fabric/state", one_of(words.FABRIC_STATES)),
    "fabric.status": ("fabric/status", success),
    "fabric.clique_id": ("fabric/cliqueId", number),
    "fabric.cluster_uuid": ("fabric/clusterUuid", plain),
    "fabric.health_summary": ("fabric/health/summary", one_of(words.FABRIC_SUMMARIES)),
    "fabric.health.degraded_bandwidth": ("fabric/health/bandwidth", degraded),
    "fabric.health.route_recovery": ("fabric/health/route_recovery_in_progress", truth),
    "fabric.health.route_unhealthy": ("fabric/health/route_unhealthy", truth),
    "fabric.health.access_timeout_recovery": ("fabric/health/access_timeout_recovery", truth),
    "fabric.health.incorrect_configuration": (
        "fabric/health/incorrect_configuration",
        one_of(words.FABRIC_CONFIGURATIONS),
    ),
}


DEFERRED = ("deferred_clocks/mem_clock", number)


COUNTERS = {
    "sw_power_cap_us": "sw_power_cap",
    "sync_boost_us": "sync_boost",
    "sw_thermal_slowdown_us": "sw_therm_slowdown",
    "hw_thermal_slowdown_us": "hw_therm_slowdown",
    "hw_power_brake_slowdown_us": "hw_power_brake",
}


# Numbers of which the document only tells that they are above 0.
LEAST = ("fan.count", "mig.max_gpu_instances")


SRAM_SOURCES = ("l2", "sm", "microcontroller", "pcie", "other")
