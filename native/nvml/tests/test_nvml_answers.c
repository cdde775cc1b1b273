// SPDX-License-Identifier: GPL-3.0-or-later
// Getters that only some boards answer.
#include "nvml_fixture.h"

static void a_board_tells_of_its_rack_what_it_knows(void)
{
	nvmlPlatformInfo_t info = { .version = nvmlPlatformInfo_v2 };
	nvmlDevice_t device = first_gpu("gb200");

	CHECK_NUMBER(nvmlDeviceGetPlatformInfo(device, &info), NVML_SUCCESS);
	CHECK_NUMBER(info.slotNumber, 14);
	CHECK_NUMBER(info.trayIndex, 4);
	nvmlShutdown();
	device = first_gpu("b200");
	CHECK_NUMBER(nvmlDeviceGetPlatformInfo(device, &info), NVML_SUCCESS);
	CHECK_NUMBER(info.hostId, 1);
	CHECK_NUMBER(info.peerType, 1);
	CHECK_NUMBER(info.moduleId, 6);
	CHECK_NUMBER(info.slotNumber, 0xff);
	CHECK_NUMBER(info.trayIndex, 0xff);
	CHECK_STRING((const char *)info.chassisSerialNumber, "");
	info.version = 0;
	CHECK_NUMBER(nvmlDeviceGetPlatformInfo(device, &info),
		     NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	nvmlShutdown();
	info.version = nvmlPlatformInfo_v2;
	CHECK_NUMBER(nvmlDeviceGetPlatformInfo(first_gpu("h100"), &info), NVML_ERROR_NOT_SUPPORTED);
}

static void coherent_memory_is_a_numa_node(void)
{
	static const unsigned int expected[] = { 2, 10, 18, 26 };
	nvmlDevice_t device = first_gpu("gb300");
	unsigned int node;

	for (unsigned int i = 0; i < 4; i++) {
		CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(i, &device), NVML_SUCCESS);
		CHECK_NUMBER(nvmlDeviceGetNumaNodeId(device, &node), NVML_SUCCESS);
		CHECK_NUMBER(node, expected[i]);
	}
	nvmlShutdown();
	CHECK_NUMBER(nvmlDeviceGetNumaNodeId(first_gpu("b200"), &node), NVML_ERROR_NOT_SUPPORTED);
}

static void repairs_are_told_from_ampere_on(void)
{
	nvmlRepairStatus_t status = { .version = nvmlRepairStatus_v1, 1, 1 };

	CHECK_NUMBER(nvmlDeviceGetRepairStatus(first_gpu("l40s"), &status), NVML_SUCCESS);
	CHECK_NUMBER(status.bChannelRepairPending, 0);
	CHECK_NUMBER(status.bTpcRepairPending, 0);
	nvmlShutdown();
	CHECK_NUMBER(nvmlDeviceGetRepairStatus(first_gpu("t4"), &status), NVML_ERROR_NOT_SUPPORTED);
}

static void links_are_reduced_one_gpu_at_a_time(void)
{
	nvmlNvlinkSupportedBwModes_t modes = { .version = nvmlNvlinkSupportedBwModes_v1 };
	nvmlNvlinkGetBwMode_t mode = { .version = nvmlNvlinkGetBwMode_v1 };
	nvmlNvlinkSetBwMode_t wanted = { .version = nvmlNvlinkSetBwMode_v1 };
	nvmlDevice_t device = first_gpu("b200"), other;

	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &other), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetNvlinkSupportedBwModes(device, &modes), NVML_SUCCESS);
	CHECK_NUMBER(modes.totalBwModes, 4);
	CHECK_NUMBER(nvmlDeviceGetNvlinkBwMode(device, &mode), NVML_SUCCESS);
	CHECK(mode.bIsBest && mode.bwMode == 0);
	for (unsigned int i = 0; i < modes.totalBwModes; i++) {
		wanted.bwMode = modes.bwModes[i];
		CHECK_NUMBER(nvmlDeviceSetNvlinkBwMode(device, &wanted), NVML_SUCCESS);
		CHECK_NUMBER(nvmlDeviceGetNvlinkBwMode(device, &mode), NVML_SUCCESS);
		CHECK(!mode.bIsBest && mode.bwMode == modes.bwModes[i]);
	}
	CHECK_NUMBER(nvmlDeviceGetNvlinkBwMode(other, &mode), NVML_SUCCESS);
	CHECK(mode.bIsBest);
	wanted.bwMode = 3; // half, as Hopper has it
	CHECK_NUMBER(nvmlDeviceSetNvlinkBwMode(device, &wanted), NVML_ERROR_INVALID_ARGUMENT);
	wanted.bSetBest = 1;
	CHECK_NUMBER(nvmlDeviceSetNvlinkBwMode(device, &wanted), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetNvlinkBwMode(device, &mode), NVML_SUCCESS);
	CHECK(mode.bIsBest && mode.bwMode == 0);
	wanted.version = 0;
	CHECK_NUMBER(nvmlDeviceSetNvlinkBwMode(device, &wanted),
		     NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	nvmlShutdown();
	CHECK_NUMBER(nvmlDeviceGetNvlinkSupportedBwModes(first_gpu("h100"), &modes),
		     NVML_ERROR_NOT_SUPPORTED);
}

