// SPDX-License-Identifier: GPL-3.0-or-later
#include "clock_limits.h"
#include "nvml_internal.h"

GETTER_U32(nvmlDeviceGetPerformanceState, nvmlPstates_t, gpu.readings->performance_state)
GETTER_U32(nvmlDeviceGetPowerState, nvmlPstates_t, gpu.readings->performance_state)

// Data centre boards work in P0 alone.
nvmlReturn_t nvmlDeviceGetSupportedPerformanceStates(nvmlDevice_t device, nvmlPstates_t *pstates,
						     unsigned int size)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pstates, &gpu);
	unsigned int entries = size / sizeof(*pstates);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!entries)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	if (gpu.readings->performance_state == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	for (unsigned int i = 0; i < entries; i++)
		pstates[i] = NVML_PSTATE_UNKNOWN;
	pstates[0] = NVML_PSTATE_0;
	return NVML_SUCCESS;
}

static nvmlReturn_t answer_range(const struct profile_clocks *clocks, nvmlClockType_t type,
				 unsigned int *lowest, unsigned int *highest)
{
	switch (type) {
	case NVML_CLOCK_GRAPHICS:
	case NVML_CLOCK_SM:
		*lowest = clock_lowest(clocks);
		return answer_u32(highest, clocks->graphics_max);
	case NVML_CLOCK_MEM:
		*lowest = memory_clock_lowest(clocks);
		return answer_u32(highest, clocks->memory_max);
	case NVML_CLOCK_VIDEO:
		return NVML_ERROR_NOT_SUPPORTED;
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

nvmlReturn_t nvmlDeviceGetMinMaxClockOfPState(nvmlDevice_t device, nvmlClockType_t type,
					      nvmlPstates_t pstate, unsigned int *minClockMHz,
					      unsigned int *maxClockMHz)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, minClockMHz, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!maxClockMHz || pstate > NVML_PSTATE_15)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (pstate != NVML_PSTATE_0)
		return NVML_ERROR_NOT_SUPPORTED;
	return answer_range(&gpu.board->clocks, type, minClockMHz, maxClockMHz);
}

nvmlReturn_t nvmlDeviceGetDynamicPstatesInfo(nvmlDevice_t device, nvmlGpuDynamicPstatesInfo_t *info)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, info, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.readings->gpu_util == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	memset(info, 0, sizeof(*info));
	info->flags = 1;
	info->utilization[NVML_GPU_UTILIZATION_DOMAIN_GPU].bIsPresent = 1;
	info->utilization[NVML_GPU_UTILIZATION_DOMAIN_GPU].percentage = gpu.readings->gpu_util;
	info->utilization[NVML_GPU_UTILIZATION_DOMAIN_FB].bIsPresent = 1;
	info->utilization[NVML_GPU_UTILIZATION_DOMAIN_FB].percentage = gpu.readings->memory_util;
	return NVML_SUCCESS;
}
