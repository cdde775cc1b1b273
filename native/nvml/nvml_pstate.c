// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_internal.h"

GETTER_U32(nvmlDeviceGetPerformanceState, nvmlPstates_t, gpu.readings->performance_state)

// The older name of the same question, which newer drivers refuse.
nvmlReturn_t nvmlDeviceGetPowerState(nvmlDevice_t device, nvmlPstates_t *pState)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pState, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (driver_major(gpu.description) >= DRIVER_WITHOUT_APPLICATION_CLOCKS)
		return NVML_ERROR_DEPRECATED;
	return answer_u32((unsigned int *)pState, gpu.readings->performance_state);
}

/*
 * A performance state is a range of memory clocks. Boards with GDDR have low ones
 * for P5 and P8; all clocks of boards with HBM belong to P0.
 */
#define P5_MEMORY_MHZ 810u
#define P8_MEMORY_MHZ 405u

static nvmlPstates_t state_of_memory_clock(const struct profile_clocks *clocks, uint32_t m)
{
	if (!m || clocks->memory_clocks[m] > P5_MEMORY_MHZ)
		return NVML_PSTATE_0;
	return clocks->memory_clocks[m] > P8_MEMORY_MHZ ? NVML_PSTATE_5 : NVML_PSTATE_8;
}

static bool has_state(const struct profile_clocks *clocks, nvmlPstates_t state)
{
	for (uint32_t m = 0; m < clocks->memory_clock_count && m < PROFILE_MAX_MEMORY_CLOCKS; m++)
		if (state_of_memory_clock(clocks, m) == state)
			return true;
	return state == NVML_PSTATE_0;
}

nvmlReturn_t nvmlDeviceGetSupportedPerformanceStates(nvmlDevice_t device, nvmlPstates_t *pstates,
						     unsigned int size)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pstates, &gpu);
	unsigned int entries = size / sizeof(*pstates), found = 0;

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.readings->performance_state == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	for (int state = NVML_PSTATE_0; state <= NVML_PSTATE_15; state++) {
		if (!has_state(&gpu.board->clocks, (nvmlPstates_t)state))
			continue;
		if (found == entries)
			return NVML_ERROR_INSUFFICIENT_SIZE;
		pstates[found++] = (nvmlPstates_t)state;
	}
	while (found < entries)
		pstates[found++] = NVML_PSTATE_UNKNOWN;
	return NVML_SUCCESS;
}

// Both lists are sorted, highest first.
static void widen(uint32_t lowest, uint32_t highest, unsigned int *min, unsigned int *max)
{
	*min = lowest < *min ? lowest : *min;
	*max = highest > *max ? highest : *max;
}

static nvmlReturn_t answer_range(const struct profile_clocks *clocks, nvmlClockType_t type,
				 nvmlPstates_t state, unsigned int *lowest, unsigned int *highest)
{
	bool memory = type == NVML_CLOCK_MEM;
	unsigned int min = UINT32_MAX, max = 0;

	if (type == NVML_CLOCK_VIDEO)
		return NVML_ERROR_NOT_SUPPORTED;
	if (!memory && type != NVML_CLOCK_GRAPHICS && type != NVML_CLOCK_SM)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (uint32_t m = 0; m < clocks->memory_clock_count && m < PROFILE_MAX_MEMORY_CLOCKS; m++) {
		uint32_t first = clocks->graphics_first[m], count = clocks->graphics_count[m];

		if (state_of_memory_clock(clocks, m) != state)
			continue;
		if (memory)
			widen(clocks->memory_clocks[m], clocks->memory_clocks[m], &min, &max);
		else if (count && first + count <= PROFILE_MAX_GRAPHICS_CLOCKS)
			widen(clocks->graphics_clocks[first + count - 1],
			      clocks->graphics_clocks[first], &min, &max);
	}
	// What P0 reaches is a board's own, with or without a list.
	if (state == NVML_PSTATE_0) {
		max = memory ? clocks->memory_max : clocks->graphics_max;
		min = min < max ? min : max;
	}
	*lowest = min;
	return answer_u32(highest, max);
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
	if (!has_state(&gpu.board->clocks, pstate))
		return NVML_ERROR_NOT_SUPPORTED;
	return answer_range(&gpu.board->clocks, type, pstate, minClockMHz, maxClockMHz);
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
	info->utilization[NVML_GPU_UTILIZATION_DOMAIN_FB].bIsPresent = 1;
	do {
		info->utilization[NVML_GPU_UTILIZATION_DOMAIN_GPU].percentage =
			gpu.readings->gpu_util;
		info->utilization[NVML_GPU_UTILIZATION_DOMAIN_FB].percentage =
			gpu.readings->memory_util;
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}
