// SPDX-License-Identifier: GPL-3.0-or-later
#include <pthread.h>
#include <time.h>

#include "nvml_fixture.h"

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void wait_sleeps_until_its_timeout(void)
{
	nvmlDevice_t device = first_gpu("a100");
	unsigned long long types = 0;
	nvmlEventData_t event;
	nvmlEventSet_t set;
	clock_t cpu;
	double began;

	CHECK_NUMBER(nvmlDeviceGetSupportedEventTypes(device, &types), NVML_SUCCESS);
	CHECK(types & nvmlEventTypeXidCriticalError);
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, ~types, set), NVML_ERROR_NOT_SUPPORTED);
	began = seconds();
	cpu = clock();
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 200), NVML_ERROR_TIMEOUT);
	CHECK(seconds() - began >= 0.2);
	CHECK((double)(clock() - cpu) / CLOCKS_PER_SEC < 0.1);
	CHECK_NUMBER(nvmlEventSetWait(set, &event, 0), NVML_ERROR_TIMEOUT);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, NULL, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetFree(set), NVML_SUCCESS);
}

static void freed_and_foreign_sets_are_seen(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEventData_t event;
	nvmlEventSet_t set;
	long foreign[4] = { 1, 1, 1, 1 };

	CHECK_NUMBER(nvmlEventSetCreate(NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetFree(set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetFree(set), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, 0, (nvmlEventSet_t)foreign),
		     NVML_ERROR_INVALID_ARGUMENT);
}

static void *free_soon(void *set)
{
	usleep(100000);
	nvmlEventSetFree(set);
	return NULL;
}

static void freeing_wakes_the_waiter(void)
{
	nvmlEventData_t event;
	nvmlEventSet_t set;
	pthread_t thread;
	double began;

	first_gpu("a100");
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK(pthread_create(&thread, NULL, free_soon, set) == 0);
	began = seconds();
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 20000), NVML_ERROR_INVALID_ARGUMENT);
	CHECK(seconds() - began < 10);
	pthread_join(thread, NULL);
}

TESTSUITE(TEST(wait_sleeps_until_its_timeout), TEST(freed_and_foreign_sets_are_seen),
	  TEST(freeing_wakes_the_waiter))
