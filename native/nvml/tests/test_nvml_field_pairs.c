// SPDX-License-Identifier: GPL-3.0-or-later
// A field value and the getter of the same fact say the same: on every profile, at rest and with readings that all differ.
#include "nvml_fixture.h"

static const char *const boards[] = {
	"a100", "h100", "h200", "b200", "gb200", "gb300", "l40s", "t4"
};

#define BOARDS (sizeof(boards) / sizeof(boards[0]))

static const char *board;
static const char *moment;
static nvmlDevice_t device;
static unsigned int compared; // pairs that both answer

static nvmlReturn_t ask(unsigned int id, unsigned int scope, uint64_t *value)
{
	nvmlFieldValue_t field = { .fieldId = id, .scopeId = scope };

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 1, &field), NVML_SUCCESS);
	*value = field.valueType == NVML_VALUE_TYPE_UNSIGNED_LONG_LONG ? field.value.ullVal
		 : field.valueType == NVML_VALUE_TYPE_SIGNED_INT       ? (uint64_t)field.value.siVal
								       : field.value.uiVal;
	return field.nvmlReturn;
}

static void compare(unsigned int id, unsigned int scope, nvmlReturn_t result, uint64_t expected)
{
	uint64_t value = 0;
	nvmlReturn_t answer = ask(id, scope, &value);

	if (answer == result && (result != NVML_SUCCESS || value == expected)) {
		compared += result == NVML_SUCCESS;
		return;
	}
	fprintf(stderr, "%s %s: field %u of scope %u is %d, %llu; its getter says %d, %llu\n",
		board, moment, id, scope, answer, (unsigned long long)value, result,
		(unsigned long long)expected);
	CHECK(!"a field and its getter say the same");
}

static void memory_errors(void)
{
	static const struct {
		unsigned int sbe_volatile, sbe_aggregate;
		nvmlMemoryLocation_t location;
	} places[] = {
		{ NVML_FI_DEV_ECC_SBE_VOL_L1, NVML_FI_DEV_ECC_SBE_AGG_L1,
		  NVML_MEMORY_LOCATION_L1_CACHE },
		{ NVML_FI_DEV_ECC_SBE_VOL_L2, NVML_FI_DEV_ECC_SBE_AGG_L2,
		  NVML_MEMORY_LOCATION_L2_CACHE },
		{ NVML_FI_DEV_ECC_SBE_VOL_DEV, NVML_FI_DEV_ECC_SBE_AGG_DEV,
		  NVML_MEMORY_LOCATION_DEVICE_MEMORY },
		{ NVML_FI_DEV_ECC_SBE_VOL_REG, NVML_FI_DEV_ECC_SBE_AGG_REG,
		  NVML_MEMORY_LOCATION_REGISTER_FILE },
		{ NVML_FI_DEV_ECC_SBE_VOL_TEX, NVML_FI_DEV_ECC_SBE_AGG_TEX,
		  NVML_MEMORY_LOCATION_TEXTURE_MEMORY },
	};
	nvmlEnableState_t current = 0, pending = 0;
	nvmlReturn_t ret = nvmlDeviceGetEccMode(device, &current, &pending);

	compare(NVML_FI_DEV_ECC_CURRENT, 0, ret, current);
	compare(NVML_FI_DEV_ECC_PENDING, 0, ret, pending);
	for (unsigned int kind = 0; kind < 4; kind++) {
		unsigned int type = kind % 2, lasting = kind / 2;
		unsigned long long count = 0;

		ret = nvmlDeviceGetTotalEccErrors(device, type, lasting, &count);
		compare(NVML_FI_DEV_ECC_SBE_VOL_TOTAL + kind, 0, ret, count);
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			ret = nvmlDeviceGetMemoryErrorCounter(device, type, lasting,
							      places[i].location, &count);
			compare((lasting ? places[i].sbe_aggregate : places[i].sbe_volatile) + type,
				0, ret, count);
		}
		ret = nvmlDeviceGetMemoryErrorCounter(device, type, lasting,
						      NVML_MEMORY_LOCATION_CBU, &count);
		if (type)
			compare(lasting ? NVML_FI_DEV_ECC_DBE_AGG_CBU : NVML_FI_DEV_ECC_DBE_VOL_CBU,
				0, ret, count);
	}
}

static nvmlReturn_t retired(nvmlPageRetirementCause_t cause, unsigned int *count)
{
	nvmlReturn_t ret;

	*count = 0;
	ret = nvmlDeviceGetRetiredPages(device, cause, count, NULL);
	return ret == NVML_ERROR_INSUFFICIENT_SIZE ? NVML_SUCCESS : ret;
}

