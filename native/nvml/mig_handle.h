/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handles of GPU instances, compute instances and MIG devices. Each is an
 * address in a table in which nothing is ever stored: GPU, GPU instance and
 * compute instance follow from it by arithmetic. So a handle is never followed;
 * whether its instance exists is looked up in the running state at each call.
 */
#ifndef MIRAGE_MIG_HANDLE_H
#define MIRAGE_MIG_HANDLE_H

#include "nvml_internal.h"

/* Which instance a handle stands for. */
struct mig_place {
	uint32_t index; /* NVML index of the GPU */
	uint32_t gpu_instance;
	uint32_t compute_instance;
};

nvmlGpuInstance_t mig_gpu_instance_handle(uint32_t index, uint32_t gpu_instance);
nvmlComputeInstance_t mig_compute_instance_handle(const struct mig_place *place);
nvmlDevice_t mig_device_handle(const struct mig_place *place);

/* False where the address is none of the table. */
bool mig_gpu_instance_place(nvmlGpuInstance_t handle, struct mig_place *place);
bool mig_compute_instance_place(nvmlComputeInstance_t handle, struct mig_place *place);
bool mig_device_place(nvmlDevice_t handle, struct mig_place *place);

#endif
