// SPDX-License-Identifier: GPL-3.0-or-later
// Making, finding and destroying compute instances.
#include "compute_instance.h"
#include "nvml_mig.h"

static bool free_id(const struct running_gpu_instance *instance, uint32_t *id)
{
	for (uint32_t i = 0; i < STATE_MAX_COMPUTE_INSTANCES; i++) {
		if (instance->compute[i].used)
			continue;
		*id = i;
		return true;
	}
	return false;
}

static nvmlReturn_t check_profile(const struct gpu_instance *instance, unsigned int profile)
{
	if (profile >= NVML_COMPUTE_INSTANCE_PROFILE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	return compute_instance_slices(&instance->board->mig, instance->profile, profile)
		       ? NVML_SUCCESS
		       : NVML_ERROR_NOT_SUPPORTED;
}

// Where the instance is to start; false where it does not fit any more.
static bool find_start(const struct gpu_instance *instance,
		       const struct running_gpu_instance *running, uint32_t profile,
		       const nvmlComputeInstancePlacement_t *placement, uint32_t *start)
{
	if (!placement)
		return compute_instance_choose(&instance->board->mig, instance->profile, running,
					       profile, start);
	*start = placement->start;
	return compute_instance_fits(&instance->board->mig, instance->profile, running, profile,
				     *start);
}

static bool may_lie_there(const struct gpu_instance *instance, uint32_t profile,
			  const nvmlComputeInstancePlacement_t *placement)
{
	const struct running_gpu_instance empty = { 0 };

	return placement->size ==
		       compute_instance_slices(&instance->board->mig, instance->profile, profile) &&
	       compute_instance_fits(&instance->board->mig, instance->profile, &empty, profile,
				     placement->start);
}

static nvmlReturn_t create(const char *function, nvmlGpuInstance_t handle, unsigned int profile,
			   const nvmlComputeInstancePlacement_t *placement,
			   nvmlComputeInstance_t *answer)
{
	struct running_gpu_instance *running;
	struct gpu_instance instance;
	struct change change;
	nvmlReturn_t ret = mig_enter_gpu_instance(function, handle, answer, &change.gpu, &instance);
	struct mig_place place;
	uint32_t start;

	if (ret != NVML_SUCCESS)
		return ret;
	place = instance.place;
	ret = check_profile(&instance, profile);
	if (ret != NVML_SUCCESS)
		return ret;
	if (placement && !may_lie_there(&instance, profile, placement))
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	running = &change.running->gpu_instances[place.gpu_instance];
	if (!running->used || running->profile != instance.instance.profile)
		return change_drop(&change, NVML_ERROR_INVALID_ARGUMENT);
	if (!free_id(running, &place.compute_instance) ||
	    !find_start(&instance, running, profile, placement, &start))
		return change_drop(&change, NVML_ERROR_INSUFFICIENT_RESOURCES);
	running->compute[place.compute_instance] = (struct running_compute_instance){
		.used = 1,
		.profile = (uint8_t)profile,
		.start = (uint8_t)start,
		.size = (uint8_t)compute_instance_slices(&instance.board->mig, instance.profile,
							 profile),
	};
	ret = mig_change_end(&change, place.gpu_instance, place.compute_instance);
	if (ret == NVML_SUCCESS)
		*answer = mig_compute_instance_handle(&place);
	return ret;
}

nvmlReturn_t nvmlGpuInstanceCreateComputeInstance(nvmlGpuInstance_t gpuInstance,
						  unsigned int profileId,
						  nvmlComputeInstance_t *computeInstance)
{
	return create(__func__, gpuInstance, profileId, NULL, computeInstance);
}

nvmlReturn_t nvmlGpuInstanceCreateComputeInstanceWithPlacement(
	nvmlGpuInstance_t gpuInstance, unsigned int profileId,
	const nvmlComputeInstancePlacement_t *placement, nvmlComputeInstance_t *computeInstance)
{
	// Without a placement there is nothing to ask for: as a missing answer, it is refused.
	return create(__func__, gpuInstance, profileId, placement,
		      placement ? computeInstance : NULL);
}

nvmlReturn_t nvmlComputeInstanceDestroy(nvmlComputeInstance_t computeInstance)
{
	struct running_compute_instance *running;
	struct gpu_instance instance;
	struct change change;
	nvmlReturn_t ret = mig_enter_compute_instance(__func__, computeInstance, computeInstance,
						      &change.gpu, &instance);
	struct mig_place place;

	if (ret != NVML_SUCCESS)
		return ret;
	place = instance.place;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	running =
		&change.running->gpu_instances[place.gpu_instance].compute[place.compute_instance];
	if (!running->used)
		return change_drop(&change, NVML_ERROR_INVALID_ARGUMENT);
	if (mig_has_process(change.running, place.gpu_instance, place.compute_instance))
		return change_drop(&change, NVML_ERROR_IN_USE);
	memset(running, 0, sizeof(*running));
	return mig_change_end(&change, place.gpu_instance, place.compute_instance);
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstances(nvmlGpuInstance_t gpuInstance,
						unsigned int profileId,
						nvmlComputeInstance_t *computeInstances,
						unsigned int *count)
{
	struct gpu_instance instance;
	struct gpu gpu;
	nvmlReturn_t ret = mig_enter_gpu_instance(__func__, gpuInstance, count, &gpu, &instance);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!computeInstances)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = check_profile(&instance, profileId);
	if (ret != NVML_SUCCESS)
		return ret;
	*count = 0;
	for (uint32_t i = 0; i < STATE_MAX_COMPUTE_INSTANCES; i++) {
		const struct running_compute_instance *compute = &instance.instance.compute[i];
		struct mig_place place = instance.place;

		place.compute_instance = i;
		if (compute->used && compute->profile == profileId)
			computeInstances[(*count)++] = mig_compute_instance_handle(&place);
	}
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceById(nvmlGpuInstance_t gpuInstance, unsigned int id,
						   nvmlComputeInstance_t *computeInstance)
{
	struct gpu_instance instance;
	struct gpu gpu;
	nvmlReturn_t ret =
		mig_enter_gpu_instance(__func__, gpuInstance, computeInstance, &gpu, &instance);

	if (ret != NVML_SUCCESS)
		return ret;
	if (id >= STATE_MAX_COMPUTE_INSTANCES || !instance.instance.compute[id].used)
		return NVML_ERROR_NOT_FOUND;
	instance.place.compute_instance = id;
	*computeInstance = mig_compute_instance_handle(&instance.place);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlComputeInstanceGetInfo_v2(nvmlComputeInstance_t computeInstance,
					   nvmlComputeInstanceInfo_t *info)
{
	struct gpu_instance instance;
	struct gpu gpu;
	nvmlReturn_t ret =
		mig_enter_compute_instance(__func__, computeInstance, info, &gpu, &instance);
	const struct running_compute_instance *compute;

	if (ret != NVML_SUCCESS)
		return ret;
	compute = mig_compute_instance(&instance);
	*info = (nvmlComputeInstanceInfo_t){
		.device = handle_of(instance.place.index),
		.gpuInstance =
			mig_gpu_instance_handle(instance.place.index, instance.place.gpu_instance),
		.id = instance.place.compute_instance,
		.profileId = compute->profile,
		.placement = { compute->start, compute->size },
	};
	return NVML_SUCCESS;
}

// The first version's struct ends before the placement.
nvmlReturn_t nvmlComputeInstanceGetInfo(nvmlComputeInstance_t computeInstance,
					nvmlComputeInstanceInfo_t *info)
{
	nvmlComputeInstanceInfo_t all;
	nvmlReturn_t ret = nvmlComputeInstanceGetInfo_v2(computeInstance, info ? &all : NULL);

	if (ret == NVML_SUCCESS)
		memcpy(info, &all, offsetof(nvmlComputeInstanceInfo_t, placement));
	return ret;
}
