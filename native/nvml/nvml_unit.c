// SPDX-License-Identifier: GPL-3.0-or-later
// S-class units: no system of these boards has one. The functions on a unit are in the generated source.
#include "nvml_internal.h"

nvmlReturn_t nvmlUnitGetCount(unsigned int *unitCount)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!unitCount)
		return NVML_ERROR_INVALID_ARGUMENT;
	*unitCount = 0;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetHicVersion(unsigned int *hwbcCount, nvmlHwbcEntry_t *hwbcEntries)
{
	nvmlReturn_t ret = api_enter(__func__);

	(void)hwbcEntries;
	if (ret != NVML_SUCCESS)
		return ret;
	if (!hwbcCount)
		return NVML_ERROR_INVALID_ARGUMENT;
	*hwbcCount = 0;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlUnitGetHandleByIndex(unsigned int index, nvmlUnit_t *unit)
{
	nvmlReturn_t ret = api_enter(__func__);

	(void)index;
	(void)unit;
	return ret == NVML_SUCCESS ? NVML_ERROR_INVALID_ARGUMENT : ret;
}