static void repairs(void)
{
	unsigned int count, correctable = 0, uncorrectable = 0, pending = 0, failure = 0;
	nvmlRemappedRowsInfo_v2_t rows = { 0 };
	nvmlEnableState_t waits = 0;
	nvmlReturn_t ret;

	ret = retired(NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS, &count);
	compare(NVML_FI_DEV_RETIRED_SBE, 0, ret, count);
	ret = retired(NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR, &count);
	compare(NVML_FI_DEV_RETIRED_DBE, 0, ret, count);
	ret = nvmlDeviceGetRetiredPagesPendingStatus(device, &waits);
	compare(NVML_FI_DEV_RETIRED_PENDING, 0, ret, waits);
	ret = nvmlDeviceGetRemappedRows(device, &correctable, &uncorrectable, &pending, &failure);
	compare(NVML_FI_DEV_REMAPPED_COR, 0, ret, correctable);
	compare(NVML_FI_DEV_REMAPPED_UNC, 0, ret, uncorrectable);
	compare(NVML_FI_DEV_REMAPPED_PENDING, 0, ret, pending);
	compare(NVML_FI_DEV_REMAPPED_FAILURE, 0, ret, failure);
	ret = nvmlDeviceGetRemappedRows_v2(device, &rows);
	compare(NVML_FI_DEV_REMAPPED_COR, 0, ret, rows.corrActiveRemaps);
	compare(NVML_FI_DEV_REMAPPED_UNC, 0, ret, rows.uncActiveRemaps);
	compare(NVML_FI_DEV_REMAPPED_ROWS_COR_INACTIVE, 0, ret, rows.corrInactiveRemaps);
	compare(NVML_FI_DEV_REMAPPED_ROWS_UNC_INACTIVE, 0, ret, rows.uncInactiveRemaps);
}

static unsigned int number_of(unsigned int first, unsigned int seventh, unsigned int link)
{
	return link < 6 ? first + link : seventh + link - 6;
}

// Twelve links have numbers of their own, and all have them by their scope.
static void link_errors(unsigned int link, uint64_t *sum)
{
	static const struct {
		nvmlNvLinkErrorCounter_t counter;
		unsigned int first, seventh;
	} kinds[] = {
		{ NVML_NVLINK_ERROR_DL_REPLAY, NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_L0,
		  NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_L6 },
		{ NVML_NVLINK_ERROR_DL_RECOVERY, NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_L0,
		  NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_L6 },
		{ NVML_NVLINK_ERROR_DL_CRC_FLIT, NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_L0,
		  NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_L6 },
		{ NVML_NVLINK_ERROR_DL_CRC_DATA, NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_L0,
		  NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_L6 },
		{ NVML_NVLINK_ERROR_DL_ECC_DATA, NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_L0,
		  NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_L6 },
	};
	unsigned long long count = 0;
	nvmlReturn_t ret;

	for (size_t i = 0; link < 12 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ret = nvmlDeviceGetNvLinkErrorCounter(device, link, kinds[i].counter, &count);
		compare(number_of(kinds[i].first, kinds[i].seventh, link), 0, ret, count);
	}
	ret = nvmlDeviceGetNvLinkErrorCounter(device, link, NVML_NVLINK_ERROR_DL_REPLAY, &count);
	compare(NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY, link, ret, count);
	*sum += ret == NVML_SUCCESS ? count : 0;
	ret = nvmlDeviceGetNvLinkErrorCounter(device, link, NVML_NVLINK_ERROR_DL_RECOVERY, &count);
	compare(NVML_FI_DEV_NVLINK_ERROR_DL_RECOVERY, link, ret, count);
	ret = nvmlDeviceGetNvLinkErrorCounter(device, link, NVML_NVLINK_ERROR_DL_CRC_FLIT, &count);
	compare(NVML_FI_DEV_NVLINK_ERROR_DL_CRC, link, ret, count);
}

static void links(void)
{
	static const unsigned int totals[] = { NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL,
					       NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL,
					       NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL,
					       NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL,
					       NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_TOTAL };
	unsigned int count = 0, switches = 0;
	nvmlReturn_t first = NVML_SUCCESS;
	uint64_t errors = 0;

	for (unsigned int link = 0; link < NVML_NVLINK_MAX_LINKS; link++) {
		nvmlEnableState_t state = 0;
		nvmlReturn_t ret = nvmlDeviceGetNvLinkState(device, link, &state);
		nvmlIntNvLinkDeviceType_t remote = NVML_NVLINK_DEVICE_TYPE_UNKNOWN;
		unsigned int version = 0;
		nvmlPciInfo_t pci;

		first = link ? first : ret;
		count += ret == NVML_SUCCESS;
		compare(NVML_FI_DEV_NVLINK_GET_STATE, link, ret, state);
		ret = nvmlDeviceGetNvLinkVersion(device, link, &version);
		compare(NVML_FI_DEV_NVLINK_GET_VERSION, link, ret, version);
		link_errors(link, &errors);
		nvmlDeviceGetNvLinkRemoteDeviceType(device, link, &remote);
		if (state && remote == NVML_NVLINK_DEVICE_TYPE_SWITCH)
			switches++;
		// Whoever is at the other end has a link of that number there.
		if (nvmlDeviceGetNvLinkRemotePciInfo_v2(device, link, &pci) == NVML_SUCCESS) {
			uint64_t other;

			CHECK_NUMBER(ask(NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID, link, &other),
				     NVML_SUCCESS);
		}
	}
	compare(NVML_FI_DEV_NVLINK_LINK_COUNT, 0, NVML_SUCCESS, count);
	compare(NVML_FI_DEV_NVSWITCH_CONNECTED_LINK_COUNT, 0, first, switches);
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++)
		compare(totals[i], 0, first, errors);
}

