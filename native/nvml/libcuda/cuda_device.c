/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cuda_device.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute_instance.h"
#include "identity.h"
#include "log.h"

CUresult cuDeviceGetCount(int *count)
{
	CUresult result = cuda_initialized();

	log_debug("%s", __func__);
	if (result != CUDA_SUCCESS)
		return result;
	if (!count)
		return CUDA_ERROR_INVALID_VALUE;
	*count = (int)cuda_device_count();
	return CUDA_SUCCESS;
}

/* A CUdevice is its ordinal. */
CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, ordinal, device, &found);

	if (result == CUDA_SUCCESS)
		*device = ordinal;
	return result;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device)
{
	char part[COMPUTE_INSTANCE_NAME_SIZE];
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, device, name, &found);

	if (result != CUDA_SUCCESS)
		return result;
	if (length <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	if (found.within) {
		compute_instance_name(found.within, found.slices, part);
		snprintf(name, (size_t)length, "%s %s", found.board->name, part);
	} else {
		snprintf(name, (size_t)length, "%s", found.board->name);
	}
	return CUDA_SUCCESS;
}

/* "GPU-" or "MIG-" and 32 hexadecimal digits with dashes between them. */
static void parse_uuid(const char *text, CUuuid *uuid)
{
	unsigned int digits = 0;

	memset(uuid, 0, sizeof(*uuid));
	if (!strncmp(text, "GPU-", 4) || !strncmp(text, "MIG-", 4))
		text += 4;
	for (; *text && digits < 2 * sizeof(uuid->bytes); text++) {
		const char digit[] = { *text, '\0' };

		if (*text == '-')
			continue;
		uuid->bytes[digits / 2] |= (char)(strtoul(digit, NULL, 16) << (digits % 2 ? 0 : 4));
		digits++;
	}
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, device, uuid, &found);
	char text[IDENTITY_UUID_SIZE];

	if (result != CUDA_SUCCESS)
		return result;
	if (found.within) {
		identity_mig_uuid(found.device->uuid, found.gpu_instance, found.compute_instance,
				  text);
		parse_uuid(text, uuid);
	} else {
		parse_uuid(found.device->uuid, uuid);
	}
	return CUDA_SUCCESS;
}

/* The first version knows nothing of MIG. */
CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, device, uuid, &found);

	if (result == CUDA_SUCCESS)
		parse_uuid(found.device->uuid, uuid);
	return result;
}

uint64_t cuda_device_memory(const struct cuda_device *found)
{
	if (found->within)
		return found->within->memory_mib << 20;
	if (found->board->memory_reserved >= found->board->memory_total)
		return found->board->memory_total;
	return found->board->memory_total - found->board->memory_reserved;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, device, bytes, &found);

	if (result == CUDA_SUCCESS)
		*bytes = cuda_device_memory(&found);
	return result;
}

/* The function of CUDA before 3.2, whose answer has 32 bits. */
CUresult cuDeviceTotalMem(unsigned int *bytes, CUdevice device)
{
	size_t total;
	CUresult result = cuDeviceTotalMem_v2(bytes ? &total : NULL, device);

	if (result == CUDA_SUCCESS)
		*bytes = total > UINT_MAX ? UINT_MAX : (unsigned int)total;
	return result;
}

CUresult cuDeviceGetPCIBusId(char *bus_id, int length, CUdevice device)
{
	struct cuda_device found;
	char text[32];
	CUresult result = cuda_device_enter(__func__, device, bus_id, &found);

	if (result != CUDA_SUCCESS)
		return result;
	snprintf(text, sizeof(text), "%04x:%02x:%02x.%x", found.device->pci_domain,
		 found.device->pci_bus, found.device->pci_device, found.device->pci_function);
	if (length <= (int)strlen(text))
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(bus_id, text, strlen(text) + 1);
	return CUDA_SUCCESS;
}

/* domain:bus:device.function, domain:bus:device, bus:device.function or bus:device. */
static bool parse_bus_id(const char *text, unsigned int *domain, unsigned int *bus,
			 unsigned int *slot, unsigned int *function)
{
	int end = 0;

	*domain = *function = 0;
	if (sscanf(text, "%x:%x:%x%n", domain, bus, slot, &end) != 3) {
		*domain = 0;
		if (sscanf(text, "%x:%x%n", bus, slot, &end) != 2)
			return false;
	}
	if (text[end] == '.') {
		int more = 0;

		if (sscanf(text + end, ".%x%n", function, &more) != 1)
			return false;
		end += more;
	}
	return text[end] == '\0';
}

CUresult cuDeviceGetByPCIBusId(CUdevice *device, const char *bus_id)
{
	unsigned int domain, bus, slot, function;
	CUresult result = cuda_initialized();

	log_debug("%s(%s)", __func__, bus_id ? bus_id : "NULL");
	if (result != CUDA_SUCCESS)
		return result;
	if (!device || !bus_id || !parse_bus_id(bus_id, &domain, &bus, &slot, &function))
		return CUDA_ERROR_INVALID_VALUE;
	for (uint32_t i = 0; i < cuda_device_count(); i++) {
		struct cuda_device found;

		if (cuda_device_enter(__func__, (CUdevice)i, device, &found) != CUDA_SUCCESS ||
		    found.device->pci_domain != domain || found.device->pci_bus != bus ||
		    found.device->pci_device != slot || found.device->pci_function != function)
			continue;
		*device = (CUdevice)i;
		return CUDA_SUCCESS;
	}
	return CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice device)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, device, minor ? major : NULL, &found);

	if (result != CUDA_SUCCESS)
		return result;
	*major = (int)found.board->compute_major;
	*minor = (int)found.board->compute_minor;
	return CUDA_SUCCESS;
}
