// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Calls each function of NVML once, in a process of its own, and prints its name
 * and result. answers.py writes calls.inc, which has the calls and their table.
 */
#define NVML_NO_UNVERSIONED_FUNC_DEFS
#include <dlfcn.h>
#include <nvml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *library;
static nvmlDevice_t gpu, other;
static char buffers[12][1 << 18] __attribute__((aligned(64)));

#define CALL(name) ((__typeof__(&name))function_of(#name))

static void *function_of(const char *name)
{
	void *function = dlsym(library, name);

	if (!function)
		_exit(250);
	return function;
}

static unsigned int memory_clock(void)
{
	unsigned int count = 64, clocks[64] = { 0 };

	CALL(nvmlDeviceGetSupportedMemoryClocks)(gpu, &count, clocks);
	return clocks[0];
}

static unsigned int graphics_clock(void)
{
	unsigned int count = 2048, clocks[2048] = { 0 };

	CALL(nvmlDeviceGetSupportedGraphicsClocks)(gpu, memory_clock(), &count, clocks);
	return clocks[0];
}

static unsigned int power_limit(void)
{
	unsigned int low = 0, high = 0;

	CALL(nvmlDeviceGetPowerManagementLimitConstraints)(gpu, &low, &high);
	return high;
}

static nvmlPowerValue_v2_t *power_value(void)
{
	static nvmlPowerValue_v2_t value = { .version = nvmlPowerValue_v2 };

	value.powerValueMw = power_limit();
	return &value;
}

static unsigned int gpu_instance_profile(void)
{
	nvmlGpuInstanceProfileInfo_t info = { 0 };

	CALL(nvmlDeviceGetGpuInstanceProfileInfo)(gpu, NVML_GPU_INSTANCE_PROFILE_1_SLICE, &info);
	return info.id;
}

static const char *text_of(const char *parameter)
{
	static char text[96];
	nvmlPciInfo_t pci = { 0 };

	if (strstr(parameter, "erial"))
		CALL(nvmlDeviceGetSerial)(gpu, text, sizeof(text));
	else if (strstr(parameter, "uuid") || strstr(parameter, "UUID"))
		CALL(nvmlDeviceGetUUID)(gpu, text, sizeof(text));
	else if (CALL(nvmlDeviceGetPciInfo_v3)(gpu, &pci) == NVML_SUCCESS)
		strcpy(text, pci.busId);
	return text;
}

static nvmlUUID_t *uuid_request(void)
{
	static nvmlUUID_t request = { .version = nvmlUUID_v1, .type = NVML_UUID_TYPE_ASCII };

	CALL(nvmlDeviceGetUUID)(gpu, request.value.str, sizeof(request.value.str));
	return &request;
}

static nvmlPciInfo_t *pci_info(void)
{
	static nvmlPciInfo_t pci;

	CALL(nvmlDeviceGetPciInfo_v3)(gpu, &pci);
	return &pci;
}

static nvmlFieldValue_t *field(unsigned int id)
{
	static nvmlFieldValue_t value;

	value.fieldId = id;
	return &value;
}

static nvmlEventSet_t event_set(void)
{
	nvmlEventSet_t set = NULL;

	CALL(nvmlEventSetCreate)(&set);
	return set;
}

static nvmlGpmSample_t gpm_sample(void)
{
	nvmlGpmSample_t sample = NULL;

	CALL(nvmlGpmSampleAlloc)(&sample);
	CALL(nvmlGpmSampleGet)(gpu, sample);
	return sample;
}

static void *buffer(unsigned int n, unsigned int first_word)
{
	memcpy(buffers[n], &first_word, sizeof(first_word));
	return buffers[n];
}

/* The requests differ by where their set is; the one that waits wants room too. */
static void *system_event_request(unsigned int n, unsigned int version)
{
	nvmlSystemEventSetCreateRequest_t made = { .version = nvmlSystemEventSetCreateRequest_v1 };
	nvmlSystemEventSetFreeRequest_t *to_free = buffer(n, version);
	nvmlSystemRegisterEventRequest_t *to_register = (void *)to_free;
	nvmlSystemEventSetWaitRequest_t *to_wait = (void *)to_free;

	CALL(nvmlSystemEventSetCreate)(&made);
	if (version == nvmlSystemRegisterEventRequest_v1) {
		to_register->set = made.set;
	} else if (version == nvmlSystemEventSetWaitRequest_v1) {
		to_wait->set = made.set;
		to_wait->data = (void *)buffers[11];
		to_wait->dataSize = 4;
	} else {
		to_free->set = made.set;
	}
	return to_free;
}

static void *gpm_request(unsigned int n)
{
	nvmlGpmMetricsGet_t *request = buffer(n, NVML_GPM_METRICS_GET_VERSION);

	request->sample1 = gpm_sample();
	request->sample2 = gpm_sample();
	request->numMetrics = 1;
	request->metrics[0].metricId = NVML_GPM_METRIC_SM_UTIL;
	return request;
}

struct call {
	const char *name;
	nvmlReturn_t (*call)(void);
};

#include "calls.inc"
static void start(const char *path)
{
	library = dlopen(path, RTLD_NOW);
	if (!library || CALL(nvmlInit_v2)() != NVML_SUCCESS ||
	    CALL(nvmlDeviceGetHandleByIndex_v2)(0, &gpu) != NVML_SUCCESS ||
	    CALL(nvmlDeviceGetHandleByIndex_v2)(1, &other) != NVML_SUCCESS)
		_exit(251);
}

/* For a tool that watches a process: all calls in one, each three times. */
static int call_together(const char *path)
{
	unsigned int count;

	start(path);
	for (size_t i = 0; i < 3 * sizeof(calls) / sizeof(calls[0]); i++) {
		calls[i / 3].call();
		if (CALL(nvmlDeviceGetCount_v2)(&count) == NVML_ERROR_UNINITIALIZED)
			CALL(nvmlInit_v2)();
	}
	while (CALL(nvmlDeviceGetCount_v2)(&count) != NVML_ERROR_UNINITIALIZED)
		CALL(nvmlShutdown)();
	dlclose(library);
	return 0;
}

int main(int argc, char **argv)
{
	int status;

	if (argc == 3 && strcmp(argv[2], "together") == 0)
		return call_together(argv[1]);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		pid_t child = fork();

		if (child == 0) {
			alarm(10);
			start(argv[1]);
			nvmlReturn_t result = calls[i].call();
			_exit(result == NVML_ERROR_UNKNOWN ? 249 : (int)result);
		}
		if (waitpid(child, &status, 0) != child)
			return 1;
		printf("%s %d\n", calls[i].name,
		       WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
	}
	return 0;
}
