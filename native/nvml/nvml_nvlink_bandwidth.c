// SPDX-License-Identifier: GPL-3.0-or-later
// How much of NVLink is in use: one mode for the system on Hopper, one for each GPU from Blackwell on.
#include <unistd.h>

#include "nvml_change.h"

// Full, off, minimal, half, three quarters: newer headers than 12.4 do not name them any more.
#define FULL_MODE 0u
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

// --- one GPU's: a number of links, from Blackwell on ---

// As the open kernel modules lay the byte out: the kind of mode in its low three bits, the links above.
#define BY_LINK_COUNT(count) ((count) << 3 | 5u)

// What the hubs of a GB100 and its relatives can do; full bandwidth besides.
static const unsigned char reduced_modes[] = {
	BY_LINK_COUNT(0),
	BY_LINK_COUNT(4),
	BY_LINK_COUNT(8),
	BY_LINK_COUNT(12),
};

static bool has_reduced_modes(const struct gpu *gpu)
{
	return gpu->board->nvlink.version != NA_U32 && gpu->board->architecture != NA_U32 &&
	       gpu->board->architecture >= NVML_DEVICE_ARCH_BLACKWELL;
}

static bool is_mode(unsigned int mode)
{
	return mode == FULL_MODE || memchr(reduced_modes, (int)mode, sizeof(reduced_modes));
}

nvmlReturn_t nvmlDeviceGetNvlinkSupportedBwModes(nvmlDevice_t device,
						 nvmlNvlinkSupportedBwModes_t *supportedBwMode)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, supportedBwMode, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (supportedBwMode->version != nvmlNvlinkSupportedBwModes_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!has_reduced_modes(&gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	memcpy(supportedBwMode->bwModes, reduced_modes, sizeof(reduced_modes));
	supportedBwMode->totalBwModes = sizeof(reduced_modes);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvlinkBwMode(nvmlDevice_t device, nvmlNvlinkGetBwMode_t *getBwMode)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, getBwMode, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (getBwMode->version != nvmlNvlinkGetBwMode_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!has_reduced_modes(&gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	getBwMode->bwMode = (unsigned char)gpu.running->settings.nvlink_bandwidth_mode;
	getBwMode->bIsBest = getBwMode->bwMode == FULL_MODE;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceSetNvlinkBwMode(nvmlDevice_t device, nvmlNvlinkSetBwMode_t *setBwMode)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);
	unsigned int mode;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!setBwMode)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (setBwMode->version != nvmlNvlinkSetBwMode_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!has_reduced_modes(&change.gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	mode = setBwMode->bSetBest ? FULL_MODE : setBwMode->bwMode;
	if (!is_mode(mode))
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->settings.nvlink_bandwidth_mode = mode;
	return change_end(&change);
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
