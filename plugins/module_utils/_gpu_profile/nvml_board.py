# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from an NVML library what a board is and what it says at rest.

Runs in the child of `_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import datetime

from ansible_collections.mirage.accel.plugins.module_utils import _nvml_read
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import nvml_tables, words
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_calls import Board
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_teller import UNTOLD, Json, Teller
from ansible_collections.mirage.accel.plugins.module_utils._nvml_library import (
    FUNCTION_NOT_FOUND,
    INVALID_ARGUMENT,
    CallError,
)

GPU_INSTANCE_PROFILES = 0x12


PERFORMANCE_STATE_UNKNOWN = 32


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
    if "current_draw_mw" not in teller.keys.get("power", {}):
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
    for name, field in nvml_tables.COUNTERS.items():
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


def tell_mig(teller: Teller, board: Board) -> None:
    if teller.keys.get("mig", {}).get("mode_current") in (None, words.NONE):
        return
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
    # While MIG is off the number is 0; the smallest instances are then those of which there can be most.
    count = teller.get("mig.max_gpu_instances", lambda: board.value("nvmlDeviceGetMaxMigDeviceCount"))
    if not isinstance(count, int) or not count:
        count = max((one["max_instances"] for one in profiles), default=1)
        teller.least += [] if profiles else ["mig.max_gpu_instances"]
    words.put(teller.keys, "mig.max_gpu_instances", count)


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
