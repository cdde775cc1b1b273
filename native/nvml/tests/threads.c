// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Watched by the thread sanitizer (make check): threads that start and end the
 * library, read, change settings and wait for events, all on one page.
 */
#include <pthread.h>
#include <unistd.h>

#include "nvml_internal.h"
#include "testsuite.h"

#define THREADS 6
#define ROUNDS 300

static struct description description;

/* The process's own GPUs, but in a page that is a file, as on a host. */
static void open_page(void)
{
	static char path[512];
	struct profile_error error = { "" };

	snprintf(path, sizeof(path), "%s/threads.page", testsuite_folder());
	CHECK(profile_load("../../charts/gpu-mock/profiles/gb200.yaml", NULL, &description,
			   &error) == 0);
	CHECK_NUMBER(page_write(path, &description, false, false, &error), PAGE_CHANGED);
	handle_open();
	handle_close();
	handle_source.page = page_open(path, &error);
	CHECK(handle_source.page != NULL);
	snprintf(handle_source.path, sizeof(handle_source.path), "%s", path);
	visible_all(&handle_source.visible, page_description(handle_source.page));
	/* One reference for good, so that no thread's shutdown ends it for the others. */
	atomic_store(&api_references, 1);
}

static void read_some(nvmlDevice_t device)
{
	nvmlUtilization_t rates;
	nvmlMemory_t memory;
	unsigned int value, other;
	char text[96];

	CHECK_NUMBER(nvmlDeviceGetUtilizationRates(device, &rates), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo(device, &memory), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetUUID(device, text, sizeof(text)), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetPowerUsage(device, &value), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetEccMode(device, &value, &other), NVML_SUCCESS);
}

static void wait_a_moment(nvmlDevice_t device)
{
	nvmlEventData_t data;
	nvmlEventSet_t set;

	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 1), NVML_ERROR_TIMEOUT);
	CHECK_NUMBER(nvmlEventSetFree(set), NVML_SUCCESS);
}

static void *work(void *data)
{
	unsigned int number = (unsigned int)(uintptr_t)data;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		nvmlDevice_t device;

		CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
		CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(number % 4, &device), NVML_SUCCESS);
		read_some(device);
		CHECK_NUMBER(nvmlDeviceSetPersistenceMode(device, i % 2), NVML_SUCCESS);
		if (i % 10 == 0)
			wait_a_moment(device);
		CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	}
	return NULL;
}

static void threads_do_everything_at_once(void)
{
	pthread_t threads[THREADS];

	open_page();
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

TESTSUITE(TEST(threads_do_everything_at_once))
