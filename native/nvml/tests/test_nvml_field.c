// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_fixture.h"

static nvmlReturn_t ask(nvmlDevice_t device, unsigned int id, unsigned int scope,
			nvmlValue_t *value)
{
	nvmlFieldValue_t field = { .fieldId = id, .scopeId = scope };

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 1, &field), NVML_SUCCESS);
	CHECK(field.timestamp > 0);
	*value = field.value;
	return field.nvmlReturn;
}

static void links_are_numbered_in_three_ranges(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlValue_t value;

	CHECK_NUMBER(ask(device, NVML_FI_DEV_NVLINK_SPEED_MBPS_L5, 0, &value), NVML_SUCCESS);
	CHECK_NUMBER(value.uiVal, 25000);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_NVLINK_SPEED_MBPS_L11, 0, &value), NVML_SUCCESS);
	CHECK_NUMBER(value.uiVal, 25000);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_L11, 0, &value),
		     NVML_SUCCESS);
	CHECK_NUMBER(value.ullVal, 0);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_NVLINK_GET_SPEED, 11, &value), NVML_SUCCESS);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_NVLINK_GET_SPEED, 12, &value),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_NVLINK_GET_STATE, 0, &value), NVML_SUCCESS);
	CHECK_NUMBER(value.uiVal, NVML_NVLINK_STATE_ACTIVE);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_NVSWITCH_CONNECTED_LINK_COUNT, 0, &value),
		     NVML_SUCCESS);
	CHECK_NUMBER(value.uiVal, 12);
}

static void power_has_scopes(void)
{
	nvmlDevice_t device = first_gpu("gb200");
	nvmlValue_t value;

	CHECK_NUMBER(ask(device, NVML_FI_DEV_POWER_MAX_LIMIT, NVML_POWER_SCOPE_GPU, &value),
		     NVML_SUCCESS);
	CHECK_NUMBER(value.uiVal, 1200000);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_POWER_MAX_LIMIT, NVML_POWER_SCOPE_MODULE, &value),
		     NVML_SUCCESS);
	CHECK_NUMBER(value.uiVal, 2500000);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_POWER_AVERAGE, NVML_POWER_SCOPE_MEMORY, &value),
		     NVML_SUCCESS);
	CHECK_NUMBER(value.uiVal, 30260);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_POWER_MAX_LIMIT, NVML_POWER_SCOPE_MEMORY, &value),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_POWER_MAX_LIMIT, 9, &value),
		     NVML_ERROR_INVALID_ARGUMENT);
}

static void errors_are_counted_by_kind_time_and_place(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;
	struct readings_ecc *ecc = &first_state(&writer)->readings.ecc;
	nvmlValue_t value;

	ecc->total[1][0] = 5;
	ecc->counters[0][1][NVML_MEMORY_LOCATION_L2_CACHE] = 6;
	ecc->counters[1][0][NVML_MEMORY_LOCATION_CBU] = 7;
	put_in_force(&writer);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_ECC_DBE_VOL_TOTAL, 0, &value), NVML_SUCCESS);
	CHECK_NUMBER(value.ullVal, 5);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_ECC_SBE_AGG_L2, 0, &value), NVML_SUCCESS);
	CHECK_NUMBER(value.ullVal, 6);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_ECC_DBE_VOL_CBU, 0, &value), NVML_SUCCESS);
	CHECK_NUMBER(value.ullVal, 7);
	first_state(&writer)->readings.ecc.mode_current = NVML_FEATURE_DISABLED;
	put_in_force(&writer);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_ECC_DBE_VOL_TOTAL, 0, &value),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_ECC_CURRENT, 0, &value), NVML_SUCCESS);
	CHECK_NUMBER(value.uiVal, NVML_FEATURE_DISABLED);
}

static void one_wrong_field_spoils_no_other(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlFieldValue_t fields[] = { { .fieldId = 0 },
				      { .fieldId = NVML_FI_DEV_MEMORY_TEMP },
				      { .fieldId = NVML_FI_MAX } };

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 3, fields), NVML_SUCCESS);
	CHECK_NUMBER(fields[0].nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(fields[1].nvmlReturn, NVML_SUCCESS);
	CHECK_NUMBER(fields[1].value.uiVal, 34);
	CHECK_NUMBER(fields[2].nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 0, fields), NVML_ERROR_INVALID_ARGUMENT);
}

TESTSUITE(TEST(links_are_numbered_in_three_ranges), TEST(power_has_scopes),
	  TEST(errors_are_counted_by_kind_time_and_place), TEST(one_wrong_field_spoils_no_other))
