/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi -L: one line a GPU, one below it for each of its MIG devices; -B: those that the
 * driver leaves alone. */
#include "lost_gpu.h"
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
		const char *what = "product name";
		nvmlDevice_t device;

		result = nvml.DeviceGetHandleByIndex_v2(i, &device);
		if (result != NVML_SUCCESS) {
			printf("Unable to determine the device handle for gpu %s: %s\n",
			       lost_gpu_name(i, result), lost_gpu_reason(result));
			failed = result;
			continue;
		}
		result = nvml.DeviceGetName(device, name, sizeof(name));
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

int excluded_list_print(void)
{
	unsigned int count = 0;
	nvmlReturn_t result = nvml.GetExcludedDeviceCount(&count);

	if (result != NVML_SUCCESS) {
		printf("Unable to determine the number of excluded GPUs: %s\n",
		       nvml.ErrorString(result));
		return exit_status(result);
	}
	if (!count)
		printf("No excluded devices found.\n");
	for (unsigned int i = 0; i < count; i++) {
		nvmlExcludedDeviceInfo_t info;

		result = nvml.GetExcludedDeviceInfoByIndex(i, &info);
		if (result != NVML_SUCCESS) {
			printf("Unable to get excluded device info for index %u: %s\n", i,
			       nvml.ErrorString(result));
			return exit_status(result);
		}
		printf("Excluded GPU %u: %08X:%02X:%02X.0 (UUID: %s)\n", i, info.pciInfo.domain,
		       info.pciInfo.bus, info.pciInfo.device, info.uuid);
	}
	return EXIT_SUCCESS;
}
