// SPDX-License-Identifier: GPL-3.0-or-later
// Taking a GPU out of service and back. A GPU that drains or is gone has no handle, so all goes by PCI address.
#include <unistd.h>

#include "nvml_change.h"

static bool lies_at(const struct gpu *gpu, const nvmlPciInfo_t *pci)
{
	return gpu->device->pci_domain == pci->domain && gpu->device->pci_bus == pci->bus &&
	       gpu->device->pci_device == pci->device;
}

static nvmlReturn_t enter_address(const char *function, const nvmlPciInfo_t *pci, struct gpu *gpu)
{
	nvmlReturn_t ret = api_enter(function);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!pci)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (uint32_t slot = 0; gpu_at(slot, gpu); slot++)
		if (lies_at(gpu, pci))
			return NVML_SUCCESS;
	return NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlDeviceQueryDrainState(nvmlPciInfo_t *pciInfo, nvmlEnableState_t *currentState)
{
	struct gpu gpu;
	nvmlReturn_t ret = enter_address(__func__, pciInfo, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!currentState || gpu.running->settings.detached)
		return NVML_ERROR_INVALID_ARGUMENT;
	*currentState = gpu.running->settings.draining;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceModifyDrainState(nvmlPciInfo_t *pciInfo, nvmlEnableState_t newState)
{
	struct change change;
	nvmlReturn_t ret = enter_address(__func__, pciInfo, &change.gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if ((newState != NVML_FEATURE_DISABLED && newState != NVML_FEATURE_ENABLED) ||
	    change.gpu.running->settings.detached)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	if (newState && change.running->settings.persistence_mode == NVML_FEATURE_ENABLED)
		return change_drop(&change, NVML_ERROR_IN_USE);
	change.running->settings.draining = newState;
	return change_end(&change);
}

// Persistence mode holds a GPU as a process does, and who is not kept out by draining may come any time.
static bool in_use(const struct running *running)
{
	return running->process_count || !running->settings.draining ||
	       running->settings.persistence_mode == NVML_FEATURE_ENABLED;
}

// Kept for the operating system or not, and with its link up or down, it is gone for the driver.
nvmlReturn_t nvmlDeviceRemoveGpu_v2(nvmlPciInfo_t *pciInfo, nvmlDetachGpuState_t gpuState,
				    nvmlPcieLinkState_t linkState)
{
	struct change change;
	nvmlReturn_t ret = enter_address(__func__, pciInfo, &change.gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpuState > NVML_DETACH_GPU_REMOVE || linkState > NVML_PCIE_LINK_SHUT_DOWN ||
	    change.gpu.running->settings.detached)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	if (in_use(change.running))
		return change_drop(&change, NVML_ERROR_IN_USE);
	change.running->settings.detached = 1;
	return change_end(&change);
}

nvmlReturn_t nvmlDeviceRemoveGpu(nvmlPciInfo_t *pciInfo)
{
	return nvmlDeviceRemoveGpu_v2(pciInfo, NVML_DETACH_GPU_REMOVE, NVML_PCIE_LINK_KEEP);
}

static nvmlReturn_t attach(struct change *change)
{
	nvmlReturn_t ret = change_open(change);

	if (ret != NVML_SUCCESS)
		return ret;
	change->running->settings.detached = 0;
	change->running->settings.draining = 0;
	return change_end(change);
}

// All zero stands for the whole machine.
nvmlReturn_t nvmlDeviceDiscoverGpus(nvmlPciInfo_t *pciInfo)
{
	nvmlReturn_t ret = api_enter(__func__);
	struct change change;
	bool all;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!pciInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (geteuid() != 0)
		return NVML_ERROR_NO_PERMISSION;
	all = !pciInfo->domain && !pciInfo->bus && !pciInfo->device;
	for (uint32_t slot = 0; gpu_at(slot, &change.gpu); slot++) {
		if (!change.gpu.running->settings.detached ||
		    (!all && !lies_at(&change.gpu, pciInfo)))
			continue;
		ret = attach(&change);
		if (ret != NVML_SUCCESS)
			return ret;
	}
	return NVML_SUCCESS;
}
