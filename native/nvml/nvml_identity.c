// SPDX-License-Identifier: GPL-3.0-or-later
// What a GPU is called and what it is made of.
#include <stdio.h>

#include "fault.h"
#include "identity.h"
#include "nvml_mig.h"

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, name, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	return gpu_is_mig(&gpu) ? mig_device_name(&gpu, name, length)
				: answer_string(name, length, gpu.board->name);
}

// Who has its handle can ask a real driver for the UUID of a lost GPU: so do those who heard of its Xid.
static bool is_lost(const struct nvmlDevice_st *device, struct gpu *gpu)
{
	return handle_valid(device) && handle_gpu(device->index, gpu) &&
	       fault_lookup(gpu) == NVML_ERROR_GPU_IS_LOST;
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length)
{
	char mig[IDENTITY_UUID_SIZE];
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, uuid, &gpu);

	if (ret == NVML_ERROR_GPU_IS_LOST && is_lost(device, &gpu))
		ret = NVML_SUCCESS;
	if (ret != NVML_SUCCESS)
		return ret;
	if (!gpu_is_mig(&gpu))
		return answer_string(uuid, length, gpu.device->uuid);
	identity_mig_uuid(gpu.device->uuid, gpu.gpu_instance, gpu.compute_instance, mig);
	return answer_string(uuid, length, mig);
}

GETTER_STRING(nvmlDeviceGetSerial, gpu.device->serial)
GETTER_STRING(nvmlDeviceGetBoardPartNumber, gpu.board->board_part_number)
GETTER_STRING(nvmlDeviceGetVbiosVersion, gpu.board->vbios_version)
GETTER_STRING(nvmlDeviceGetInforomImageVersion, gpu.board->inforom_image)

GETTER_ANY_U32(nvmlDeviceGetBrand, nvmlBrandType_t, gpu.board->brand)
GETTER_ANY_U32(nvmlDeviceGetArchitecture, nvmlDeviceArchitecture_t, gpu.board->architecture)
GETTER_U32(nvmlDeviceGetMinorNumber, unsigned int, gpu.device->minor)
GETTER_U32(nvmlDeviceGetModuleId, unsigned int, gpu.device->module_id)
GETTER_U32(nvmlDeviceGetBoardId, unsigned int, gpu.device->board_id)
GETTER_U32(nvmlDeviceGetMultiGpuBoard, unsigned int, gpu.board->multi_gpu_board)
// Whose cores they are depends on the instances, so that nobody is told in MIG mode.
GETTER_U32(nvmlDeviceGetNumGpuCores, unsigned int, mig_is_on(&gpu) ? NA_U32 : gpu.board->cores)
GETTER_U32(nvmlDeviceGetMemoryBusWidth, unsigned int, gpu.board->memory_bus_width)
GETTER_U32(nvmlDeviceGetBusType, nvmlBusType_t, gpu.board->bus_type)

nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, major, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!minor)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->compute_major == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	*major = (int)gpu.board->compute_major;
	*minor = (int)gpu.board->compute_minor;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetInforomVersion(nvmlDevice_t device, nvmlInforomObject_t object,
					 char *version, unsigned int length)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, version, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	switch (object) {
	case NVML_INFOROM_OEM:
		return answer_string(version, length, gpu.board->inforom_oem);
	case NVML_INFOROM_ECC:
		return answer_string(version, length, gpu.board->inforom_ecc);
	case NVML_INFOROM_POWER:
		return answer_string(version, length, gpu.board->inforom_power);
	case NVML_INFOROM_DEN:
		return NVML_ERROR_NOT_SUPPORTED;
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

// Only a damaged infoROM would fail here.
nvmlReturn_t nvmlDeviceValidateInforom(nvmlDevice_t device)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, device, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	return *gpu.board->inforom_image ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetLastBBXFlushTime(nvmlDevice_t device, unsigned long long *timestamp,
					   unsigned long *durationUs)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, timestamp, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!durationUs)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->bbx_flush_time_us == NA_U64)
		return NVML_ERROR_NOT_SUPPORTED;
	*timestamp = gpu.board->bbx_flush_time_us;
	*durationUs = gpu.board->bbx_flush_duration_us;
	return NVML_SUCCESS;
}

