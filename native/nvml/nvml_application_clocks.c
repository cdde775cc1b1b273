// SPDX-License-Identifier: GPL-3.0-or-later
// What clocks applications get, whether they boost by themselves, and who may say so.
#include "nvml_change.h"

static bool has_app_clocks(const struct gpu *gpu)
{
	return gpu->board->clocks.graphics_app_default != NA_U32 &&
	       gpu->board->clocks.memory_app_default != NA_U32;
}

static bool has_auto_boost(const struct gpu *gpu)
{
	return gpu->readings->auto_boost != NA_U32;
}

static bool is_supported(const struct profile_clocks *clocks, unsigned int memory,
			 unsigned int graphics)
{
	for (uint32_t m = 0; m < clocks->memory_clock_count && m < PROFILE_MAX_MEMORY_CLOCKS; m++) {
		uint32_t first = clocks->graphics_first[m];

		if (clocks->memory_clocks[m] != memory)
			continue;
		for (uint32_t i = first;
		     i - first < clocks->graphics_count[m] && i < PROFILE_MAX_GRAPHICS_CLOCKS; i++)
			if (clocks->graphics_clocks[i] == graphics)
				return true;
	}
	return false;
}

static nvmlReturn_t open_restricted(struct change *change, uint32_t restricted)
{
	return restricted ? change_open(change) : change_open_for_all(change);
}

static nvmlReturn_t set_app_clocks(struct change *change, uint32_t memory, uint32_t graphics,
				   bool chosen)
{
	nvmlReturn_t ret =
		open_restricted(change, change->gpu.running->settings.restricted_app_clocks);

	if (ret != NVML_SUCCESS)
		return ret;
	change->running->readings.memory_app_mhz = memory;
	change->running->readings.graphics_app_mhz = graphics;
	change->running->settings.app_clocks_chosen = chosen;
	return change_end(change);
}

nvmlReturn_t nvmlDeviceSetApplicationsClocks(nvmlDevice_t device, unsigned int memClockMHz,
					     unsigned int graphicsClockMHz)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!has_app_clocks(&change.gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	if (!is_supported(&change.gpu.board->clocks, memClockMHz, graphicsClockMHz))
		return NVML_ERROR_INVALID_ARGUMENT;
	return set_app_clocks(&change, memClockMHz, graphicsClockMHz, true);
}

nvmlReturn_t nvmlDeviceResetApplicationsClocks(nvmlDevice_t device)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!has_app_clocks(&change.gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	return set_app_clocks(&change, change.gpu.board->clocks.memory_app_default,
			      change.gpu.board->clocks.graphics_app_default, false);
}

nvmlReturn_t nvmlDeviceSetAutoBoostedClocksEnabled(nvmlDevice_t device, nvmlEnableState_t enabled)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (enabled != NVML_FEATURE_DISABLED && enabled != NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!has_auto_boost(&change.gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	ret = open_restricted(&change, change.gpu.running->settings.restricted_auto_boost);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->readings.auto_boost = enabled;
	return change_end(&change);
}

// The default is what holds when no process computes; the flags mean nothing.
nvmlReturn_t nvmlDeviceSetDefaultAutoBoostedClocksEnabled(nvmlDevice_t device,
							  nvmlEnableState_t enabled,
							  unsigned int flags)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	(void)flags;
	if (ret != NVML_SUCCESS)
		return ret;
	if (enabled != NVML_FEATURE_DISABLED && enabled != NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!has_auto_boost(&change.gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->settings.auto_boost_default = enabled;
	if (!change.running->process_count)
		change.running->readings.auto_boost = enabled;
	return change_end(&change);
}

static nvmlReturn_t check_restriction(const struct gpu *gpu, nvmlRestrictedAPI_t type)
{
	switch (type) {
	case NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS:
		return has_app_clocks(gpu) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
	case NVML_RESTRICTED_API_SET_AUTO_BOOSTED_CLOCKS:
		return has_auto_boost(gpu) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

nvmlReturn_t nvmlDeviceGetAPIRestriction(nvmlDevice_t device, nvmlRestrictedAPI_t apiType,
					 nvmlEnableState_t *isRestricted)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, isRestricted, &gpu);

	if (ret == NVML_SUCCESS)
		ret = check_restriction(&gpu, apiType);
	if (ret != NVML_SUCCESS)
		return ret;
	*isRestricted = apiType == NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS
				? gpu.running->settings.restricted_app_clocks
				: gpu.running->settings.restricted_auto_boost;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceSetAPIRestriction(nvmlDevice_t device, nvmlRestrictedAPI_t apiType,
					 nvmlEnableState_t isRestricted)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (isRestricted != NVML_FEATURE_DISABLED && isRestricted != NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = check_restriction(&change.gpu, apiType);
	if (ret == NVML_SUCCESS)
		ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	if (apiType == NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS)
		change.running->settings.restricted_app_clocks = isRestricted;
	else
		change.running->settings.restricted_auto_boost = isRestricted;
	return change_end(&change);
}
