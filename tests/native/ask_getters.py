# SPDX-License-Identifier: GPL-3.0-or-later
"""Call every getter of NVIDIA's Python bindings on the first GPU, with arguments that a real board accepts.

Run as a program; prints a JSON object: getter -> name of the nvmlReturn_t of its last call into the library. Wrappers
of the bindings ask twice where a list has a length, and some do not raise what they were answered.
"""

from __future__ import annotations

import ctypes
import inspect
import json
import os
import re
import typing as t

import pynvml as nv

# MIG instances are found and asked by tests of their own; the rest of the families changes something.
GETTERS = re.compile(
    r"nvml((Device|System|Unit|Event|Vgpu)\w*(Get|Query)[A-Z]|Get[A-Z]|Gpm(?!Set)|Device(Is|On|Validate|Perf|Read)[A-Z])"
)
# Only names of a struct's version or of a wrapper's own making differ from the library's.
Code = t.Callable[..., int]
codes: list[int] = []
look_up = nv._nvmlGetFunctionPointer


def recording(name: str) -> Code:
    function = look_up(name)

    def call(*arguments: object) -> int:
        codes.append(function(*arguments))
        return codes[-1]

    return call


def struct(name: str, version: int | None = None) -> ctypes.Structure:
    made = getattr(nv, name)()
    if version is not None:
        made.version = version
    return made


def versioned(name: str, number: int) -> ctypes.Structure:
    """With the version that NVML's macro makes of the size and the number."""
    made = getattr(nv, name)()
    made.version = ctypes.sizeof(made) | number << 24
    return made