static void a_gpu_is_told_its_host(void)
{
	nvmlHostname_v1_t name = { "x" }, wanted = { "tray-7.rack-2" };
	nvmlDevice_t device = first_gpu("gb200");

	CHECK_NUMBER(nvmlDeviceGetHostname_v1(device, &name), NVML_SUCCESS);
	CHECK_STRING(name.value, "");
	CHECK_NUMBER(nvmlDeviceSetHostname_v1(device, &wanted), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHostname_v1(device, &name), NVML_SUCCESS);
	CHECK_STRING(name.value, "tray-7.rack-2");
	memcpy(wanted.value, "a b", 4);
	CHECK_NUMBER(nvmlDeviceSetHostname_v1(device, &wanted), NVML_ERROR_INVALID_ARGUMENT);
	wanted.value[0] = '\0';
	CHECK_NUMBER(nvmlDeviceSetHostname_v1(device, &wanted), NVML_ERROR_INVALID_ARGUMENT);
	memset(wanted.value, 'a', sizeof(wanted.value));
	CHECK_NUMBER(nvmlDeviceSetHostname_v1(device, &wanted), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetHostname_v1(device, &name), NVML_SUCCESS);
	CHECK_STRING(name.value, "tray-7.rack-2");
	nvmlShutdown();
	CHECK_NUMBER(nvmlDeviceGetHostname_v1(first_gpu("h200"), &name), NVML_ERROR_NOT_SUPPORTED);
}

