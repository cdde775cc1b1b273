/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IDS 1024

int exit_status(nvmlReturn_t result)
{
	switch (result) {
	case NVML_SUCCESS:
	case NVML_ERROR_INVALID_ARGUMENT:
	case NVML_ERROR_NOT_SUPPORTED:
	case NVML_ERROR_NO_PERMISSION:
	case NVML_ERROR_NOT_FOUND:
	case NVML_ERROR_INSUFFICIENT_POWER:
	case NVML_ERROR_DRIVER_NOT_LOADED:
	case NVML_ERROR_LIBRARY_NOT_FOUND:
	case NVML_ERROR_FUNCTION_NOT_FOUND:
	case NVML_ERROR_CORRUPTED_INFOROM:
	case NVML_ERROR_GPU_IS_LOST:
	case NVML_ERROR_OPERATING_SYSTEM:
	case NVML_ERROR_LIB_RM_VERSION_MISMATCH:
	case NVML_ERROR_IN_USE:
	case NVML_ERROR_INSUFFICIENT_RESOURCES:
		return (int)result;
	default:
		return EXIT_OTHER;
	}
}

const char *error_text(nvmlReturn_t result)
{
	return result == NVML_ERROR_NOT_SUPPORTED ? "N/A" : nvml.ErrorString(result);
}

static bool is_index(const char *id, unsigned int index)
{
	char *end;
	unsigned long number = strtoul(id, &end, 10);

	return *id >= '0' && *id <= '9' && *end == '\0' && number == index;
}

/* [domain:]bus:device[.function], hexadecimal, each part as short as one likes. */
static bool is_bus_id(const char *id, const nvmlPciInfo_t *pci)
{
	unsigned int part[3] = { 0 };
	unsigned int count = 0;
	const char *at = id;
	char *end;

	for (;;) {
		if (count == 3)
			return false;
		part[count++] = (unsigned int)strtoul(at, &end, 16);
		if (end == at)
			return false;
		if (*end != ':')
			break;
		at = end + 1;
	}
	if (*end == '.')
		strtoul(end + 1, &end, 16);
	if (*end || count < 2)
		return false;
	return part[count - 1] == pci->device && part[count - 2] == pci->bus &&
	       (count == 2 || part[0] == pci->domain);
}

static bool names(const char *id, nvmlDevice_t device, unsigned int index)
{
	char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	nvmlPciInfo_t pci;

	if (is_index(id, index))
		return true;
	if (nvml.DeviceGetUUID(device, text, sizeof(text)) == NVML_SUCCESS && !strcmp(id, text))
		return true;
	if (nvml.DeviceGetSerial(device, text, sizeof(text)) == NVML_SUCCESS && !strcmp(id, text))
		return true;
	return strchr(id, ':') && nvml.DeviceGetPciInfo_v3(device, &pci) == NVML_SUCCESS &&
	       is_bus_id(id, &pci);
}

/* Cuts @list at its commas; empty parts do not count. */
static unsigned int split(char *list, char *parts[MAX_IDS])
{
	unsigned int count = 0;
	char *rest = NULL;

	for (char *part = strtok_r(list, ",", &rest); part && count < MAX_IDS;
	     part = strtok_r(NULL, ",", &rest))
		parts[count++] = part;
	return count;
}

static int select_devices(struct selection *selection, char *ids[], unsigned int id_count)
{
	unsigned int total = 0;

	if (nvml.DeviceGetCount_v2(&total) != NVML_SUCCESS) {
		printf("Unable to determine the number of GPUs\n");
		return EXIT_OTHER;
	}
	for (unsigned int i = 0; i < total && selection->count < 256; i++) {
		nvmlDevice_t device;
		nvmlReturn_t result = nvml.DeviceGetHandleByIndex_v2(i, &device);
		bool wanted = id_count == 0;

		if (result != NVML_SUCCESS) {
			printf("Unable to determine the device handle for GPU%u: %s\n", i,
			       error_text(result));
			return exit_status(result);
		}
		for (unsigned int j = 0; j < id_count && !wanted; j++)
			wanted = names(ids[j], device, i);
		if (wanted)
			selection->devices[selection->count++] = device;
	}
	if (selection->count)
		return EXIT_SUCCESS;
	printf("No devices were found\n");
	return EXIT_NO_DEVICE;
}

int selection_make(struct selection *selection, const char *ids)
{
	char *list = NULL;
	char *parts[MAX_IDS];
	unsigned int count = 0;
	int status;

	selection->count = 0;
	if (ids) {
		list = strdup(ids);
		count = list ? split(list, parts) : 0;
		if (!count) {
			printf("Failed to parse device string on command line\n");
			free(list);
			return EXIT_OTHER;
		}
	}
	status = select_devices(selection, parts, count);
	free(list);
	return status;
}
