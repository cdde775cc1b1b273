/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the functions of MIG share: instances as they are now, and changing them. */
#ifndef MIRAGE_NVML_MIG_H
#define MIRAGE_NVML_MIG_H

#include "mig_handle.h"
#include "nvml_change.h"

/* A GPU instance for the length of one call, copied from one state of its GPU. */
struct gpu_instance {
	struct mig_place place;
	struct running_gpu_instance instance;
	const struct profile_gpu_instance *profile;
	const struct board *board;
};

/* The GPU of a MIG device that exists, with its instances; any other handle is invalid. */
nvmlReturn_t mig_enter_device(nvmlDevice_t device, struct gpu *gpu);

/* The GPU instance with the id; false where there is none. */
bool mig_instance(struct gpu *gpu, uint32_t id, struct gpu_instance *instance);

/* Initialised, the handle, the answer's pointer, in this order. */
nvmlReturn_t mig_enter_gpu_instance(const char *function, nvmlGpuInstance_t handle,
				    const void *answer, struct gpu *gpu,
				    struct gpu_instance *instance);
nvmlReturn_t mig_enter_compute_instance(const char *function, nvmlComputeInstance_t handle,
					const void *answer, struct gpu *gpu,
					struct gpu_instance *instance);

static inline const struct running_compute_instance *
mig_compute_instance(const struct gpu_instance *instance)
{
	return &instance->instance.compute[instance->place.compute_instance];
}

/* What a MIG device is called and counted as; gpu is one by gpu_is_mig(). */
nvmlReturn_t mig_device_name(struct gpu *gpu, char *answer, unsigned int length);
uint32_t mig_device_index(struct gpu *gpu);
nvmlReturn_t mig_device_find(const char *uuid, nvmlDevice_t *device);

/* Whether MIG mode is on now. */
static inline bool mig_is_on(const struct gpu *gpu)
{
	return gpu->board->mig.capable == 1 && gpu->readings->mig_current == 1;
}

/* Bytes that a GPU instance takes for itself, and all of a GPU's together. */
uint64_t mig_memory_of(const struct gpu_instance *instance);
uint64_t mig_memory_of_all(struct gpu *gpu);

/* The memory, and the part of BAR1, of the instance that a MIG device is in. */
nvmlReturn_t mig_device_bar1(struct gpu *gpu, unsigned long long *total);
nvmlReturn_t mig_device_memory(struct gpu *gpu, uint64_t *total, uint64_t *used);

/* Whether a process runs within; STATE_NO_INSTANCE for compute_instance means any. */
bool mig_has_process(const struct running *running, uint32_t gpu_instance,
		     uint32_t compute_instance);

/* Put the pending mode in force, as a reset does; all instances are gone then. */
void mig_activate(struct running *running);

/* As change_end(), and tell waiters and the capability files of the instances. */
nvmlReturn_t mig_change_end(struct change *change, uint32_t gpu_instance,
			    uint32_t compute_instance);

#endif
