# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one function of NVML tells for one key each: names, parameters and words. Imports the standard library only."""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import words

GPU, MODULE, MEMORY = 0, 1, 2

GRAPHICS, SM, MEM, VIDEO = 0, 1, 2, 3

ENCODER_H264 = 0

# Keys that are one number of one function, with what the function takes beside the GPU.
NUMBERS: dict[str, tuple[t.Any, ...]] = {
    "num_gpu_cores": ("nvmlDeviceGetNumGpuCores",),
    "memory.memory_bus_width": ("nvmlDeviceGetMemoryBusWidth",),
    "pcie.max_link_gen": ("nvmlDeviceGetMaxPcieLinkGeneration",),
    "pcie.max_device_link_gen": ("nvmlDeviceGetGpuMaxPcieLinkGeneration",),
    "pcie.current_link_gen": ("nvmlDeviceGetCurrPcieLinkGeneration",),
    "pcie.max_link_width": ("nvmlDeviceGetMaxPcieLinkWidth",),
    "pcie.current_link_width": ("nvmlDeviceGetCurrPcieLinkWidth",),
    "pcie.tx_throughput_kbps": ("nvmlDeviceGetPcieThroughput", 0),
    "pcie.rx_throughput_kbps": ("nvmlDeviceGetPcieThroughput", 1),
    "power.default_limit_mw": ("nvmlDeviceGetPowerManagementDefaultLimit",),
    "power.enforced_limit_mw": ("nvmlDeviceGetEnforcedPowerLimit",),
    "power.requested_limit_mw": ("nvmlDeviceGetPowerManagementLimit",),
    "thermal.temperature_gpu_c": ("nvmlDeviceGetTemperature", 0),
    "fan.count": ("nvmlDeviceGetNumFans",),
    "clocks.graphics_current": ("nvmlDeviceGetClockInfo", GRAPHICS),
    "clocks.graphics_max": ("nvmlDeviceGetMaxClockInfo", GRAPHICS),
    "clocks.graphics_app": ("nvmlDeviceGetApplicationsClock", GRAPHICS),
    "clocks.graphics_app_default": ("nvmlDeviceGetDefaultApplicationsClock", GRAPHICS),
    "clocks.graphics_boost_max": ("nvmlDeviceGetMaxCustomerBoostClock", GRAPHICS),
    "clocks.sm_current": ("nvmlDeviceGetClockInfo", SM),
    "clocks.sm_max": ("nvmlDeviceGetMaxClockInfo", SM),
    "clocks.memory_current": ("nvmlDeviceGetClockInfo", MEM),
    "clocks.memory_max": ("nvmlDeviceGetMaxClockInfo", MEM),
    "clocks.memory_app": ("nvmlDeviceGetApplicationsClock", MEM),
    "clocks.memory_app_default": ("nvmlDeviceGetDefaultApplicationsClock", MEM),
    "clocks.video_current": ("nvmlDeviceGetClockInfo", VIDEO),
    "clocks.video_max": ("nvmlDeviceGetMaxClockInfo", VIDEO),
    "encoder_stats.capacity_percent": ("nvmlDeviceGetEncoderCapacity", ENCODER_H264),
    "accounting.buffer_size": ("nvmlDeviceGetAccountingBufferSize",),
}

# Temperatures are written to an unsigned parameter and may be below zero.
THRESHOLDS = {
    "thermal.shutdown_threshold_c": 0,
    "thermal.slowdown_threshold_c": 1,
    "thermal.memory_max_operating_c": 2,
    "thermal.max_operating_c": 3,
    "thermal.target_temperature_min_c": 4,
    "thermal.target_temperature_c": 5,
    "thermal.target_temperature_max_c": 6,
}

FIELDS: dict[str, tuple[str, int]] = {
    "pcie.replay_counter": ("PCIE_REPLAY_COUNTER", 0),
    "pcie.replay_rollover_counter": ("PCIE_REPLAY_ROLLOVER_COUNTER", 0),
    "power.current_draw_mw": ("POWER_INSTANT", GPU),
    "power.average_draw_mw": ("POWER_AVERAGE", GPU),
    "power.memory.current_draw_mw": ("POWER_INSTANT", MEMORY),
    "power.memory.average_draw_mw": ("POWER_AVERAGE", MEMORY),
    "power.module.current_draw_mw": ("POWER_INSTANT", MODULE),
    "power.module.average_draw_mw": ("POWER_AVERAGE", MODULE),
    "power.module.default_limit_mw": ("POWER_DEFAULT_LIMIT", MODULE),
    "power.module.enforced_limit_mw": ("POWER_CURRENT_LIMIT", MODULE),
    "power.module.requested_limit_mw": ("POWER_REQUESTED_LIMIT", MODULE),
    "power.module.min_limit_mw": ("POWER_MIN_LIMIT", MODULE),
    "power.module.max_limit_mw": ("POWER_MAX_LIMIT", MODULE),
    "thermal.temperature_memory_c": ("MEMORY_TEMP", 0),
    "thermal.tlimit.shutdown_c": ("TEMPERATURE_SHUTDOWN_TLIMIT", 0),
    "thermal.tlimit.slowdown_c": ("TEMPERATURE_SLOWDOWN_TLIMIT", 0),
    "thermal.tlimit.max_operating_c": ("TEMPERATURE_GPU_MAX_TLIMIT", 0),
    "thermal.tlimit.memory_max_c": ("TEMPERATURE_MEM_MAX_TLIMIT", 0),
}

