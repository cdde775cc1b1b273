/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi mig: instances of GPUs. */
#ifndef SMI_MIG_H
#define SMI_MIG_H

#include "smi.h"

#define MIG_MAX_PROFILES 32
#define MIG_MAX_INSTANCES 64

struct gpu_profile {
	nvmlGpuInstanceProfileInfo_v2_t info;
};

struct gpu_profiles {
	unsigned int count;
	struct gpu_profile list[MIG_MAX_PROFILES]; /* by their size, then as NVML numbers them */
};

struct compute_profiles {
	unsigned int count;
	nvmlComputeInstanceProfileInfo_v2_t list[MIG_MAX_PROFILES];
};

struct gpu_instance {
	nvmlGpuInstance_t handle;
	nvmlGpuInstanceInfo_t info;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE]; /* of its profile */
	unsigned int slices;
};

struct gpu_instances {
	unsigned int count;
	struct gpu_instance list[MIG_MAX_INSTANCES];
};

struct compute_instance {
	nvmlComputeInstance_t handle;
	nvmlComputeInstanceInfo_t info;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
};

struct compute_instances {
	unsigned int count;
	struct compute_instance list[MIG_MAX_INSTANCES];
};

/* What the command line says. Lists of numbers are as the user wrote them. */
struct mig_request {
	const char *ids, *gpu_instances, *compute_instances;
	const char *profiles; /* to create; NULL for the default one */
	bool with_compute; /* -C */
};

void gpu_profiles_get(struct gpu_profiles *profiles, nvmlDevice_t device);
nvmlReturn_t compute_profiles_get(struct compute_profiles *profiles, nvmlGpuInstance_t instance);

/* The compute profile that fills a GPU instance of @slices; NULL for none. */
const nvmlComputeInstanceProfileInfo_v2_t *
compute_profile_default(const struct compute_profiles *profiles, unsigned int slices);

/* Only those that @wanted names, if it is not NULL. */
nvmlReturn_t gpu_instances_get(struct gpu_instances *instances, nvmlDevice_t device,
			       const char *wanted);
nvmlReturn_t compute_instances_get(struct compute_instances *instances,
				   const struct gpu_instance *parent, const char *wanted);

unsigned int gpu_index(nvmlDevice_t device);

/* One command each; the GPUs of the selection are those that can do it. */
typedef int mig_command(const struct selection *selection, const struct mig_request *request);

mig_command mig_list_gpu_profiles, mig_list_gpu_placements, mig_list_gpu_instances,
	mig_list_compute_profiles, mig_list_compute_placements, mig_list_compute_instances;
mig_command mig_create_gpu_instances, mig_create_compute_instances, mig_destroy_gpu_instances,
	mig_destroy_compute_instances;

/* "Failed to WHAT: why" and the exit status. */
int mig_failed(const char *what, nvmlReturn_t result);

/* "No WHAT found: why" and the exit status. */
int mig_none_found(const char *what, nvmlReturn_t result);

/*
 * Calls @each for every GPU instance that is wanted, until it fails: "Failed to
 * @what". That there is none at all is a failure too.
 */
typedef nvmlReturn_t mig_each(nvmlDevice_t device, const struct gpu_instance *instance,
			      const struct mig_request *request, void *data);
int mig_for_instances(const struct selection *selection, const struct mig_request *request,
		      const char *what, mig_each *each, void *data);

#endif
