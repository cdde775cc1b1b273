/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi mig -lgip, -lgipp, -lgi, -lcip, -lcipp, -lci: tables and placements. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>

#define GPU_RULE "+-------------------------------------------------------+\n"
#define GPU_PROFILE_RULE \
	"+-----------------------------------------------------------------------------+\n"
#define COMPUTE_RULE "+--------------------------------------------------------------------+\n"
#define COMPUTE_PROFILE_RULE \
	"+--------------------------------------------------------------------------------------+\n"

/* --- GPU instances --- */

static void print_gpu_profile(nvmlDevice_t device, const nvmlGpuInstanceProfileInfo_v2_t *info,
			      unsigned int left)
{
	char memory[32];

	snprintf(memory, sizeof(memory), "%.2f", (double)info->memorySizeMB / 1024);
	printf("| %3u  %-15s   %2u   %3u/%-3u      %-8s   %-3s    %-3u  %3u   %3u   |\n",
	       gpu_index(device), info->name, info->id, left, info->instanceCount, memory,
	       info->isP2pSupported ? "Yes" : "No", info->multiprocessorCount, info->decoderCount,
	       info->encoderCount);
	printf("|                                                           %3u   %3u   %3u   |\n",
	       info->copyEngineCount, info->jpegCount, info->ofaCount);
	printf(GPU_PROFILE_RULE);
}

int mig_list_gpu_profiles(const struct selection *selection, const struct mig_request *request)
{
	struct gpu_profiles profiles;

	(void)request;
	printf(GPU_PROFILE_RULE
	       "| GPU instance profiles:                                                      |\n"
	       "| GPU   Name             ID    Instances   Memory     P2P    SM    DEC   ENC  |\n"
	       "|                              Free/Total   GiB              CE    JPEG  OFA  |\n"
	       "|=============================================================================|\n");
	for (unsigned int i = 0; i < selection->count; i++) {
		nvmlDevice_t device = selection->devices[i];

		gpu_profiles_get(&profiles, device);
		for (unsigned int j = 0; j < profiles.count; j++) {
			const nvmlGpuInstanceProfileInfo_v2_t *info = &profiles.list[j].info;
			unsigned int left = 0;
			nvmlReturn_t result =
				nvml.DeviceGetGpuInstanceRemainingCapacity(device, info->id, &left);

			if (result != NVML_SUCCESS)
				return mig_failed("display GPU instance profiles", result);
			print_gpu_profile(device, info, left);
		}
	}
	return EXIT_SUCCESS;
}

static void print_placements(const nvmlGpuInstancePlacement_t *placements, unsigned int count)
{
	printf("Placement%s: {", count > 1 ? "s" : " ");
	for (unsigned int i = 0; i < count; i++)
		printf("%s%u", i ? "," : "", placements[i].start);
	printf("}:%u\n", count ? placements[0].size : 0);
}

int mig_list_gpu_placements(const struct selection *selection, const struct mig_request *request)
{
	struct gpu_profiles profiles;

	(void)request;
	for (unsigned int i = 0; i < selection->count; i++) {
		nvmlDevice_t device = selection->devices[i];

		gpu_profiles_get(&profiles, device);
		for (unsigned int j = 0; j < profiles.count; j++) {
			nvmlGpuInstancePlacement_t placements[MIG_MAX_INSTANCES];
			unsigned int count = MIG_MAX_INSTANCES;
			unsigned int id = profiles.list[j].info.id;
			nvmlReturn_t result = nvml.DeviceGetGpuInstancePossiblePlacements_v2(
				device, id, placements, &count);

			if (result != NVML_SUCCESS)
				return mig_failed("display GPU instance placements", result);
			printf("GPU %2u Profile ID %2u ", gpu_index(device), id);
			print_placements(placements, count);
		}
	}
	return EXIT_SUCCESS;
}

static void print_gpu_instance(nvmlDevice_t device, const struct gpu_instance *instance,
			       bool *headed)
{
	if (!*headed)
		printf(GPU_RULE "| GPU instances:                                        |\n"
				"| GPU   Name             Profile  Instance   Placement  |\n"
				"|                          ID       ID       Start:Size |\n"
				"|=======================================================|\n");
	*headed = true;
	printf("| %3u  %-17s   %2u      %3u        %3u:%-3u   |\n" GPU_RULE, gpu_index(device),
	       instance->name, instance->info.profileId, instance->info.id,
	       instance->info.placement.start, instance->info.placement.size);
}

int mig_list_gpu_instances(const struct selection *selection, const struct mig_request *request)
{
	struct gpu_instances instances;
	bool headed = false;

	(void)request;
	for (unsigned int i = 0; i < selection->count; i++) {
		nvmlReturn_t result = gpu_instances_get(&instances, selection->devices[i], NULL);

		if (result == NVML_ERROR_NOT_FOUND)
			continue;
		if (result != NVML_SUCCESS)
			return mig_failed("display GPU instances", result);
		for (unsigned int j = 0; j < instances.count; j++)
			print_gpu_instance(selection->devices[i], &instances.list[j], &headed);
	}
	return headed ? EXIT_SUCCESS : mig_none_found("GPU instances", NVML_ERROR_NOT_FOUND);
}

