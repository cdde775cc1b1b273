// SPDX-License-Identifier: GPL-3.0-or-later
#include "clock_limits.h"
#include "nvml_internal.h"

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, clock, &gpu);
	const struct readings *now;

	if (ret != NVML_SUCCESS)
		return ret;
	now = gpu.readings;
	switch (type) {
	case NVML_CLOCK_GRAPHICS:
		return answer_u32(clock, clock_limited(&gpu, now->graphics_mhz));
	case NVML_CLOCK_SM:
		return answer_u32(clock, clock_limited(&gpu, now->sm_mhz));
	case NVML_CLOCK_MEM:
		return answer_u32(clock, memory_clock_limited(&gpu, now->memory_mhz));
	case NVML_CLOCK_VIDEO:
		return answer_u32(clock, now->video_mhz);
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, nvmlClockType_t type,
				       unsigned int *clock)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, clock, &gpu);
	const struct profile_clocks *clocks;

	if (ret != NVML_SUCCESS)
		return ret;
	clocks = &gpu.board->clocks;
	switch (type) {
	case NVML_CLOCK_GRAPHICS:
		return answer_u32(clock, clocks->graphics_max);
	case NVML_CLOCK_SM:
		return answer_u32(clock, clocks->sm_max);
	case NVML_CLOCK_MEM:
		return answer_u32(clock, clocks->memory_max);
	case NVML_CLOCK_VIDEO:
		return answer_u32(clock, clocks->video_max);
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

// Only graphics (with it SM) and memory have a clock that applications may ask for.
static nvmlReturn_t answer_target(unsigned int *clock, nvmlClockType_t type, uint32_t graphics,
				  uint32_t memory)
{
	switch (type) {
	case NVML_CLOCK_GRAPHICS:
	case NVML_CLOCK_SM:
		return answer_u32(clock, graphics);
	case NVML_CLOCK_MEM:
		return answer_u32(clock, memory);
	case NVML_CLOCK_VIDEO:
		return NVML_ERROR_NOT_SUPPORTED;
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

nvmlReturn_t nvmlDeviceGetApplicationsClock(nvmlDevice_t device, nvmlClockType_t clockType,
					    unsigned int *clockMHz)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, clockMHz, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (driver_major(gpu.description) >= DRIVER_WITHOUT_APPLICATION_CLOCKS)
		return NVML_ERROR_DEPRECATED;
	return answer_target(clockMHz, clockType, gpu.readings->graphics_app_mhz,
			     gpu.readings->memory_app_mhz);
}

nvmlReturn_t nvmlDeviceGetDefaultApplicationsClock(nvmlDevice_t device, nvmlClockType_t clockType,
						   unsigned int *clockMHz)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, clockMHz, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (driver_major(gpu.description) >= DRIVER_WITHOUT_APPLICATION_CLOCKS)
		return NVML_ERROR_DEPRECATED;
	return answer_target(clockMHz, clockType, gpu.board->clocks.graphics_app_default,
			     gpu.board->clocks.memory_app_default);
}

nvmlReturn_t nvmlDeviceGetMaxCustomerBoostClock(nvmlDevice_t device, nvmlClockType_t clockType,
						unsigned int *clockMHz)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, clockMHz, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (clockType == NVML_CLOCK_VIDEO)
		return answer_u32(clockMHz, gpu.board->clocks.video_max);
	return answer_target(clockMHz, clockType, gpu.board->clocks.graphics_boost_max,
			     gpu.board->clocks.memory_max);
}

nvmlReturn_t nvmlDeviceGetClock(nvmlDevice_t device, nvmlClockType_t clockType,
				nvmlClockId_t clockId, unsigned int *clockMHz)
{
	switch (clockId) {
	case NVML_CLOCK_ID_APP_CLOCK_TARGET:
		return nvmlDeviceGetApplicationsClock(device, clockType, clockMHz);
	case NVML_CLOCK_ID_APP_CLOCK_DEFAULT:
		return nvmlDeviceGetDefaultApplicationsClock(device, clockType, clockMHz);
	case NVML_CLOCK_ID_CUSTOMER_BOOST_MAX:
		return nvmlDeviceGetMaxCustomerBoostClock(device, clockType, clockMHz);
	case NVML_CLOCK_ID_CURRENT:
		return nvmlDeviceGetClockInfo(device, clockType, clockMHz);
	default:
		break;
	}
	// An unknown clock is the last thing to be looked at.
	nvmlReturn_t ret = nvmlDeviceGetClockInfo(device, clockType, clockMHz);

	return ret == NVML_SUCCESS ? NVML_ERROR_INVALID_ARGUMENT : ret;
}