# These count in nanoseconds.
COUNTERS = {
    "sw_power_cap_us": "PERF_POLICY_POWER",
    "sync_boost_us": "PERF_POLICY_SYNC_BOOST",
    "sw_thermal_slowdown_us": "CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN",
    "hw_thermal_slowdown_us": "CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN",
    "hw_power_brake_slowdown_us": "CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN",
}

TEXTS: dict[str, tuple[t.Any, ...]] = {
    "name": ("nvmlDeviceGetName",),
    "board_part_number": ("nvmlDeviceGetBoardPartNumber",),
    "vbios_version": ("nvmlDeviceGetVbiosVersion",),
    "inforom.image_version": ("nvmlDeviceGetInforomImageVersion",),
    "inforom.oem_object": ("nvmlDeviceGetInforomVersion", 0),
    "inforom.ecc_object": ("nvmlDeviceGetInforomVersion", 1),
    "inforom.pwr_object": ("nvmlDeviceGetInforomVersion", 2),
}

# One enumeration each: function, type of its parameter, words.
WORDS: dict[str, tuple[str, str, t.Any]] = {
    "brand": ("nvmlDeviceGetBrand", "int", words.BRANDS),
    "architecture": ("nvmlDeviceGetArchitecture", "unsigned int", words.ARCHITECTURES),
    "display.mode": ("nvmlDeviceGetDisplayMode", "int", words.ENABLED),
    "display.active": ("nvmlDeviceGetDisplayActive", "int", words.ENABLED),
    "persistence_mode": ("nvmlDeviceGetPersistenceMode", "int", words.ENABLED),
    "compute_mode": ("nvmlDeviceGetComputeMode", "int", words.COMPUTE_MODES),
    "accounting.mode": ("nvmlDeviceGetAccountingMode", "int", words.ENABLED),
    "virtualization.mode": ("nvmlDeviceGetVirtualizationMode", "int", words.VIRTUALIZATION_MODES),
    "virtualization.host_vgpu_mode": ("nvmlDeviceGetHostVgpuMode", "int", words.HOST_VGPU_MODES),
    "ecc.default_mode": ("nvmlDeviceGetDefaultEccMode", "int", words.ENABLED),
}

# Several keys of one function that writes one number for each: the keys, the function, its type, words or None.
TOGETHER: list[tuple[tuple[str, ...], tuple[t.Any, ...], str, t.Any]] = [
    (
        ("compute_capability.major", "compute_capability.minor"),
        ("nvmlDeviceGetCudaComputeCapability",),
        "int",
        None,
    ),
    (("gsp_firmware.mode", "gsp_firmware.default_mode"), ("nvmlDeviceGetGspFirmwareMode",), "unsigned int", "enabled"),
    (
        ("power.min_limit_mw", "power.max_limit_mw"),
        ("nvmlDeviceGetPowerManagementLimitConstraints",),
        "unsigned int",
        None,
    ),
    (("fan.min_speed_percent", "fan.max_speed_percent"), ("nvmlDeviceGetMinMaxFanSpeed",), "unsigned int", None),
    (("utilization.encoder", ""), ("nvmlDeviceGetEncoderUtilization",), "unsigned int", None),
    (("utilization.decoder", ""), ("nvmlDeviceGetDecoderUtilization",), "unsigned int", None),
    (("utilization.jpeg", ""), ("nvmlDeviceGetJpgUtilization",), "unsigned int", None),
    (("utilization.ofa", ""), ("nvmlDeviceGetOfaUtilization",), "unsigned int", None),
    (
        ("encoder_stats.session_count", "encoder_stats.average_fps", "encoder_stats.average_latency_us"),
        ("nvmlDeviceGetEncoderStats",),
        "unsigned int",
        None,
    ),
    (("ecc.mode_current", "ecc.mode_pending"), ("nvmlDeviceGetEccMode",), "int", "enabled"),
    (("mig.mode_current", "mig.mode_pending"), ("nvmlDeviceGetMigMode",), "unsigned int", "enabled"),
    (
        ("gpu_operation_mode.current", "gpu_operation_mode.pending"),
        ("nvmlDeviceGetGpuOperationMode",),
        "int",
        words.OPERATION_MODES,
    ),
    (("driver_model.current", "driver_model.pending"), ("nvmlDeviceGetDriverModel_v2",), "int", words.DRIVER_MODELS),
    (("clocks.auto_boost", "clocks.auto_boost_default"), ("nvmlDeviceGetAutoBoostedClocksEnabled",), "int", "truth"),
]

# One member of a struct with a version: function, struct, version, member.
MEMBERS: dict[str, tuple[str, str, str]] = {
    "thermal.tlimit.current_c": (
        "nvmlDeviceGetMarginTemperature",
        "nvmlMarginTemperature_v1_t",
        "marginTemperature",
    ),
    "addressing_mode": ("nvmlDeviceGetAddressingMode", "nvmlDeviceAddressingMode_v1_t", "value"),
    "virtualization.vgpu_heterogeneous_mode": (
        "nvmlDeviceGetVgpuHeterogeneousMode",
        "nvmlVgpuHeterogeneousMode_v1_t",
        "mode",
    ),
    "capabilities.egm": ("nvmlDeviceGetCapabilities", "nvmlDeviceCapabilities_v1_t", "capMask"),
}

MEMBER_WORDS: dict[str, t.Any] = {
    "addressing_mode": words.ADDRESSING_MODES,
    "virtualization.vgpu_heterogeneous_mode": words.ENABLED,
    "capabilities.egm": words.ENABLED,
}
