/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What instances there are, and what they can be. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned int gpu_index(nvmlDevice_t device)
{
	unsigned int index = 0;

	nvml.DeviceGetIndex(device, &index);
	return index;
}

int mig_failed(const char *what, nvmlReturn_t result)
{
	printf("Failed to %s: %s\n", what, nvml.ErrorString(result));
	return exit_status(result);
}

int mig_none_found(const char *what, nvmlReturn_t result)
{
	printf("No %s found: %s\n", what, nvml.ErrorString(result));
	return exit_status(result);
}

int mig_for_instances(const struct selection *selection, const struct mig_request *request,
		      const char *what, mig_each *each, void *data)
{
	struct gpu_instances instances;
	unsigned int found = 0;

	for (unsigned int i = 0; i < selection->count; i++) {
		nvmlDevice_t device = selection->devices[i];
		nvmlReturn_t result = gpu_instances_get(&instances, device, request->gpu_instances);

		if (result != NVML_SUCCESS)
			return mig_none_found("GPU instances", result);
		found += instances.count;
		for (unsigned int j = 0; j < instances.count; j++) {
			result = each(device, &instances.list[j], request, data);
			if (result != NVML_SUCCESS)
				return mig_failed(what, result);
		}
	}
	return found ? EXIT_SUCCESS : mig_none_found("GPU instances", NVML_ERROR_NOT_FOUND);
}

/* What is no number names none. */
static bool is_wanted(const char *wanted, unsigned int id)
{
	char *end;

	if (!wanted)
		return true;
	while (*wanted) {
		unsigned long number = strtoul(wanted, &end, 10);

		if (end != wanted && number == id)
			return true;
		wanted = end + strcspn(end, ",");
		wanted += *wanted == ',';
	}
	return false;
}

static bool get_gpu_profile(nvmlDevice_t device, unsigned int number,
			    nvmlGpuInstanceProfileInfo_v2_t *info)
{
	*info = (nvmlGpuInstanceProfileInfo_v2_t){ .version = nvmlGpuInstanceProfileInfo_v2 };
	return nvml.DeviceGetGpuInstanceProfileInfoV(device, number, info) == NVML_SUCCESS;
}

void gpu_profiles_get(struct gpu_profiles *profiles, nvmlDevice_t device)
{
	profiles->count = 0;
	for (unsigned int i = 0; i < NVML_GPU_INSTANCE_PROFILE_COUNT; i++) {
		struct gpu_profile profile;
		unsigned int at = profiles->count;

		if (!get_gpu_profile(device, i, &profile.info))
			continue;
		while (at && profiles->list[at - 1].info.sliceCount > profile.info.sliceCount)
			at--;
		memmove(&profiles->list[at + 1], &profiles->list[at],
			(profiles->count - at) * sizeof(profile));
		profiles->list[at] = profile;
		profiles->count++;
	}
}

nvmlReturn_t compute_profiles_get(struct compute_profiles *profiles, nvmlGpuInstance_t instance)
{
	profiles->count = 0;
	for (unsigned int i = 0; i < NVML_COMPUTE_INSTANCE_PROFILE_COUNT; i++) {
		nvmlComputeInstanceProfileInfo_v2_t *info = &profiles->list[profiles->count];
		nvmlReturn_t result;

		*info = (nvmlComputeInstanceProfileInfo_v2_t){
			.version = nvmlComputeInstanceProfileInfo_v2
		};
		result = nvml.GpuInstanceGetComputeInstanceProfileInfoV(
			instance, i, NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, info);
		if (result == NVML_SUCCESS)
			profiles->count++;
		else if (result != NVML_ERROR_NOT_SUPPORTED &&
			 result != NVML_ERROR_INVALID_ARGUMENT)
			return result;
	}
	return profiles->count ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

const nvmlComputeInstanceProfileInfo_v2_t *
compute_profile_default(const struct compute_profiles *profiles, unsigned int slices)
{
	for (unsigned int i = 0; i < profiles->count; i++)
		if (profiles->list[i].sliceCount == slices)
			return &profiles->list[i];
	return NULL;
}

static nvmlReturn_t add_gpu_instances(struct gpu_instances *instances, nvmlDevice_t device,
				      const nvmlGpuInstanceProfileInfo_v2_t *profile,
				      const char *wanted)
{
	nvmlGpuInstance_t handles[MIG_MAX_INSTANCES];
	unsigned int count = MIG_MAX_INSTANCES;
	nvmlReturn_t result = nvml.DeviceGetGpuInstances(device, profile->id, handles, &count);

	for (unsigned int i = 0; result == NVML_SUCCESS && i < count; i++) {
		struct gpu_instance *instance = &instances->list[instances->count];

		if (instances->count == MIG_MAX_INSTANCES)
			break;
		result = nvml.GpuInstanceGetInfo(handles[i], &instance->info);
		if (result != NVML_SUCCESS || !is_wanted(wanted, instance->info.id))
			continue;
		instance->handle = handles[i];
		instance->slices = profile->sliceCount;
		snprintf(instance->name, sizeof(instance->name), "%s", profile->name);
		instances->count++;
	}
	return result;
}

nvmlReturn_t gpu_instances_get(struct gpu_instances *instances, nvmlDevice_t device,
			       const char *wanted)
{
	nvmlReturn_t result = NVML_SUCCESS;

	instances->count = 0;
	for (unsigned int i = 0; result == NVML_SUCCESS && i < NVML_GPU_INSTANCE_PROFILE_COUNT;
	     i++) {
		nvmlGpuInstanceProfileInfo_v2_t profile;

		if (get_gpu_profile(device, i, &profile))
			result = add_gpu_instances(instances, device, &profile, wanted);
	}
	return result;
}

static nvmlReturn_t add_compute_instances(struct compute_instances *instances,
					  nvmlGpuInstance_t parent,
					  const nvmlComputeInstanceProfileInfo_v2_t *profile,
					  const char *wanted)
{
	nvmlComputeInstance_t handles[MIG_MAX_INSTANCES];
	unsigned int count = MIG_MAX_INSTANCES;
	nvmlReturn_t result =
		nvml.GpuInstanceGetComputeInstances(parent, profile->id, handles, &count);

	for (unsigned int i = 0; result == NVML_SUCCESS && i < count; i++) {
		struct compute_instance *instance = &instances->list[instances->count];

		if (instances->count == MIG_MAX_INSTANCES)
			break;
		result = nvml.ComputeInstanceGetInfo_v2(handles[i], &instance->info);
		if (result != NVML_SUCCESS || !is_wanted(wanted, instance->info.id))
			continue;
		instance->handle = handles[i];
		snprintf(instance->name, sizeof(instance->name), "%s", profile->name);
		instances->count++;
	}
	return result;
}

nvmlReturn_t compute_instances_get(struct compute_instances *instances,
				   const struct gpu_instance *parent, const char *wanted)
{
	struct compute_profiles profiles;
	nvmlReturn_t result = compute_profiles_get(&profiles, parent->handle);

	instances->count = 0;
	for (unsigned int i = 0; result == NVML_SUCCESS && i < profiles.count; i++)
		result =
			add_compute_instances(instances, parent->handle, &profiles.list[i], wanted);
	return result;
}
