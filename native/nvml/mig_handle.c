// SPDX-License-Identifier: GPL-3.0-or-later
#include "mig_handle.h"

#define GPU_INSTANCES (PROFILE_MAX_DEVICES * STATE_MAX_GPU_INSTANCES)
#define COMPUTE_INSTANCES (GPU_INSTANCES * STATE_MAX_COMPUTE_INSTANCES)

// Nobody reads or writes them, so they take addresses and no memory.
static char gpu_instances[GPU_INSTANCES];
static char compute_instances[COMPUTE_INSTANCES];
static char devices[COMPUTE_INSTANCES];

static bool number_in(const void *handle, const char *table, size_t size, size_t *number)
{
	*number = (uintptr_t)handle - (uintptr_t)table;
	return *number < size;
}

static uint32_t number_of(const struct mig_place *place)
{
	return (place->index * STATE_MAX_GPU_INSTANCES + place->gpu_instance) *
		       STATE_MAX_COMPUTE_INSTANCES +
	       place->compute_instance;
}

static bool place_of(size_t number, struct mig_place *place)
{
	place->compute_instance = number % STATE_MAX_COMPUTE_INSTANCES;
	number /= STATE_MAX_COMPUTE_INSTANCES;
	place->gpu_instance = number % STATE_MAX_GPU_INSTANCES;
	place->index = (uint32_t)(number / STATE_MAX_GPU_INSTANCES);
	return place->index < handle_count();
}

nvmlGpuInstance_t mig_gpu_instance_handle(uint32_t index, uint32_t gpu_instance)
{
	return (void *)&gpu_instances[index * STATE_MAX_GPU_INSTANCES + gpu_instance];
}

nvmlComputeInstance_t mig_compute_instance_handle(const struct mig_place *place)
{
	return (void *)&compute_instances[number_of(place)];
}

nvmlDevice_t mig_device_handle(const struct mig_place *place)
{
	return (void *)&devices[number_of(place)];
}

bool mig_gpu_instance_place(nvmlGpuInstance_t handle, struct mig_place *place)
{
	size_t number;

	return number_in(handle, gpu_instances, sizeof(gpu_instances), &number) &&
	       place_of(number * STATE_MAX_COMPUTE_INSTANCES, place);
}

bool mig_compute_instance_place(nvmlComputeInstance_t handle, struct mig_place *place)
{
	size_t number;

	return number_in(handle, compute_instances, sizeof(compute_instances), &number) &&
	       place_of(number, place);
}

bool mig_device_place(nvmlDevice_t handle, struct mig_place *place)
{
	size_t number;

	return number_in(handle, devices, sizeof(devices), &number) && place_of(number, place);
}
