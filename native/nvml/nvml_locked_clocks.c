// SPDX-License-Identifier: GPL-3.0-or-later
// Clocks between which a GPU is to stay, whoever uses it.
#include "clock_limits.h"
#include "nvml_change.h"

struct clock_lock {
	uint32_t min_mhz;
	uint32_t max_mhz; // 0: not locked
};

static nvmlReturn_t check_gpu_lock(const struct gpu *gpu)
{
	return gpu->board->architecture >= NVML_DEVICE_ARCH_VOLTA &&
			       gpu->board->clocks.graphics_max != NA_U32
		       ? NVML_SUCCESS
		       : NVML_ERROR_NOT_SUPPORTED;
}

static nvmlReturn_t check_memory_lock(const struct gpu *gpu)
{
	return gpu->board->architecture >= NVML_DEVICE_ARCH_AMPERE &&
			       gpu->board->clocks.memory_max != NA_U32
		       ? NVML_SUCCESS
		       : NVML_ERROR_NOT_SUPPORTED;
}

// The board takes the nearest clocks that it has; a range beyond all of them is none.
static nvmlReturn_t check_range(struct clock_lock lock, uint32_t lowest, uint32_t highest)
{
	return lock.min_mhz <= lock.max_mhz && lock.max_mhz >= lowest && lock.min_mhz <= highest
		       ? NVML_SUCCESS
		       : NVML_ERROR_INVALID_ARGUMENT;
}

static bool is_limit_id(unsigned int clock)
{
	return clock == NVML_CLOCK_LIMIT_ID_TDP || clock == NVML_CLOCK_LIMIT_ID_UNLIMITED;
}

// The clock at which a board stays within its power in any case: that of its applications, where it has one.
static uint32_t tdp_clock(const struct profile_clocks *clocks)
{
	return clocks->graphics_app_default == NA_U32 ? clocks->graphics_max
						      : clocks->graphics_app_default;
}

static nvmlReturn_t name_range(const struct profile_clocks *clocks, struct clock_lock *lock)
{
	bool from_tdp = lock->min_mhz == NVML_CLOCK_LIMIT_ID_TDP;
	bool to_tdp = lock->max_mhz == NVML_CLOCK_LIMIT_ID_TDP;

	if (!is_limit_id(lock->min_mhz) || !is_limit_id(lock->max_mhz))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!from_tdp && !to_tdp) {
		*lock = (struct clock_lock){ 0, 0 };
		return NVML_SUCCESS;
	}
	lock->min_mhz = from_tdp ? tdp_clock(clocks) : clock_lowest(clocks);
	lock->max_mhz = to_tdp ? tdp_clock(clocks) : clocks->graphics_max;
	return NVML_SUCCESS;
}

static nvmlReturn_t set_gpu_lock(struct change *change, struct clock_lock lock)
{
	nvmlReturn_t ret = change_open(change);

	if (ret != NVML_SUCCESS)
		return ret;
	change->running->settings.locked_gpu_min_mhz = lock.min_mhz;
	change->running->settings.locked_gpu_max_mhz = lock.max_mhz;
	return change_end(change);
}

nvmlReturn_t nvmlDeviceSetGpuLockedClocks(nvmlDevice_t device, unsigned int minGpuClockMHz,
					  unsigned int maxGpuClockMHz)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);
	const struct profile_clocks *clocks;
	struct clock_lock lock = { minGpuClockMHz, maxGpuClockMHz };

	if (ret == NVML_SUCCESS)
		ret = check_gpu_lock(&change.gpu);
	if (ret != NVML_SUCCESS)
		return ret;
	clocks = &change.gpu.board->clocks;
	if (is_limit_id(lock.min_mhz) || is_limit_id(lock.max_mhz))
		ret = name_range(clocks, &lock);
	else
		ret = check_range(lock, clock_lowest(clocks), clocks->graphics_max);
	return ret == NVML_SUCCESS ? set_gpu_lock(&change, lock) : ret;
}

nvmlReturn_t nvmlDeviceResetGpuLockedClocks(nvmlDevice_t device)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret == NVML_SUCCESS)
		ret = check_gpu_lock(&change.gpu);
	return ret == NVML_SUCCESS ? set_gpu_lock(&change, (struct clock_lock){ 0, 0 }) : ret;
}

static nvmlReturn_t set_memory_lock(struct change *change, struct clock_lock lock)
{
	nvmlReturn_t ret = change_open(change);

	if (ret != NVML_SUCCESS)
		return ret;
	change->running->settings.locked_memory_min_mhz = lock.min_mhz;
	change->running->settings.locked_memory_max_mhz = lock.max_mhz;
	return change_end(change);
}

nvmlReturn_t nvmlDeviceSetMemoryLockedClocks(nvmlDevice_t device, unsigned int minMemClockMHz,
					     unsigned int maxMemClockMHz)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);
	const struct profile_clocks *clocks;
	struct clock_lock lock = { minMemClockMHz, maxMemClockMHz };

	if (ret == NVML_SUCCESS)
		ret = check_memory_lock(&change.gpu);
	if (ret != NVML_SUCCESS)
		return ret;
	clocks = &change.gpu.board->clocks;
	ret = check_range(lock, memory_clock_lowest(clocks), clocks->memory_max);
	return ret == NVML_SUCCESS ? set_memory_lock(&change, lock) : ret;
}

nvmlReturn_t nvmlDeviceResetMemoryLockedClocks(nvmlDevice_t device)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret == NVML_SUCCESS)
		ret = check_memory_lock(&change.gpu);
	return ret == NVML_SUCCESS ? set_memory_lock(&change, (struct clock_lock){ 0, 0 }) : ret;
}
