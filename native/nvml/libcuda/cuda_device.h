/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The devices that this process sees as CUDA devices, from cuInit() on. */
#ifndef MIRAGE_CUDA_DEVICE_H
#define MIRAGE_CUDA_DEVICE_H

#include "cuda_api.h"
#include "cuda_mig.h"

/* A device for the length of one call, read from the page in force now. */
struct cuda_device {
	const struct description *description;
	const struct device *device;
	const struct board *board;
	const struct state_device *state;
	uint64_t sequence; /* of the copy that running points to */
	const struct running *running;
	uint32_t slot;
	/* Of a MIG device; within is NULL where it is the whole GPU. */
	uint32_t gpu_instance;
	uint32_t compute_instance;
	const struct profile_gpu_instance *within;
	uint32_t slices; /* of its compute */
};

/* Where the GPUs come from, once cuInit() succeeded. */
const struct source *cuda_source(void);

/* CUDA_SUCCESS, once cuInit() succeeded. */
CUresult cuda_initialized(void);

uint32_t cuda_device_count(void);

/* What the process sees of the device at the slot of the page. */
struct cuda_visible cuda_visible_in(uint32_t slot);

/* Which copy of its state is in force. */
void cuda_device_look(struct cuda_device *device);
/* For what takes several values that must belong together: true, try again. */
bool cuda_device_changed(struct cuda_device *device);

/* CUDA counts what programs can have: without what driver and firmware keep. */
uint64_t cuda_device_memory(const struct cuda_device *found);

/* Where a device sits on this machine. */
struct host_place cuda_host_place(const struct device *device);

/* Initialised, the ordinal one of ours, the pointer not NULL, in this order. */
CUresult cuda_device_enter(const char *function, CUdevice ordinal, const void *answer,
			   struct cuda_device *device);

#endif
