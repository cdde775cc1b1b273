// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_fixture.h"

static nvmlSystemEventSet_t make_set(unsigned long long types)
{
	nvmlSystemEventSetCreateRequest_t made = { .version = nvmlSystemEventSetCreateRequest_v1 };
	nvmlSystemRegisterEventRequest_t registered = {
		.version = nvmlSystemRegisterEventRequest_v1,
		.eventTypes = types,
	};

	CHECK_NUMBER(nvmlSystemEventSetCreate(&made), NVML_SUCCESS);
	registered.set = made.set;
	CHECK_NUMBER(nvmlSystemRegisterEvents(&registered), NVML_SUCCESS);
	registered.eventTypes = 1 << 9;
	CHECK_NUMBER(nvmlSystemRegisterEvents(&registered), NVML_ERROR_NOT_SUPPORTED);
	return made.set;
}

static void announce(uint32_t slot, uint64_t type, uint32_t system)
{
	struct state_event event = { .type = type, .slot = slot, .system = system };
	struct state_writer writer;

	CHECK_NUMBER(state_begin(&writer, &handle_source), STATE_OK);
	CHECK_NUMBER(state_announce(&writer, &event), STATE_OK);
	state_end(&writer);
}

static void events_of_the_system_are_told_apart_from_those_of_devices(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlSystemEventData_v1_t data[4];
	nvmlSystemEventSetWaitRequest_t wait = { .version = nvmlSystemEventSetWaitRequest_v1,
						 .data = data,
						 .dataSize = 4 };
	nvmlEventData_t device_event;
	nvmlEventSet_t device_set;
	nvmlPciInfo_t pci;

	wait.set = make_set(nvmlSystemEventTypeGpuDriverUnbind);
	CHECK_NUMBER(nvmlEventSetCreate(&device_set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeSingleBitEccError, device_set),
		     NVML_SUCCESS);
	announce(0, nvmlSystemEventTypeGpuDriverBind, 1);
	CHECK_NUMBER(nvmlSystemEventSetWait(&wait), NVML_ERROR_TIMEOUT);
	/* The same bit is an ECC event of a device. */
	announce(0, nvmlSystemEventTypeGpuDriverUnbind, 1);
	announce(0, nvmlEventTypeSingleBitEccError, 0);
	CHECK_NUMBER(nvmlSystemEventSetWait(&wait), NVML_SUCCESS);
	CHECK_NUMBER(wait.numEvent, 1);
	CHECK_NUMBER(data[0].eventType, nvmlSystemEventTypeGpuDriverUnbind);
	CHECK_NUMBER(nvmlDeviceGetPciInfo_v3(device, &pci), NVML_SUCCESS);
	CHECK_NUMBER(data[0].gpuId, pci.domain << 16 | pci.bus << 8 | pci.device);
	CHECK_NUMBER(nvmlEventSetWait_v2(device_set, &device_event, 0), NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetWait_v2(device_set, &device_event, 0), NVML_ERROR_TIMEOUT);
	CHECK_NUMBER(nvmlSystemEventSetWait(&wait), NVML_ERROR_TIMEOUT);
}

static void wrong_requests_are_seen(void)
{
	nvmlSystemEventSetFreeRequest_t to_free = { .version = nvmlSystemEventSetFreeRequest_v1 };
	nvmlSystemEventSetCreateRequest_t made = { .version = 1 };

	first_gpu("a100");
	CHECK_NUMBER(nvmlSystemEventSetCreate(NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlSystemEventSetCreate(&made), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_NUMBER(nvmlSystemEventSetFree(&to_free), NVML_ERROR_INVALID_ARGUMENT);
	to_free.set = make_set(nvmlSystemEventTypeGpuDriverBind);
	CHECK_NUMBER(nvmlSystemEventSetFree(&to_free), NVML_SUCCESS);
	CHECK_NUMBER(nvmlSystemEventSetFree(&to_free), NVML_ERROR_INVALID_ARGUMENT);
}

TESTSUITE(TEST(events_of_the_system_are_told_apart_from_those_of_devices),
	  TEST(wrong_requests_are_seen))
