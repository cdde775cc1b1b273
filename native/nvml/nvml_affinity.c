// SPDX-License-Identifier: GPL-3.0-or-later
// On which CPUs the calling thread runs: the machine's own scheduler is asked.
#include <errno.h>
#include <sched.h>

#include "nvml_internal.h"

_Static_assert(sizeof(cpu_set_t) == PROFILE_CPU_WORDS * sizeof(uint64_t),
	       "a description names as many CPUs as the scheduler");

static bool any_cpu(const uint64_t *cpus)
{
	for (unsigned int i = 0; i < PROFILE_CPU_WORDS; i++)
		if (cpus[i])
			return true;
	return false;
}

// A container may not have the machine's CPUs: then the thread stays where it is.
static nvmlReturn_t run_on(const cpu_set_t *cpus)
{
	if (sched_setaffinity(0, sizeof(*cpus), cpus) == 0)
		return NVML_SUCCESS;
	log_error("cannot move the thread to the GPU's CPUs: %s", strerror(errno));
	return errno == EPERM ? NVML_ERROR_NO_PERMISSION : NVML_ERROR_UNKNOWN;
}

nvmlReturn_t nvmlDeviceSetCpuAffinity(nvmlDevice_t device)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, device, &gpu);
	struct host_place place;
	cpu_set_t cpus;

	if (ret != NVML_SUCCESS)
		return ret;
	place = host_place(&handle_source.host, gpu.device);
	if (!any_cpu(place.cpus))
		return NVML_ERROR_NOT_SUPPORTED;
	memcpy(&cpus, place.cpus, sizeof(cpus));
	return run_on(&cpus);
}

nvmlReturn_t nvmlDeviceClearCpuAffinity(nvmlDevice_t device)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, device, &gpu);
	cpu_set_t cpus;

	if (ret != NVML_SUCCESS)
		return ret;
	memset(&cpus, 0xff, sizeof(cpus));
	return run_on(&cpus);
}