nvmlReturn_t nvmlDeviceGetSupportedMemoryClocks(nvmlDevice_t device, unsigned int *count,
						unsigned int *clocksMHz)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, count, &gpu);
	const struct profile_clocks *clocks;
	unsigned int room;

	if (ret != NVML_SUCCESS)
		return ret;
	clocks = &gpu.board->clocks;
	if (!clocks->memory_clock_count)
		return NVML_ERROR_NOT_SUPPORTED;
	room = clocksMHz ? *count : 0;
	*count = clocks->memory_clock_count;
	if (room < clocks->memory_clock_count)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(clocksMHz, clocks->memory_clocks, *count * sizeof(*clocksMHz));
	return NVML_SUCCESS;
}

static int memory_clock_position(const struct profile_clocks *clocks, unsigned int mhz)
{
	for (uint32_t i = 0; i < clocks->memory_clock_count; i++)
		if (clocks->memory_clocks[i] == mhz)
			return (int)i;
	return -1;
}

/*
 * The report of nvidia-smi before 570 has room for so many clocks and shows an error instead of a longer list. Drivers
 * of that age knew no board with more, so that one caller gets the highest ones; all others get the whole list.
 */
#define REPORT_ROOM 256

nvmlReturn_t nvmlDeviceGetSupportedGraphicsClocks(nvmlDevice_t device, unsigned int memoryClockMHz,
						  unsigned int *count, unsigned int *clocksMHz)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, count, &gpu);
	const struct profile_clocks *clocks;
	unsigned int room;
	int m;

	if (ret != NVML_SUCCESS)
		return ret;
	clocks = &gpu.board->clocks;
	if (!clocks->memory_clock_count)
		return NVML_ERROR_NOT_SUPPORTED;
	m = memory_clock_position(clocks, memoryClockMHz);
	if (m < 0)
		return NVML_ERROR_NOT_FOUND;
	room = clocksMHz ? *count : 0;
	*count = clocks->graphics_count[m];
	log_debug("%s: room for %u of %u clocks", __func__, room, *count);
	if (room == REPORT_ROOM && *count > room && driver_major(gpu.description) < 570)
		*count = room;
	if (room < *count)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned int i = 0; i < *count; i++)
		clocksMHz[i] = clocks->graphics_clocks[clocks->graphics_first[m] + i];
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetAutoBoostedClocksEnabled(nvmlDevice_t device,
						   nvmlEnableState_t *isEnabled,
						   nvmlEnableState_t *defaultIsEnabled)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, isEnabled, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!defaultIsEnabled)
		return NVML_ERROR_INVALID_ARGUMENT;
	do {
		if (gpu.readings->auto_boost == NA_U32)
			return NVML_ERROR_NOT_SUPPORTED;
		*isEnabled = gpu.readings->auto_boost;
		*defaultIsEnabled = gpu.running->settings.auto_boost_default;
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device,
						    unsigned long long *clocksEventReasons)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, clocksEventReasons, &gpu);

	return ret == NVML_SUCCESS ? answer_u64(clocksEventReasons, gpu.readings->event_reasons)
				   : ret;
}

nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device,
						       unsigned long long *clocksThrottleReasons)
{
	return nvmlDeviceGetCurrentClocksEventReasons(device, clocksThrottleReasons);
}

nvmlReturn_t nvmlDeviceGetSupportedClocksEventReasons(nvmlDevice_t device,
						      unsigned long long *supported)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, supported, &gpu);

	return ret == NVML_SUCCESS ? answer_u64(supported, gpu.board->event_reasons_supported)
				   : ret;
}

nvmlReturn_t nvmlDeviceGetSupportedClocksThrottleReasons(nvmlDevice_t device,
							 unsigned long long *supported)
{
	return nvmlDeviceGetSupportedClocksEventReasons(device, supported);
}
