// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_change.h"
#include "power.h"

// The enforced limit is the requested one, or that of something stricter which the board at rest has.
static uint32_t enforced(uint32_t requested, uint32_t requested_at_rest, uint32_t enforced_at_rest)
{
	bool stricter = enforced_at_rest != NA_U32 && enforced_at_rest < requested_at_rest;

	return stricter && enforced_at_rest < requested ? enforced_at_rest : requested;
}

static void put_limit(struct change *change, unsigned int scope, uint32_t limit)
{
	const struct readings *rest = &change->gpu.device->readings;
	struct readings *now = &change->running->readings;

	if (scope == NVML_POWER_SCOPE_GPU) {
		now->power_limit_mw = limit;
		now->enforced_limit_mw =
			enforced(limit, rest->power_limit_mw, rest->enforced_limit_mw);
		return;
	}
	now->module_power_limit_mw = limit;
	now->module_enforced_limit_mw =
		enforced(limit, rest->module_power_limit_mw, rest->module_enforced_limit_mw);
}

static nvmlReturn_t set_limit(struct change *change, unsigned int scope, unsigned int limit)
{
	struct power_scope power;
	nvmlReturn_t ret;

	if (!gpu_power_scope(&change->gpu, scope, &power))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (change->gpu.board->power.management != NVML_FEATURE_ENABLED ||
	    power.requested_mw == NA_U32 || power.min_mw == NA_U32 || power.max_mw == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	if (limit < power.min_mw || limit > power.max_mw)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(change);
	if (ret != NVML_SUCCESS)
		return ret;
	put_limit(change, scope, limit);
	return change_end(change);
}

nvmlReturn_t nvmlDeviceSetPowerManagementLimit(nvmlDevice_t device, unsigned int limit)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	return ret == NVML_SUCCESS ? set_limit(&change, NVML_POWER_SCOPE_GPU, limit) : ret;
}

nvmlReturn_t nvmlDeviceSetPowerManagementLimit_v2(nvmlDevice_t device,
						  nvmlPowerValue_v2_t *powerValue)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!powerValue)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (powerValue->version != nvmlPowerValue_v2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return set_limit(&change, powerValue->powerScope, powerValue->powerValueMw);
}
