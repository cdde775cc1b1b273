// SPDX-License-Identifier: GPL-3.0-or-later
#include "fault.h"
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

#define AVERAGE_MS 1000u
#define AVERAGE_STEPS 20u

// A change within the last second, or a fault, is in no table. At rest it is what the description says.
static uint32_t mean_power(const struct gpu *gpu, uint64_t now)
{
	const struct readings *rest = &gpu->device->readings;
	uint64_t mean = 0;
	struct readings past;

	for (unsigned int i = 0; i < AVERAGE_STEPS; i++) {
		uint64_t age = AVERAGE_MS * (2 * i + 1) / (2 * AVERAGE_STEPS);
		uint64_t moment = now > age ? now - age : 0;

		fault_past(gpu, moment, &past);
		mean += past.power_mw == rest->power_mw && !gpu_power_moved(gpu, moment)
				? rest->power_average_mw
				: past.power_mw;
	}
	return (uint32_t)(mean / AVERAGE_STEPS);
}

uint32_t gpu_average_power(const struct gpu *gpu)
{
	const struct readings *rest = &gpu->device->readings, *set = &gpu->running->readings;
	uint64_t now;

	// What was set by hand stays.
	if (set->power_average_mw == NA_U32 || set->power_average_mw != rest->power_average_mw ||
	    set->power_mw == NA_U32 || rest->power_mw == NA_U32)
		return set->power_average_mw;
	now = motion_now();
	if (gpu->running->fault_count || gpu_since(gpu, now) + AVERAGE_MS > now ||
	    (!gpu->running->moves && set->power_mw != rest->power_mw))
		return mean_power(gpu, now);
	return gpu->readings->power_average_mw;
}

bool gpu_power_scope(const struct gpu *gpu, unsigned int scope, struct power_scope *values)
{
	const struct readings *now = gpu->readings;
	const struct profile_power *power = &gpu->board->power;

	switch (scope) {
	case NVML_POWER_SCOPE_GPU:
		*values = (struct power_scope){
			now->power_mw,	     gpu_average_power(gpu),  now->enforced_limit_mw,
			now->power_limit_mw, power->default_limit_mw, power->min_limit_mw,
			power->max_limit_mw,
		};
		return true;
	case NVML_POWER_SCOPE_MODULE:
		*values = (struct power_scope){
			module_power(gpu),
			module_average_power(gpu),
			now->module_enforced_limit_mw,
			now->module_power_limit_mw,
			power->module_default_limit_mw,
			power->module_min_limit_mw,
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
