/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of MIG share: a GPU in MIG mode and short ways to make instances. */
#ifndef MIRAGE_MIG_FIXTURE_H
#define MIRAGE_MIG_FIXTURE_H

#include "nvml_fixture.h"

/* Of an A100 with 40 GB, by the numbers that nvidia-smi mig -lgip prints. */
enum { P_7G = 0, P_4G = 5, P_3G = 9, P_2G = 14, P_1G_WIDE = 15, P_1G = 19, P_1G_MEDIA = 20 };

static inline nvmlDevice_t gpu_in_mig_mode(const char *profile)
{
	nvmlDevice_t device = first_gpu(profile);
	nvmlReturn_t activation;

	CHECK_NUMBER(nvmlDeviceSetMigMode(device, NVML_DEVICE_MIG_ENABLE, &activation),
		     NVML_SUCCESS);
	CHECK_NUMBER(activation, NVML_SUCCESS);
	return device;
}

static inline nvmlGpuInstance_t make_gpu_instance(nvmlDevice_t device, unsigned int profile)
{
	nvmlGpuInstance_t instance;

	CHECK_NUMBER(nvmlDeviceCreateGpuInstance(device, profile, &instance), NVML_SUCCESS);
	return instance;
}

static inline nvmlComputeInstance_t make_compute_instance(nvmlGpuInstance_t instance,
							  unsigned int profile)
{
	nvmlComputeInstance_t compute;

	CHECK_NUMBER(nvmlGpuInstanceCreateComputeInstance(instance, profile, &compute),
		     NVML_SUCCESS);
	return compute;
}

static inline nvmlDevice_t mig_device(nvmlDevice_t device, unsigned int index)
{
	nvmlDevice_t mig;

	CHECK_NUMBER(nvmlDeviceGetMigDeviceHandleByIndex(device, index, &mig), NVML_SUCCESS);
	return mig;
}

/* A process in the instances of the first GPU, or on all of it (STATE_NO_INSTANCE). */
static inline void run_process(uint32_t pid, uint32_t gpu_instance, uint32_t compute_instance,
			       uint64_t memory)
{
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->processes[running->process_count++] = (struct running_process){
		.process = { .pid = pid, .type = PROFILE_PROCESS_COMPUTE, .used_memory = memory },
		.gpu_instance = gpu_instance,
		.compute_instance = compute_instance,
	};
	put_in_force(&writer);
}

#endif
