// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "nvml_internal.h"

GETTER_U32(nvmlDeviceGetMaxPcieLinkGeneration, unsigned int, gpu.board->pcie.max_gen)
GETTER_U32(nvmlDeviceGetGpuMaxPcieLinkGeneration, unsigned int, gpu.board->pcie.max_gpu_gen)
GETTER_U32(nvmlDeviceGetMaxPcieLinkWidth, unsigned int, gpu.board->pcie.max_width)
GETTER_U32(nvmlDeviceGetCurrPcieLinkGeneration, unsigned int, gpu.readings->pcie_gen)
GETTER_U32(nvmlDeviceGetCurrPcieLinkWidth, unsigned int, gpu.readings->pcie_width)

// The first version of the struct ends before pciSubSystemId, the second before busId.
static void fill_pci_v1(nvmlPciInfo_t *pci, const struct device *device)
{
	snprintf(pci->busIdLegacy, sizeof(pci->busIdLegacy), NVML_DEVICE_PCI_BUS_ID_LEGACY_FMT,
		 device->pci_domain & 0xffff, device->pci_bus & 0xff, device->pci_device & 0xff);
	pci->domain = device->pci_domain;
	pci->bus = device->pci_bus;
	pci->device = device->pci_device;
}

nvmlReturn_t nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pci, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	fill_pci_v1(pci, gpu.device);
	pci->pciDeviceId = gpu.board->pci_device_id;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pci, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	fill_pci_v1(pci, gpu.device);
	pci->pciDeviceId = gpu.board->pci_device_id;
	pci->pciSubSystemId = gpu.board->pci_subsystem_id;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pci, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	fill_pci_v1(pci, gpu.device);
	pci->pciDeviceId = gpu.board->pci_device_id;
	pci->pciSubSystemId = gpu.board->pci_subsystem_id;
	memcpy(pci->busId, gpu.device->pci_bus_id, sizeof(pci->busId));
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPciInfoExt(nvmlDevice_t device, nvmlPciInfoExt_t *pci)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pci, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (pci->version != nvmlPciInfoExt_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	pci->domain = gpu.device->pci_domain;
	pci->bus = gpu.device->pci_bus;
	pci->device = gpu.device->pci_device;
	pci->pciDeviceId = gpu.board->pci_device_id;
	pci->pciSubSystemId = gpu.board->pci_subsystem_id;
	pci->baseClass = gpu.board->pci_class >> 16 & 0xff;
	pci->subClass = gpu.board->pci_class >> 8 & 0xff;
	memcpy(pci->busId, gpu.device->pci_bus_id, sizeof(pci->busId));
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, nvmlPcieUtilCounter_t counter,
					 unsigned int *value)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, value, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	switch (counter) {
	case NVML_PCIE_UTIL_TX_BYTES:
		return answer_u32(value, gpu.readings->pcie_tx_kbps);
	case NVML_PCIE_UTIL_RX_BYTES:
		return answer_u32(value, gpu.readings->pcie_rx_kbps);
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

nvmlReturn_t nvmlDeviceGetPcieReplayCounter(nvmlDevice_t device, unsigned int *value)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, value, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.readings->pcie_replays == NA_U64)
		return NVML_ERROR_NOT_SUPPORTED;
	*value = (unsigned int)gpu.readings->pcie_replays;
	return NVML_SUCCESS;
}

// Megatransfers per second of one lane, by generation.
static uint32_t lane_speed(uint32_t generation)
{
	static const uint32_t speeds[] = { NA_U32, 2500, 5000, 8000, 16000, 32000, 64000 };

	return generation < sizeof(speeds) / sizeof(speeds[0]) ? speeds[generation] : NA_U32;
}

GETTER_U32(nvmlDeviceGetPcieSpeed, unsigned int, lane_speed(gpu.readings->pcie_gen))

// NVML_PCIE_LINK_MAX_SPEED_* count like the generations do.
nvmlReturn_t nvmlDeviceGetPcieLinkMaxSpeed(nvmlDevice_t device, unsigned int *maxSpeed)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, maxSpeed, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (lane_speed(gpu.board->pcie.max_gen) == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	*maxSpeed = gpu.board->pcie.max_gen;
	return NVML_SUCCESS;
}

// Interrupts of message-signalled devices begin behind those of the chipset; no line of the host has these.
#define FIRST_IRQ 256u

GETTER_U32(nvmlDeviceGetIrqNum, unsigned int, FIRST_IRQ + gpu_slot(&gpu))
