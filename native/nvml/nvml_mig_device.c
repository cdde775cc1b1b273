// SPDX-License-Identifier: GPL-3.0-or-later
// MIG devices: compute instances seen as devices of their own.
#include <stdio.h>
#include <strings.h>

#include "compute_instance.h"
#include "fault.h"
#include "identity.h"
#include "nvml_mig.h"

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, count, &gpu);

	if (ret == NVML_SUCCESS)
		*count = mig_is_on(&gpu) ? gpu.board->mig.max_instances : 0;
	return ret;
}

// In the order of GPU instances and, within one, of compute instances; no number is left out.
static bool find_by_index(const struct running *running, unsigned int index,
			  struct mig_place *place)
{
	for (uint32_t i = 0; i < STATE_MAX_GPU_INSTANCES; i++) {
		for (uint32_t j = 0; j < STATE_MAX_COMPUTE_INSTANCES; j++) {
			if (!running->gpu_instances[i].used ||
			    !running->gpu_instances[i].compute[j].used || index--)
				continue;
			place->gpu_instance = i;
			place->compute_instance = j;
			return true;
		}
	}
	return false;
}

// What find_by_index() counts.
static uint32_t index_of(const struct running *running, uint32_t gpu_instance,
			 uint32_t compute_instance)
{
	struct mig_place place;
	uint32_t index = 0;

	while (find_by_index(running, index, &place) &&
	       (place.gpu_instance != gpu_instance || place.compute_instance != compute_instance))
		index++;
	return index;
}

uint32_t mig_device_index(struct gpu *gpu)
{
	uint32_t index;

	do {
		index = index_of(gpu->running, gpu->gpu_instance, gpu->compute_instance);
	} while (gpu_changed(gpu));
	return index;
}

nvmlReturn_t mig_device_name(struct gpu *gpu, char *answer, unsigned int length)
{
	char part[COMPUTE_INSTANCE_NAME_SIZE], name[sizeof(gpu->board->name) + sizeof(part)];
	struct gpu_instance instance;

	if (!mig_instance(gpu, gpu->gpu_instance, &instance))
		return NVML_ERROR_INVALID_ARGUMENT;
	compute_instance_name(instance.profile,
			      instance.instance.compute[gpu->compute_instance].size, part);
	snprintf(name, sizeof(name), "%s %s", gpu->board->name, part);
	return answer_string(answer, length, name);
}

nvmlReturn_t mig_device_find(const char *uuid, nvmlDevice_t *device)
{
	for (uint32_t i = 0; i < handle_count(); i++) {
		struct mig_place place = { .index = i };
		char text[IDENTITY_UUID_SIZE];
		struct gpu gpu;

		if (!handle_gpu(i, &gpu) || !mig_is_on(&gpu))
			continue;
		for (uint32_t n = 0; find_by_index(gpu.running, n, &place); n++) {
			identity_mig_uuid(gpu.device->uuid, place.gpu_instance,
					  place.compute_instance, text);
			if (strcasecmp(text, uuid) != 0)
				continue;
			*device = mig_device_handle(&place);
			return fault_lookup(&gpu);
		}
	}
	return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index,
						 nvmlDevice_t *migDevice)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, migDevice, &gpu);
	struct mig_place place = { 0 };
	bool found;

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->mig.capable != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	if (index >= gpu.board->mig.max_instances)
		return NVML_ERROR_INVALID_ARGUMENT;
	place.index = gpu.index;
	do {
		found = mig_is_on(&gpu) && find_by_index(gpu.running, index, &place);
	} while (gpu_changed(&gpu));
	if (!found)
		return NVML_ERROR_NOT_FOUND;
	*migDevice = mig_device_handle(&place);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *isMigDevice)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, isMigDevice, &gpu);

	if (ret == NVML_SUCCESS)
		*isMigDevice = gpu_is_mig(&gpu);
	return ret;
}

// What only MIG devices answer.
static nvmlReturn_t enter(const char *function, nvmlDevice_t device, const void *answer,
			  struct gpu *gpu)
{
	nvmlReturn_t ret = api_enter_any_device(function, device, answer, gpu);

	if (ret == NVML_SUCCESS && !gpu_is_mig(gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	return ret;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned int *id)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter(__func__, device, id, &gpu);

	if (ret == NVML_SUCCESS)
		*id = gpu.gpu_instance;
	return ret;
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned int *id)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter(__func__, device, id, &gpu);

	if (ret == NVML_SUCCESS)
		*id = gpu.compute_instance;
	return ret;
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t migDevice,
							  nvmlDevice_t *device)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter(__func__, migDevice, device, &gpu);

	if (ret == NVML_SUCCESS)
		*device = handle_of(gpu.index);
	return ret;
}

nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes)
{
	const struct profile_gpu_instance *profile;
	struct gpu_instance instance;
	struct gpu gpu;
	nvmlReturn_t ret = enter(__func__, device, attributes, &gpu);
	uint32_t slices;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!mig_instance(&gpu, gpu.gpu_instance, &instance))
		return NVML_ERROR_INVALID_ARGUMENT;
	profile = instance.profile;
	slices = instance.instance.compute[gpu.compute_instance].size;
	*attributes = (nvmlDeviceAttributes_t){
		.multiprocessorCount =
			compute_instance_multiprocessors(&gpu.board->mig, profile, slices),
		.sharedCopyEngineCount = profile->copy_engines,
		.sharedDecoderCount = profile->decoders,
		.sharedEncoderCount = profile->encoders,
		.sharedJpegCount = profile->jpegs,
		.sharedOfaCount = profile->ofas,
		.gpuInstanceSliceCount = profile->slices,
		.computeInstanceSliceCount = slices,
		.memorySizeMB = profile->memory_mib,
	};
	return NVML_SUCCESS;
}

// The first version's struct ends before the slices.
nvmlReturn_t nvmlDeviceGetAttributes(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes)
{
	nvmlDeviceAttributes_t all;
	nvmlReturn_t ret = nvmlDeviceGetAttributes_v2(device, attributes ? &all : NULL);

	if (ret == NVML_SUCCESS)
		memcpy(attributes, &all, offsetof(nvmlDeviceAttributes_t, gpuInstanceSliceCount));
	return ret;
}
