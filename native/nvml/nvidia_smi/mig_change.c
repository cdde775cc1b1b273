/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi mig -cgi, -cci, -dgi, -dci: instances are made and unmade. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the user wrote: a name or an id, and perhaps where to start. */
struct wanted {
	char text[64]; /* all of it, as messages show it */
	char profile[64]; /* without the place */
	bool placed;
	unsigned int start;
};

/* Reads up to the next comma and returns what follows it. */
static const char *read_wanted(const char *list, struct wanted *wanted)
{
	size_t length = strcspn(list, ",");
	char *colon;

	snprintf(wanted->text, sizeof(wanted->text), "%.*s", (int)length, list);
	memcpy(wanted->profile, wanted->text, sizeof(wanted->profile));
	colon = strchr(wanted->profile, ':');
	wanted->placed = colon != NULL;
	wanted->start = 0;
	if (colon) {
		wanted->start = (unsigned int)strtoul(colon + 1, NULL, 10);
		*colon = '\0';
	}
	list += length;
	return list + (*list == ',');
}

/* By id, or by name with or without the MIG that it begins with. */
static bool is_profile(const char *text, unsigned int id, const char *name)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text >= '0' && *text <= '9' && *end == '\0')
		return number == id;
	return strcmp(text, name) == 0 ||
	       (strncmp(name, "MIG ", 4) == 0 && strcmp(text, name + 4) == 0);
}

/* --- compute instances --- */

static const nvmlComputeInstanceProfileInfo_v2_t *
find_compute_profile(const struct compute_profiles *profiles, const char *text, unsigned int slices)
{
	if (!text)
		return compute_profile_default(profiles, slices);
	for (unsigned int i = 0; i < profiles->count; i++)
		if (is_profile(text, profiles->list[i].id, profiles->list[i].name))
			return &profiles->list[i];
	return NULL;
}

/* @wanted: NULL for the profile that fills the GPU instance. */
static nvmlReturn_t create_compute_instance(nvmlDevice_t device, nvmlGpuInstance_t parent,
					    unsigned int parent_id, unsigned int slices,
					    const struct wanted *wanted)
{
	struct compute_profiles profiles;
	const nvmlComputeInstanceProfileInfo_v2_t *profile;
	nvmlComputeInstance_t created;
	nvmlComputeInstanceInfo_t info = { 0 };
	nvmlReturn_t result = compute_profiles_get(&profiles, parent);

	profile = find_compute_profile(&profiles, wanted ? wanted->profile : NULL, slices);
	if (result == NVML_SUCCESS && !profile)
		result = NVML_ERROR_INVALID_ARGUMENT;
	if (result != NVML_SUCCESS) {
		/* nothing to ask for */
	} else if (wanted && wanted->placed) {
		nvmlComputeInstancePlacement_t place = { wanted->start, profile->sliceCount };

		result = nvml.GpuInstanceCreateComputeInstanceWithPlacement(parent, profile->id,
									    &place, &created);
	} else {
		result = nvml.GpuInstanceCreateComputeInstance(parent, profile->id, &created);
	}
	if (result != NVML_SUCCESS) {
		printf("Unable to create a compute instance on GPU %2u GPU instance ID %2u using profile %s: %s\n",
		       gpu_index(device), parent_id, wanted ? wanted->text : "default",
		       nvml.ErrorString(result));
		return result;
	}
	result = nvml.ComputeInstanceGetInfo_v2(created, &info);
	if (result != NVML_SUCCESS) {
		printf("Unable to query a compute instance on GPU %2u GPU instance ID %2u: %s\n",
		       gpu_index(device), parent_id, nvml.ErrorString(result));
		return result;
	}
	printf("Successfully created compute instance ID %2u on GPU %2u GPU instance ID %2u using profile %s (ID %2u)\n",
	       info.id, gpu_index(device), parent_id, profile->name, profile->id);
	return result;
}

static nvmlReturn_t create_compute_instances_in(nvmlDevice_t device,
						const struct gpu_instance *parent,
						const char *profiles)
{
	nvmlReturn_t result = NVML_SUCCESS;

	if (!profiles)
		return create_compute_instance(device, parent->handle, parent->info.id,
					       parent->slices, NULL);
	while (*profiles && result == NVML_SUCCESS) {
		struct wanted wanted;

		profiles = read_wanted(profiles, &wanted);
		if (wanted.text[0])
			result = create_compute_instance(device, parent->handle, parent->info.id,
							 parent->slices, &wanted);
	}
	return result;
}

static nvmlReturn_t create_compute(nvmlDevice_t device, const struct gpu_instance *instance,
				   const struct mig_request *request, void *data)
{
	(void)data;
	return create_compute_instances_in(device, instance, request->profiles);
}

int mig_create_compute_instances(const struct selection *selection,
				 const struct mig_request *request)
{
	return mig_for_instances(selection, request, "create compute instances", create_compute,
				 NULL);
}

