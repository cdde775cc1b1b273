/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi -L: one line a GPU, one below it for each of its MIG devices. */
#include "smi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "NVIDIA A100-SXM4-40GB MIG 1g.5gb" is listed as "MIG 1g.5gb". */
static const char *mig_profile(const char *name)
{
	const char *profile = strstr(name, "MIG ");

	return profile ? profile : name;
}

static void print_mig_devices(nvmlDevice_t device)
{
	unsigned int count = 0;

	if (nvml.DeviceGetMaxMigDeviceCount(device, &count) != NVML_SUCCESS)
		return;
	for (unsigned int i = 0; i < count; i++) {
		char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
		char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
		nvmlDevice_t mig;

		if (nvml.DeviceGetMigDeviceHandleByIndex(device, i, &mig) != NVML_SUCCESS ||
		    nvml.DeviceGetName(mig, name, sizeof(name)) != NVML_SUCCESS ||
		    nvml.DeviceGetUUID(mig, uuid, sizeof(uuid)) != NVML_SUCCESS)
			continue;
		printf("  %-15s Device %2u: (UUID: %s)\n", mig_profile(name), i, uuid);
	}
}

int gpu_list_print(void)
{
	unsigned int count = 0;
	nvmlReturn_t failed = NVML_SUCCESS;
	nvmlReturn_t result = nvml.DeviceGetCount_v2(&count);

	if (result != NVML_SUCCESS) {
		printf("Unable to determine the number of available GPUs: %s\n",
		       error_text(result));
		return exit_status(result);
	}
	if (!count)
		printf("No devices found.\n");
	for (unsigned int i = 0; i < count; i++) {
		char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
		char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
		const char *what = "device handle";
		nvmlDevice_t device;

		result = nvml.DeviceGetHandleByIndex_v2(i, &device);
		if (result == NVML_SUCCESS) {
			what = "product name";
			result = nvml.DeviceGetName(device, name, sizeof(name));
		}
		if (result == NVML_SUCCESS) {
			what = "UUID";
			result = nvml.DeviceGetUUID(device, uuid, sizeof(uuid));
		}
		if (result != NVML_SUCCESS) {
			printf("Unable to determine the %s for gpu %u: %s\n", what, i,
			       error_text(result));
			failed = result;
			continue;
		}
		printf("GPU %u: %s (UUID: %s)\n", i, name, uuid);
		print_mig_devices(device);
	}
	return exit_status(failed);
}