def prepare() -> tuple[dict[str, object], dict[str, list[object]]]:
    """Arguments by their names, and those of functions whose names do not tell."""
    gpu = nv.nvmlDeviceGetHandleByIndex(0)
    other = nv.nvmlDeviceGetHandleByIndex(1)
    by_ref = ctypes.byref
    events = nv.nvmlEventSetCreate()
    samples = [nv.nvmlGpmSampleAlloc() for _ in range(2)]
    for sample in samples:
        try:
            nv.nvmlGpmSampleGet(gpu, sample)
        except nv.NVMLError_NotSupported:
            continue
    metrics = struct("c_nvmlGpmMetricsGet_t", nv.NVML_GPM_METRICS_GET_VERSION)
    metrics.numMetrics, metrics.metrics[0].metricId = 1, nv.NVML_GPM_METRIC_GRAPHICS_UTIL
    metrics.sample1, metrics.sample2 = samples
    try:
        mig = nv.nvmlDeviceGetGpuInstanceProfileInfoV(gpu, nv.NVML_GPU_INSTANCE_PROFILE_1_SLICE).id
    except nv.NVMLError_NotSupported:
        mig = 0
    count = ctypes.c_uint(8)
    names = {
        **dict.fromkeys(("handle", "device", "device1", "handle1", "migDevice"), gpu),
        **dict.fromkeys(("device2", "handle2"), other),
        **dict.fromkeys(("index", "id", "scope", "errorType", "counterType", "fan", "link", "sensor", "profile"), 0),
        **dict.fromkeys(("capability", "counter", "p2pIndex", "threshold", "sensorindex", "timeStamp", "type"), 0),
        **dict.fromkeys(("sourceFilter", "sampling_type", "perfPolicyType", "encoderQueryType", "infoRomObject"), 0),
        **dict.fromkeys(("clockType", "pstate", "level", "gpuInstanceId", "mode"), 0),
        **dict.fromkeys(("vgpuTypeId", "vgpuInstance"), 1),
        "apiType": nv.NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS,
        "cpuNumber": nv.nvmlDeviceGetCpuAffinity(gpu, 1)[0].bit_length() - 1,
        "cpuSetSize": 16,
        "nodeSetSize": 1,
        "locationType": nv.NVML_MEMORY_LOCATION_DEVICE_MEMORY,
        "memoryClockMHz": nv.nvmlDeviceGetMaxClockInfo(gpu, nv.NVML_CLOCK_MEM),
        "fieldIds": [nv.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION],
        "pid": os.getpid(),
        "pciBusId": nv.nvmlDeviceGetPciInfo(gpu).busId,
        "pciInfo": nv.nvmlDeviceGetPciInfo(gpu),
        "profileId": mig,
        "unit": None,
        "eventSet": events,
    }
    special: dict[str, list[object]] = {
        "nvmlDeviceGetHandleBySerial": [nv.nvmlDeviceGetSerial(gpu)],
        "nvmlDeviceGetHandleByUUID": [nv.nvmlDeviceGetUUID(gpu)],
        "nvmlDeviceGetHandleByUUIDV": [nv.nvmlDeviceGetUUID(gpu), nv.NVML_UUID_TYPE_ASCII],
        "nvmlDeviceGetAdaptiveTgpModeInfo_v1": [gpu, by_ref(struct("c_nvmlAdaptiveTgpModeInfo_v1_t"))],
        "nvmlDeviceGetBankRemapperStatus_v1": [gpu, by_ref(struct("c_nvmlEccBankRemapperStatus_v1_t"))],
        "nvmlDeviceGetCapabilities": [gpu, by_ref(versioned("c_nvmlDeviceCapabilities_v1_t", 1))],
        "nvmlDeviceGetClockOffsets": [gpu, by_ref(versioned("c_nvmlClockOffset_t", 1))],
        "nvmlDeviceGetConfComputeGpuAttestationReport": [gpu, bytes(32)],
        "nvmlDeviceGetGpuFabricInfo": [gpu, by_ref(struct("c_nvmlGpuFabricInfo_t"))],
        "nvmlDeviceGetGpuFabricInfoV": [gpu, by_ref(versioned("c_nvmlGpuFabricInfo_v3_t", 3))],
        "nvmlDeviceGetGpuFabricInfo_v4": [gpu, by_ref(struct("c_nvmlGpuFabricInfo_v4_t"))],
        "nvmlDeviceGetGpuInstancePossiblePlacements": [
            gpu,
            mig,
            (nv.c_nvmlGpuInstancePlacement_t * 8)(),
            by_ref(count),
        ],
        "nvmlDeviceGetGpuInstances": [gpu, mig, (nv.c_nvmlGpuInstance_t * 8)(), by_ref(count)],
        "nvmlDeviceGetMemoryLimits_v1": [gpu, struct("c_nvmlGetMemoryLimits_v1_t")],
        "nvmlDeviceGetNvLinkInfo": [gpu, by_ref(versioned("c_nvmlNvLinkInfo_v2_t", 2))],
        "nvmlDeviceGetNvLinkTelemetrySamples_v1": [gpu, struct("c_nvmlNvlinkTelemetrySamples_v1_t")],
        "nvmlDeviceGetNvlinkBwMode": [gpu, by_ref(versioned("c_nvmlNvlinkGetBwMode_v1_t", 1))],
        "nvmlDeviceGetNvlinkSupportedBwModes": [gpu, by_ref(versioned("c_nvmlNvlinkSupportedBwModes_v1_t", 1))],
        "nvmlDeviceGetPciInfoExt": [gpu, by_ref(versioned("nvmlPciInfoExt_v1_t", 1))],
        "nvmlDeviceGetPlatformInfo": [gpu, by_ref(versioned("c_nvmlPlatformInfo_v2_t", 2))],
        "nvmlDeviceGetPowerMizerMode_v1": [gpu, by_ref(struct("c_nvmlDevicePowerMizerModes_v1_t"))],
        "nvmlDeviceGetRemappedRows_v2": [gpu, by_ref(struct("c_nvmlRemappedRowsInfo_v2_t"))],
        "nvmlDeviceGetRunningProcessDetailList": [gpu, nv.nvmlProcessDetailList_v1, 0],
        "nvmlDeviceGetSramEccErrorStatus": [gpu, by_ref(versioned("c_nvmlEccSramErrorStatus_v1_t", 1))],
        "nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts": [
            gpu,
            by_ref(versioned("c_nvmlEccSramUniqueUncorrectedErrorCounts_v1_t", 1)),
        ],
        "nvmlDeviceGetVgpuSchedulerLog_v2": [gpu, struct("c_nvmlVgpuSchedulerLogInfo_v2_t")],
        "nvmlDeviceGetVgpuSchedulerState_v2": [gpu, struct("c_nvmlVgpuSchedulerStateInfo_v2_t")],
        "nvmlDevicePerfMetricsGetSamples_v1": [gpu, struct("c_nvmlPerfMetricsSamples_v1_t")],
        "nvmlDeviceReadPRMCounters_v1": [gpu, nv.c_nvmlPRMCounterList_v1_t(0)],
        "nvmlDeviceReadWritePRM_v1": [gpu, struct("c_nvmlPRMTLV_v1_t")],
        "nvmlDeviceWorkloadPowerProfileGetCurrentProfiles": [
            gpu,
            by_ref(versioned("c_nvmlWorkloadPowerProfileCurrentProfiles_v1_t", 1)),
        ],
        "nvmlDeviceWorkloadPowerProfileGetProfilesInfo": [
            gpu,
            by_ref(versioned("c_nvmlWorkloadPowerProfileProfilesInfo_v1_t", 1)),
        ],
        "nvmlEventSetGetContextCount_v1": [events, struct("c_nvmlEventSetGetContextCount_v1_t")],
        "nvmlEventSetGetContextData_v1": [events, struct("c_nvmlEventSetGetContextData_v1_t")],
        "nvmlEventSetGetContextInfo_v1": [events, struct("c_nvmlEventSetGetContextInfo_v1_t")],
        "nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1": [
            events,
            struct("c_nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1_t"),
        ],
        "nvmlGetVgpuCompatibility": [struct("c_nvmlVgpuMetadata_t"), struct("c_nvmlVgpuPgpuMetadata_t")],
        "nvmlGetVgpuVersion": [struct("c_nvmlVgpuVersion_t"), struct("c_nvmlVgpuVersion_t")],
        "nvmlGpmMetricsGet": [metrics],
        "nvmlGpmMigSampleGet": [gpu, 0, samples[0]],
        "nvmlGpmSampleFree": [nv.nvmlGpmSampleAlloc()],
        "nvmlGpmSampleGet": [gpu, samples[0]],
        "nvmlSystemGetCPER_v1": [struct("c_nvmlGetCPER_v1_t")],
        "nvmlSystemGetConfComputeSettings": [by_ref(versioned("c_nvmlSystemConfComputeSettings_v1_t", 1))],
        "nvmlVgpuTypeGetMaxInstances": [gpu, 1],
    }
    return names, special


def ask(function: t.Callable[..., object], arguments: list[object]) -> str:
    codes.clear()
    try:
        function(*arguments)
    except nv.NVMLError:
        pass
    except Exception as error:  # of the wrapper, after the library has answered
        if not codes:
            return f"{type(error).__name__}: {error}"
    return NAMES[codes[-1]] if codes else "not called"


NAMES = {
    value: name.removeprefix("NVML_").removeprefix("ERROR_")
    for name, value in vars(nv).items()
    if re.fullmatch(r"NVML_(SUCCESS|ERROR_\w+)", name)
}


def main() -> None:
    nv.nvmlInit()
    names, special = prepare()
    nv._nvmlGetFunctionPointer = recording
    outcome = {}
    for name, function in sorted(vars(nv).items()):
        if not inspect.isfunction(function) or not GETTERS.match(name):
            continue
        parameters = inspect.signature(function).parameters.values()
        needed = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
        missing = [] if name in special else [parameter for parameter in needed if parameter not in names]
        outcome[name] = (
            f"no argument for {missing}"
            if missing
            else ask(function, special.get(name) or [names[parameter] for parameter in needed])
        )
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
