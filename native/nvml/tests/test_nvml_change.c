// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/wait.h>

#include "nvml_change.h"
#include "nvml_fixture.h"

static void a_setting_is_read_back_and_is_of_one_gpu(void)
{
	nvmlDevice_t device = first_gpu("a100"), other;
	nvmlEnableState_t mode;
	nvmlComputeMode_t compute;

	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &other), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetPersistenceMode(device, NVML_FEATURE_DISABLED), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetPersistenceMode(device, &mode), NVML_SUCCESS);
	CHECK_NUMBER(mode, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(nvmlDeviceGetPersistenceMode(other, &mode), NVML_SUCCESS);
	CHECK_NUMBER(mode, NVML_FEATURE_ENABLED);
	CHECK_NUMBER(nvmlDeviceSetComputeMode(device, NVML_COMPUTEMODE_EXCLUSIVE_PROCESS),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetComputeMode(device, &compute), NVML_SUCCESS);
	CHECK_NUMBER(compute, NVML_COMPUTEMODE_EXCLUSIVE_PROCESS);
}

static void what_is_wrong_changes_nothing(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlComputeMode_t mode;

	CHECK_NUMBER(nvmlDeviceSetPersistenceMode(NULL, 1), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetPersistenceMode(device, 2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetComputeMode(device, NVML_COMPUTEMODE_COUNT),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetComputeMode(device, NVML_COMPUTEMODE_EXCLUSIVE_THREAD),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetComputeMode(device, &mode), NVML_SUCCESS);
	CHECK_NUMBER(mode, NVML_COMPUTEMODE_DEFAULT);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetPersistenceMode(device, 1), NVML_ERROR_UNINITIALIZED);
}

static int set_as_nobody(nvmlDevice_t device)
{
	if (setuid(65534) != 0)
		return 100;
	return (int)nvmlDeviceSetPersistenceMode(device, NVML_FEATURE_DISABLED);
}

static void whoever_is_not_root_may_not(void)
{
	nvmlDevice_t device = first_gpu("a100");
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(set_as_nobody(device));
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_NUMBER(WEXITSTATUS(status), NVML_ERROR_NO_PERMISSION);
}

/* What was checked for one board is not written to another one. */
static void a_profile_that_comes_between_refuses_the_change(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct page *page = (struct page *)handle_source.page;
	struct change change;

	CHECK_NUMBER(change_check(__func__, device, &change), NVML_SUCCESS);
	page->areas[1].description = page->areas[0].description;
	atomic_store(&page->header.generation, 1);
	CHECK_NUMBER(change_open(&change), NVML_ERROR_GPU_IS_LOST);
	CHECK_NUMBER(change_check(__func__, device, &change), NVML_SUCCESS);
	CHECK_NUMBER(change_open(&change), NVML_SUCCESS);
	CHECK_NUMBER(change_end(&change), NVML_SUCCESS);
}

TESTSUITE(TEST(a_setting_is_read_back_and_is_of_one_gpu), TEST(what_is_wrong_changes_nothing),
	  TEST(whoever_is_not_root_may_not), TEST(a_profile_that_comes_between_refuses_the_change))
