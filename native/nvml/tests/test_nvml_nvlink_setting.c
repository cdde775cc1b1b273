// SPDX-License-Identifier: GPL-3.0-or-later
#include "fault_kind.h"
#include "settings_fixture.h"

static nvmlReturn_t set(nvmlDevice_t device, unsigned int threshold)
{
	nvmlNvLinkPowerThres_t info = { .lowPwrThreshold = threshold };

	return nvmlDeviceSetNvLinkDeviceLowPowerThreshold(device, &info);
}

static nvmlReturn_t threshold_of(nvmlDevice_t device, unsigned int *threshold)
{
	nvmlFieldValue_t field = { .fieldId = NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD };

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 1, &field), NVML_SUCCESS);
	*threshold = field.value.uiVal;
	return field.nvmlReturn;
}

static void a_threshold_is_set_within_its_range(void)
{
	nvmlDevice_t device = first_gpu("gb200");
	unsigned int threshold, before;
	nvmlReturn_t known = threshold_of(device, &before);

	CHECK_NUMBER(set(device, 500), NVML_SUCCESS);
	CHECK_NUMBER(threshold_of(device, &threshold), NVML_SUCCESS);
	CHECK_NUMBER(threshold, 500);
	CHECK_NUMBER(set(device, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(set(device, NVML_NVLINK_LOW_POWER_THRESHOLD_MAX + 1),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(AS_NOBODY(set(device, 600)), NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(threshold_of(device, &threshold), NVML_SUCCESS);
	CHECK_NUMBER(threshold, 500);
	CHECK_NUMBER(set(device, NVML_NVLINK_LOW_POWER_THRESHOLD_RESET), NVML_SUCCESS);
	CHECK_NUMBER(threshold_of(device, &threshold), known);
	CHECK(known != NVML_SUCCESS || threshold == before);
	CHECK_NUMBER(nvmlDeviceSetNvLinkDeviceLowPowerThreshold(device, NULL),
		     NVML_ERROR_INVALID_ARGUMENT);
}

static void links_before_hopper_have_none(void)
{
	CHECK_NUMBER(set(first_gpu("a100"), 500), NVML_ERROR_NOT_SUPPORTED);
}

static unsigned long long errors_of(nvmlDevice_t device, unsigned int link)
{
	unsigned long long errors = 0;

	CHECK_NUMBER(
		nvmlDeviceGetNvLinkErrorCounter(device, link, NVML_NVLINK_ERROR_DL_REPLAY, &errors),
		NVML_SUCCESS);
	return errors;
}

static void the_others_keep_their_errors(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->faults[0] = (struct running_fault){
		.effect = FAULT_READINGS,
		.name = FAULT_NAME_NVLINK_ERRORS,
		.count = 5,
		.links = 3,
		.number = 1,
	};
	running->fault_count = 1;
	put_in_force(&writer);
	CHECK_NUMBER(errors_of(device, 0), 5);
	CHECK_NUMBER(nvmlDeviceResetNvLinkErrorCounters(device, 0), NVML_SUCCESS);
	CHECK_NUMBER(errors_of(device, 0), 0);
	CHECK_NUMBER(errors_of(device, 1), 5);
}

static void error_counters_of_a_link_are_reset(void)
{
	nvmlDevice_t device = first_gpu("a100");

	CHECK_NUMBER(nvmlDeviceResetNvLinkErrorCounters(device, 11), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceResetNvLinkErrorCounters(device, 12), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceResetNvLinkErrorCounters(device, NVML_NVLINK_MAX_LINKS),
		     NVML_ERROR_INVALID_ARGUMENT);
}

TESTSUITE(TEST(a_threshold_is_set_within_its_range), TEST(links_before_hopper_have_none),
	  TEST(error_counters_of_a_link_are_reset), TEST(the_others_keep_their_errors))
