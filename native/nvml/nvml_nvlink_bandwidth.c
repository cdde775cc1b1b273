// SPDX-License-Identifier: GPL-3.0-or-later
// How much of NVLink is in use: one mode for the system on Hopper, one for each GPU from Blackwell on.
#include <unistd.h>

#include "nvml_change.h"

// Full, off, minimal, half, three quarters: newer headers than 12.4 do not name them any more.
#define LAST_MODE 4u

static bool any_of_or_after(uint32_t architecture)
{
	struct gpu gpu;

	for (uint32_t i = 0; i < handle_count(); i++)
		if (handle_gpu(i, &gpu) && gpu.board->nvlink.version != NA_U32 &&
		    gpu.board->architecture != NA_U32 && gpu.board->architecture >= architecture)
			return true;
	return false;
}

static const struct running_node *node(void)
{
	const struct state_node *state = &page_area(handle_source.page)->state.node;

	return &state->running[atomic_load(&state->sequence) & 1];
}

nvmlReturn_t nvmlSystemGetNvlinkBwMode(unsigned int *nvlinkBwMode)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!nvlinkBwMode)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!any_of_or_after(NVML_DEVICE_ARCH_HOPPER))
		return NVML_ERROR_NOT_SUPPORTED;
	if (geteuid() != 0)
		return NVML_ERROR_NO_PERMISSION;
	*nvlinkBwMode = node()->nvlink_bandwidth_mode;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemSetNvlinkBwMode(unsigned int nvlinkBwMode)
{
	nvmlReturn_t ret = api_enter(__func__);
	struct state_writer writer;
	struct running_node changed;
	enum state_result result;

	if (ret != NVML_SUCCESS)
		return ret;
	if (nvlinkBwMode > LAST_MODE)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!any_of_or_after(NVML_DEVICE_ARCH_HOPPER))
		return NVML_ERROR_NOT_SUPPORTED;
	if (geteuid() != 0)
		return NVML_ERROR_NO_PERMISSION;
	result = state_begin(&writer, &handle_source);
	if (result != STATE_OK)
		return change_result(result);
	changed = state_node(&writer);
	changed.nvlink_bandwidth_mode = nvlinkBwMode;
	result = state_commit_node(&writer, &changed);
	state_end(&writer);
	return change_result(result);
}

// Links of the fifth generation can be encrypted; here they are not, and tell of no firmware.
nvmlReturn_t nvmlDeviceGetNvLinkInfo(nvmlDevice_t device, nvmlNvLinkInfo_t *info)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, info, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (info->version != nvmlNvLinkInfo_v1 && info->version != nvmlNvLinkInfo_v2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (gpu.board->nvlink.version == NA_U32 || gpu.board->nvlink.version < 5)
		return NVML_ERROR_NOT_SUPPORTED;
	info->isNvleEnabled = 0;
	if (info->version == nvmlNvLinkInfo_v2)
		info->firmwareInfo.numValidEntries = 0;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkInfo_v3(nvmlDevice_t device, nvmlNvLinkInfo_v3_t *info)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, info, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->nvlink.version == NA_U32 || gpu.board->nvlink.version < 5)
		return NVML_ERROR_NOT_SUPPORTED;
	info->isNvleEnabled = 0;
	info->firmwareInfo.numValidEntries = 0;
	info->isNvleReady = 0;
	return NVML_SUCCESS;
}
