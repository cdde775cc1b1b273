// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_internal.h"

static uint64_t free_memory(const struct gpu *gpu)
{
	uint64_t taken = gpu->board->memory_reserved + gpu->readings->memory_used;

	return taken < gpu->board->memory_total ? gpu->board->memory_total - taken : 0;
}

// The first version counts what the driver reserves as used.
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, memory, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	memory->total = gpu.board->memory_total;
	memory->free = free_memory(&gpu);
	memory->used = memory->total - memory->free;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, memory, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (memory->version != nvmlMemory_v2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	memory->total = gpu.board->memory_total;
	memory->reserved = gpu.board->memory_reserved;
	memory->free = free_memory(&gpu);
	memory->used = gpu.readings->memory_used;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *bar1Memory)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, bar1Memory, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->bar1_total == NA_U64)
		return NVML_ERROR_NOT_SUPPORTED;
	bar1Memory->bar1Total = gpu.board->bar1_total;
	bar1Memory->bar1Used = gpu.readings->bar1_used;
	bar1Memory->bar1Free = bar1Memory->bar1Total - bar1Memory->bar1Used;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetConfComputeProtectedMemoryUsage(nvmlDevice_t device, nvmlMemory_t *memory)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, memory, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->cc_protected_total == NA_U64)
		return NVML_ERROR_NOT_SUPPORTED;
	memory->total = gpu.board->cc_protected_total;
	memory->used = gpu.readings->cc_protected_used;
	memory->free = memory->total - memory->used;
	return NVML_SUCCESS;
}
