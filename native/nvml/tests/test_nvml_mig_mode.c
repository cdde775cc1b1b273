// SPDX-License-Identifier: GPL-3.0-or-later
#include "mig_fixture.h"

static void check_mode(nvmlDevice_t device, unsigned int current, unsigned int pending)
{
	unsigned int is, will;

	CHECK_NUMBER(nvmlDeviceGetMigMode(device, &is, &will), NVML_SUCCESS);
	CHECK_NUMBER(is, current);
	CHECK_NUMBER(will, pending);
}

static nvmlReturn_t set_mode(nvmlDevice_t device, unsigned int mode)
{
	nvmlReturn_t activation = NVML_ERROR_UNKNOWN;

	CHECK_NUMBER(nvmlDeviceSetMigMode(device, mode, &activation), NVML_SUCCESS);
	return activation;
}

static void an_idle_gpu_changes_at_once_and_alone(void)
{
	nvmlDevice_t device = first_gpu("a100"), other;

	CHECK_NUMBER(set_mode(device, 1), NVML_SUCCESS);
	check_mode(device, 1, 1);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &other), NVML_SUCCESS);
	check_mode(other, 0, 0);
	CHECK_NUMBER(set_mode(device, 0), NVML_SUCCESS);
	check_mode(device, 0, 0);
}

static void a_busy_gpu_waits(void)
{
	nvmlDevice_t device = first_gpu("a100");

	run_process(100, STATE_NO_INSTANCE, STATE_NO_INSTANCE, 1);
	CHECK_NUMBER(set_mode(device, 1), NVML_ERROR_IN_USE);
	check_mode(device, 0, 1);
	CHECK_NUMBER(set_mode(device, 0), NVML_SUCCESS);
	check_mode(device, 0, 0);
}

static void instances_keep_the_mode_on(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t instance = make_gpu_instance(device, P_1G);

	CHECK_NUMBER(set_mode(device, 0), NVML_ERROR_IN_USE);
	check_mode(device, 1, 0);
	CHECK_NUMBER(nvmlGpuInstanceDestroy(instance), NVML_SUCCESS);
	CHECK_NUMBER(set_mode(device, 0), NVML_SUCCESS);
	check_mode(device, 0, 0);
}

static void what_is_wrong_is_refused(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlReturn_t activation;

	CHECK_NUMBER(nvmlDeviceSetMigMode(NULL, 1, &activation), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetMigMode(device, 2, &activation), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetMigMode(device, 1, NULL), NVML_ERROR_INVALID_ARGUMENT);
	check_mode(device, 0, 0);
}

static int ask_as_nobody(nvmlDevice_t device, nvmlGpuInstance_t instance)
{
	nvmlReturn_t activation;
	nvmlComputeInstance_t compute;
	nvmlGpuInstance_t other;
	unsigned int count;

	if (setuid(65534) != 0)
		return 1;
	if (nvmlDeviceSetMigMode(device, 0, &activation) != NVML_ERROR_NO_PERMISSION ||
	    nvmlDeviceCreateGpuInstance(device, P_1G, &other) != NVML_ERROR_NO_PERMISSION ||
	    nvmlGpuInstanceCreateComputeInstance(instance, 0, &compute) !=
		    NVML_ERROR_NO_PERMISSION ||
	    nvmlGpuInstanceDestroy(instance) != NVML_ERROR_NO_PERMISSION)
		return 2;
	return nvmlDeviceGetGpuInstances(device, P_1G, &other, &count) == NVML_SUCCESS &&
			       count == 1 && other == instance
		       ? 0
		       : 3;
}

static void whoever_is_not_root_may_only_look(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t instance = make_gpu_instance(device, P_1G);
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(ask_as_nobody(device, instance));
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_NUMBER(WEXITSTATUS(status), 0);
}

static void a_gpu_in_mig_mode_tells_no_utilization(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlUtilization_t utilization;
	unsigned int value, period;

	CHECK_NUMBER(nvmlDeviceGetUtilizationRates(device, &utilization), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetNumGpuCores(device, &value), NVML_SUCCESS);
	CHECK_NUMBER(set_mode(device, 1), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetUtilizationRates(device, &utilization), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetEncoderUtilization(device, &value, &period),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetNumGpuCores(device, &value), NVML_ERROR_NOT_SUPPORTED);
}

// Who watches is told of each change, with the instances that it was of.
static void changes_are_events(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlGpuInstance_t instance;
	nvmlEventData_t event;
	nvmlEventSet_t set;

	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventMigConfigChange, set), NVML_SUCCESS);
	CHECK_NUMBER(set_mode(device, 1), NVML_SUCCESS);
	instance = make_gpu_instance(device, P_1G);
	make_compute_instance(instance, 0);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 0), NVML_SUCCESS);
		CHECK_NUMBER(event.eventType, nvmlEventMigConfigChange);
		CHECK(event.device == device);
		CHECK_NUMBER(event.gpuInstanceId, i ? 13 : STATE_NO_INSTANCE);
		CHECK_NUMBER(event.computeInstanceId, i == 2 ? 0 : STATE_NO_INSTANCE);
	}
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 0), NVML_ERROR_TIMEOUT);
}

TESTSUITE(TEST(an_idle_gpu_changes_at_once_and_alone), TEST(a_busy_gpu_waits),
	  TEST(instances_keep_the_mode_on), TEST(what_is_wrong_is_refused),
	  TEST(whoever_is_not_root_may_only_look), TEST(a_gpu_in_mig_mode_tells_no_utilization),
	  TEST(changes_are_events))
