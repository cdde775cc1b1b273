# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from an NVML library what a profile says of a GPU, as facts.

Runs in the child of `_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils import _cffi_dep, _nvml_read
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import nvml_calls, nvml_places, words
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_calls import Board
from ansible_collections.mirage.accel.plugins.module_utils._nvml_library import (
    CDEF,
    FUNCTION_NOT_FOUND,
    INVALID_ARGUMENT,
    NOT_SUPPORTED,
    CallError,
    Library,
)

# A library or a driver too old for a question, or too new: the board may have what was asked for all the same.
UNTOLD = (FUNCTION_NOT_FOUND, nvml_calls.ARGUMENT_VERSION_MISMATCH, nvml_calls.DEPRECATED)
GPU, MODULE, MEMORY = 0, 1, 2
GRAPHICS, SM, MEM, VIDEO = 0, 1, 2, 3
GPU_INSTANCE_PROFILES = 0x12
PERFORMANCE_STATE_UNKNOWN = 32
ENCODER_H264 = 0
NOTHING_64 = 0xFFFFFFFFFFFFFFFF

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

Json = dict[str, t.Any]


def answer(path: str) -> Json:
    """What goes back to the parent: the facts, or {"error": sentence}."""
    try:
        ffi = _cffi_dep.require().FFI()
        ffi.cdef(CDEF + nvml_calls.CDEF)
        library = Library(ffi, path)
        return _nvml_read.started(library, path, lambda: read(ffi, library))
    except MirageError as error:
        return {"error": str(error)}


def read(ffi: t.Any, library: Library) -> Json:
    boards = [Board(ffi, library, library.handle(index)) for index in range(library.value("nvmlDeviceGetCount_v2"))]
    gpus = [read_gpu(board) for board in boards]
    nvml_places.read(boards, gpus)
    return {
        "driver_version": library.text("nvmlSystemGetDriverVersion"),
        "nvml_version": library.text("nvmlSystemGetNVMLVersion"),
        "cuda_version": _nvml_read.read_cuda_version(library),
        "gpus": gpus,
    }


class Teller:
    """Sets one key after the other: N/A for what the board does not have, nothing for what the library does not say."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.keys: Json = {}
        self.errors: dict[str, str] = {}

    def get(self, name: str, read: t.Callable[[], t.Any], untold: tuple[int, ...] = UNTOLD) -> t.Any:
        try:
            return read()
        except CallError as error:
            if error.code == NOT_SUPPORTED:
                return words.NONE
            if error.code not in untold:
                self.errors[name] = str(error)
            return None

    def tell(self, path: str, read: t.Callable[[], t.Any], untold: tuple[int, ...] = UNTOLD) -> t.Any:
        value = self.get(path, read, untold)
        words.put(self.keys, path, value)
        return value


def read_gpu(board: Board) -> Json:
    teller = Teller(board)
    for group in GROUPS:
        group(teller, board)
    return {"keys": teller.keys, "errors": teller.errors, **read_identity(board, teller)}


def read_identity(board: Board, teller: Teller) -> Json:
    """What tells this GPU from its neighbours; None where it has none."""
    readers: dict[str, t.Callable[[], t.Any]] = {
        "uuid": lambda: board.text("nvmlDeviceGetUUID"),
        "serial": lambda: board.text("nvmlDeviceGetSerial"),
        "minor": lambda: board.value("nvmlDeviceGetMinorNumber"),
        "module_id": lambda: board.value("nvmlDeviceGetModuleId"),
        "bus_id": lambda: board.library.decode(board.struct("nvmlDeviceGetPciInfo_v3", "nvmlPciInfo_t").busId),
    }
    found = {name: teller.get(name, reader) for name, reader in readers.items()}
    return {name: None if value == words.NONE else value for name, value in found.items()}


# --- one function of NVML for each key, or one for several ---


def tell_tables(teller: Teller, board: Board) -> None:
    for path, (function, *arguments) in TEXTS.items():
        teller.tell(path, lambda f=function, a=arguments: board.text(f, *a) or words.NONE)
    for path, (function, *arguments) in NUMBERS.items():
        teller.tell(path, lambda f=function, a=arguments: board.value(f, *a))
    for path, kind in THRESHOLDS.items():
        # A library does not know the kinds that came after it.
        teller.tell(
            path,
            lambda k=kind: signed(board.value("nvmlDeviceGetTemperatureThreshold", k)),
            (*UNTOLD, INVALID_ARGUMENT),
        )
    for path, (field, scope) in FIELDS.items():
        teller.tell(path, lambda f=field, s=scope: board.field(f, s), (*UNTOLD, INVALID_ARGUMENT))
    for path, (function, out, choices) in WORDS.items():
        teller.tell(path, lambda f=function, o=out, c=choices: words.word(c, board.value(f, out=o)))
    for path, (function, kind, member) in MEMBERS.items():
        teller.tell(path, lambda p=path, f=function, k=kind, m=member: read_member(board, p, f, k, m))


def signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number


def read_member(board: Board, path: str, function: str, kind: str, member: str) -> t.Any:
    number = getattr(board.struct(function, kind, version=1), member)
    return (
        words.word(MEMBER_WORDS[path], number & 1 if path == "capabilities.egm" else number)
        if (path in MEMBER_WORDS)
        else number
    )


def tell_together(teller: Teller, board: Board) -> None:
    for paths, (function, *arguments), out, choices in TOGETHER:
        found = teller.get(
            paths[0], lambda f=function, a=arguments, o=out, n=len(paths): board.values(f, *a, out=[o] * n)
        )
        if found is None:
            continue
        for path, number in zip(paths, [words.NONE] * len(paths) if found == words.NONE else found):
            if path:
                words.put(teller.keys, path, number if number == words.NONE else meaning(choices, number))


def meaning(choices: t.Any, number: int) -> t.Any:
    if choices is None:
        return number
    if choices == "truth":
        return bool(number)
    return words.word(words.ENABLED if choices == "enabled" else choices, number)


# --- what a struct or several calls tell ---


def tell_board(teller: Teller, board: Board) -> None:
    teller.tell("multi_gpu_board", lambda: bool(board.value("nvmlDeviceGetMultiGpuBoard")))
    flush = teller.get(
        "inforom.bbx_flush",
        lambda: board.values("nvmlDeviceGetLastBBXFlushTime", out=["unsigned long long", "unsigned long"]),
    )
    if flush not in (None, words.NONE):
        words.put(teller.keys, "inforom.bbx_flush", {"timestamp": time_of(flush[0]), "duration_us": flush[1]})

    def gsp_version() -> str:
        # The length of this buffer is fixed by NVML's header.
        buffer = board.ffi.new("char[]", 0x40)
        board.library.call("nvmlDeviceGetGspFirmwareVersion", board.handle, buffer)
        return board.library.decode(buffer)

    teller.tell("gsp_firmware.version", gsp_version)
    teller.tell("performance_state", lambda: performance_state(board.value("nvmlDeviceGetPerformanceState", out="int")))


def time_of(microseconds: int) -> str:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds)
    return f"{moment:%Y/%m/%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def performance_state(number: int) -> str:
    return words.NONE if number == PERFORMANCE_STATE_UNKNOWN else f"P{number}"


def tell_memory(teller: Teller, board: Board) -> None:
    def newest() -> Json:
        try:
            memory = board.struct("nvmlDeviceGetMemoryInfo_v2", "nvmlMemory_v2_t", version=2)
            return {"total_bytes": memory.total, "reserved_bytes": memory.reserved, "used_bytes": memory.used}
        except CallError as error:
            if error.code != FUNCTION_NOT_FOUND:
                raise
            # A driver before 510 counts what it reserves as used.
            memory = board.struct("nvmlDeviceGetMemoryInfo", "nvmlMemory_t")
            return {"total_bytes": memory.total, "used_bytes": memory.used}

    def bar1() -> Json:
        memory = board.struct("nvmlDeviceGetBAR1MemoryInfo", "nvmlBAR1Memory_t")
        return {"total_bytes": memory.bar1Total, "used_bytes": memory.bar1Used}

    def protected() -> Json:
        memory = board.struct("nvmlDeviceGetConfComputeProtectedMemoryUsage", "nvmlMemory_t")
        return {"protected_memory_bytes": memory.total, "protected_memory_used_bytes": memory.used}

    readers = {
        "memory": (newest, "total_bytes"),
        "bar1_memory": (bar1, "total_bytes"),
        "confidential_compute": (protected, "protected_memory_bytes"),
    }
    for section, (reader, instead) in readers.items():
        found = teller.get(section, reader)
        if found == words.NONE:
            found = {instead: words.NONE}
        for name, value in (found or {}).items():
            words.put(teller.keys, f"{section}.{name}", value)
    # NVML knows the system, not the board: where it can, every GPU of it can.
    teller.tell("confidential_compute.capable", lambda: conf_compute_capable(board))


def conf_compute_capable(board: Board) -> bool:
    capabilities = board.library.struct("nvmlSystemGetConfComputeCapabilities", "nvmlConfComputeSystemCaps_t")
    return bool(capabilities.gpusCaps)


def tell_pci(teller: Teller, board: Board) -> None:
    info = teller.get("pci", lambda: board.struct("nvmlDeviceGetPciInfo_v3", "nvmlPciInfo_t"))
    if info not in (None, words.NONE):
        words.put(teller.keys, "pci.device_id", info.pciDeviceId)
        words.put(teller.keys, "pci.subsystem_id", info.pciSubSystemId)

    def pci_class() -> int:
        more = board.struct("nvmlDeviceGetPciInfoExt", "nvmlPciInfoExt_v1_t", version=1)
        return more.baseClass << 16 | more.subClass << 8

    teller.tell("pci.class", pci_class)
    for path, field in {
        "pcie.atomics_outbound": "PCIE_OUTBOUND_ATOMICS_MASK",
        "pcie.atomics_inbound": "PCIE_INBOUND_ATOMICS_MASK",
    }.items():
        teller.tell(path, lambda f=field: atomics(board.field(f)), (*UNTOLD, INVALID_ARGUMENT))


def atomics(mask: int) -> list[str]:
    return [name for bit, name in enumerate(words.ATOMICS) if mask >> bit & 1]


def tell_power(teller: Teller, board: Board) -> None:
    managed = teller.get(
        "power.management_supported", lambda: board.value("nvmlDeviceGetPowerManagementMode", out="int")
    )
    if managed is not None:
        words.put(teller.keys, "power.management_supported", managed != words.NONE and bool(managed))
    teller.tell(
        "power.total_energy_consumption_mj",
        lambda: board.value("nvmlDeviceGetTotalEnergyConsumption", out="unsigned long long"),
    )
    if "current_draw_mw" not in teller.keys["power"]:
        # A driver before 530 has no field for it.
        teller.tell("power.current_draw_mw", lambda: board.value("nvmlDeviceGetPowerUsage"))


def tell_fans(teller: Teller, board: Board) -> None:
    if not isinstance(teller.keys.get("fan", {}).get("count"), int):
        teller.keys.get("fan", {}).pop("count", None)
    # The format has one speed for all fans of a board.
    teller.tell("fan.speed_percent", lambda: board.value("nvmlDeviceGetFanSpeed_v2", 0))
    teller.tell("fan.target_speed_percent", lambda: board.value("nvmlDeviceGetTargetFanSpeed", 0))


def tell_clocks(teller: Teller, board: Board) -> None:
    reasons = teller.get(
        "clocks_throttle_reasons",
        lambda: board.value("nvmlDeviceGetCurrentClocksThrottleReasons", out="unsigned long long"),
    )
    if isinstance(reasons, int):
        for bit, name in enumerate(words.REASONS):
            words.put(teller.keys, f"clocks_throttle_reasons.{name}", bool(reasons >> bit & 1))
    for name, field in COUNTERS.items():
        teller.tell(
            f"clocks_throttle_reasons.counters.{name}",
            lambda f=field: board.field(f) // 1000,
            (*UNTOLD, INVALID_ARGUMENT),
        )

    def supported() -> list[Json]:
        return [
            {
                "freq_mhz": mhz,
                "graphics_clocks": [
                    int(clock) for clock in board.list_of("unsigned int", "nvmlDeviceGetSupportedGraphicsClocks", mhz)
                ],
            }
            for mhz in map(int, board.list_of("unsigned int", "nvmlDeviceGetSupportedMemoryClocks"))
        ]

    clocks = teller.get("supported_clocks", supported)
    if clocks not in (None, words.NONE):
        words.put(teller.keys, "supported_clocks.memory_clocks", clocks)


def tell_utilization(teller: Teller, board: Board) -> None:
    rates = teller.get("utilization", lambda: board.struct("nvmlDeviceGetUtilizationRates", "nvmlUtilization_t"))
    if rates is not None:
        none = rates == words.NONE
        words.put(teller.keys, "utilization.gpu", words.NONE if none else rates.gpu)
        words.put(teller.keys, "utilization.memory", words.NONE if none else rates.memory)
    stats = teller.get("fbc_stats", lambda: board.struct("nvmlDeviceGetFBCStats", "nvmlFBCStats_t"))
    if stats is not None:
        none = stats == words.NONE
        words.put(teller.keys, "fbc_stats.session_count", words.NONE if none else stats.sessionsCount)
        words.put(teller.keys, "fbc_stats.average_fps", words.NONE if none else stats.averageFPS)
        words.put(teller.keys, "fbc_stats.average_latency_us", words.NONE if none else stats.averageLatency)


def tell_errors(teller: Teller, board: Board) -> None:
    for kind, bits in enumerate(("single_bit", "double_bit")):
        for counter, scope in enumerate(("volatile", "aggregate")):
            section = f"ecc.errors.{scope}.{bits}"
            for location, name in enumerate(words.ECC_LOCATIONS):
                teller.tell(
                    f"{section}.{name}",
                    lambda k=kind, c=counter, n=location: board.value(
                        "nvmlDeviceGetMemoryErrorCounter", k, c, n, out="unsigned long long"
                    ),
                    (*UNTOLD, INVALID_ARGUMENT),
                )
            teller.tell(
                f"{section}.total",
                lambda k=kind, c=counter: board.value("nvmlDeviceGetTotalEccErrors", k, c, out="unsigned long long"),
            )
    sram = teller.get(
        "ecc.sram", lambda: board.struct("nvmlDeviceGetSramEccErrorStatus", "nvmlEccSramErrorStatus_v1_t", version=1)
    )
    if sram not in (None, words.NONE):
        words.put(teller.keys, "ecc.sram", sram_errors(sram))


def sram_errors(sram: t.Any) -> Json:
    counted = {
        "volatile.correctable": sram.volatileCor,
        "volatile.uncorrectable_parity": sram.volatileUncParity,
        "volatile.uncorrectable_secded": sram.volatileUncSecDed,
        "aggregate.correctable": sram.aggregateCor,
        "aggregate.uncorrectable_parity": sram.aggregateUncParity,
        "aggregate.uncorrectable_secded": sram.aggregateUncSecDed,
        "uncorrectable_sources.l2": sram.aggregateUncBucketL2,
        "uncorrectable_sources.sm": sram.aggregateUncBucketSm,
        "uncorrectable_sources.microcontroller": sram.aggregateUncBucketMcu,
        "uncorrectable_sources.pcie": sram.aggregateUncBucketPcie,
        "uncorrectable_sources.other": sram.aggregateUncBucketOther,
    }
    keys = words.nest({path: words.NONE if number == NOTHING_64 else number for path, number in counted.items()})
    return {**keys, "threshold_exceeded": bool(sram.bThresholdExceeded)}


def tell_repair(teller: Teller, board: Board) -> None:
    for cause, name in enumerate(("single_bit_retirement", "double_bit_retirement")):
        pages = teller.get(
            f"retired_pages.{name}",
            lambda c=cause: [
                int(address) for address in board.list_of("unsigned long long", "nvmlDeviceGetRetiredPages", c)
            ],
        )
        if pages is None:
            continue
        words.put(teller.keys, f"retired_pages.{name}.count", words.NONE if pages == words.NONE else len(pages))
        if pages not in ([], words.NONE):
            words.put(teller.keys, f"retired_pages.{name}.addresses", pages)
    pending = teller.get(
        "retired_pages.pending_retirement",
        lambda: bool(board.value("nvmlDeviceGetRetiredPagesPendingStatus", out="int")),
    )
    if pending != words.NONE:
        words.put(teller.keys, "retired_pages.pending_retirement", pending)
    tell_remapping(teller, board)


def tell_remapping(teller: Teller, board: Board) -> None:
    rows = teller.get("remapped_rows", lambda: board.values("nvmlDeviceGetRemappedRows", out=["unsigned int"] * 4))
    if rows == words.NONE:
        words.put(teller.keys, "remapped_rows.correctable", words.NONE)
    elif rows is not None:
        words.put(teller.keys, "remapped_rows.correctable", rows[0])
        words.put(teller.keys, "remapped_rows.uncorrectable", rows[1])
        words.put(teller.keys, "remapped_rows.pending", bool(rows[2]))
        words.put(teller.keys, "remapped_rows.failure_occurred", bool(rows[3]))
    banks = teller.get(
        "remapped_rows.availability_histogram",
        lambda: board.struct("nvmlDeviceGetRowRemapperHistogram", "nvmlRowRemapperHistogramValues_t"),
    )
    if banks == words.NONE:
        words.put(teller.keys, "remapped_rows.availability_histogram.max", words.NONE)
    elif banks is not None:
        for name in ("max", "high", "partial", "low", "none"):
            words.put(teller.keys, f"remapped_rows.availability_histogram.{name}", getattr(banks, name))


def tell_mig(teller: Teller, board: Board) -> None:
    if teller.keys.get("mig", {}).get("mode_current") in (None, words.NONE):
        return
    teller.tell("mig.max_gpu_instances", lambda: board.value("nvmlDeviceGetMaxMigDeviceCount"))
    profiles = []
    for number in range(GPU_INSTANCE_PROFILES):
        found = teller.get(
            f"mig.gpu_instance_profiles[{number}]",
            lambda n=number: gpu_instance_profile(board, n),
            (*UNTOLD, INVALID_ARGUMENT),
        )
        if found not in (None, words.NONE):
            profiles.append(found)
    if profiles:
        words.put(teller.keys, "mig.gpu_instance_profiles", profiles)


def gpu_instance_profile(board: Board, number: int) -> Json:
    cell = board.ffi.new("nvmlGpuInstanceProfileInfo_v2_t *")
    cell.version = board.ffi.sizeof("nvmlGpuInstanceProfileInfo_v2_t") | 2 << 24
    board.library.call("nvmlDeviceGetGpuInstanceProfileInfoV", board.handle, number, cell)
    profile = {
        "name": board.library.decode(cell.name),
        "id": number,
        "profile_id": cell.id,
        "slices": cell.sliceCount,
        "max_instances": cell.instanceCount,
        "multiprocessors": cell.multiprocessorCount,
        "copy_engines": cell.copyEngineCount,
        "decoders": cell.decoderCount,
        "encoders": cell.encoderCount,
        "jpegs": cell.jpegCount,
        "ofas": cell.ofaCount,
        "memory_mib": cell.memorySizeMB,
        "p2p": bool(cell.isP2pSupported),
    }
    placements = gpu_instance_placements(board, cell.id)
    if placements:
        profile["placements"] = [start for start, _ in placements]
        profile["placement_size"] = placements[0][1]
    return profile


def gpu_instance_placements(board: Board, profile_id: int) -> list[tuple[int, int]]:
    """First slice and size of each; none where the driver tells them only while MIG is on."""
    function = "nvmlDeviceGetGpuInstancePossiblePlacements_v2"
    count = board.ffi.new("unsigned int *")
    try:
        board.library.call(function, board.handle, profile_id, board.ffi.NULL, count)
        places = board.ffi.new("nvmlGpuInstancePlacement_t[]", max(1, count[0]))
        board.library.call(function, board.handle, profile_id, places, count)
    except CallError:
        return []
    return [(places[i].start, places[i].size) for i in range(count[0])]


def tell_monitoring(teller: Teller, board: Board) -> None:
    def supported() -> bool:
        # The one struct whose version is its number alone.
        cell = board.ffi.new("nvmlGpmSupport_t *", {"version": 1})
        board.library.call("nvmlGpmQueryDeviceSupport", board.handle, cell)
        return bool(cell.isSupportedDevice)

    found = teller.get("gpm.supported", supported)
    if found != words.NONE:
        words.put(teller.keys, "gpm.supported", found)


def tell_fabric(teller: Teller, board: Board) -> None:
    info = teller.get(
        "fabric",
        lambda: board.newest(
            "nvmlDeviceGetGpuFabricInfoV", [("nvmlGpuFabricInfo_v3_t", 3), ("nvmlGpuFabricInfo_v2_t", 2)]
        ),
    )
    if info in (None, words.NONE) or not info.state:
        return
    words.put(teller.keys, "fabric.state", words.word(words.FABRIC_STATES, info.state))
    words.put(teller.keys, "fabric.status", info.status)
    words.put(teller.keys, "fabric.clique_id", info.cliqueId)
    words.put(teller.keys, "fabric.cluster_uuid", uuid_of(bytes(info.clusterUuid)))
    if info.version >> 24 == 3:
        words.put(teller.keys, "fabric.health_summary", words.word(words.FABRIC_SUMMARIES, info.healthSummary))
    for name, value in fabric_health(info.healthMask).items():
        words.put(teller.keys, f"fabric.{name}", value)


def uuid_of(data: bytes) -> str:
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def fabric_health(mask: int) -> Json:
    """The mask in words, or as it is where there are bits that the words do not cover."""
    truths: tuple[t.Any, ...] = (words.NONE, True, False)
    bits = [mask >> 2 * n & 3 for n in range(len(words.FABRIC_CONDITIONS))]
    configuration = mask >> 8 & 15
    if mask >> 12 or 3 in bits or (configuration and configuration not in words.FABRIC_CONFIGURATIONS):
        return {"health_mask": mask}
    health = {name: truths[value] for name, value in zip(words.FABRIC_CONDITIONS, bits)}
    return {
        "health": {
            **health,
            "incorrect_configuration": words.FABRIC_CONFIGURATIONS.get(configuration, words.NONE),
        }
    }


def tell_platform(teller: Teller, board: Board) -> None:
    info = teller.get(
        "platform",
        # Both versions have one layout.
        lambda: board.newest("nvmlDeviceGetPlatformInfo", [("nvmlPlatformInfo_v2_t", 2), ("nvmlPlatformInfo_v2_t", 1)]),
    )
    if info in (None, words.NONE):
        return
    serial = bytes(info.chassisSerialNumber).split(b"\0")[0].decode("ascii", "replace").strip()
    words.put(teller.keys, "platform.chassis_serial_number", serial or words.NONE)
    words.put(teller.keys, "platform.slot_number", info.slotNumber)
    words.put(teller.keys, "platform.tray_index", info.trayIndex)
    words.put(teller.keys, "platform.host_id", info.hostId)
    words.put(teller.keys, "platform.peer_type", words.word(words.PEER_TYPES, info.peerType))


def tell_processes(teller: Teller, board: Board) -> None:
    found = _nvml_read.read_processes(board.library, board.handle, _nvml_read.Fields())
    if found:
        words.put(
            teller.keys,
            "processes",
            [
                {
                    "pid": process["pid"],
                    "type": process["type"],
                    **({"name": process["name"]} if process["name"] else {}),
                    "used_memory_mib": words.NONE
                    if process["used_memory"] is None
                    else process["used_memory"] // (1 << 20),
                }
                for process in found
            ],
        )


GROUPS: list[t.Callable[[Teller, Board], None]] = [
    tell_tables,
    tell_together,
    tell_board,
    tell_memory,
    tell_pci,
    tell_power,
    tell_fans,
    tell_clocks,
    tell_utilization,
    tell_errors,
    tell_repair,
    tell_mig,
    tell_monitoring,
    tell_fabric,
    tell_platform,
    tell_processes,
]
