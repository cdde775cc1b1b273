// SPDX-License-Identifier: GPL-3.0-or-later
#include "liveness.h"
#include "nvml_mig.h"

struct memory {
	uint64_t total;
	uint64_t reserved;
	uint64_t used;
	uint64_t free;
};

// Of the GPU with all its instances, or of the instance that a MIG device is in.
static nvmlReturn_t look_once(struct gpu *gpu, struct memory *memory)
{
	uint64_t taken;

	if (gpu_is_mig(gpu)) {
		nvmlReturn_t ret = mig_device_memory(gpu, &memory->total, &memory->used);

		if (ret != NVML_SUCCESS)
			return ret;
		memory->reserved = 0;
	} else {
		memory->total = gpu->board->memory_total;
		memory->reserved = gpu->board->memory_reserved;
		taken = liveness_dead_memory(gpu->running, STATE_NO_INSTANCE);
		memory->used = gpu->readings->memory_used;
		memory->used -= taken < memory->used ? taken : memory->used;
		if (mig_is_on(gpu))
			memory->used += mig_memory_of_all(gpu);
	}
	taken = memory->reserved + memory->used;
	memory->free = taken < memory->total ? memory->total - taken : 0;
	return NVML_SUCCESS;
}

// All of one state, so that the parts are the whole.
static nvmlReturn_t look(struct gpu *gpu, struct memory *memory)
{
	nvmlReturn_t ret;

	do {
		ret = look_once(gpu, memory);
	} while (gpu_changed(gpu));
	return ret;
}

// The first version counts what the driver reserves as used.
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
	struct memory now;
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, memory, &gpu);

	if (ret == NVML_SUCCESS)
		ret = look(&gpu, &now);
	if (ret != NVML_SUCCESS)
		return ret;
	memory->total = now.total;
	memory->free = now.free;
	memory->used = now.total - now.free;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
	struct memory now;
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, memory, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (memory->version != nvmlMemory_v2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	ret = look(&gpu, &now);
	if (ret != NVML_SUCCESS)
		return ret;
	memory->total = now.total;
	memory->reserved = now.reserved;
	memory->free = now.free;
	memory->used = now.used;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *bar1Memory)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, bar1Memory, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->bar1_total == NA_U64)
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		bar1Memory->bar1Total = gpu.board->bar1_total;
		bar1Memory->bar1Used = gpu.readings->bar1_used;
		if (gpu_is_mig(&gpu)) {
			ret = mig_device_bar1(&gpu, &bar1Memory->bar1Total);
			bar1Memory->bar1Used = 0;
		}
		bar1Memory->bar1Free = bar1Memory->bar1Total - bar1Memory->bar1Used;
	} while (gpu_changed(&gpu));
	return ret;
}

nvmlReturn_t nvmlDeviceGetConfComputeProtectedMemoryUsage(nvmlDevice_t device, nvmlMemory_t *memory)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, memory, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->cc_protected_total == NA_U64)
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		memory->total = gpu.board->cc_protected_total;
		memory->used = gpu.readings->cc_protected_used;
		memory->free = memory->total - memory->used;
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}
