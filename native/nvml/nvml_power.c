// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_internal.h"
#include "power.h"

GETTER_U32(nvmlDeviceGetPowerManagementLimit, unsigned int, gpu.readings->power_limit_mw)
GETTER_U32(nvmlDeviceGetPowerManagementDefaultLimit, unsigned int,
	   gpu.board->power.default_limit_mw)
GETTER_U32(nvmlDeviceGetEnforcedPowerLimit, unsigned int, gpu.readings->enforced_limit_mw)
GETTER_U32(nvmlDeviceGetPowerUsage, unsigned int, gpu.readings->power_mw)

nvmlReturn_t nvmlDeviceGetPowerManagementMode(nvmlDevice_t device, nvmlEnableState_t *mode)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, mode, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->power.management != NVML_FEATURE_ENABLED)
		return NVML_ERROR_NOT_SUPPORTED;
	*mode = NVML_FEATURE_ENABLED;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device,
							  unsigned int *minLimit,
							  unsigned int *maxLimit)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, minLimit, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!maxLimit)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->power.min_limit_mw == NA_U32 || gpu.board->power.max_limit_mw == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	*minLimit = gpu.board->power.min_limit_mw;
	*maxLimit = gpu.board->power.max_limit_mw;
	return NVML_SUCCESS;
}

bool gpu_power_scope(const struct gpu *gpu, unsigned int scope, struct power_scope *values)
{
	const struct readings *now = gpu->readings;
	const struct profile_power *power = &gpu->board->power;

	switch (scope) {
	case NVML_POWER_SCOPE_GPU:
		*values = (struct power_scope){
			now->power_mw,	     now->power_average_mw,   now->enforced_limit_mw,
			now->power_limit_mw, power->default_limit_mw, power->min_limit_mw,
			power->max_limit_mw,
		};
		return true;
	case NVML_POWER_SCOPE_MODULE:
		*values = (struct power_scope){
			now->module_power_mw,		now->module_power_average_mw,
			now->module_enforced_limit_mw,	now->module_power_limit_mw,
			power->module_default_limit_mw, power->module_min_limit_mw,
			power->module_max_limit_mw,
		};
		return true;
	case NVML_POWER_SCOPE_MEMORY:
		*values = (struct power_scope){
			now->memory_power_mw,
			now->memory_power_average_mw,
			NA_U32,
			NA_U32,
			NA_U32,
			NA_U32,
			NA_U32,
		};
		return true;
	default:
		return false;
	}
}

// What has been counted, and what the draw has come to since then.
uint64_t gpu_energy(const struct gpu *gpu)
{
	struct gpu again = *gpu;
	uint64_t energy;

	if (gpu->running->moves)
		return gpu->readings->energy_mj;
	do {
		energy = again.running->moves ? again.readings->energy_mj
					      : motion_energy(again.running, NULL, motion_now());
	} while (gpu_changed(&again));
	return energy;
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *energy)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, energy, &gpu);

	return ret == NVML_SUCCESS ? answer_u64(energy, gpu_energy(&gpu)) : ret;
}

// A board in a slot or on a carrier has no battery.
GETTER_U32(nvmlDeviceGetPowerSource, nvmlPowerSource_t,
	   gpu.board->power.management == NVML_FEATURE_ENABLED ? NVML_POWER_SOURCE_AC : NA_U32)
