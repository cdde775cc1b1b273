// SPDX-License-Identifier: GPL-3.0-or-later
// Accounting keeps figures of finished processes; the description has none of them.
#include "nvml_internal.h"

GETTER_U32(nvmlDeviceGetAccountingMode, nvmlEnableState_t, gpu.running->settings.accounting_mode)
GETTER_U32(nvmlDeviceGetAccountingBufferSize, unsigned int, gpu.board->accounting_buffer_size)

static nvmlReturn_t check_accounting(const struct gpu *gpu)
{
	return gpu->running->settings.accounting_mode == NVML_FEATURE_ENABLED
		       ? NVML_SUCCESS
		       : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetAccountingPids(nvmlDevice_t device, unsigned int *count,
					 unsigned int *pids)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, count, &gpu);

	(void)pids;
	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.running->settings.accounting_mode == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	*count = 0;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetAccountingStats(nvmlDevice_t device, unsigned int pid,
					  nvmlAccountingStats_t *stats)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, stats, &gpu);

	(void)pid;
	if (ret == NVML_SUCCESS)
		ret = check_accounting(&gpu);
	return ret == NVML_SUCCESS ? NVML_ERROR_NOT_FOUND : ret;
}

nvmlReturn_t nvmlDeviceGetAccountingStats_v2(nvmlDevice_t device, nvmlAccountingStats_v2_t *stats)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, stats, &gpu);

	if (ret == NVML_SUCCESS)
		ret = check_accounting(&gpu);
	return ret == NVML_SUCCESS ? NVML_ERROR_NOT_FOUND : ret;
}
