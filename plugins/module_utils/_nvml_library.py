# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An NVML library by way of cffi: its functions by name, their output parameters as return values.

Names and layouts are those of NVML's public header, only the needed ones; a test compares them with the header itself.
Runs in the child of `_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._errors import LibraryError

CDEF = """
typedef int nvmlReturn_t;
typedef struct nvmlDevice_st *nvmlDevice_t;

typedef struct {
    unsigned int version;
    unsigned long long total;
    unsigned long long reserved;
    unsigned long long free;
    unsigned long long used;
} nvmlMemory_v2_t;

typedef struct {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
} nvmlMemory_t;

typedef struct {
    char busIdLegacy[16];
    unsigned int domain;
    unsigned int bus;
    unsigned int device;
    unsigned int pciDeviceId;
    unsigned int pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;

typedef struct {
    unsigned int gpu;
    unsigned int memory;
} nvmlUtilization_t;

typedef struct {
    unsigned int pid;
    unsigned long long usedGpuMemory;
    unsigned int gpuInstanceId;
    unsigned int computeInstanceId;
} nvmlProcessInfo_t;

nvmlReturn_t nvmlInit_v2(void);
nvmlReturn_t nvmlShutdown(void);
const char *nvmlErrorString(nvmlReturn_t result);
nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length);
nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned int length);
nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *cudaDriverVersion);
nvmlReturn_t nvmlSystemGetProcessName(unsigned int pid, char *name, unsigned int length);
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *deviceCount);
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device);
nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length);
nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length);
nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned int length);
nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *minorNumber);
nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor);
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory);
nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory);
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci);
nvmlReturn_t nvmlDeviceGetCurrPcieLinkGeneration(nvmlDevice_t device, unsigned int *currLinkGen);
nvmlReturn_t nvmlDeviceGetMaxPcieLinkGeneration(nvmlDevice_t device, unsigned int *maxLinkGen);
nvmlReturn_t nvmlDeviceGetCurrPcieLinkWidth(nvmlDevice_t device, unsigned int *currLinkWidth);
nvmlReturn_t nvmlDeviceGetMaxPcieLinkWidth(nvmlDevice_t device, unsigned int *maxLinkWidth);
nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, int type, unsigned int *clock);
nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, int type, unsigned int *clock);
nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *power);
nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t device, unsigned int *limit);
nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned int *limit);
nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t device, unsigned int *defaultLimit);
nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned int *minLimit,
    unsigned int *maxLimit);
nvmlReturn_t nvmlDeviceGetPerformanceState(nvmlDevice_t device, int *pState);
nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, int sensorType, unsigned int *temp);
nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, int thresholdType, unsigned int *temp);
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization);
nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t device, unsigned int *utilization,
    unsigned int *samplingPeriodUs);
nvmlReturn_t nvmlDeviceGetDecoderUtilization(nvmlDevice_t device, unsigned int *utilization,
    unsigned int *samplingPeriodUs);
nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned int link, int *isActive);
nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned int link, unsigned int *version);
nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *pci);
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int *infoCount,
    nvmlProcessInfo_t *infos);
nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned int *infoCount,
    nvmlProcessInfo_t *infos);
nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int *infoCount,
    nvmlProcessInfo_t *infos);
nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *currentMode, unsigned int *pendingMode);
nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, int *current, int *pending);
nvmlReturn_t nvmlDeviceGetPersistenceMode(nvmlDevice_t device, int *mode);
nvmlReturn_t nvmlDeviceGetComputeMode(nvmlDevice_t device, int *mode);
"""

INVALID_ARGUMENT = 2
NOT_SUPPORTED = 3
NOT_FOUND = 6
INSUFFICIENT_SIZE = 7
FUNCTION_NOT_FOUND = 13

# Longer than any string of NVML but a process's name.
TEXT_SIZE = 96


class CallError(Exception):
    """A function of the library answered with an error."""

    def __init__(self, function: str, code: int, message: str) -> None:
        super().__init__(f"{function}: {message} ({code})")
        self.code = code


class Library:
    """The loaded library: calls by name, output parameters as return values."""

    def __init__(self, ffi: t.Any, path: str) -> None:
        self._ffi = ffi
        self._path = path
        try:
            self._lib = ffi.dlopen(path)
        except OSError as error:
            # cffi says the path twice and adds a second search that cannot help: the loader's own words are enough.
            reason = str(error).split(".  Additionally, ")[0]
            for prefix in (f"cannot load library {path!r}: ", f"{path}: "):
                reason = reason[len(prefix) :] if reason.startswith(prefix) else reason
            raise LibraryError(
                f"Error while loading the NVML library {path}: {reason};"
                " set library to the file, for example .../usr/lib64/libnvidia-ml.so.1"
            ) from error

    def call(self, function: str, *arguments: t.Any) -> None:
        try:
            symbol = getattr(self._lib, function)
        except AttributeError as error:
            raise CallError(function, FUNCTION_NOT_FOUND, "the library has no such function") from error
        code = symbol(*arguments)
        if code:
            raise CallError(function, code, self._message(code))

    def values(self, function: str, *arguments: t.Any, out: t.Sequence[str] = ("unsigned int",)) -> list[int]:
        """The numbers that a function writes to its last parameters, which point to the types in `out`."""
        cells = [self._ffi.new(f"{kind} *") for kind in out]
        self.call(function, *arguments, *cells)
        return [int(cell[0]) for cell in cells]

    def value(self, function: str, *arguments: t.Any, out: str = "unsigned int") -> int:
        return self.values(function, *arguments, out=[out])[0]

    def handle(self, index: int) -> t.Any:
        cell = self._ffi.new("nvmlDevice_t *")
        self.call("nvmlDeviceGetHandleByIndex_v2", index, cell)
        return cell[0]

    def text(self, function: str, *arguments: t.Any, size: int = TEXT_SIZE) -> str:
        buffer = self._ffi.new("char[]", size)
        self.call(function, *arguments, buffer, size)
        return self.decode(buffer)

    def struct(self, function: str, kind: str, *arguments: t.Any, version: int | None = None) -> t.Any:
        cell = self._ffi.new(f"{kind} *")
        if version is not None:
            # NVML's own form: the structure's size with its version in the highest byte.
            cell.version = self._ffi.sizeof(kind) | version << 24
        self.call(function, *arguments, cell)
        return cell

    def processes(self, function: str, handle: t.Any) -> list[t.Any]:
        """All entries of a process list; it may grow between asking for its length and reading it."""
        size = 0
        while True:
            count = self._ffi.new("unsigned int *", size)
            infos = self._ffi.new("nvmlProcessInfo_t[]", max(1, size))
            try:
                self.call(function, handle, count, infos if size else self._ffi.NULL)
                return [infos[i] for i in range(min(count[0], size))]
            except CallError as error:
                if error.code != INSUFFICIENT_SIZE or count[0] <= size:
                    raise
                size = count[0] + 8

    def decode(self, chars: t.Any) -> str:
        return self._ffi.string(chars).decode("utf-8", "replace")

    def _message(self, code: int) -> str:
        try:
            return self.decode(self._lib.nvmlErrorString(code))
        except (AttributeError, RuntimeError):
            return "unknown error"
