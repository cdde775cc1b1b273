// SPDX-License-Identifier: GPL-3.0-or-later
// From an index, UUID, serial number or PCI address to a handle.
#include <stdio.h>
#include <strings.h>

#include "fault.h"
#include "nvml_mig.h"
#include "pci_address.h"

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *deviceCount)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!deviceCount)
		return NVML_ERROR_INVALID_ARGUMENT;
	*deviceCount = handle_count();
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCount(unsigned int *deviceCount)
{
	return nvmlDeviceGetCount_v2(deviceCount);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
	nvmlReturn_t ret = api_enter(__func__);
	struct gpu gpu;

	if (ret != NVML_SUCCESS)
		return ret;
	if (index >= handle_count() || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!handle_gpu(index, &gpu))
		return NVML_ERROR_GPU_IS_LOST;
	ret = fault_lookup(&gpu);
	if (ret == NVML_SUCCESS)
		*device = handle_of(index);
	return ret;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned int index, nvmlDevice_t *device)
{
	return nvmlDeviceGetHandleByIndex_v2(index, device);
}

typedef bool (*gpu_test)(const struct gpu *gpu, const void *key);

// The one visible GPU that passes. One that is lost is found, and is lost.
static nvmlReturn_t find_gpu(gpu_test matches, const void *key, nvmlDevice_t *device)
{
	nvmlReturn_t ret = NVML_ERROR_NOT_FOUND;
	struct gpu gpu;

	for (uint32_t i = 0; i < handle_count(); i++) {
		if (!handle_gpu(i, &gpu) || !matches(&gpu, key))
			continue;
		if (ret != NVML_ERROR_NOT_FOUND)
			return NVML_ERROR_INVALID_ARGUMENT;
		ret = fault_lookup(&gpu);
		if (ret == NVML_SUCCESS)
			*device = handle_of(i);
	}
	return ret;
}

static bool has_serial(const struct gpu *gpu, const void *serial)
{
	return strcmp(gpu->device->serial, serial) == 0;
}

// A serial number is that of a board: with several GPUs on it, it does not name one.
nvmlReturn_t nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *device)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!serial || !*serial || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	return find_gpu(has_serial, serial, device);
}

static bool has_uuid(const struct gpu *gpu, const void *uuid)
{
	return strcasecmp(gpu->device->uuid, uuid) == 0;
}

static void format_uuid(const char *prefix, const unsigned char *bytes, char *text)
{
	text += sprintf(text, "%s", prefix);
	for (unsigned int i = 0; i < NVML_DEVICE_UUID_BINARY_LEN; i++)
		text += sprintf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
				bytes[i]);
}

static nvmlReturn_t find_uuid(const char *uuid, nvmlDevice_t *device)
{
	if (strncasecmp(uuid, "MIG-", 4) == 0)
		return mig_device_find(uuid, device);
	return find_gpu(has_uuid, uuid, device);
}

// Sixteen bytes do not say which of the two they name.
static nvmlReturn_t find_bytes(const unsigned char *bytes, nvmlDevice_t *device)
{
	char text[NVML_DEVICE_UUID_ASCII_LEN + 1];

	format_uuid("GPU-", bytes, text);
	if (find_uuid(text, device) == NVML_SUCCESS)
		return NVML_SUCCESS;
	format_uuid("MIG-", bytes, text);
	return find_uuid(text, device);
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!uuid || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	return find_uuid(uuid, device);
}

nvmlReturn_t nvmlDeviceGetHandleByUUIDV(const nvmlUUID_t *uuid, nvmlDevice_t *device)
{
	nvmlReturn_t ret = api_enter(__func__);
	char text[NVML_DEVICE_UUID_ASCII_LEN + 1] = "";

	if (ret != NVML_SUCCESS)
		return ret;
	if (!uuid || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (uuid->version != nvmlUUID_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (uuid->type == NVML_UUID_TYPE_BINARY)
		return find_bytes(uuid->value.bytes, device);
	if (uuid->type != NVML_UUID_TYPE_ASCII)
		return NVML_ERROR_INVALID_ARGUMENT;
	memcpy(text, uuid->value.str, NVML_DEVICE_UUID_ASCII_LEN);
	return find_uuid(text, device);
}

static bool has_pci_address(const struct gpu *gpu, const void *key)
{
	const struct pci_address *address = key;

	return gpu->device->pci_domain == address->domain && gpu->device->pci_bus == address->bus &&
	       gpu->device->pci_device == address->device && address->function == 0;
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *pciBusId, nvmlDevice_t *device)
{
	nvmlReturn_t ret = api_enter(__func__);
	struct pci_address address;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!pciBusId || !device || !pci_address_parse(pciBusId, &address))
		return NVML_ERROR_INVALID_ARGUMENT;
	return find_gpu(has_pci_address, &address, device);
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId(const char *pciBusId, nvmlDevice_t *device)
{
	return nvmlDeviceGetHandleByPciBusId_v2(pciBusId, device);
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, index, &gpu);

	if (ret == NVML_SUCCESS)
		*index = gpu_is_mig(&gpu) ? mig_device_index(&gpu) : gpu.index;
	return ret;
}