static void counters_are_cleared_by_field(void)
{
	nvmlFieldValue_t fields[] = {
		{ .fieldId = NVML_FI_DEV_PCIE_REPLAY_COUNTER },
		{ .fieldId = NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS },
		{ .fieldId = NVML_FI_DEV_GPU_TEMP },
		{ .fieldId = NVML_FI_MAX },
		{ .fieldId = NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY, .scopeId = 2 },
	};
	nvmlDevice_t device = first_gpu("b200");
	struct state_writer writer;
	unsigned long long errors;
	struct running *running;
	unsigned int replays;

	running = first_state(&writer);
	running->readings.pcie_replays = 7;
	running->readings.links.errors[1] = running->readings.links.errors[2] = 5;
	put_in_force(&writer);
	CHECK_NUMBER(nvmlDeviceGetPcieReplayCounter(device, &replays), NVML_SUCCESS);
	CHECK_NUMBER(replays, 7);
	CHECK_NUMBER(nvmlDeviceClearFieldValues(device, 0, fields), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceClearFieldValues(device, 4, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceClearFieldValues(device, 5, fields), NVML_SUCCESS);
	CHECK_NUMBER(fields[0].nvmlReturn, NVML_SUCCESS);
	CHECK_NUMBER(fields[1].nvmlReturn, NVML_SUCCESS);
	CHECK_NUMBER(fields[2].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(fields[3].nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetPcieReplayCounter(device, &replays), NVML_SUCCESS);
	CHECK_NUMBER(replays, 0);
	CHECK_NUMBER(fields[4].nvmlReturn, NVML_SUCCESS);
	CHECK_NUMBER(
		nvmlDeviceGetNvLinkErrorCounter(device, 2, NVML_NVLINK_ERROR_DL_REPLAY, &errors),
		NVML_SUCCESS);
	CHECK_NUMBER(errors, 0);
	CHECK_NUMBER(
		nvmlDeviceGetNvLinkErrorCounter(device, 1, NVML_NVLINK_ERROR_DL_REPLAY, &errors),
		NVML_SUCCESS);
	CHECK_NUMBER(errors, 5);
	nvmlShutdown();
	device = first_gpu("t4");
	CHECK_NUMBER(nvmlDeviceClearFieldValues(device, 1, fields + 1), NVML_SUCCESS);
	CHECK_NUMBER(fields[1].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
}

static unsigned int field(nvmlDevice_t device, unsigned int id)
{
	nvmlFieldValue_t value = { .fieldId = id };

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 1, &value), NVML_SUCCESS);
	CHECK_NUMBER(value.nvmlReturn, NVML_SUCCESS);
	return value.value.uiVal;
}

static void the_low_power_threshold_has_limits(void)
{
	nvmlDevice_t device = first_gpu("h100");

	CHECK_NUMBER(field(device, NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_SUPPORTED), 1);
	CHECK_NUMBER(field(device, NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_MIN), 1);
	CHECK_NUMBER(field(device, NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_MAX), 0x1fff);
	CHECK_NUMBER(field(device, NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_UNITS),
		     NVML_NVLINK_LOW_POWER_THRESHOLD_UNIT_100US);
}

static void announce(uint64_t xid)
{
	const struct state_event event = { .type = nvmlEventTypeXidCriticalError,
					   .data = xid,
					   .gpu_instance = 3,
					   .compute_instance = 1 };
	struct state_writer writer;

	CHECK_NUMBER(state_begin(&writer, &handle_source), STATE_OK);
	CHECK_NUMBER(state_announce(&writer, &event), STATE_OK);
	state_end(&writer);
}

static void the_third_wait_tells_of_the_same_events(void)
{
	nvmlEventSetWait_v3_t event = { .timeoutMs = 0 };
	nvmlEventSetGetContextCount_v1_t count = { 9 };
	nvmlEventSetGetContextInfo_v1_t info = { 0 };
	nvmlEventSetGetContextData_v1_t data = { 0 };
	nvmlGpuOperationalEventConfig_v1_t config = { .minLogLevel = 0 };
	nvmlDevice_t device = first_gpu("h100");
	nvmlEventSet_t set;
	char uuid[96];

	CHECK_NUMBER(nvmlDeviceGetUUID(device, uuid, sizeof(uuid)), NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetWait_v3(set, &event), NVML_ERROR_TIMEOUT);
	CHECK_NUMBER(nvmlEventSetGetContextCount_v1(set, &count), NVML_ERROR_NOT_FOUND);
	announce(79);
	CHECK_NUMBER(nvmlEventSetWait_v3(set, &event), NVML_SUCCESS);
	CHECK_NUMBER(event.dataType, NVML_EVENT_DATA_TYPE_NVML_EVENT);
	CHECK_NUMBER(event.eventType, nvmlEventTypeXidCriticalError);
	CHECK_NUMBER(event.eventData, 79);
	CHECK_NUMBER(event.gpuInstanceId, 3);
	CHECK_NUMBER(event.computeInstanceId, 1);
	CHECK_STRING(event.uuid, uuid);
	CHECK_NUMBER(nvmlEventSetGetContextCount_v1(set, &count), NVML_SUCCESS);
	CHECK_NUMBER(count.count, 0);
	CHECK_NUMBER(nvmlEventSetGetContextInfo_v1(set, &info), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetGetContextData_v1(set, &data), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetRegisterGpuOperationalEvents_v1(set, &config),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlEventSetWait_v3(set, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetFree(set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetWait_v3(set, &event), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetGetContextCount_v1(set, &count), NVML_ERROR_INVALID_ARGUMENT);
}

static void boards_with_gddr_have_low_states(void)
{
	nvmlDevice_t device = first_gpu("t4");
	unsigned int min, max;
	nvmlPstates_t states[16];

	CHECK_NUMBER(nvmlDeviceGetSupportedPerformanceStates(device, states, sizeof(states)),
		     NVML_SUCCESS);
	CHECK_NUMBER(states[0], NVML_PSTATE_0);
	CHECK_NUMBER(states[1], NVML_PSTATE_8);
	CHECK_NUMBER(states[2], NVML_PSTATE_UNKNOWN);
	CHECK_NUMBER(nvmlDeviceGetSupportedPerformanceStates(device, states, sizeof(states[0])),
		     NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_NUMBER(
		nvmlDeviceGetMinMaxClockOfPState(device, NVML_CLOCK_MEM, NVML_PSTATE_8, &min, &max),
		NVML_SUCCESS);
	CHECK(min == 405 && max == 405);
	CHECK_NUMBER(nvmlDeviceGetMinMaxClockOfPState(device, NVML_CLOCK_GRAPHICS, NVML_PSTATE_8,
						      &min, &max),
		     NVML_SUCCESS);
	CHECK(min == 300 && max == 645);
	CHECK_NUMBER(
		nvmlDeviceGetMinMaxClockOfPState(device, NVML_CLOCK_MEM, NVML_PSTATE_0, &min, &max),
		NVML_SUCCESS);
	CHECK(min == 5001 && max == 5001);
	CHECK_NUMBER(
		nvmlDeviceGetMinMaxClockOfPState(device, NVML_CLOCK_SM, NVML_PSTATE_5, &min, &max),
		NVML_ERROR_NOT_SUPPORTED);
	nvmlShutdown();
	device = first_gpu("h100");
	CHECK_NUMBER(nvmlDeviceGetSupportedPerformanceStates(device, states, sizeof(states)),
		     NVML_SUCCESS);
	CHECK_NUMBER(states[1], NVML_PSTATE_UNKNOWN);
	CHECK_NUMBER(
		nvmlDeviceGetMinMaxClockOfPState(device, NVML_CLOCK_MEM, NVML_PSTATE_0, &min, &max),
		NVML_SUCCESS);
	CHECK(min == 1593 && max == 2619);
}

TESTSUITE(TEST(boards_with_gddr_have_low_states), TEST(a_board_tells_of_its_rack_what_it_knows),
	  TEST(coherent_memory_is_a_numa_node), TEST(repairs_are_told_from_ampere_on),
	  TEST(links_are_reduced_one_gpu_at_a_time), TEST(a_gpu_is_told_its_host),
	  TEST(counters_are_cleared_by_field), TEST(the_low_power_threshold_has_limits),
	  TEST(the_third_wait_tells_of_the_same_events))