static void link_speeds(void)
{
	for (unsigned int link = 0; link < 12; link++) {
		uint64_t value = 0;
		nvmlReturn_t ret = ask(NVML_FI_DEV_NVLINK_GET_SPEED, link, &value);

		compare(number_of(NVML_FI_DEV_NVLINK_SPEED_MBPS_L0,
				  NVML_FI_DEV_NVLINK_SPEED_MBPS_L6, link),
			0, ret, value);
		if (!link)
			compare(NVML_FI_DEV_NVLINK_SPEED_MBPS_COMMON, 0, ret, value);
	}
}

static void chips(void)
{
	nvmlC2cModeInfo_v1_t info = { 0 };
	nvmlReturn_t ret = nvmlDeviceGetC2cModeInfoV(device, &info);
	uint64_t links = 0, value;
	nvmlReturn_t counted = ask(NVML_FI_DEV_C2C_LINK_COUNT, 0, &links);

	if (counted != NVML_SUCCESS) {
		// Off, or not there at all: there are no links.
		CHECK(ret != NVML_SUCCESS || !info.isC2cEnabled);
		for (unsigned int id = NVML_FI_DEV_C2C_LINK_ERROR_INTR;
		     id <= NVML_FI_DEV_C2C_LINK_POWER_STATE; id++)
			CHECK_NUMBER(ask(id, 0, &value), counted);
		CHECK_NUMBER(ask(NVML_FI_DEV_C2C_LINK_GET_STATUS, 0, &value), counted);
		CHECK_NUMBER(ask(NVML_FI_DEV_C2C_LINK_GET_MAX_BW, 0, &value), counted);
		return;
	}
	CHECK_NUMBER(ret, NVML_SUCCESS);
	for (unsigned int link = 0; link < links; link++)
		compare(NVML_FI_DEV_C2C_LINK_GET_STATUS, link, ret, info.isC2cEnabled);
}

static void held_down(void)
{
	static const struct {
		unsigned int id;
		nvmlPerfPolicyType_t policy;
	} policies[] = {
		{ NVML_FI_DEV_PERF_POLICY_POWER, NVML_PERF_POLICY_POWER },
		{ NVML_FI_DEV_PERF_POLICY_THERMAL, NVML_PERF_POLICY_THERMAL },
		{ NVML_FI_DEV_PERF_POLICY_SYNC_BOOST, NVML_PERF_POLICY_SYNC_BOOST },
		{ NVML_FI_DEV_PERF_POLICY_BOARD_LIMIT, NVML_PERF_POLICY_BOARD_LIMIT },
		{ NVML_FI_DEV_PERF_POLICY_LOW_UTILIZATION, NVML_PERF_POLICY_LOW_UTILIZATION },
		{ NVML_FI_DEV_PERF_POLICY_RELIABILITY, NVML_PERF_POLICY_RELIABILITY },
		{ NVML_FI_DEV_PERF_POLICY_TOTAL_APP_CLOCKS, NVML_PERF_POLICY_TOTAL_APP_CLOCKS },
		{ NVML_FI_DEV_PERF_POLICY_TOTAL_BASE_CLOCKS, NVML_PERF_POLICY_TOTAL_BASE_CLOCKS },
	};

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		nvmlViolationTime_t time = { 0 };
		nvmlReturn_t ret = nvmlDeviceGetViolationStatus(device, policies[i].policy, &time);

		compare(policies[i].id, 0, ret, time.violationTime);
	}
}

