// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_fixture.h"

// Before, between and behind the handles that were given out.
static void wrong_handles_are_seen(void)
{
	nvmlDevice_t device = first_gpu("a100"), last;
	unsigned int value;
	const uintptr_t wrong[] = { 0,
				    1,
				    (uintptr_t)device - sizeof(*device),
				    (uintptr_t)device + 1,
				    (uintptr_t)device + sizeof(*device) / 2,
				    (uintptr_t)device + 8 * sizeof(*device),
				    UINTPTR_MAX };

	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(7, &last), NVML_SUCCESS);
	CHECK_NUMBER((uintptr_t)last, (uintptr_t)device + 7 * sizeof(*device));
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_NUMBER(nvmlDeviceGetIndex((nvmlDevice_t)wrong[i], &value),
			     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetIndex(last, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetIndex(last, &value), NVML_SUCCESS);
	CHECK_NUMBER(value, 7);
}

static void found_by_uuid_in_both_forms(void)
{
	nvmlDevice_t device = first_gpu("a100"), found = NULL;
	nvmlUUID_t uuid = { .version = nvmlUUID_v1, .type = NVML_UUID_TYPE_ASCII };
	char text[96], hex[40] = "";
	unsigned int byte, n = 0;

	CHECK_NUMBER(nvmlDeviceGetUUID(device, text, sizeof(text)), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleByUUID(text, &found), NVML_SUCCESS);
	CHECK(found == device);
	memcpy(uuid.value.str, text, strlen(text) + 1);
	CHECK_NUMBER(nvmlDeviceGetHandleByUUIDV(&uuid, &found), NVML_SUCCESS);
	for (const char *c = text + 4; *c; c++)
		if (*c != '-')
			hex[n++] = *c;
	uuid.type = NVML_UUID_TYPE_BINARY;
	for (unsigned int i = 0; i < 16; i++) {
		CHECK(sscanf(hex + 2 * i, "%2x", &byte) == 1);
		uuid.value.bytes[i] = (unsigned char)byte;
	}
	found = NULL;
	CHECK_NUMBER(nvmlDeviceGetHandleByUUIDV(&uuid, &found), NVML_SUCCESS);
	CHECK(found == device);
	uuid.type = NVML_UUID_TYPE_NONE;
	CHECK_NUMBER(nvmlDeviceGetHandleByUUIDV(&uuid, &found), NVML_ERROR_INVALID_ARGUMENT);
	uuid.version++;
	CHECK_NUMBER(nvmlDeviceGetHandleByUUIDV(&uuid, &found),
		     NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_NUMBER(nvmlDeviceGetHandleByUUID("GPU-0", &found), NVML_ERROR_NOT_FOUND);
	CHECK_NUMBER(nvmlDeviceGetHandleByUUID(NULL, &found), NVML_ERROR_INVALID_ARGUMENT);
}

static void found_by_pci_address(void)
{
	nvmlDevice_t device = first_gpu("a100"), found = NULL;
	nvmlPciInfo_t pci;
	char address[64];

	CHECK_NUMBER(nvmlDeviceGetPciInfo_v3(device, &pci), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleByPciBusId_v2(pci.busId, &found), NVML_SUCCESS);
	CHECK(found == device);
	CHECK_NUMBER(nvmlDeviceGetHandleByPciBusId_v2(pci.busIdLegacy, &found), NVML_SUCCESS);
	snprintf(address, sizeof(address), "%x:%x:%x", pci.domain, pci.bus, pci.device);
	CHECK_NUMBER(nvmlDeviceGetHandleByPciBusId(address, &found), NVML_SUCCESS);
	snprintf(address, sizeof(address), "%x:%x:%x.1", pci.domain, pci.bus, pci.device);
	CHECK_NUMBER(nvmlDeviceGetHandleByPciBusId_v2(address, &found), NVML_ERROR_NOT_FOUND);
	CHECK_NUMBER(nvmlDeviceGetHandleByPciBusId_v2("GPU", &found), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetHandleByPciBusId_v2("0:7:0.0x", &found),
		     NVML_ERROR_INVALID_ARGUMENT);
}

// The description may be changed here: the page of a YAML file is this process's own.
static void gpus_taken_away_are_lost(void)
{
	nvmlDevice_t device = first_gpu("a100"), last;
	struct description *description =
		(struct description *)page_description(handle_source.page);
	unsigned int value;

	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(7, &last), NVML_SUCCESS);
	description->device_count = 3;
	CHECK_NUMBER(nvmlDeviceGetMinorNumber(last, &value), NVML_ERROR_GPU_IS_LOST);
	CHECK_NUMBER(nvmlDeviceGetMinorNumber(device, &value), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetCount_v2(&value), NVML_SUCCESS);
	CHECK_NUMBER(value, 8);
}

// The GPUs of one Grace Blackwell module share a serial number, those of A100 boards do not.
static void serial_numbers_name_boards(void)
{
	nvmlDevice_t device = first_gpu("a100"), found = NULL;
	char serial[32];

	CHECK_NUMBER(nvmlDeviceGetSerial(device, serial, sizeof(serial)), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleBySerial(serial, &found), NVML_SUCCESS);
	CHECK(found == device);
	CHECK_NUMBER(nvmlDeviceGetHandleBySerial("", &found), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetHandleBySerial("7", &found), NVML_ERROR_NOT_FOUND);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	device = first_gpu("gb200");
	CHECK_NUMBER(nvmlDeviceGetSerial(device, serial, sizeof(serial)), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleBySerial(serial, &found), NVML_ERROR_INVALID_ARGUMENT);
}

TESTSUITE(TEST(wrong_handles_are_seen), TEST(found_by_uuid_in_both_forms),
	  TEST(found_by_pci_address), TEST(gpus_taken_away_are_lost),
	  TEST(serial_numbers_name_boards))
