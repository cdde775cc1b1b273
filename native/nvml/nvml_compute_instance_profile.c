// SPDX-License-Identifier: GPL-3.0-or-later
// Which compute instances a GPU instance can have, and where.
#include "compute_instance.h"
#include "nvml_mig.h"

static nvmlReturn_t enter_profile(const char *function, nvmlGpuInstance_t handle,
				  unsigned int profile, unsigned int engines, const void *answer,
				  struct gpu_instance *instance)
{
	struct gpu gpu;
	nvmlReturn_t ret = mig_enter_gpu_instance(function, handle, answer, &gpu, instance);

	if (ret != NVML_SUCCESS)
		return ret;
	if (profile >= NVML_COMPUTE_INSTANCE_PROFILE_COUNT ||
	    engines >= NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	return compute_instance_slices(&instance->board->mig, instance->profile, profile)
		       ? NVML_SUCCESS
		       : NVML_ERROR_NOT_SUPPORTED;
}

// The number of a profile is its id: there is one engine profile only.
static void fill(nvmlComputeInstanceProfileInfo_t *info, const struct gpu_instance *instance,
		 unsigned int profile)
{
	const struct profile_gpu_instance *within = instance->profile;
	uint32_t slices = compute_instance_slices(&instance->board->mig, within, profile);

	*info = (nvmlComputeInstanceProfileInfo_t){
		.id = profile,
		.sliceCount = slices,
		.instanceCount =
			compute_instance_placements(&instance->board->mig, within, profile),
		.multiprocessorCount =
			compute_instance_multiprocessors(&instance->board->mig, within, slices),
		.sharedCopyEngineCount = within->copy_engines,
		.sharedDecoderCount = within->decoders,
		.sharedEncoderCount = within->encoders,
		.sharedJpegCount = within->jpegs,
		.sharedOfaCount = within->ofas,
	};
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceProfileInfo(nvmlGpuInstance_t gpuInstance,
							  unsigned int profile,
							  unsigned int engProfile,
							  nvmlComputeInstanceProfileInfo_t *info)
{
	struct gpu_instance instance;
	nvmlReturn_t ret =
		enter_profile(__func__, gpuInstance, profile, engProfile, info, &instance);

	if (ret == NVML_SUCCESS)
		fill(info, &instance, profile);
	return ret;
}

// The third version has one more field behind the second's.
nvmlReturn_t
nvmlGpuInstanceGetComputeInstanceProfileInfoV(nvmlGpuInstance_t gpuInstance, unsigned int profile,
					      unsigned int engProfile,
					      nvmlComputeInstanceProfileInfo_v2_t *info)
{
	struct gpu_instance instance;
	nvmlReturn_t ret =
		enter_profile(__func__, gpuInstance, profile, engProfile, info, &instance);
	nvmlComputeInstanceProfileInfo_t first;

	_Static_assert(offsetof(nvmlComputeInstanceProfileInfo_v2_t, name) ==
			       sizeof(unsigned int) + sizeof(first),
		       "the first version lies within the second");
	if (ret != NVML_SUCCESS && ret != NVML_ERROR_NOT_SUPPORTED)
		return ret;
	if (info->version != nvmlComputeInstanceProfileInfo_v2 &&
	    info->version != nvmlComputeInstanceProfileInfo_v3)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (ret != NVML_SUCCESS)
		return ret;
	fill(&first, &instance, profile);
	memcpy(&info->id, &first, sizeof(first));
	memset(info->name, 0, sizeof(info->name));
	compute_instance_name(instance.profile, first.sliceCount, info->name);
	if (info->version == nvmlComputeInstanceProfileInfo_v3)
		((nvmlComputeInstanceProfileInfo_v3_t *)info)->capabilities = 0;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceRemainingCapacity(nvmlGpuInstance_t gpuInstance,
								unsigned int profileId,
								unsigned int *count)
{
	struct gpu_instance instance;
	nvmlReturn_t ret = enter_profile(__func__, gpuInstance, profileId, 0, count, &instance);

	if (ret == NVML_SUCCESS)
		*count = compute_instance_capacity(&instance.board->mig, instance.profile,
						   &instance.instance, profileId);
	return ret;
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstancePossiblePlacements(
	nvmlGpuInstance_t gpuInstance, unsigned int profileId,
	nvmlComputeInstancePlacement_t *placements, unsigned int *count)
{
	struct gpu_instance instance;
	nvmlReturn_t ret = enter_profile(__func__, gpuInstance, profileId, 0, count, &instance);
	uint32_t slices;
	unsigned int room;

	if (ret != NVML_SUCCESS)
		return ret;
	room = *count;
	slices = compute_instance_slices(&instance.board->mig, instance.profile, profileId);
	*count = compute_instance_placements(&instance.board->mig, instance.profile, profileId);
	if (!placements)
		return NVML_SUCCESS;
	if (room < *count)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned int i = 0; i < *count; i++)
		placements[i] = (nvmlComputeInstancePlacement_t){
			.start = compute_instance_start(slices, i),
			.size = slices,
		};
	return NVML_SUCCESS;
}
