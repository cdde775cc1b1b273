// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "nvlink.h"
#include "nvml_internal.h"

_Static_assert(NVML_NVLINK_MAX_LINKS == PROFILE_MAX_LINKS, "the description holds every link");

// nvmlNvlinkVersion_t counts half generations in between.
uint32_t nvlink_version(const struct board *board)
{
	static const uint32_t versions[] = {
		NA_U32,
		NVML_NVLINK_VERSION_1_0,
		NVML_NVLINK_VERSION_2_0,
		NVML_NVLINK_VERSION_3_0,
		NVML_NVLINK_VERSION_4_0,
		NVML_NVLINK_VERSION_5_0,
		NVML_NVLINK_VERSION_6_0,
	};
	uint32_t generation = board->nvlink.version;

	return generation < sizeof(versions) / sizeof(versions[0]) ? versions[generation] : NA_U32;
}

nvmlReturn_t nvlink_check(const struct gpu *gpu, unsigned int link)
{
	if (link >= NVML_NVLINK_MAX_LINKS)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu->board->nvlink.version == NA_U32 || link >= gpu->device->link_count)
		return NVML_ERROR_NOT_SUPPORTED;
	return NVML_SUCCESS;
}

static nvmlReturn_t enter_link(const char *function, nvmlDevice_t device, unsigned int link,
			       const void *answer, struct gpu *gpu)
{
	nvmlReturn_t ret = api_enter_device(function, device, answer, gpu);

	return ret == NVML_SUCCESS ? nvlink_check(gpu, link) : ret;
}

nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned int link,
				      nvmlEnableState_t *isActive)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter_link(__func__, device, link, isActive, &gpu);

	if (ret == NVML_SUCCESS)
		*isActive = nvlink_active(&gpu, link);
	return ret;
}

nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned int link,
					unsigned int *version)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter_link(__func__, device, link, version, &gpu);

	return ret == NVML_SUCCESS ? answer_u32(version, nvlink_version(gpu.board)) : ret;
}

nvmlReturn_t nvmlDeviceGetNvLinkCapability(nvmlDevice_t device, unsigned int link,
					   nvmlNvLinkCapability_t capability,
					   unsigned int *capResult)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter_link(__func__, device, link, capResult, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (capability >= NVML_NVLINK_CAP_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	*capResult = gpu.board->nvlink.capabilities >> capability & 1;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned int link,
						 nvmlPciInfo_t *pci)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter_link(__func__, device, link, pci, &gpu);
	const struct device_link *end;

	if (ret != NVML_SUCCESS)
		return ret;
	end = &gpu.device->links[link];
	if (!nvlink_active(&gpu, link) || end->remote_type == PROFILE_REMOTE_NONE)
		return NVML_ERROR_NOT_SUPPORTED;
	memset(pci, 0, sizeof(*pci));
	pci->domain = end->remote_domain;
	pci->bus = end->remote_bus;
	pci->device = end->remote_slot;
	pci->pciDeviceId = end->remote_pci_id;
	pci->pciSubSystemId = end->remote_subsystem_id;
	snprintf(pci->busIdLegacy, sizeof(pci->busIdLegacy), "%04X:%02X:%02X.%X",
		 end->remote_domain & 0xffff, end->remote_bus & 0xff, end->remote_slot & 0xff,
		 end->remote_function & 0xf);
	snprintf(pci->busId, sizeof(pci->busId), "%08X:%02X:%02X.%X", end->remote_domain,
		 end->remote_bus & 0xff, end->remote_slot & 0xff, end->remote_function & 0xf);
	return NVML_SUCCESS;
}

// The first version's struct ends before busId.
nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo(nvmlDevice_t device, unsigned int link,
					      nvmlPciInfo_t *pci)
{
	nvmlPciInfo_t whole;
	nvmlReturn_t ret = nvmlDeviceGetNvLinkRemotePciInfo_v2(device, link, pci ? &whole : NULL);

	if (ret == NVML_SUCCESS)
		memcpy(pci, &whole, offsetof(nvmlPciInfo_t, busId));
	return ret;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t device, unsigned int link,
						 nvmlIntNvLinkDeviceType_t *pNvLinkDeviceType)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter_link(__func__, device, link, pNvLinkDeviceType, &gpu);

	if (ret == NVML_SUCCESS)
		*pNvLinkDeviceType = gpu.device->links[link].remote_type;
	return ret;
}

// Links of a described board have had no errors; a fault counts in all its counters.
nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device, unsigned int link,
					     nvmlNvLinkErrorCounter_t counter,
					     unsigned long long *counterValue)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter_link(__func__, device, link, counterValue, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (counter >= NVML_NVLINK_ERROR_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	*counterValue = gpu.readings->links.errors[link];
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetC2cModeInfoV(nvmlDevice_t device, nvmlC2cModeInfo_v1_t *c2cModeInfo)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, c2cModeInfo, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	return answer_u32(&c2cModeInfo->isC2cEnabled, gpu.board->nvlink.c2c);
}
