// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_internal.h"

// Since the host has started, or since the GPU's last reset.
nvmlReturn_t nvmlDeviceGetGpuUptime_v1(nvmlDevice_t device, nvmlGpuUptime_v1_t *uptime)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, uptime, &gpu);
	uint64_t now, since;

	if (ret != NVML_SUCCESS)
		return ret;
	now = motion_now();
	since = gpu.running->up_since_ms;
	// A page from before the host's last start names a later time than it is now.
	uptime->uptime = (unsigned int)((now - (since <= now ? since : 0)) / 1000);
	return NVML_SUCCESS;
}

// The infoROM of a described board was new when the host started.
nvmlReturn_t nvmlDeviceGetBBXTimeData_v1(nvmlDevice_t device, nvmlBBXTimeData_v1_t *timeData)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, timeData, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!*gpu.board->inforom_image)
		return NVML_ERROR_NOT_SUPPORTED;
	timeData->timeRun = (unsigned int)(motion_now() / 1000);
	return NVML_SUCCESS;
}