/* --- compute instances --- */

static void print_compute_profile(nvmlDevice_t device, const struct gpu_instance *instance,
				  const nvmlComputeInstanceProfileInfo_v2_t *info,
				  unsigned int left)
{
	printf("| %3u    %3u       %-17s   %2u%s   %3u/%-3u        %3u      %3u   %3u   %3u   |\n",
	       gpu_index(device), instance->info.id, info->name, info->id,
	       info->sliceCount == instance->slices ? "*" : " ", left, info->instanceCount,
	       info->multiprocessorCount, info->sharedDecoderCount, info->sharedEncoderCount,
	       info->sharedOfaCount);
	printf("|                                                                    %3u   %3u         |\n" COMPUTE_PROFILE_RULE,
	       info->sharedCopyEngineCount, info->sharedJpegCount);
}

static nvmlReturn_t list_compute_profiles(nvmlDevice_t device, const struct gpu_instance *instance,
					  const struct mig_request *request, void *data)
{
	bool *headed = data;
	struct compute_profiles profiles;
	nvmlReturn_t result;

	(void)request;
	if (!*headed)
		printf(COMPUTE_PROFILE_RULE
		       "| Compute instance profiles:                                                           |\n"
		       "| GPU     GPU       Name             Profile  Instances   Exclusive       Shared       |\n"
		       "|       Instance                       ID     Free/Total     SM       DEC   ENC   OFA  |\n"
		       "|         ID                                                          CE    JPEG       |\n"
		       "|======================================================================================|\n");
	*headed = true;
	result = compute_profiles_get(&profiles, instance->handle);
	for (unsigned int i = 0; result == NVML_SUCCESS && i < profiles.count; i++) {
		unsigned int left = 0;

		result = nvml.GpuInstanceGetComputeInstanceRemainingCapacity(
			instance->handle, profiles.list[i].id, &left);
		if (result == NVML_SUCCESS)
			print_compute_profile(device, instance, &profiles.list[i], left);
	}
	return result;
}

int mig_list_compute_profiles(const struct selection *selection, const struct mig_request *request)
{
	bool headed = false;

	return mig_for_instances(selection, request, "display compute instance profiles",
				 list_compute_profiles, &headed);
}

static nvmlReturn_t list_compute_placements(nvmlDevice_t device,
					    const struct gpu_instance *instance,
					    const struct mig_request *request, void *data)
{
	struct compute_profiles profiles;
	nvmlReturn_t result = compute_profiles_get(&profiles, instance->handle);

	(void)request;
	(void)data;
	for (unsigned int i = 0; result == NVML_SUCCESS && i < profiles.count; i++) {
		nvmlComputeInstancePlacement_t placements[MIG_MAX_INSTANCES];
		unsigned int count = MIG_MAX_INSTANCES;
		unsigned int id = profiles.list[i].id;

		result = nvml.GpuInstanceGetComputeInstancePossiblePlacements(instance->handle, id,
									      placements, &count);
		if (result != NVML_SUCCESS)
			break;
		printf("GPU %2u GI %2u Profile ID %2u ", gpu_index(device), instance->info.id, id);
		/* The two kinds of placement are the same struct under two names. */
		print_placements((const nvmlGpuInstancePlacement_t *)placements, count);
	}
	return result;
}

int mig_list_compute_placements(const struct selection *selection,
				const struct mig_request *request)
{
	return mig_for_instances(selection, request, "display compute instance placements",
				 list_compute_placements, NULL);
}

static void print_compute_instance(nvmlDevice_t device, const struct gpu_instance *parent,
				   const struct compute_instance *instance, bool *headed)
{
	if (!*headed)
		printf(COMPUTE_RULE
		       "| Compute instances:                                                 |\n"
		       "| GPU     GPU       Name             Profile   Instance   Placement  |\n"
		       "|       Instance                       ID        ID       Start:Size |\n"
		       "|         ID                                                         |\n"
		       "|====================================================================|\n");
	*headed = true;
	printf("| %3u    %3u       %-17s   %2u       %3u        %3u:%-3u   |\n" COMPUTE_RULE,
	       gpu_index(device), parent->info.id, instance->name, instance->info.profileId,
	       instance->info.id, instance->info.placement.start, instance->info.placement.size);
}

static nvmlReturn_t list_compute_instances(nvmlDevice_t device, const struct gpu_instance *instance,
					   const struct mig_request *request, void *data)
{
	struct compute_instances instances;
	nvmlReturn_t result =
		compute_instances_get(&instances, instance, request->compute_instances);

	for (unsigned int i = 0; result == NVML_SUCCESS && i < instances.count; i++)
		print_compute_instance(device, instance, &instances.list[i], data);
	return result == NVML_ERROR_NOT_FOUND ? NVML_SUCCESS : result;
}

int mig_list_compute_instances(const struct selection *selection, const struct mig_request *request)
{
	bool headed = false;
	int status = mig_for_instances(selection, request, "display compute instances",
				       list_compute_instances, &headed);

	return status || headed ? status
				: mig_none_found("compute instances", NVML_ERROR_NOT_FOUND);
}
