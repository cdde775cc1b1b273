// SPDX-License-Identifier: GPL-3.0-or-later
// Making, finding and destroying GPU instances.
#include "gpu_instance.h"
#include "nvml_mig.h"

// Of a GPU in MIG mode, the profile with the number.
static nvmlReturn_t find_profile(const struct gpu *gpu, unsigned int profile_id, uint32_t *profile)
{
	if (!mig_is_on(gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	return gpu_instance_profile(&gpu->board->mig, profile_id, profile)
		       ? NVML_SUCCESS
		       : NVML_ERROR_INVALID_ARGUMENT;
}

// As seen on an H100, the mode need not be on: then all is free.
nvmlReturn_t nvmlDeviceGetGpuInstanceRemainingCapacity(nvmlDevice_t device, unsigned int profileId,
						       unsigned int *count)
{
	struct running_gpu_instance instances[STATE_MAX_GPU_INSTANCES];
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, count, &gpu);
	uint32_t profile;

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->mig.capable != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	if (!gpu_instance_profile(&gpu.board->mig, profileId, &profile))
		return NVML_ERROR_INVALID_ARGUMENT;
	do {
		memcpy(instances, gpu.running->gpu_instances, sizeof(instances));
	} while (gpu_changed(&gpu));
	*count = gpu_instance_capacity(&gpu.board->mig, instances, profile);
	return NVML_SUCCESS;
}

static nvmlReturn_t create(const char *function, nvmlDevice_t device, unsigned int profile_id,
			   const nvmlGpuInstancePlacement_t *placement, nvmlGpuInstance_t *handle)
{
	struct change change;
	nvmlReturn_t ret = change_check(function, device, &change);
	const struct profile_mig *mig;
	uint32_t profile, start = 0, id;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!handle)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = find_profile(&change.gpu, profile_id, &profile);
	if (ret != NVML_SUCCESS)
		return ret;
	mig = &change.gpu.board->mig;
	if (placement && (!gpu_instance_may_start(&mig->profiles[profile], placement->start) ||
			  placement->size != mig->profiles[profile].placement_size))
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	if (!change.running->readings.mig_current)
		return change_drop(&change, NVML_ERROR_NOT_SUPPORTED);
	if (placement)
		start = placement->start;
	if (placement ? !gpu_instance_fits(mig, change.running->gpu_instances, profile, start)
		      : !gpu_instance_choose(mig, change.running->gpu_instances, profile, &start))
		return change_drop(&change, NVML_ERROR_INSUFFICIENT_RESOURCES);
	id = gpu_instance_put(mig, change.running->gpu_instances, profile, start);
	ret = mig_change_end(&change, id, STATE_NO_INSTANCE);
	if (ret == NVML_SUCCESS)
		*handle = mig_gpu_instance_handle(change.gpu.index, id);
	return ret;
}

nvmlReturn_t nvmlDeviceCreateGpuInstance(nvmlDevice_t device, unsigned int profileId,
					 nvmlGpuInstance_t *gpuInstance)
{
	return create(__func__, device, profileId, NULL, gpuInstance);
}

nvmlReturn_t nvmlDeviceCreateGpuInstanceWithPlacement(nvmlDevice_t device, unsigned int profileId,
						      const nvmlGpuInstancePlacement_t *placement,
						      nvmlGpuInstance_t *gpuInstance)
{
	// Without a placement there is nothing to ask for: as a missing answer, it is refused.
	return create(__func__, device, profileId, placement, placement ? gpuInstance : NULL);
}

static bool has_compute_instances(const struct running_gpu_instance *instance)
{
	for (uint32_t i = 0; i < STATE_MAX_COMPUTE_INSTANCES; i++)
		if (instance->compute[i].used)
			return true;
	return false;
}

nvmlReturn_t nvmlGpuInstanceDestroy(nvmlGpuInstance_t gpuInstance)
{
	struct running_gpu_instance *running;
	struct gpu_instance instance;
	struct change change;
	nvmlReturn_t ret =
		mig_enter_gpu_instance(__func__, gpuInstance, gpuInstance, &change.gpu, &instance);
	uint32_t id;

	if (ret != NVML_SUCCESS)
		return ret;
	id = instance.place.gpu_instance;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	running = &change.running->gpu_instances[id];
	if (!running->used)
		return change_drop(&change, NVML_ERROR_INVALID_ARGUMENT);
	if (has_compute_instances(running) ||
	    mig_has_process(change.running, id, STATE_NO_INSTANCE))
		return change_drop(&change, NVML_ERROR_IN_USE);
	memset(running, 0, sizeof(*running));
	return mig_change_end(&change, id, STATE_NO_INSTANCE);
}

nvmlReturn_t nvmlDeviceGetGpuInstances(nvmlDevice_t device, unsigned int profileId,
				       nvmlGpuInstance_t *gpuInstances, unsigned int *count)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, count, &gpu);
	uint32_t profile;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!gpuInstances)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = find_profile(&gpu, profileId, &profile);
	if (ret != NVML_SUCCESS)
		return ret;
	do {
		const struct running_gpu_instance *instances = gpu.running->gpu_instances;

		*count = 0;
		for (uint32_t id = 0; id < STATE_MAX_GPU_INSTANCES; id++)
			if (instances[id].used && instances[id].profile == profile)
				gpuInstances[(*count)++] = mig_gpu_instance_handle(gpu.index, id);
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceById(nvmlDevice_t device, unsigned int id,
					  nvmlGpuInstance_t *gpuInstance)
{
	struct gpu_instance instance;
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, gpuInstance, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!mig_is_on(&gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	if (!mig_instance(&gpu, id, &instance))
		return NVML_ERROR_NOT_FOUND;
	*gpuInstance = mig_gpu_instance_handle(gpu.index, id);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceGetInfo(nvmlGpuInstance_t gpuInstance, nvmlGpuInstanceInfo_t *info)
{
	struct gpu_instance instance;
	struct gpu gpu;
	nvmlReturn_t ret = mig_enter_gpu_instance(__func__, gpuInstance, info, &gpu, &instance);

	if (ret != NVML_SUCCESS)
		return ret;
	*info = (nvmlGpuInstanceInfo_t){
		.device = handle_of(instance.place.index),
		.id = instance.place.gpu_instance,
		.profileId = instance.profile->profile_id,
		.placement = { instance.instance.start, instance.instance.size },
	};
	return NVML_SUCCESS;
}
