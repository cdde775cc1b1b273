// SPDX-License-Identifier: GPL-3.0-or-later
// Confidential computing: the described boards can do it or not, and none has it on.
#include "nvml_internal.h"

static bool any_capable(void)
{
	struct gpu gpu;

	for (uint32_t i = 0; i < handle_count(); i++)
		if (handle_gpu(i, &gpu) && gpu.board->conf_compute == 1)
			return true;
	return false;
}

static nvmlReturn_t enter_system(const char *function, const void *answer)
{
	nvmlReturn_t ret = api_enter(function);

	if (ret != NVML_SUCCESS)
		return ret;
	return answer ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlSystemGetConfComputeCapabilities(nvmlConfComputeSystemCaps_t *capabilities)
{
	nvmlReturn_t ret = enter_system(__func__, capabilities);

	if (ret != NVML_SUCCESS)
		return ret;
	capabilities->cpuCaps = NVML_CC_SYSTEM_CPU_CAPS_NONE;
	capabilities->gpusCaps =
		any_capable() ? NVML_CC_SYSTEM_GPUS_CC_CAPABLE : NVML_CC_SYSTEM_GPUS_CC_NOT_CAPABLE;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetConfComputeState(nvmlConfComputeSystemState_t *state)
{
	nvmlReturn_t ret = enter_system(__func__, state);

	if (ret != NVML_SUCCESS)
		return ret;
	state->environment = NVML_CC_SYSTEM_ENVIRONMENT_UNAVAILABLE;
	state->ccFeature = NVML_CC_SYSTEM_FEATURE_DISABLED;
	state->devToolsMode = NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetConfComputeSettings(nvmlSystemConfComputeSettings_t *settings)
{
	nvmlReturn_t ret = enter_system(__func__, settings);

	if (ret != NVML_SUCCESS)
		return ret;
	if (settings->version != nvmlSystemConfComputeSettings_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	settings->environment = NVML_CC_SYSTEM_ENVIRONMENT_UNAVAILABLE;
	settings->ccFeature = NVML_CC_SYSTEM_FEATURE_DISABLED;
	settings->devToolsMode = NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF;
	settings->multiGpuMode = NVML_CC_SYSTEM_MULTIGPU_NONE;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetConfComputeSettings_v2(nvmlSystemConfComputeSettings_v2_t *settings)
{
	nvmlReturn_t ret = enter_system(__func__, settings);

	if (ret != NVML_SUCCESS)
		return ret;
	if (settings->version != nvmlSystemConfComputeSettings_v2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	settings->environment = NVML_CC_SYSTEM_ENVIRONMENT_UNAVAILABLE;
	settings->ccFeature = NVML_CC_SYSTEM_FEATURE_DISABLED;
	settings->devToolsMode = NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF;
	settings->multiGpuMode = NVML_CC_SYSTEM_MULTIGPU_NONE;
	settings->tdispState = NVML_CC_SYSTEM_TDISP_STATE_DISABLED;
	return NVML_SUCCESS;
}

// With the feature off, GPUs take work without anyone letting them.
nvmlReturn_t nvmlSystemGetConfComputeGpusReadyState(unsigned int *isAcceptingWork)
{
	nvmlReturn_t ret = enter_system(__func__, isAcceptingWork);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!any_capable())
		return NVML_ERROR_NOT_SUPPORTED;
	*isAcceptingWork = NVML_CC_ACCEPTING_CLIENT_REQUESTS_TRUE;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetConfComputeMemSizeInfo(nvmlDevice_t device,
						 nvmlConfComputeMemSizeInfo_t *memInfo)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, memInfo, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->conf_compute != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	memInfo->protectedMemSizeKib = 0;
	memInfo->unprotectedMemSizeKib = gpu.board->memory_total / 1024;
	return NVML_SUCCESS;
}
