// SPDX-License-Identifier: GPL-3.0-or-later
// What can be changed about NVLink.
#include "fault_settle.h"
#include "nvlink.h"
#include "nvml_change.h"

// How long a link has nothing to do before it saves power.
nvmlReturn_t nvmlDeviceSetNvLinkDeviceLowPowerThreshold(nvmlDevice_t device,
							nvmlNvLinkPowerThres_t *info)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);
	const struct board *board;
	bool reset;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	board = change.gpu.board;
	if (board->architecture < NVML_DEVICE_ARCH_HOPPER || board->nvlink.version == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	reset = info->lowPwrThreshold == NVML_NVLINK_LOW_POWER_THRESHOLD_RESET;
	if (!reset && (info->lowPwrThreshold < NVML_NVLINK_LOW_POWER_THRESHOLD_MIN ||
		       info->lowPwrThreshold > NVML_NVLINK_LOW_POWER_THRESHOLD_MAX))
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->settings.low_power_threshold =
		reset ? board->nvlink.low_power_threshold : info->lowPwrThreshold;
	return change_end(&change);
}

// Where there is nothing to reset, nothing is written, and who may write does not matter.
nvmlReturn_t nvmlDeviceResetNvLinkErrorCounters(nvmlDevice_t device, unsigned int link)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret == NVML_SUCCESS)
		ret = nvlink_check(&change.gpu, link);
	if (ret != NVML_SUCCESS || !change.gpu.readings->links.errors[link])
		return ret;
	ret = change_open_for_all(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	fault_settle(change.running, &change.gpu, FAULT_BIT(FAULT_NAME_NVLINK_ERRORS));
	change.running->readings.links.errors[link] = 0;
	return change_end(&change);
}
