/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of setters share: a board with what data centre boards lack, and calls by somebody else. */
#ifndef MIRAGE_SETTINGS_FIXTURE_H
#define MIRAGE_SETTINGS_FIXTURE_H

#include "nvml_fixture.h"

/* The first GPU of a profile that is written here. */
static inline nvmlDevice_t gpu_of_text(const char *text)
{
	static char path[512];
	nvmlDevice_t device;
	FILE *file;

	snprintf(path, sizeof(path), "%s/profile.yaml", testsuite_folder());
	file = fopen(path, "w");
	CHECK(file != NULL);
	fprintf(file, "version: \"1.0\"\n%s", text);
	CHECK_NUMBER(fclose(file), 0);
	setenv("MOCK_NVML_CONFIG", path, 1);
	CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(0, &device), NVML_SUCCESS);
	return device;
}

/* One that has fans, boosts by itself, aims at a temperature, and has operation modes. */
static inline nvmlDevice_t workstation_gpu(void)
{
	return gpu_of_text(
		"system: {driver_version: \"550.163.01\", num_devices: 2}\n"
		"device_defaults:\n"
		"  name: Workstation\n"
		"  architecture: kepler\n"
		"  memory: {total_bytes: 1 GiB}\n"
		"  persistence_mode: enabled\n"
		"  compute_mode: default\n"
		"  fan: {count: 2, speed_percent: 40, target_speed_percent: 40, min_speed_percent: 30,\n"
		"        max_speed_percent: 100}\n"
		"  thermal: {temperature_gpu_c: 40, target_temperature_c: 84,\n"
		"            target_temperature_min_c: 65, target_temperature_max_c: 91}\n"
		"  clocks: {graphics_current: 300, graphics_max: 1000, sm_current: 300, sm_max: 1000,\n"
		"           memory_current: 800, memory_max: 800, auto_boost: true,\n"
		"           auto_boost_default: true}\n"
		"  gpu_operation_mode: {current: all_on, pending: all_on}\n");
}

/* What a call answers to somebody who is not root; the private page of the child is its own. */
#define AS_NOBODY(call)                                                  \
	({                                                               \
		pid_t child_ = fork();                                   \
		int status_;                                             \
                                                                         \
		if (child_ == 0)                                         \
			_exit(setuid(65534) != 0 ? 250 : (int)(call));   \
		CHECK(waitpid(child_, &status_, 0) == child_);           \
		CHECK(WIFEXITED(status_) && WEXITSTATUS(status_) < 250); \
		WEXITSTATUS(status_);                                    \
	})

#endif
