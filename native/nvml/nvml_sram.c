// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_internal.h"

// Blackwell and newer tell uncorrected errors apart by where they were. The description has no list of them.
nvmlReturn_t nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts(
	nvmlDevice_t device, nvmlEccSramUniqueUncorrectedErrorCounts_t *errorCounts)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, errorCounts, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (errorCounts->version != nvmlEccSramUniqueUncorrectedErrorCounts_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (gpu.board->architecture == NA_U32 ||
	    gpu.board->architecture < NVML_DEVICE_ARCH_BLACKWELL ||
	    gpu.readings->ecc.mode_current != NVML_FEATURE_ENABLED)
		return NVML_ERROR_NOT_SUPPORTED;
	errorCounts->entryCount = 0;
	return NVML_SUCCESS;
}
