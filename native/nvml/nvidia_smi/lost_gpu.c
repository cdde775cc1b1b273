/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No public function gives the address of a GPU without a handle, but one takes an
 * address and says of it what became of the GPU there. So addresses are tried: all on
 * the domains of the GPUs that have handles, then theirs on every other domain.
 */
#include "lost_gpu.h"

#include <stdio.h>

#define BUSES 256u
#define SLOTS 32u
#define DOMAINS 0x10000u
#define MAX_KNOWN 256u

struct search {
	unsigned int known_count;
	nvmlPciInfo_t known[MAX_KNOWN]; /* of the GPUs that have handles */
	unsigned int before; /* how many lost alike come first: NVML counts by address */
	nvmlReturn_t result;
	char found[32];
};

static bool is_here(struct search *search, unsigned int domain, unsigned int bus, unsigned int slot)
{
	char address[32];
	nvmlDevice_t device;

	snprintf(address, sizeof(address), "%08X:%02X:%02X.0", domain, bus, slot);
	if (nvml.DeviceGetHandleByPciBusId_v2(address, &device) != search->result)
		return false;
	if (search->before) {
		search->before--;
		return false;
	}
	snprintf(search->found, sizeof(search->found), "%04X:%02X:%02X.0", domain, bus, slot);
	return true;
}

static bool is_known_domain(const struct search *search, unsigned int count, unsigned int domain)
{
	for (unsigned int i = 0; i < count; i++)
		if (search->known[i].domain == domain)
			return true;
	return false;
}

static bool search_domain(struct search *search, unsigned int domain)
{
	for (unsigned int bus = 0; bus < BUSES; bus++)
		for (unsigned int slot = 0; slot < SLOTS; slot++)
			if (is_here(search, domain, bus, slot))
				return true;
	return false;
}

static bool search_known_domains(struct search *search)
{
	/* By address, as the handles are. */
	for (unsigned int i = 0; i < search->known_count; i++)
		if (!is_known_domain(search, i, search->known[i].domain) &&
		    search_domain(search, search->known[i].domain))
			return true;
	return false;
}

static bool search_other_domains(struct search *search)
{
	const nvmlPciInfo_t *first = search->known, *pci;

	for (unsigned int domain = 0; domain < DOMAINS; domain++) {
		if (is_known_domain(search, search->known_count, domain))
			continue;
		for (unsigned int i = 0; i < search->known_count; i++) {
			pci = &search->known[i];
			/* Boards of one shape have few places between them. */
			if ((!i || pci->bus != first->bus || pci->device != first->device) &&
			    is_here(search, domain, pci->bus, pci->device))
				return true;
		}
	}
	return false;
}

const char *lost_gpu_address(unsigned int index, nvmlReturn_t result)
{
	static struct search search;
	unsigned int count = 0;

	search = (struct search){ .result = result };
	nvml.DeviceGetCount_v2(&count);
	for (unsigned int i = 0; i < count && search.known_count < MAX_KNOWN; i++) {
		nvmlDevice_t device;
		nvmlReturn_t one = nvml.DeviceGetHandleByIndex_v2(i, &device);

		if (one == NVML_SUCCESS &&
		    nvml.DeviceGetPciInfo_v3(device, &search.known[search.known_count]) ==
			    NVML_SUCCESS)
			search.known_count++;
		else if (one == result && i < index)
			search.before++;
	}
	/* What a place without a GPU answers, too, tells nothing. */
	if (result == NVML_ERROR_NOT_FOUND || result == NVML_ERROR_INVALID_ARGUMENT)
		return NULL;
	return search_known_domains(&search) || search_other_domains(&search) ? search.found : NULL;
}

const char *lost_gpu_name(unsigned int index, nvmlReturn_t result)
{
	static char number[16];
	const char *address = lost_gpu_address(index, result);

	snprintf(number, sizeof(number), "%u", index);
	return address ? address : number;
}

const char *lost_gpu_reason(nvmlReturn_t result)
{
	switch (result) {
	case NVML_ERROR_GPU_IS_LOST:
		return "GPU is lost.  Reboot the system to recover this GPU\n\n";
	case NVML_ERROR_INSUFFICIENT_POWER:
	case NVML_ERROR_RESET_REQUIRED:
	case NVML_ERROR_NO_PERMISSION:
	case NVML_ERROR_NOT_FOUND:
		return nvml.ErrorString(result);
	default:
		return "Unknown Error";
	}
}
