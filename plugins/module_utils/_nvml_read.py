# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read everything that `nvml_info` tells from an NVML library, as plain data.

Runs in the child of `_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils import _cffi_dep
from ansible_collections.mirage.accel.plugins.module_utils._errors import LibraryError, MirageError
from ansible_collections.mirage.accel.plugins.module_utils._nvml_library import (
    CDEF,
    FUNCTION_NOT_FOUND,
    INVALID_ARGUMENT,
    NOT_FOUND,
    NOT_SUPPORTED,
    CallError,
    Library,
)

# The newest header's; an older library ends the list itself by answering INVALID_ARGUMENT.
NVLINK_MAX_LINKS = 36
PROCESS_NAME_SIZE = 4096
PERFORMANCE_STATE_UNKNOWN = 32
NOT_AVAILABLE_32 = 0xFFFFFFFF
NOT_AVAILABLE_64 = 0xFFFFFFFFFFFFFFFF

CLOCKS = {"graphics": 0, "sm": 1, "memory": 2, "video": 3}
THRESHOLDS = {"shutdown": 0, "slowdown": 1, "memory_max": 2, "gpu_max": 3}
# NVML numbers the versions of NVLink one by one.
NVLINK_VERSIONS = {1: "1.0", 2: "2.0", 3: "2.2", 4: "3.0", 5: "3.1", 6: "4.0", 7: "5.0", 8: "6.0"}
COMPUTE_MODES = {0: "default", 1: "exclusive_thread", 2: "prohibited", 3: "exclusive_process"}

Read = t.Callable[[], t.Any]


def answer(path: str) -> dict[str, t.Any]:
    """What goes back to the parent: the library's data, or {"error": sentence}."""
    try:
        ffi = _cffi_dep.require().FFI()
        ffi.cdef(CDEF)
        return read(Library(ffi, path), path)
    except MirageError as error:
        return {"error": str(error)}


def read(library: Library, path: str) -> dict[str, t.Any]:
    """Everything the library tells, between its start and its end."""
    return started(library, path, lambda: read_all(library))


def read_all(library: Library) -> dict[str, t.Any]:
    gpus = [read_gpu(library, index) for index in range(library.value("nvmlDeviceGetCount_v2"))]
    return {
        "driver_version": library.text("nvmlSystemGetDriverVersion"),
        "nvml_version": library.text("nvmlSystemGetNVMLVersion"),
        "cuda_version": read_cuda_version(library),
        "gpus": gpus,
    }


def started(library: Library, path: str, read: Read) -> t.Any:
    """What `read` returns between the library's start and its end."""
    try:
        library.call("nvmlInit_v2")
    except CallError as error:
        if error.code == FUNCTION_NOT_FOUND:
            raise LibraryError(
                f"Error while starting the NVML library {path}: it has no symbol nvmlInit_v2, so it is no NVML library;"
                " set library to libnvidia-ml.so.1 or its full path"
            ) from error
        raise LibraryError(
            f"Error while starting the NVML library {path}: {error}; see that the driver is loaded and fits the library"
        ) from error
    try:
        return read()
    except CallError as error:
        raise LibraryError(f"Error while reading the NVML library {path}: {error}") from error
    finally:
        # Everything is read by now, and the process ends: a failure here is of no use to anybody.
        with contextlib.suppress(CallError):
            library.call("nvmlShutdown")


def read_cuda_version(library: Library) -> str | None:
    number = Fields().get("cuda_version", lambda: library.value("nvmlSystemGetCudaDriverVersion_v2", out="int"))
    return None if number is None else f"{number // 1000}.{number % 1000 // 10}"


class Fields:
    """Reads one field after the other; what a board does not have is None, any other error is kept beside."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def get(self, name: str, read: Read) -> t.Any:
        try:
            return read()
        except CallError as error:
            if error.code not in (NOT_SUPPORTED, FUNCTION_NOT_FOUND):
                self.errors[name] = str(error)
            return None


def read_gpu(library: Library, index: int) -> dict[str, t.Any]:
    """One GPU; one that cannot be opened still has its place in the list."""
    fields = Fields()
    handle = fields.get("handle", lambda: library.handle(index))
    gpu: dict[str, t.Any] = {"index": index, "errors": fields.errors}
    for name, reader in READERS.items():
        gpu[name] = None if handle is None else reader(library, handle, fields)
    return gpu


def _text(function: str, name: str) -> t.Callable[..., t.Any]:
    return lambda library, handle, fields: fields.get(name, lambda: library.text(function, handle))


def _number(function: str, name: str, out: str = "unsigned int") -> t.Callable[..., t.Any]:
    return lambda library, handle, fields: fields.get(name, lambda: library.value(function, handle, out=out))


def read_compute_capability(library: Library, handle: t.Any, fields: Fields) -> str | None:
    pair = fields.get(
        "compute_capability",
        lambda: library.values("nvmlDeviceGetCudaComputeCapability", handle, out=["int", "int"]),
    )
    return pair and f"{pair[0]}.{pair[1]}"


def read_memory(library: Library, handle: t.Any, fields: Fields) -> dict[str, t.Any] | None:
    def newest() -> t.Any:
        try:
            return library.struct("nvmlDeviceGetMemoryInfo_v2", "nvmlMemory_v2_t", handle, version=2)
        except CallError as error:
            if error.code != FUNCTION_NOT_FOUND:
                raise
            # A driver before 510.
            return library.struct("nvmlDeviceGetMemoryInfo", "nvmlMemory_t", handle)

    memory = fields.get("memory", newest)
    if memory is None:
        return None
    return {
        "total": memory.total,
        "reserved": getattr(memory, "reserved", None),
        "used": memory.used,
        "free": memory.free,
    }


def read_pci(library: Library, handle: t.Any, fields: Fields) -> dict[str, t.Any] | None:
    info = fields.get("pci", lambda: library.struct("nvmlDeviceGetPciInfo_v3", "nvmlPciInfo_t", handle))
    if info is None:
        return None
    link = {
        "link_generation": "nvmlDeviceGetCurrPcieLinkGeneration",
        "link_generation_max": "nvmlDeviceGetMaxPcieLinkGeneration",
        "link_width": "nvmlDeviceGetCurrPcieLinkWidth",
        "link_width_max": "nvmlDeviceGetMaxPcieLinkWidth",
    }
    return {
        "bus_id": library.decode(info.busId),
        "domain": info.domain,
        "bus": info.bus,
        "device": info.device,
        "vendor_id": f"0x{info.pciDeviceId & 0xFFFF:04x}",
        "device_id": f"0x{info.pciDeviceId >> 16:04x}",
        "subsystem_vendor_id": f"0x{info.pciSubSystemId & 0xFFFF:04x}",
        "subsystem_device_id": f"0x{info.pciSubSystemId >> 16:04x}",
        **{name: _number(function, f"pci.{name}")(library, handle, fields) for name, function in link.items()},
    }


def read_clocks(library: Library, handle: t.Any, fields: Fields) -> dict[str, t.Any]:
    def clock(function: str, name: str, domain: int) -> int | None:
        return fields.get(name, lambda: library.value(function, handle, domain))

    return {
        name: {
            "current": clock("nvmlDeviceGetClockInfo", f"clocks.{name}.current", domain),
            "max": clock("nvmlDeviceGetMaxClockInfo", f"clocks.{name}.max", domain),
        }
        for name, domain in CLOCKS.items()
    }


def read_power(library: Library, handle: t.Any, fields: Fields) -> dict[str, t.Any]:
    functions = {
        "usage": "nvmlDeviceGetPowerUsage",
        "limit": "nvmlDeviceGetPowerManagementLimit",
        "limit_enforced": "nvmlDeviceGetEnforcedPowerLimit",
        "limit_default": "nvmlDeviceGetPowerManagementDefaultLimit",
    }
    power = {name: _number(function, f"power.{name}")(library, handle, fields) for name, function in functions.items()}
    lowest, highest = fields.get(
        "power.limit_min",
        lambda: library.values("nvmlDeviceGetPowerManagementLimitConstraints", handle, out=["unsigned int"] * 2),
    ) or (None, None)
    power.update(limit_min=lowest, limit_max=highest)
    return {name: None if milliwatts is None else milliwatts / 1000 for name, milliwatts in power.items()}


def read_temperature(library: Library, handle: t.Any, fields: Fields) -> dict[str, t.Any]:
    def threshold(name: str, kind: int) -> int | None:
        return fields.get(
            f"temperature.{name}", lambda: library.value("nvmlDeviceGetTemperatureThreshold", handle, kind)
        )

    return {
        "gpu": fields.get("temperature.gpu", lambda: library.value("nvmlDeviceGetTemperature", handle, 0)),
        **{name: threshold(name, kind) for name, kind in THRESHOLDS.items()},
    }


def read_utilization(library: Library, handle: t.Any, fields: Fields) -> dict[str, t.Any]:
    rates = fields.get(
        "utilization", lambda: library.struct("nvmlDeviceGetUtilizationRates", "nvmlUtilization_t", handle)
    )

    def engine(name: str, function: str) -> int | None:
        pair = fields.get(f"utilization.{name}", lambda: library.values(function, handle, out=["unsigned int"] * 2))
        return pair and pair[0]

    return {
        "gpu": rates and rates.gpu,
        "memory": rates and rates.memory,
        "encoder": engine("encoder", "nvmlDeviceGetEncoderUtilization"),
        "decoder": engine("decoder", "nvmlDeviceGetDecoderUtilization"),
    }


def read_nvlinks(library: Library, handle: t.Any, fields: Fields) -> list[dict[str, t.Any]]:
    """The links that the board has; beyond the last one the library says INVALID_ARGUMENT."""
    links = []
    for link in range(NVLINK_MAX_LINKS):
        try:
            active = library.value("nvmlDeviceGetNvLinkState", handle, link, out="int")
        except CallError as error:
            # Between the links of a board there may be some that it does not use.
            if error.code == NOT_SUPPORTED:
                continue
            if error.code not in (INVALID_ARGUMENT, FUNCTION_NOT_FOUND):
                fields.errors[f"nvlinks[{link}]"] = str(error)
            break
        links.append(read_nvlink(library, handle, fields, link, bool(active)))
    return links


def read_nvlink(library: Library, handle: t.Any, fields: Fields, link: int, active: bool) -> dict[str, t.Any]:
    version = fields.get(f"nvlinks[{link}].version", lambda: library.value("nvmlDeviceGetNvLinkVersion", handle, link))
    # The far end of a link that is down is not known, and asking for it is an error.
    remote = active and fields.get(
        f"nvlinks[{link}].remote_bus_id",
        lambda: library.struct("nvmlDeviceGetNvLinkRemotePciInfo_v2", "nvmlPciInfo_t", handle, link),
    )
    return {
        "link": link,
        "active": active,
        "version": version and NVLINK_VERSIONS.get(version, str(version)),
        "remote_bus_id": library.decode(remote.busId) if remote else None,
    }


def read_processes(library: Library, handle: t.Any, fields: Fields) -> list[dict[str, t.Any]]:
    """Each process once, with the letters that nvidia-smi shows: M (MPS client), C (compute), G (graphics)."""
    letters = {
        "M": "nvmlDeviceGetMPSComputeRunningProcesses_v3",
        "C": "nvmlDeviceGetComputeRunningProcesses_v3",
        "G": "nvmlDeviceGetGraphicsRunningProcesses_v3",
    }
    found: dict[tuple[int, int, int], dict[str, t.Any]] = {}
    for letter, function in letters.items():
        infos = fields.get(f"processes.{letter}", lambda function=function: library.processes(function, handle))
        for info in infos or []:
            process = found.setdefault(
                (info.pid, info.gpuInstanceId, info.computeInstanceId),
                {
                    "pid": info.pid,
                    "name": process_name(library, info.pid, fields),
                    "type": "",
                    "used_memory": _available(info.usedGpuMemory, NOT_AVAILABLE_64),
                    "gpu_instance_id": _available(info.gpuInstanceId, NOT_AVAILABLE_32),
                    "compute_instance_id": _available(info.computeInstanceId, NOT_AVAILABLE_32),
                },
            )
            process["type"] += ("+" if process["type"] else "") + letter
    return [found[key] for key in sorted(found)]


def process_name(library: Library, pid: int, fields: Fields) -> str | None:
    try:
        return library.text("nvmlSystemGetProcessName", pid, size=PROCESS_NAME_SIZE)
    except CallError as error:
        # A process that has ended meanwhile, or is hidden in another namespace, has no name to tell.
        if error.code not in (NOT_FOUND, NOT_SUPPORTED, FUNCTION_NOT_FOUND):
            fields.errors[f"processes[{pid}].name"] = str(error)
        return None


def _available(number: int, marker: int) -> int | None:
    return None if number == marker else number


def _modes(function: str, name: str, out: str) -> t.Callable[..., t.Any]:
    """A mode that is on or off now, and after the next reset."""

    def reader(library: Library, handle: t.Any, fields: Fields) -> dict[str, t.Any] | None:
        pair = fields.get(name, lambda: library.values(function, handle, out=[out, out]))
        return pair and {"current": bool(pair[0]), "pending": bool(pair[1])}

    return reader


def read_performance_state(library: Library, handle: t.Any, fields: Fields) -> int | None:
    state = _number("nvmlDeviceGetPerformanceState", "performance_state", out="int")(library, handle, fields)
    return None if state == PERFORMANCE_STATE_UNKNOWN else state


def read_persistence_mode(library: Library, handle: t.Any, fields: Fields) -> bool | None:
    mode = _number("nvmlDeviceGetPersistenceMode", "persistence_mode", out="int")(library, handle, fields)
    return None if mode is None else bool(mode)


def read_compute_mode(library: Library, handle: t.Any, fields: Fields) -> str | None:
    mode = _number("nvmlDeviceGetComputeMode", "compute_mode", out="int")(library, handle, fields)
    return COMPUTE_MODES.get(mode, str(mode)) if mode is not None else None


# The fields of a GPU in the order of the answer; one name, one reader.
READERS: dict[str, t.Callable[[Library, t.Any, Fields], t.Any]] = {
    "uuid": _text("nvmlDeviceGetUUID", "uuid"),
    "name": _text("nvmlDeviceGetName", "name"),
    "serial": _text("nvmlDeviceGetSerial", "serial"),
    "minor": _number("nvmlDeviceGetMinorNumber", "minor"),
    "compute_capability": read_compute_capability,
    "memory": read_memory,
    "pci": read_pci,
    "clocks": read_clocks,
    "power": read_power,
    "performance_state": read_performance_state,
    "temperature": read_temperature,
    "utilization": read_utilization,
    "nvlinks": read_nvlinks,
    "processes": read_processes,
    "mig_mode": _modes("nvmlDeviceGetMigMode", "mig_mode", "unsigned int"),
    "ecc_mode": _modes("nvmlDeviceGetEccMode", "ecc_mode", "int"),
    "persistence_mode": read_persistence_mode,
    "compute_mode": read_compute_mode,
}
