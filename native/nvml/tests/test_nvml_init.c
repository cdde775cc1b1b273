// SPDX-License-Identifier: GPL-3.0-or-later
#include <pthread.h>
#include <sys/stat.h>

#include "nvml_fixture.h"

static void counts_references(void)
{
	unsigned int count;

	use_profile("a100");
	CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlInitWithFlags(NVML_INIT_FLAG_NO_ATTACH), NVML_SUCCESS);
	CHECK_NUMBER(nvmlInit(), NVML_SUCCESS);
	for (int i = 0; i < 2; i++) {
		CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
		CHECK_NUMBER(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
	}
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
}

static void one_shutdown_too_many_is_no_error(void)
{
	unsigned int count = 0;

	use_profile("a100");
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
	CHECK_NUMBER(count, 8);
}

static void handles_outlive_a_restart(void)
{
	nvmlDevice_t device = first_gpu("a100");
	unsigned int minor = 99;

	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetMinorNumber(device, &minor), NVML_ERROR_UNINITIALIZED);
	CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetMinorNumber(device, &minor), NVML_SUCCESS);
	CHECK_NUMBER(minor, 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	CHECK(file != NULL);
	fputs(text, file);
	fclose(file);
}

// One line on stderr, and the next try is not spoilt by it.
static void wrong_profile_fails_and_says_why(void)
{
	char path[300], errors[300], line[1024] = "";
	const char *folder = testsuite_folder();
	FILE *file;

	snprintf(path, sizeof(path), "%s/wrong.yaml", folder);
	snprintf(errors, sizeof(errors), "%s/stderr", folder);
	write_file(path, "version: \"1.0\"\ndevice_defaults: 5\n");
	setenv("MOCK_NVML_CONFIG", path, 1);
	CHECK(freopen(errors, "w", stderr) != NULL);
	nvmlReturn_t ret = nvmlInit_v2();
	fflush(stderr);
	file = fopen(errors, "r");
	CHECK(file && fgets(line, sizeof(line), file));
	CHECK(strstr(line, "wrong.yaml:2: device_defaults: expected") != NULL);
	CHECK(!fgets(line, sizeof(line), file));
	CHECK_NUMBER(ret, NVML_ERROR_UNKNOWN);
	use_profile("a100");
	CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
}

static void version_is_known_before_init(void)
{
	char version[80], small[5];

	CHECK_NUMBER(nvmlSystemGetNVMLVersion(NULL, 80), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlSystemGetNVMLVersion(small, sizeof(small)), NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_NUMBER(nvmlSystemGetNVMLVersion(version, sizeof(version)), NVML_SUCCESS);
	CHECK_STRING(version, "12." DRIVER_VERSION);
	CHECK_NUMBER(nvmlSystemGetDriverVersion(version, sizeof(version)),
		     NVML_ERROR_UNINITIALIZED);
}

static void *start_ask_stop(void *failed)
{
	for (int i = 0; i < 200; i++) {
		unsigned int count = 0, temperature;
		nvmlDevice_t device;

		if (nvmlInit_v2() != NVML_SUCCESS ||
		    nvmlDeviceGetCount_v2(&count) != NVML_SUCCESS || count != 8 ||
		    nvmlDeviceGetHandleByIndex_v2(i % 8, &device) != NVML_SUCCESS ||
		    nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &temperature) !=
			    NVML_SUCCESS ||
		    nvmlShutdown() != NVML_SUCCESS)
			*(int *)failed = 1;
	}
	return NULL;
}

static void threads_start_and_stop_as_they_like(void)
{
	pthread_t threads[8];
	int failed[8] = { 0 };
	unsigned int count;

	use_profile("a100");
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&threads[i], NULL, start_ask_stop, &failed[i]) == 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		CHECK_NUMBER(failed[i], 0);
	}
	CHECK_NUMBER(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
}

TESTSUITE(TEST(counts_references), TEST(one_shutdown_too_many_is_no_error),
	  TEST(handles_outlive_a_restart), TEST(wrong_profile_fails_and_says_why),
	  TEST(version_is_known_before_init), TEST(threads_start_and_stop_as_they_like))
