/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The functions of NVML that this program calls, looked up at run time, as the
 * library belongs to the driver and not to us. Only the public header is used:
 * the program works on any driver's NVML. A function that an older library does
 * not have answers NVML_ERROR_FUNCTION_NOT_FOUND.
 */
#ifndef SMI_NVML_API_H
#define SMI_NVML_API_H

#include <stdbool.h>

#define NVML_NO_UNVERSIONED_FUNC_DEFS
#include <nvml.h>

#define NVML_API(X)                                        \
	X(Init_v2)                                         \
	X(Shutdown)                                        \
	X(ErrorString)                                     \
	X(SystemGetDriverVersion)                          \
	X(SystemGetNVMLVersion)                            \
	X(SystemGetCudaDriverVersion_v2)                   \
	X(SystemGetProcessName)                            \
	X(GetVgpuDriverCapabilities)                       \
	X(DeviceGetCount_v2)                               \
	X(DeviceGetHandleByIndex_v2)                       \
	X(DeviceGetHandleByPciBusId_v2)                    \
	X(GetExcludedDeviceCount)                          \
	X(GetExcludedDeviceInfoByIndex)                    \
	X(DeviceGetName)                                   \
	X(DeviceGetSerial)                                 \
	X(DeviceGetUUID)                                   \
	X(DeviceGetIndex)                                  \
	X(DeviceGetPciInfo_v3)                             \
	X(DeviceGetPciInfoExt)                             \
	X(DeviceGetVgpuCapabilities)                       \
	X(DeviceGetCurrPcieLinkGeneration)                 \
	X(DeviceGetMaxPcieLinkGeneration)                  \
	X(DeviceGetGpuMaxPcieLinkGeneration)               \
	X(DeviceGetCurrPcieLinkWidth)                      \
	X(DeviceGetMaxPcieLinkWidth)                       \
	X(DeviceGetDisplayMode)                            \
	X(DeviceGetDisplayActive)                          \
	X(DeviceGetPersistenceMode)                        \
	X(DeviceGetAddressingMode)                         \
	X(DeviceGetAccountingMode)                         \
	X(DeviceGetAccountingBufferSize)                   \
	X(DeviceGetDriverModel)                            \
	X(DeviceGetVbiosVersion)                           \
	X(DeviceGetInforomImageVersion)                    \
	X(DeviceGetInforomVersion)                         \
	X(DeviceValidateInforom)                           \
	X(DeviceGetFieldValues)                            \
	X(DeviceGetGpuOperationMode)                       \
	X(DeviceGetFanSpeed)                               \
	X(DeviceGetPerformanceState)                       \
	X(DeviceGetSupportedClocksThrottleReasons)         \
	X(DeviceGetCurrentClocksThrottleReasons)           \
	X(DeviceGetMemoryInfo_v2)                          \
	X(DeviceGetBAR1MemoryInfo)                         \
	X(DeviceGetConfComputeProtectedMemoryUsage)        \
	X(DeviceGetComputeMode)                            \
	X(DeviceGetCudaComputeCapability)                  \
	X(DeviceGetUtilizationRates)                       \
	X(DeviceGetEncoderUtilization)                     \
	X(DeviceGetDecoderUtilization)                     \
	X(DeviceGetJpgUtilization)                         \
	X(DeviceGetOfaUtilization)                         \
	X(DeviceGetEncoderStats)                           \
	X(DeviceGetEccMode)                                \
	X(DeviceGetMemoryErrorCounter)                     \
	X(DeviceGetTotalEccErrors)                         \
	X(DeviceGetRetiredPages)                           \
	X(DeviceGetRetiredPagesPendingStatus)              \
	X(DeviceGetTemperature)                            \
	X(DeviceGetMarginTemperature)                      \
	X(DeviceGetPowerManagementMode)                    \
	X(DeviceGetPowerUsage)                             \
	X(DeviceGetPowerManagementLimit)                   \
	X(DeviceGetEnforcedPowerLimit)                     \
	X(DeviceGetPowerManagementDefaultLimit)            \
	X(DeviceGetPowerManagementLimitConstraints)        \
	X(DeviceGetClockInfo)                              \
	X(DeviceGetMaxClockInfo)                           \
	X(DeviceGetApplicationsClock)                      \
	X(DeviceGetDefaultApplicationsClock)               \
	X(DeviceGetMigMode)                                \
	X(DeviceGetMaxMigDeviceCount)                      \
	X(DeviceGetMigDeviceHandleByIndex)                 \
	X(DeviceGetGpuInstanceId)                          \
	X(DeviceGetComputeInstanceId)                      \
	X(DeviceGetAttributes_v2)                          \
	X(DeviceGetGspFirmwareMode)                        \
	X(DeviceGetC2cModeInfoV)                           \
	X(DeviceGetGpuFabricInfoV)                         \
	X(DeviceGetComputeRunningProcesses_v3)             \
	X(DeviceGetGraphicsRunningProcesses_v3)            \
	X(DeviceGetMPSComputeRunningProcesses_v3)          \
	X(DeviceGetBrand)                                  \
	X(DeviceGetArchitecture)                           \
	X(DeviceGetMinorNumber)                            \
	X(DeviceGetMultiGpuBoard)                          \
	X(DeviceGetBoardId)                                \
	X(DeviceGetBoardPartNumber)                        \
	X(DeviceGetModuleId)                               \
	X(DeviceGetVirtualizationMode)                     \
	X(DeviceGetHostVgpuMode)                           \
	X(DeviceGetVgpuHeterogeneousMode)                  \
	X(DeviceGetLastBBXFlushTime)                       \
	X(DeviceGetGspFirmwareVersion)                     \
	X(DeviceGetBridgeChipInfo)                         \
	X(DeviceGetPcieReplayCounter)                      \
	X(DeviceGetPcieThroughput)                         \
	X(DeviceGetFBCStats)                               \
	X(DeviceGetSramEccErrorStatus)                     \
	X(DeviceGetRetiredPages_v2)                        \
	X(DeviceGetRemappedRows)                           \
	X(DeviceGetRowRemapperHistogram)                   \
	X(DeviceGetTemperatureThreshold)                   \
	X(DeviceGetPowerState)                             \
	X(DeviceGetMaxCustomerBoostClock)                  \
	X(DeviceGetAutoBoostedClocksEnabled)               \
	X(DeviceGetSupportedMemoryClocks)                  \
	X(DeviceGetSupportedGraphicsClocks)                \
	X(DeviceGetSamples)                                \
	X(DeviceGetAccountingPids)                         \
	X(DeviceGetAccountingStats)                        \
	X(DeviceSetPersistenceMode)                        \
	X(DeviceSetComputeMode)                            \
	X(DeviceSetEccMode)                                \
	X(DeviceClearEccErrorCounts)                       \
	X(DeviceSetMigMode)                                \
	X(DeviceSetAccountingMode)                         \
	X(DeviceClearAccountingPids)                       \
	X(DeviceSetPowerManagementLimit_v2)                \
	X(DeviceSetGpuLockedClocks)                        \
	X(DeviceResetGpuLockedClocks)                      \
	X(DeviceSetMemoryLockedClocks)                     \
	X(DeviceResetMemoryLockedClocks)                   \
	X(DeviceSetApplicationsClocks)                     \
	X(DeviceResetApplicationsClocks)                   \
	X(DeviceGetGpuInstanceProfileInfoV)                \
	X(DeviceGetGpuInstancePossiblePlacements_v2)       \
	X(DeviceGetGpuInstanceRemainingCapacity)           \
	X(DeviceGetGpuInstances)                           \
	X(DeviceCreateGpuInstance)                         \
	X(DeviceCreateGpuInstanceWithPlacement)            \
	X(GpuInstanceDestroy)                              \
	X(GpuInstanceGetInfo)                              \
	X(GpuInstanceGetComputeInstanceProfileInfoV)       \
	X(GpuInstanceGetComputeInstanceRemainingCapacity)  \
	X(GpuInstanceGetComputeInstancePossiblePlacements) \
	X(GpuInstanceGetComputeInstances)                  \
	X(GpuInstanceCreateComputeInstance)                \
	X(GpuInstanceCreateComputeInstanceWithPlacement)   \
	X(ComputeInstanceDestroy)                          \
	X(ComputeInstanceGetInfo_v2)                       \
	X(DeviceGetNvLinkRemotePciInfo_v2)                 \
	X(DeviceGetNvLinkCapability)                       \
	X(SystemGetConfComputeState)                       \
	X(DeviceGetTopologyCommonAncestor)                 \
	X(DeviceGetCpuAffinity)                            \
	X(DeviceGetMemoryAffinity)                         \
	X(DeviceGetNumaNodeId)                             \
	X(DeviceGetProcessesUtilizationInfo)

struct nvml_api {
#define NVML_API_MEMBER(name) __typeof__(&nvml##name) name;
	NVML_API(NVML_API_MEMBER)
#undef NVML_API_MEMBER
};

extern struct nvml_api nvml;

/* False, with the loader's reason in @reason, when no library is found. */
bool nvml_api_load(const char **reason);

#endif
