// SPDX-License-Identifier: GPL-3.0-or-later
// Which GPU instances a board can have, and where; MIG mode need not be on.
#include "nvml_internal.h"

static const struct profile_gpu_instance *find_profile(const struct board *board,
						       unsigned int number, bool by_profile_id)
{
	const struct profile_mig *mig = &board->mig;

	for (uint32_t i = 0; i < mig->profile_count && i < PROFILE_MAX_GPU_INSTANCE_PROFILES; i++) {
		const struct profile_gpu_instance *profile = &mig->profiles[i];

		if ((by_profile_id ? profile->profile_id : profile->id) == number)
			return profile;
	}
	return NULL;
}

static nvmlReturn_t get_profile(const char *function, nvmlDevice_t device, unsigned int number,
				bool by_profile_id, const void *answer,
				const struct profile_gpu_instance **profile)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(function, device, answer, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!by_profile_id && number >= NVML_GPU_INSTANCE_PROFILE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	*profile =
		gpu.board->mig.capable == 1 ? find_profile(gpu.board, number, by_profile_id) : NULL;
	return *profile ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t device, unsigned int profile,
						 nvmlGpuInstanceProfileInfo_t *info)
{
	const struct profile_gpu_instance *found;
	nvmlReturn_t ret = get_profile(__func__, device, profile, false, info, &found);

	if (ret != NVML_SUCCESS)
		return ret;
	*info = (nvmlGpuInstanceProfileInfo_t){
		.id = found->profile_id,
		.isP2pSupported = found->p2p,
		.sliceCount = found->slices,
		.instanceCount = found->instances_max,
		.multiprocessorCount = found->multiprocessors,
		.copyEngineCount = found->copy_engines,
		.decoderCount = found->decoders,
		.encoderCount = found->encoders,
		.jpegCount = found->jpegs,
		.ofaCount = found->ofas,
		.memorySizeMB = found->memory_mib,
	};
	return NVML_SUCCESS;
}

static void fill_profile_v3(nvmlGpuInstanceProfileInfo_v3_t *info,
			    const struct profile_gpu_instance *profile)
{
	*info = (nvmlGpuInstanceProfileInfo_v3_t){
		.version = nvmlGpuInstanceProfileInfo_v3,
		.id = profile->profile_id,
		.sliceCount = profile->slices,
		.instanceCount = profile->instances_max,
		.multiprocessorCount = profile->multiprocessors,
		.copyEngineCount = profile->copy_engines,
		.decoderCount = profile->decoders,
		.encoderCount = profile->encoders,
		.jpegCount = profile->jpegs,
		.ofaCount = profile->ofas,
		.memorySizeMB = profile->memory_mib,
		.capabilities = profile->p2p ? NVML_GPU_INSTANCE_PROFILE_CAPS_P2P : 0,
	};
	memcpy(info->name, profile->name, sizeof(profile->name));
}

// The second version has isP2pSupported where the third has capabilities at its end.
static void fill_profile_v2(nvmlGpuInstanceProfileInfo_v2_t *info,
			    const struct profile_gpu_instance *profile)
{
	*info = (nvmlGpuInstanceProfileInfo_v2_t){
		.version = nvmlGpuInstanceProfileInfo_v2,
		.id = profile->profile_id,
		.isP2pSupported = profile->p2p,
		.sliceCount = profile->slices,
		.instanceCount = profile->instances_max,
		.multiprocessorCount = profile->multiprocessors,
		.copyEngineCount = profile->copy_engines,
		.decoderCount = profile->decoders,
		.encoderCount = profile->encoders,
		.jpegCount = profile->jpegs,
		.ofaCount = profile->ofas,
		.memorySizeMB = profile->memory_mib,
	};
	memcpy(info->name, profile->name, sizeof(profile->name));
}

static nvmlReturn_t answer_profile(const char *function, nvmlDevice_t device, unsigned int number,
				   bool by_profile_id, nvmlGpuInstanceProfileInfo_v2_t *info)
{
	const struct profile_gpu_instance *found;
	nvmlReturn_t ret = get_profile(function, device, number, by_profile_id, info, &found);

	if (ret != NVML_SUCCESS && ret != NVML_ERROR_NOT_SUPPORTED)
		return ret;
	if (info->version != nvmlGpuInstanceProfileInfo_v2 &&
	    info->version != nvmlGpuInstanceProfileInfo_v3)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (ret != NVML_SUCCESS)
		return ret;
	if (info->version == nvmlGpuInstanceProfileInfo_v3)
		fill_profile_v3((nvmlGpuInstanceProfileInfo_v3_t *)info, found);
	else
		fill_profile_v2(info, found);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfoV(nvmlDevice_t device, unsigned int profile,
						  nvmlGpuInstanceProfileInfo_v2_t *info)
{
	return answer_profile(__func__, device, profile, false, info);
}

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfoByIdV(nvmlDevice_t device, unsigned int profileId,
						      nvmlGpuInstanceProfileInfo_v2_t *info)
{
	return answer_profile(__func__, device, profileId, true, info);
}

nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements_v2(nvmlDevice_t device,
							   unsigned int profileId,
							   nvmlGpuInstancePlacement_t *placements,
							   unsigned int *count)
{
	const struct profile_gpu_instance *found;
	nvmlReturn_t ret = get_profile(__func__, device, profileId, true, count, &found);
	unsigned int room;

	if (ret != NVML_SUCCESS)
		return ret;
	room = *count;
	*count = found->placement_count;
	if (!placements)
		return NVML_SUCCESS;
	if (room < found->placement_count)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (uint32_t i = 0; i < found->placement_count && i < PROFILE_MAX_PLACEMENTS; i++) {
		placements[i].start = found->placement_start[i];
		placements[i].size = found->placement_size;
	}
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements(nvmlDevice_t device, unsigned int profileId,
							nvmlGpuInstancePlacement_t *placements,
							unsigned int *count)
{
	return nvmlDeviceGetGpuInstancePossiblePlacements_v2(device, profileId, placements, count);
}