static void power(void)
{
	unsigned int value = 0, other = 0;
	unsigned long long before = 0, after = 0;
	uint64_t energy = 0;
	nvmlReturn_t ret = nvmlDeviceGetPowerUsage(device, &value);

	compare(NVML_FI_DEV_POWER_INSTANT, NVML_POWER_SCOPE_GPU, ret, value);
	ret = nvmlDeviceGetPowerManagementLimitConstraints(device, &value, &other);
	compare(NVML_FI_DEV_POWER_MIN_LIMIT, NVML_POWER_SCOPE_GPU, ret, value);
	compare(NVML_FI_DEV_POWER_MAX_LIMIT, NVML_POWER_SCOPE_GPU, ret, other);
	ret = nvmlDeviceGetPowerManagementDefaultLimit(device, &value);
	compare(NVML_FI_DEV_POWER_DEFAULT_LIMIT, NVML_POWER_SCOPE_GPU, ret, value);
	ret = nvmlDeviceGetEnforcedPowerLimit(device, &value);
	compare(NVML_FI_DEV_POWER_CURRENT_LIMIT, NVML_POWER_SCOPE_GPU, ret, value);
	ret = nvmlDeviceGetPowerManagementLimit(device, &value);
	compare(NVML_FI_DEV_POWER_REQUESTED_LIMIT, NVML_POWER_SCOPE_GPU, ret, value);
	// It grows from one question to the next.
	for (unsigned int i = 0; i < 2; i++) {
		ret = nvmlDeviceGetTotalEnergyConsumption(device, &before);
		CHECK_NUMBER(ask(i ? NVML_FI_DEV_ENERGY : NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION,
				 NVML_POWER_SCOPE_GPU, &energy),
			     ret);
		CHECK_NUMBER(nvmlDeviceGetTotalEnergyConsumption(device, &after), ret);
		CHECK(ret != NVML_SUCCESS || (before <= energy && energy <= after));
	}
}

static void others(void)
{
	unsigned int value = 0, pending = 0;
	nvmlReturn_t ret = nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &value);

	compare(NVML_FI_DEV_GPU_TEMP, 0, ret, (uint64_t)(int)value);
	ret = nvmlDeviceGetPcieReplayCounter(device, &value);
	compare(NVML_FI_DEV_PCIE_REPLAY_COUNTER, 0, ret, value);
	ret = nvmlDeviceGetMigMode(device, &value, &pending);
	compare(NVML_FI_DEV_IS_MIG_MODE_INDEPENDENT_MIG_QUERY_CAPABLE, 0, NVML_SUCCESS,
		ret == NVML_SUCCESS);
}

static void compare_all(void)
{
	memory_errors();
	repairs();
	links();
	link_speeds();
	chips();
	held_down();
	power();
	others();
}

// --- readings that all differ, so that none is taken for another ---

static uint64_t number;

// What the board does not have stays so.
static void differ(uint64_t *value)
{
	if (*value != NA_U64)
		*value = ++number;
}

static void differ_u32(uint32_t *value)
{
	if (*value != NA_U32)
		*value = (uint32_t)++number;
}

static void make_all_differ(struct readings *now)
{
	number = 1000;
	for (unsigned int i = 0; i < 4; i++) {
		differ(&now->ecc.total[i % 2][i / 2]);
		for (unsigned int place = 0; place < NVML_MEMORY_LOCATION_COUNT; place++)
			differ(&now->ecc.counters[i % 2][i / 2][place]);
	}
	for (unsigned int link = 0; link < PROFILE_MAX_LINKS; link++)
		now->links.errors[link] = ++number;
	now->links.down = 1 << 3;
	now->retired.count[0] = 3;
	now->retired.count[1] = 4;
	now->retired.pending = 1;
	differ_u32(&now->rows.correctable);
	differ_u32(&now->rows.uncorrectable);
	now->rows.pending = 1;
	differ(&now->throttle_power_us);
	differ(&now->throttle_sync_boost_us);
	differ(&now->throttle_sw_thermal_us);
	differ(&now->pcie_replays);
	differ_u32(&now->power_mw);
	differ_u32(&now->power_limit_mw);
	differ_u32(&now->enforced_limit_mw);
	now->temperature_c = -7;
}

static void a_field_says_what_its_getter_says(void)
{
	for (size_t i = 0; i < BOARDS; i++) {
		struct state_writer writer;

		board = boards[i];
		device = first_gpu(board);
		moment = "at rest";
		compare_all();
		make_all_differ(&first_state(&writer)->readings);
		put_in_force(&writer);
		moment = "with readings that differ";
		compare_all();
		CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	}
	// So that nothing passes by being supported nowhere.
	CHECK(compared > 1200);
}

static void there_is_no_policy_between_the_known_ones(void)
{
	nvmlViolationTime_t time;

	device = first_gpu("a100");
	for (unsigned int policy = 6; policy < 10; policy++)
		CHECK_NUMBER(nvmlDeviceGetViolationStatus(device, policy, &time),
			     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetViolationStatus(device, NVML_PERF_POLICY_COUNT, &time),
		     NVML_ERROR_INVALID_ARGUMENT);
}

TESTSUITE(TEST(a_field_says_what_its_getter_says), TEST(there_is_no_policy_between_the_known_ones))
