/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lost_gpu.h"

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

/* A number too great for an index may be a serial number. */
static bool is_index(const char *id, unsigned int total, unsigned int *index)
{
	char *end;
	unsigned long number = strtoul(id, &end, 10);

	*index = (unsigned int)number;
	return *id >= '0' && *id <= '9' && *end == '\0' && number < total;
}

struct address {
	unsigned int domain, bus, device;
};

/* [domain:]bus:device[.function], hexadecimal, each part as short as one likes. */
static bool read_address(const char *text, struct address *address)
{
	unsigned int part[3] = { 0 };
	unsigned int count = 0;
	const char *at = text;
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
	*address = (struct address){ count == 3 ? part[0] : 0, part[count - 2], part[count - 1] };
	return true;
}

/* A GPU by its index on the way through all; without a handle where @result says so. */
struct candidate {
	unsigned int index, total;
	nvmlReturn_t result;
	nvmlDevice_t device;
};

static bool has_address(const struct candidate *gpu, const char *id)
{
	struct address asked, its;
	nvmlPciInfo_t pci;
	const char *lost;

	if (!read_address(id, &asked))
		return false;
	if (gpu->result != NVML_SUCCESS) {
		lost = lost_gpu_address(gpu->index, gpu->result);
		if (!lost || !read_address(lost, &its))
			return false;
	} else if (nvml.DeviceGetPciInfo_v3(gpu->device, &pci) == NVML_SUCCESS) {
		its = (struct address){ pci.domain, pci.bus, pci.device };
	} else {
		return false;
	}
	return asked.domain == its.domain && asked.bus == its.bus && asked.device == its.device;
}

/* Only for what is no index and no address a handle is needed: @problem says that it is not there. */
static bool names(const char *id, const struct candidate *gpu, bool *problem)
{
	char text[NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	unsigned int index;

	if (is_index(id, gpu->total, &index))
		return index == gpu->index;
	if (strchr(id, ':'))
		return has_address(gpu, id);
	*problem = gpu->result != NVML_SUCCESS;
	if (*problem)
		return false;
	if (nvml.DeviceGetUUID(gpu->device, text, sizeof(text)) == NVML_SUCCESS &&
	    !strcmp(id, text))
		return true;
	return nvml.DeviceGetSerial(gpu->device, text, sizeof(text)) == NVML_SUCCESS &&
	       !strcmp(id, text);
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

/* Adds the GPU when it is asked for. Prints why it cannot, and returns the exit status. */
static int consider(struct selection *selection, const struct candidate *gpu, char *ids[],
		    unsigned int id_count, nvmlReturn_t *hidden)
{
	bool wanted = id_count == 0, problem = false;

	for (unsigned int i = 0; i < id_count && !wanted && !problem; i++)
		wanted = names(ids[i], gpu, &problem);
	if (problem) {
		printf("Problem with GPU %s: %s\n", lost_gpu_name(gpu->index, gpu->result),
		       lost_gpu_reason(gpu->result));
		return EXIT_OTHER;
	}
	if (!wanted)
		return EXIT_SUCCESS;
	if (gpu->result == NVML_SUCCESS) {
		selection->devices[selection->count++] = gpu->device;
		return EXIT_SUCCESS;
	}
	if (gpu->result == NVML_ERROR_NOT_FOUND || gpu->result == NVML_ERROR_NO_PERMISSION) {
		*hidden = gpu->result;
		return EXIT_SUCCESS;
	}
	printf("Unable to determine the device handle for GPU%s: %s\n",
	       lost_gpu_name(gpu->index, gpu->result), lost_gpu_reason(gpu->result));
	return exit_status(gpu->result);
}

static int select_devices(struct selection *selection, char *ids[], unsigned int id_count)
{
	nvmlReturn_t hidden = NVML_SUCCESS;
	unsigned int total = 0;

	if (nvml.DeviceGetCount_v2(&total) != NVML_SUCCESS) {
		printf("Unable to determine the number of GPUs\n");
		return EXIT_OTHER;
	}
	for (unsigned int i = 0; i < total && selection->count < 256; i++) {
		struct candidate gpu = { .index = i, .total = total };
		int status;

		gpu.result = nvml.DeviceGetHandleByIndex_v2(i, &gpu.device);
		status = consider(selection, &gpu, ids, id_count, &hidden);
		if (status)
			return status;
	}
	if (selection->count)
		return EXIT_SUCCESS;
	printf("No devices were found\n");
	return hidden == NVML_ERROR_NO_PERMISSION ? exit_status(hidden) : EXIT_NO_DEVICE;
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
