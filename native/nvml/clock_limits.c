// SPDX-License-Identifier: GPL-3.0-or-later
#include "clock_limits.h"

#include <nvml.h>

// Both lists of supported clocks begin with the highest.
uint32_t memory_clock_lowest(const struct profile_clocks *clocks)
{
	uint32_t count = clocks->memory_clock_count;

	return count && count <= PROFILE_MAX_MEMORY_CLOCKS ? clocks->memory_clocks[count - 1]
							   : clocks->memory_max;
}

uint32_t clock_lowest(const struct profile_clocks *clocks)
{
	uint32_t lowest = clocks->graphics_max;

	for (uint32_t i = 0; i < clocks->memory_clock_count && i < PROFILE_MAX_MEMORY_CLOCKS; i++) {
		uint32_t last = clocks->graphics_first[i] + clocks->graphics_count[i];

		if (last && last <= PROFILE_MAX_GRAPHICS_CLOCKS &&
		    clocks->graphics_clocks[last - 1] < lowest)
			lowest = clocks->graphics_clocks[last - 1];
	}
	return lowest;
}

// A board runs at a clock that it has: the next one below what was asked for, else its lowest.
static uint32_t supported_graphics(const struct profile_clocks *clocks, uint32_t mhz)
{
	uint32_t best = 0;

	if (!clocks->graphics_clock_count)
		return mhz;
	for (uint32_t i = 0; i < clocks->graphics_clock_count && i < PROFILE_MAX_GRAPHICS_CLOCKS;
	     i++)
		if (clocks->graphics_clocks[i] <= mhz && clocks->graphics_clocks[i] > best)
			best = clocks->graphics_clocks[i];
	return best ? best : clock_lowest(clocks);
}

static uint32_t supported_memory(const struct profile_clocks *clocks, uint32_t mhz)
{
	for (uint32_t i = 0; i < clocks->memory_clock_count && i < PROFILE_MAX_MEMORY_CLOCKS; i++)
		if (clocks->memory_clocks[i] <= mhz)
			return clocks->memory_clocks[i];
	return clocks->memory_clock_count ? memory_clock_lowest(clocks) : mhz;
}

// Application clocks as the board came with them are no limit.
static bool app_clocks_hold(const struct gpu *gpu)
{
	const struct profile_clocks *clocks = &gpu->board->clocks;
	const struct readings *now = &gpu->running->readings;

	return gpu->running->settings.app_clocks_chosen ||
	       now->graphics_app_mhz != clocks->graphics_app_default ||
	       now->memory_app_mhz != clocks->memory_app_default;
}

void clock_limits(const struct gpu *gpu, uint32_t *min_mhz, uint32_t *max_mhz)
{
	const struct profile_clocks *clocks = &gpu->board->clocks;
	const struct running_settings *settings = &gpu->running->settings;
	uint32_t app = gpu->running->readings.graphics_app_mhz;

	*min_mhz = clock_lowest(clocks);
	*max_mhz = clocks->graphics_max;
	if (settings->locked_gpu_max_mhz) {
		*min_mhz = supported_graphics(clocks, settings->locked_gpu_min_mhz);
		*max_mhz = supported_graphics(clocks, settings->locked_gpu_max_mhz);
	} else if (app_clocks_hold(gpu) && app != NA_U32) {
		*max_mhz = supported_graphics(clocks, app);
	}
}

void memory_clock_limits(const struct gpu *gpu, uint32_t *min_mhz, uint32_t *max_mhz)
{
	const struct profile_clocks *clocks = &gpu->board->clocks;
	const struct running_settings *settings = &gpu->running->settings;
	uint32_t app = gpu->running->readings.memory_app_mhz;

	*min_mhz = memory_clock_lowest(clocks);
	*max_mhz = clocks->memory_max;
	if (settings->locked_memory_max_mhz) {
		*min_mhz = supported_memory(clocks, settings->locked_memory_min_mhz);
		*max_mhz = supported_memory(clocks, settings->locked_memory_max_mhz);
	} else if (app_clocks_hold(gpu) && app != NA_U32) {
		*max_mhz = supported_memory(clocks, app);
	}
}

// A board that must slow down goes below every lock.
static bool must_slow_down(const struct gpu *gpu)
{
	const uint64_t reasons =
		nvmlClocksEventReasonSwPowerCap | nvmlClocksThrottleReasonHwSlowdown |
		nvmlClocksEventReasonSwThermalSlowdown | nvmlClocksThrottleReasonHwThermalSlowdown |
		nvmlClocksThrottleReasonHwPowerBrakeSlowdown;

	return gpu->readings->event_reasons != NA_U64 && gpu->readings->event_reasons & reasons;
}

static uint32_t within(uint32_t mhz, uint32_t min_mhz, uint32_t max_mhz)
{
	if (mhz < min_mhz)
		return min_mhz;
	return mhz > max_mhz ? max_mhz : mhz;
}

// A getter mostly meets a board that nobody has limited.
uint32_t clock_limited(const struct gpu *gpu, uint32_t mhz)
{
	uint32_t min_mhz, max_mhz;

	if (mhz == NA_U32 || (!gpu->running->settings.locked_gpu_max_mhz && !app_clocks_hold(gpu)))
		return mhz;
	clock_limits(gpu, &min_mhz, &max_mhz);
	if (!gpu->running->settings.locked_gpu_max_mhz || must_slow_down(gpu))
		min_mhz = 0;
	return within(mhz, min_mhz, max_mhz);
}

uint32_t memory_clock_limited(const struct gpu *gpu, uint32_t mhz)
{
	uint32_t min_mhz, max_mhz;

	if (mhz == NA_U32 ||
	    (!gpu->running->settings.locked_memory_max_mhz && !app_clocks_hold(gpu)))
		return mhz;
	memory_clock_limits(gpu, &min_mhz, &max_mhz);
	if (!gpu->running->settings.locked_memory_max_mhz)
		min_mhz = 0;
	return within(mhz, min_mhz, max_mhz);
}
