# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of NVML a profile needs beyond `nvml_info`: declarations, and fields read by number.

Names and layouts are those of NVML's public header; a test compares them with the header itself. Runs in the child of
`_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._nvml_library import CallError, Library

CDEF = """
typedef union {
    double dVal;
    int siVal;
    unsigned int uiVal;
    unsigned long ulVal;
    unsigned long long ullVal;
    signed long long sllVal;
    unsigned short usVal;
} nvmlValue_t;

typedef struct {
    unsigned int fieldId;
    unsigned int scopeId;
    long long timestamp;
    long long latencyUsec;
    int valueType;
    nvmlReturn_t nvmlReturn;
    nvmlValue_t value;
} nvmlFieldValue_t;

typedef struct {
    unsigned long long bar1Total;
    unsigned long long bar1Free;
    unsigned long long bar1Used;
} nvmlBAR1Memory_t;

typedef struct {
    unsigned int isC2cEnabled;
} nvmlC2cModeInfo_v1_t;

typedef struct {
    unsigned int version;
    unsigned long long aggregateUncParity;
    unsigned long long aggregateUncSecDed;
    unsigned long long aggregateCor;
    unsigned long long volatileUncParity;
    unsigned long long volatileUncSecDed;
    unsigned long long volatileCor;
    unsigned long long aggregateUncBucketL2;
    unsigned long long aggregateUncBucketSm;
    unsigned long long aggregateUncBucketPcie;
    unsigned long long aggregateUncBucketMcu;
    unsigned long long aggregateUncBucketOther;
    unsigned int bThresholdExceeded;
} nvmlEccSramErrorStatus_v1_t;

typedef struct {
    unsigned int max;
    unsigned int high;
    unsigned int partial;
    unsigned int low;
    unsigned int none;
} nvmlRowRemapperHistogramValues_t;

typedef struct {
    unsigned int version;
    unsigned char clusterUuid[16];
    nvmlReturn_t status;
    unsigned int cliqueId;
    unsigned char state;
    unsigned int healthMask;
} nvmlGpuFabricInfo_v2_t;

typedef struct {
    unsigned int version;
    unsigned char clusterUuid[16];
    nvmlReturn_t status;
    unsigned int cliqueId;
    unsigned char state;
    unsigned int healthMask;
    unsigned char healthSummary;
} nvmlGpuFabricInfo_v3_t;

typedef struct {
    unsigned int version;
    unsigned char ibGuid[16];
    unsigned char chassisSerialNumber[16];
    unsigned char slotNumber;
    unsigned char trayIndex;
    unsigned char hostId;
    unsigned char peerType;
    unsigned char moduleId;
} nvmlPlatformInfo_v2_t;

typedef struct {
    unsigned int version;
    unsigned int id;
    unsigned int isP2pSupported;
    unsigned int sliceCount;
    unsigned int instanceCount;
    unsigned int multiprocessorCount;
    unsigned int copyEngineCount;
    unsigned int decoderCount;
    unsigned int encoderCount;
    unsigned int jpegCount;
    unsigned int ofaCount;
    unsigned long long memorySizeMB;
    char name[96];
} nvmlGpuInstanceProfileInfo_v2_t;

typedef struct {
    unsigned int start;
    unsigned int size;
} nvmlGpuInstancePlacement_t;

typedef struct {
    unsigned int version;
    unsigned int domain;
    unsigned int bus;
    unsigned int device;
    unsigned int pciDeviceId;
    unsigned int pciSubSystemId;
    unsigned int baseClass;
    unsigned int subClass;
    char busId[32];
} nvmlPciInfoExt_v1_t;

typedef struct {
    unsigned int sessionsCount;
    unsigned int averageFPS;
    unsigned int averageLatency;
} nvmlFBCStats_t;

typedef struct {
    unsigned int version;
    unsigned int capMask;
} nvmlDeviceCapabilities_v1_t;

typedef struct {
    unsigned int version;
    unsigned int mode;
} nvmlVgpuHeterogeneousMode_v1_t;

typedef struct {
    unsigned int version;
    unsigned int value;
} nvmlDeviceAddressingMode_v1_t;

typedef struct {
    unsigned int version;
    int marginTemperature;
} nvmlMarginTemperature_v1_t;

typedef struct {
    unsigned int version;
    unsigned int isSupportedDevice;
} nvmlGpmSupport_t;

typedef struct {
    unsigned int cpuCaps;
    unsigned int gpusCaps;
} nvmlConfComputeSystemCaps_t;

nvmlReturn_t nvmlSystemGetConfComputeCapabilities(nvmlConfComputeSystemCaps_t *capabilities);
nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values);
nvmlReturn_t nvmlDeviceGetBrand(nvmlDevice_t device, int *type);
nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t device, unsigned int *arch);
nvmlReturn_t nvmlDeviceGetBoardPartNumber(nvmlDevice_t device, char *partNumber, unsigned int length);
nvmlReturn_t nvmlDeviceGetVbiosVersion(nvmlDevice_t device, char *version, unsigned int length);
nvmlReturn_t nvmlDeviceGetInforomImageVersion(nvmlDevice_t device, char *version, unsigned int length);
nvmlReturn_t nvmlDeviceGetInforomVersion(nvmlDevice_t device, int object, char *version, unsigned int length);
nvmlReturn_t nvmlDeviceGetLastBBXFlushTime(nvmlDevice_t device, unsigned long long *timestamp,
    unsigned long *durationUs);
nvmlReturn_t nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t device, char *version);
nvmlReturn_t nvmlDeviceGetGspFirmwareMode(nvmlDevice_t device, unsigned int *isEnabled, unsigned int *defaultMode);
nvmlReturn_t nvmlDeviceGetMultiGpuBoard(nvmlDevice_t device, unsigned int *multiGpuBool);
nvmlReturn_t nvmlDeviceGetNumGpuCores(nvmlDevice_t device, unsigned int *numCores);
nvmlReturn_t nvmlDeviceGetMemoryBusWidth(nvmlDevice_t device, unsigned int *busWidth);
nvmlReturn_t nvmlDeviceGetModuleId(nvmlDevice_t device, unsigned int *moduleId);
nvmlReturn_t nvmlDeviceGetNumaNodeId(nvmlDevice_t device, unsigned int *node);
nvmlReturn_t nvmlDeviceGetAddressingMode(nvmlDevice_t device, nvmlDeviceAddressingMode_v1_t *mode);
nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *bar1Memory);
nvmlReturn_t nvmlDeviceGetConfComputeProtectedMemoryUsage(nvmlDevice_t device, nvmlMemory_t *memory);
nvmlReturn_t nvmlDeviceGetPciInfoExt(nvmlDevice_t device, nvmlPciInfoExt_v1_t *pci);
nvmlReturn_t nvmlDeviceGetGpuMaxPcieLinkGeneration(nvmlDevice_t device, unsigned int *maxLinkGenDevice);
nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, int counter, unsigned int *value);
nvmlReturn_t nvmlDeviceGetPcieReplayCounter(nvmlDevice_t device, unsigned int *value);
nvmlReturn_t nvmlDeviceGetPowerManagementMode(nvmlDevice_t device, int *mode);
nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *energy);
nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_v1_t *marginTempInfo);
nvmlReturn_t nvmlDeviceGetNumFans(nvmlDevice_t device, unsigned int *numFans);
nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned int fan, unsigned int *speed);
nvmlReturn_t nvmlDeviceGetTargetFanSpeed(nvmlDevice_t device, unsigned int fan, unsigned int *targetSpeed);
nvmlReturn_t nvmlDeviceGetMinMaxFanSpeed(nvmlDevice_t device, unsigned int *minSpeed, unsigned int *maxSpeed);
nvmlReturn_t nvmlDeviceGetApplicationsClock(nvmlDevice_t device, int clockType, unsigned int *clockMHz);
nvmlReturn_t nvmlDeviceGetDefaultApplicationsClock(nvmlDevice_t device, int clockType, unsigned int *clockMHz);
nvmlReturn_t nvmlDeviceGetMaxCustomerBoostClock(nvmlDevice_t device, int clockType, unsigned int *clockMHz);
nvmlReturn_t nvmlDeviceGetAutoBoostedClocksEnabled(nvmlDevice_t device, int *isEnabled, int *defaultIsEnabled);
nvmlReturn_t nvmlDeviceGetSupportedMemoryClocks(nvmlDevice_t device, unsigned int *count, unsigned int *clocksMHz);
nvmlReturn_t nvmlDeviceGetSupportedGraphicsClocks(nvmlDevice_t device, unsigned int memoryClockMHz,
    unsigned int *count, unsigned int *clocksMHz);
nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device,
    unsigned long long *clocksThrottleReasons);
nvmlReturn_t nvmlDeviceGetJpgUtilization(nvmlDevice_t device, unsigned int *utilization,
    unsigned int *samplingPeriodUs);
nvmlReturn_t nvmlDeviceGetOfaUtilization(nvmlDevice_t device, unsigned int *utilization,
    unsigned int *samplingPeriodUs);
nvmlReturn_t nvmlDeviceGetEncoderStats(nvmlDevice_t device, unsigned int *sessionCount, unsigned int *averageFps,
    unsigned int *averageLatency);
nvmlReturn_t nvmlDeviceGetEncoderCapacity(nvmlDevice_t device, int encoderQueryType, unsigned int *encoderCapacity);
nvmlReturn_t nvmlDeviceGetFBCStats(nvmlDevice_t device, nvmlFBCStats_t *fbcStats);
nvmlReturn_t nvmlDeviceGetDefaultEccMode(nvmlDevice_t device, int *defaultMode);
nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, int errorType, int counterType, int locationType,
    unsigned long long *count);
nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, int errorType, int counterType,
    unsigned long long *eccCounts);
nvmlReturn_t nvmlDeviceGetSramEccErrorStatus(nvmlDevice_t device, nvmlEccSramErrorStatus_v1_t *status);
nvmlReturn_t nvmlDeviceGetRetiredPages(nvmlDevice_t device, int cause, unsigned int *pageCount,
    unsigned long long *addresses);
nvmlReturn_t nvmlDeviceGetRetiredPagesPendingStatus(nvmlDevice_t device, int *isPending);
nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned int *corrRows, unsigned int *uncRows,
    unsigned int *isPending, unsigned int *failureOccurred);
nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device, nvmlRowRemapperHistogramValues_t *values);
nvmlReturn_t nvmlDeviceGetDisplayMode(nvmlDevice_t device, int *display);
nvmlReturn_t nvmlDeviceGetDisplayActive(nvmlDevice_t device, int *isActive);
nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count);
nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfoV(nvmlDevice_t device, unsigned int profile,
    nvmlGpuInstanceProfileInfo_v2_t *info);
nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements_v2(nvmlDevice_t device, unsigned int profileId,
    nvmlGpuInstancePlacement_t *placements, unsigned int *count);
nvmlReturn_t nvmlDeviceGetGpuOperationMode(nvmlDevice_t device, int *current, int *pending);
nvmlReturn_t nvmlDeviceGetDriverModel_v2(nvmlDevice_t device, int *current, int *pending);
nvmlReturn_t nvmlDeviceGetAccountingMode(nvmlDevice_t device, int *mode);
nvmlReturn_t nvmlDeviceGetAccountingBufferSize(nvmlDevice_t device, unsigned int *bufferSize);
nvmlReturn_t nvmlDeviceGetVirtualizationMode(nvmlDevice_t device, int *pVirtualMode);
nvmlReturn_t nvmlDeviceGetHostVgpuMode(nvmlDevice_t device, int *pHostVgpuMode);
nvmlReturn_t nvmlDeviceGetVgpuHeterogeneousMode(nvmlDevice_t device,
    nvmlVgpuHeterogeneousMode_v1_t *pHeterogeneousMode);
nvmlReturn_t nvmlDeviceGetCapabilities(nvmlDevice_t device, nvmlDeviceCapabilities_v1_t *caps);
nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *gpmSupport);
nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, nvmlGpuFabricInfo_v3_t *gpuFabricInfo);
nvmlReturn_t nvmlDeviceGetPlatformInfo(nvmlDevice_t device, nvmlPlatformInfo_v2_t *platformInfo);
nvmlReturn_t nvmlDeviceGetC2cModeInfoV(nvmlDevice_t device, nvmlC2cModeInfo_v1_t *c2cModeInfo);
nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t device, unsigned int link, int *pNvLinkDeviceType);
nvmlReturn_t nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t device1, nvmlDevice_t device2, int *pathInfo);
nvmlReturn_t nvmlDeviceGetCpuAffinity(nvmlDevice_t device, unsigned int cpuSetSize, unsigned long *cpuSet);
nvmlReturn_t nvmlDeviceGetMemoryAffinity(nvmlDevice_t device, unsigned int nodeSetSize, unsigned long *nodeSet,
    unsigned int scope);
"""

INSUFFICIENT_SIZE = 7
# Of a driver that knows the struct in another version, or has taken the function away: neither says anything.
ARGUMENT_VERSION_MISMATCH = 25
DEPRECATED = 26
# What has not happened yet cannot be told.
NOT_READY = 27

# nvmlValueType_t -> the member of the union
VALUE_TYPES = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")

# Fields that nvmlDeviceGetFieldValues numbers: NVML_FI_DEV_<name>
FIELDS = {
    "PERF_POLICY_POWER": 74,
    "PERF_POLICY_SYNC_BOOST": 76,
    "MEMORY_TEMP": 82,
    "NVLINK_SPEED_MBPS_COMMON": 90,
    "NVLINK_LINK_COUNT": 91,
    "PCIE_REPLAY_COUNTER": 94,
    "PCIE_REPLAY_ROLLOVER_COUNTER": 95,
    "NVLINK_GET_SPEED": 164,
    "C2C_LINK_COUNT": 170,
    "C2C_LINK_GET_MAX_BW": 172,
    "POWER_AVERAGE": 185,
    "POWER_INSTANT": 186,
    "POWER_MIN_LIMIT": 187,
    "POWER_MAX_LIMIT": 188,
    "POWER_DEFAULT_LIMIT": 189,
    "POWER_CURRENT_LIMIT": 190,
    "POWER_REQUESTED_LIMIT": 192,
    "TEMPERATURE_SHUTDOWN_TLIMIT": 193,
    "TEMPERATURE_SLOWDOWN_TLIMIT": 194,
    "TEMPERATURE_MEM_MAX_TLIMIT": 195,
    "TEMPERATURE_GPU_MAX_TLIMIT": 196,
    "PCIE_OUTBOUND_ATOMICS_MASK": 228,
    "PCIE_INBOUND_ATOMICS_MASK": 229,
    "CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN": 269,
    "CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN": 270,
    "CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN": 271,
}


class Board:
    """One GPU of a loaded library: calls by name, without the handle that all of them take."""

    def __init__(self, ffi: t.Any, library: Library, index: int) -> None:
        self.ffi = ffi
        self.library = library
        self.index = index
        # Until it is opened, and of a GPU that cannot be.
        self.handle: t.Any = None

    def open(self) -> t.Any:
        self.handle = self.library.handle(self.index)
        return self.handle

    def value(self, function: str, *arguments: t.Any, out: str = "unsigned int") -> int:
        return self.library.value(function, self.handle, *arguments, out=out)

    def values(self, function: str, *arguments: t.Any, out: t.Sequence[str]) -> list[int]:
        return self.library.values(function, self.handle, *arguments, out=out)

    def text(self, function: str, *arguments: t.Any) -> str:
        return self.library.text(function, self.handle, *arguments)

    def struct(self, function: str, kind: str, version: int | None = None) -> t.Any:
        return self.library.struct(function, kind, self.handle, version=version)

    def newest(self, function: str, kinds: t.Sequence[tuple[str, int]]) -> t.Any:
        """A struct whose later versions only add to its end, in the newest version that the library knows."""
        for kind, version in kinds:
            cell = self.ffi.new(f"{kinds[0][0]} *")
            cell.version = self.ffi.sizeof(kind) | version << 24
            try:
                self.library.call(function, self.handle, cell)
            except CallError as error:
                if error.code != ARGUMENT_VERSION_MISMATCH or (kind, version) == kinds[-1]:
                    raise
            else:
                return cell
        raise ValueError(f"{function} has no version")

    def field(self, name: str, scope: int = 0) -> int:
        """A field that has a number instead of a function of its own."""
        cell = self.ffi.new("nvmlFieldValue_t *", {"fieldId": FIELDS[name], "scopeId": scope})
        self.library.call("nvmlDeviceGetFieldValues", self.handle, 1, cell)
        if cell.nvmlReturn:
            raise CallError(f"nvmlDeviceGetFieldValues({name}, {scope})", cell.nvmlReturn, "error")
        return int(getattr(cell.value, VALUE_TYPES[cell.valueType]))

    def list_of(self, kind: str, function: str, *arguments: t.Any, size: int = 0) -> list[t.Any]:
        """A list whose length a function tells before its items; None of them where it says so."""
        while True:
            count = self.ffi.new("unsigned int *", size)
            items = self.ffi.new(f"{kind}[]", max(1, size))
            try:
                self.library.call(function, self.handle, *arguments, count, items if size else self.ffi.NULL)
            except CallError as error:
                if error.code != INSUFFICIENT_SIZE or count[0] <= size:
                    raise
            else:
                # Asked without room, some functions only tell the length and say no more.
                if size or not count[0]:
                    return [items[i] for i in range(min(count[0], size))]
            size = count[0]
