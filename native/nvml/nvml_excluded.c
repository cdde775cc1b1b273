// SPDX-License-Identifier: GPL-3.0-or-later
// GPUs that the driver was told to leave alone: the description has no such list, so that there are none.
#include "nvml_internal.h"

nvmlReturn_t nvmlGetExcludedDeviceCount(unsigned int *deviceCount)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!deviceCount)
		return NVML_ERROR_INVALID_ARGUMENT;
	*deviceCount = 0;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGetExcludedDeviceInfoByIndex(unsigned int index, nvmlExcludedDeviceInfo_t *info)
{
	nvmlReturn_t ret = api_enter(__func__);

	(void)index;
	(void)info;
	return ret == NVML_SUCCESS ? NVML_ERROR_INVALID_ARGUMENT : ret;
}

nvmlReturn_t nvmlGetBlacklistDeviceCount(unsigned int *deviceCount)
{
	return nvmlGetExcludedDeviceCount(deviceCount);
}

nvmlReturn_t nvmlGetBlacklistDeviceInfoByIndex(unsigned int index, nvmlExcludedDeviceInfo_t *info)
{
	return nvmlGetExcludedDeviceInfoByIndex(index, info);
}