static nvmlReturn_t destroy_compute(nvmlDevice_t device, const struct gpu_instance *parent,
				    const struct mig_request *request, void *data)
{
	unsigned int *count = data;
	struct compute_instances instances;
	nvmlReturn_t result = compute_instances_get(&instances, parent, request->compute_instances);

	for (unsigned int i = 0; result == NVML_SUCCESS && i < instances.count; i++) {
		const struct compute_instance *instance = &instances.list[i];

		result = nvml.ComputeInstanceDestroy(instance->handle);
		if (result != NVML_SUCCESS) {
			printf("Unable to destroy compute instance ID %2u from GPU %2u GPU instance ID %2u: %s\n",
			       instance->info.id, gpu_index(device), parent->info.id,
			       nvml.ErrorString(result));
			return result;
		}
		printf("Successfully destroyed compute instance ID %2u from GPU %2u GPU instance ID %2u\n",
		       instance->info.id, gpu_index(device), parent->info.id);
		(*count)++;
	}
	return result;
}

int mig_destroy_compute_instances(const struct selection *selection,
				  const struct mig_request *request)
{
	unsigned int count = 0;
	int status = mig_for_instances(selection, request, "destroy compute instances",
				       destroy_compute, &count);

	return status || count ? status : mig_none_found("compute instances", NVML_ERROR_NOT_FOUND);
}

/* --- GPU instances --- */

static const nvmlGpuInstanceProfileInfo_v2_t *find_gpu_profile(const struct gpu_profiles *profiles,
							       const char *text)
{
	for (unsigned int i = 0; i < profiles->count; i++)
		if (is_profile(text, profiles->list[i].info.id, profiles->list[i].info.name))
			return &profiles->list[i].info;
	return NULL;
}

/* How many slices an instance of the profile takes is what its placements say. */
static unsigned int placement_size(nvmlDevice_t device, unsigned int profile_id)
{
	nvmlGpuInstancePlacement_t placements[MIG_MAX_INSTANCES];
	unsigned int count = MIG_MAX_INSTANCES;
	nvmlReturn_t result = nvml.DeviceGetGpuInstancePossiblePlacements_v2(device, profile_id,
									     placements, &count);

	return result == NVML_SUCCESS && count ? placements[0].size : 0;
}

static nvmlReturn_t create_gpu_instance(nvmlDevice_t device, const struct gpu_profiles *profiles,
					const struct wanted *wanted, bool with_compute)
{
	const nvmlGpuInstanceProfileInfo_v2_t *profile =
		find_gpu_profile(profiles, wanted->profile);
	nvmlGpuInstance_t created;
	nvmlGpuInstanceInfo_t info = { 0 };
	nvmlReturn_t result = NVML_ERROR_INVALID_ARGUMENT;

	if (profile && wanted->placed) {
		nvmlGpuInstancePlacement_t place = { wanted->start,
						     placement_size(device, profile->id) };

		result = nvml.DeviceCreateGpuInstanceWithPlacement(device, profile->id, &place,
								   &created);
	} else if (profile) {
		result = nvml.DeviceCreateGpuInstance(device, profile->id, &created);
	}
	if (result != NVML_SUCCESS) {
		printf("Unable to create a GPU instance on GPU %2u using profile %s: %s\n",
		       gpu_index(device), wanted->text, nvml.ErrorString(result));
		return result;
	}
	result = nvml.GpuInstanceGetInfo(created, &info);
	if (result != NVML_SUCCESS) {
		printf("Unable to query a GPU instance on GPU %2u: %s\n", gpu_index(device),
		       nvml.ErrorString(result));
		return result;
	}
	printf("Successfully created GPU instance ID %2u on GPU %2u using profile %s (ID %2u)\n",
	       info.id, gpu_index(device), profile->name, profile->id);
	if (!with_compute)
		return result;
	return create_compute_instance(device, created, info.id, profile->sliceCount, NULL);
}

int mig_create_gpu_instances(const struct selection *selection, const struct mig_request *request)
{
	struct gpu_profiles profiles;

	for (unsigned int i = 0; i < selection->count; i++) {
		gpu_profiles_get(&profiles, selection->devices[i]);
		for (const char *list = request->profiles; *list;) {
			nvmlReturn_t result = NVML_SUCCESS;
			struct wanted wanted;

			list = read_wanted(list, &wanted);
			if (wanted.text[0])
				result = create_gpu_instance(selection->devices[i], &profiles,
							     &wanted, request->with_compute);
			if (result != NVML_SUCCESS)
				return mig_failed("create GPU instances", result);
		}
	}
	return EXIT_SUCCESS;
}

static nvmlReturn_t destroy_gpu(nvmlDevice_t device, const struct gpu_instance *instance,
				const struct mig_request *request, void *data)
{
	nvmlReturn_t result = nvml.GpuInstanceDestroy(instance->handle);

	(void)request;
	(void)data;
	if (result != NVML_SUCCESS)
		printf("Unable to destroy GPU instance ID %2u from GPU %2u: %s\n",
		       instance->info.id, gpu_index(device), nvml.ErrorString(result));
	else
		printf("Successfully destroyed GPU instance ID %2u from GPU %2u\n",
		       instance->info.id, gpu_index(device));
	return result;
}

int mig_destroy_gpu_instances(const struct selection *selection, const struct mig_request *request)
{
	return mig_for_instances(selection, request, "destroy GPU instances", destroy_gpu, NULL);
}
