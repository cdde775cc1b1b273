// SPDX-License-Identifier: GPL-3.0-or-later
// Older versions of a function fill shorter structs: nothing may be written behind their end.
#include "nvml_fixture.h"

static unsigned char buffer[65536];

static void pci_info_grew(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlPciInfo_t *pci = guarded(buffer, sizeof(buffer));

	CHECK_NUMBER(nvmlDeviceGetPciInfo(device, pci), NVML_SUCCESS);
	CHECK_NUMBER(bytes_written(pci, 256), offsetof(nvmlPciInfo_t, pciSubSystemId));
	guarded(buffer, sizeof(buffer));
	CHECK_NUMBER(nvmlDeviceGetPciInfo_v2(device, pci), NVML_SUCCESS);
	CHECK_NUMBER(bytes_written(pci, 256), offsetof(nvmlPciInfo_t, busId));
	guarded(buffer, sizeof(buffer));
	CHECK_NUMBER(nvmlDeviceGetPciInfo_v3(device, pci), NVML_SUCCESS);
	CHECK_NUMBER(bytes_written(pci, 256), sizeof(*pci));
	CHECK_NUMBER(pci->pciDeviceId, 0x20b010de);
	guarded(buffer, sizeof(buffer));
	CHECK_NUMBER(nvmlDeviceGetNvLinkRemotePciInfo(device, 0, pci), NVML_SUCCESS);
	CHECK_NUMBER(bytes_written(pci, 256), offsetof(nvmlPciInfo_t, busId));
	guarded(buffer, sizeof(buffer));
	CHECK_NUMBER(nvmlDeviceGetNvLinkRemotePciInfo_v2(device, 0, pci), NVML_SUCCESS);
	CHECK_NUMBER(bytes_written(pci, 256), sizeof(*pci));
}

static void memory_info_counts_what_is_reserved(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlMemory_t first;
	nvmlMemory_v2_t second = { .version = nvmlMemory_v2 };

	CHECK_NUMBER(nvmlDeviceGetMemoryInfo(device, &first), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo_v2(device, &second), NVML_SUCCESS);
	CHECK_NUMBER(first.total, 40960ll << 20);
	CHECK_NUMBER(first.total, first.free + first.used);
	CHECK_NUMBER(second.total, second.free + second.used + second.reserved);
	CHECK_NUMBER(first.used, second.used + second.reserved);
	CHECK(second.reserved > 0);
	second.version = nvmlMemory_v2 + 1;
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo_v2(device, &second),
		     NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
}

static void fabric_info_takes_two_versions(void)
{
	nvmlDevice_t device = first_gpu("gb200");
	nvmlGpuFabricInfoV_t *info = guarded(buffer, sizeof(buffer));

	info->version = nvmlGpuFabricInfo_v2;
	CHECK_NUMBER(nvmlDeviceGetGpuFabricInfoV(device, info), NVML_SUCCESS);
	CHECK_NUMBER(bytes_written(info, 256), sizeof(nvmlGpuFabricInfo_v2_t));
	CHECK_NUMBER(info->state, NVML_GPU_FABRIC_STATE_COMPLETED);
	guarded(buffer, sizeof(buffer));
	info->version = nvmlGpuFabricInfo_v3;
	CHECK_NUMBER(nvmlDeviceGetGpuFabricInfoV(device, info), NVML_SUCCESS);
	CHECK_NUMBER(info->healthSummary, NVML_GPU_FABRIC_HEALTH_SUMMARY_HEALTHY);
	info->version = 1;
	CHECK_NUMBER(nvmlDeviceGetGpuFabricInfoV(device, info),
		     NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
}

static void mig_profiles_have_three_versions(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlGpuInstanceProfileInfo_t plain;
	nvmlGpuInstanceProfileInfo_v2_t second = { .version = nvmlGpuInstanceProfileInfo_v2 };
	nvmlGpuInstanceProfileInfo_v3_t third = { .version = nvmlGpuInstanceProfileInfo_v3 };
	nvmlGpuInstancePlacement_t placements[7];
	unsigned int profile = NVML_GPU_INSTANCE_PROFILE_1_SLICE, count = 0;

	CHECK_NUMBER(nvmlDeviceGetGpuInstanceProfileInfo(device, NVML_GPU_INSTANCE_PROFILE_8_SLICE,
							 &plain),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceProfileInfo(device, profile, &plain), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceProfileInfoV(device, profile, &second), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceProfileInfoV(
			     device, profile, (nvmlGpuInstanceProfileInfo_v2_t *)&third),
		     NVML_SUCCESS);
	CHECK_NUMBER(plain.id, 19);
	CHECK_NUMBER(second.id, plain.id);
	CHECK_NUMBER(third.id, plain.id);
	CHECK_NUMBER(third.memorySizeMB, plain.memorySizeMB);
	CHECK_STRING(second.name, "MIG 1g.5gb");
	CHECK_STRING(third.name, second.name);
	CHECK_NUMBER(nvmlDeviceGetGpuInstancePossiblePlacements_v2(device, 19, NULL, &count),
		     NVML_SUCCESS);
	CHECK_NUMBER(count, 7);
	CHECK_NUMBER(nvmlDeviceGetGpuInstancePossiblePlacements(device, 19, placements, &count),
		     NVML_SUCCESS);
	CHECK_NUMBER(placements[6].start, 6);
	count = 6;
	CHECK_NUMBER(nvmlDeviceGetGpuInstancePossiblePlacements(device, 19, placements, &count),
		     NVML_ERROR_INSUFFICIENT_SIZE);
	second.version = 7;
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceProfileInfoV(device, profile, &second),
		     NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceProfileInfo(device, NVML_GPU_INSTANCE_PROFILE_COUNT,
							 &plain),
		     NVML_ERROR_INVALID_ARGUMENT);
}

// A function that is not written by hand checks in the same order.
static void generated_functions_check_too(void)
{
	nvmlVgpuProcessesUtilizationInfo_t info = { .version = 0 };
	nvmlDevice_t device;
	nvmlUnitInfo_t unit;

	CHECK_NUMBER(nvmlDeviceGetVgpuProcessesUtilizationInfo(NULL, NULL),
		     NVML_ERROR_UNINITIALIZED);
	device = first_gpu("a100");
	CHECK_NUMBER(nvmlDeviceGetVgpuProcessesUtilizationInfo(NULL, &info),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetVgpuProcessesUtilizationInfo(device, NULL),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetVgpuProcessesUtilizationInfo(device, &info),
		     NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	info.version = nvmlVgpuProcessesUtilizationInfo_v1;
	CHECK_NUMBER(nvmlDeviceGetVgpuProcessesUtilizationInfo(device, &info),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlUnitGetUnitInfo((nvmlUnit_t)&unit, &unit), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlVgpuInstanceGetFbUsage(5, &(unsigned long long){ 0 }),
		     NVML_ERROR_NOT_FOUND);
}

TESTSUITE(TEST(pci_info_grew), TEST(memory_info_counts_what_is_reserved),
	  TEST(fabric_info_takes_two_versions), TEST(mig_profiles_have_three_versions),
	  TEST(generated_functions_check_too))