// The caller's buffer has the size that nvml.h fixes.
nvmlReturn_t nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t device, char *version)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, version, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	return answer_string(version, NVML_GSP_FIRMWARE_VERSION_BUF_SIZE, gpu.board->gsp_version);
}

nvmlReturn_t nvmlDeviceGetGspFirmwareMode(nvmlDevice_t device, unsigned int *isEnabled,
					  unsigned int *defaultMode)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, isEnabled, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!defaultMode)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->gsp_mode == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	*isEnabled = gpu.board->gsp_mode;
	*defaultMode = gpu.board->gsp_default_mode;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPdi(nvmlDevice_t device, nvmlPdi_t *pdi)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pdi, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (pdi->version != nvmlPdi_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return answer_u64(&pdi->value, gpu.device->pdi);
}

static void fill_guid(unsigned char guid[16], uint64_t value)
{
	memset(guid, 0, 16);
	for (unsigned int i = 0; i < 8; i++)
		guid[15 - i] = (unsigned char)(value >> (8 * i));
}

static bool knows_its_place(const struct profile_platform *platform)
{
	return platform->slot_number != NA_U32 || platform->tray_index != NA_U32 ||
	       platform->host_id != NA_U32 || platform->peer_type != NA_U32;
}

// A board outside a rack knows its host and its peers, but no slot and no tray: those numbers are then 0xff.
static void fill_platform_v1(nvmlPlatformInfo_v1_t *info, const struct gpu *gpu)
{
	const struct profile_platform *platform = &gpu->board->platform;

	fill_guid(info->ibGuid, gpu->device->fabric_guid);
	memcpy(info->rackGuid, platform->chassis_serial_number, sizeof(info->rackGuid));
	info->chassisPhysicalSlotNumber = (unsigned char)platform->slot_number;
	info->computeSlotIndex = (unsigned char)platform->tray_index;
	info->nodeIndex = (unsigned char)platform->host_id;
	info->peerType = (unsigned char)platform->peer_type;
	info->moduleId = (unsigned char)gpu->device->module_id;
}

// The second version has the layout of the first; it only names the fields anew.
nvmlReturn_t nvmlDeviceGetPlatformInfo(nvmlDevice_t device, nvmlPlatformInfo_t *platformInfo)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, platformInfo, &gpu);

	_Static_assert(sizeof(nvmlPlatformInfo_v1_t) == sizeof(nvmlPlatformInfo_v2_t),
		       "both versions are filled as one");
	if (ret != NVML_SUCCESS)
		return ret;
	if (platformInfo->version != nvmlPlatformInfo_v1 &&
	    platformInfo->version != nvmlPlatformInfo_v2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!knows_its_place(&gpu.board->platform))
		return NVML_ERROR_NOT_SUPPORTED;
	fill_platform_v1((nvmlPlatformInfo_v1_t *)platformInfo, &gpu);
	return NVML_SUCCESS;
}

// FNV-1a; what it covers are the board's own infoROM objects, and the ECC mode that is part of them.
static uint32_t checksum(uint32_t sum, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * 0x01000193u;
	return sum;
}

// Equal for boards that are configured alike; the number itself means nothing.
nvmlReturn_t nvmlDeviceGetInforomConfigurationChecksum(nvmlDevice_t device, unsigned int *answer)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu);
	uint32_t sum = 0x811c9dc5u;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!*gpu.board->inforom_image)
		return NVML_ERROR_NOT_SUPPORTED;
	sum = checksum(sum, gpu.board->inforom_ecc, strlen(gpu.board->inforom_ecc));
	sum = checksum(sum, gpu.board->inforom_power, strlen(gpu.board->inforom_power));
	*answer = checksum(sum, &gpu.readings->ecc.mode_pending,
			   sizeof(gpu.readings->ecc.mode_pending));
	return NVML_SUCCESS;
}
