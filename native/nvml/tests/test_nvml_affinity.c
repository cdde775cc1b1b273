// SPDX-License-Identifier: GPL-3.0-or-later
#include <sched.h>

#include "settings_fixture.h"

static nvmlDevice_t gpu_of_cpus(const char *cpus)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "system: {driver_version: \"550.163.01\", num_devices: 1}\n"
		 "device_defaults: {name: Bound, memory: {total_bytes: 1 GiB}}\n"
		 "pcie_topology:\n"
		 "  root_complexes:\n"
		 "    - {id: a, numa_node: 0, indexes: [0], cpu_affinity: \"%s\"}\n",
		 cpus);
	return gpu_of_text(text);
}

static int first_cpu(const cpu_set_t *cpus)
{
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, cpus))
			return i;
	return -1;
}

static void a_thread_is_bound_and_set_free(void)
{
	cpu_set_t before, bound, after;
	nvmlDevice_t device;
	char cpus[16];

	CHECK_NUMBER(sched_getaffinity(0, sizeof(before), &before), 0);
	snprintf(cpus, sizeof(cpus), "%d", first_cpu(&before));
	device = gpu_of_cpus(cpus);
	CHECK_NUMBER(nvmlDeviceSetCpuAffinity(device), NVML_SUCCESS);
	CHECK_NUMBER(sched_getaffinity(0, sizeof(bound), &bound), 0);
	CHECK_NUMBER(CPU_COUNT(&bound), 1);
	CHECK_NUMBER(first_cpu(&bound), first_cpu(&before));
	CHECK_NUMBER(nvmlDeviceClearCpuAffinity(device), NVML_SUCCESS);
	CHECK_NUMBER(sched_getaffinity(0, sizeof(after), &after), 0);
	CHECK(CPU_COUNT(&after) >= CPU_COUNT(&before));
}

// CPUs that the machine has not are no place to be bound to: the GPU sits at those of its own.
static void a_thread_is_bound_where_the_gpu_is_shown(void)
{
	nvmlDevice_t device = gpu_of_cpus("1020-1023");
	unsigned long shown[CPU_SETSIZE / 64];
	cpu_set_t bound;

	CHECK_NUMBER(nvmlDeviceGetCpuAffinity(device, CPU_SETSIZE / 64, shown), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetCpuAffinity(device), NVML_SUCCESS);
	CHECK_NUMBER(sched_getaffinity(0, sizeof(bound), &bound), 0);
	CHECK(CPU_COUNT(&bound) > 0);
	for (int i = 0; i < CPU_SETSIZE; i++)
		CHECK(!CPU_ISSET(i, &bound) || shown[i / 64] >> i % 64 & 1);
}

// As where sysfs cannot be read: what is described may then not be there.
static void cpus_that_the_machine_has_not_leave_the_thread_alone(void)
{
	nvmlDevice_t device = gpu_of_cpus("1020-1023");
	cpu_set_t before, after;

	handle_source.host.node_count = 0;
	CHECK_NUMBER(sched_getaffinity(0, sizeof(before), &before), 0);
	CHECK_NUMBER(nvmlDeviceSetCpuAffinity(device), NVML_ERROR_UNKNOWN);
	CHECK_NUMBER(sched_getaffinity(0, sizeof(after), &after), 0);
	CHECK(CPU_EQUAL(&before, &after));
}

static void a_gpu_without_cpus_binds_nothing(void)
{
	nvmlDevice_t device = workstation_gpu();

	CHECK_NUMBER(nvmlDeviceSetCpuAffinity(device), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetCpuAffinity(NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceClearCpuAffinity(NULL), NVML_ERROR_INVALID_ARGUMENT);
}

TESTSUITE(TEST(a_thread_is_bound_and_set_free), TEST(a_thread_is_bound_where_the_gpu_is_shown),
	  TEST(cpus_that_the_machine_has_not_leave_the_thread_alone),
	  TEST(a_gpu_without_cpus_binds_nothing))
