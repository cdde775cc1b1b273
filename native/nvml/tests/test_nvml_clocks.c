// SPDX-License-Identifier: GPL-3.0-or-later
#include "clock_limits.h"
#include "settings_fixture.h"

static unsigned int clock_now(nvmlDevice_t device, nvmlClockType_t type)
{
	unsigned int mhz = 0;

	CHECK_NUMBER(nvmlDeviceGetClockInfo(device, type, &mhz), NVML_SUCCESS);
	return mhz;
}

static unsigned int app_clock(nvmlDevice_t device, nvmlClockType_t type)
{
	unsigned int mhz = 0;

	CHECK_NUMBER(nvmlDeviceGetApplicationsClock(device, type, &mhz), NVML_SUCCESS);
	return mhz;
}

/* A damaged page may say that there are more than it has room for. */
static void wild_lists_of_clocks_end(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct page *page = (struct page *)handle_source.page;
	struct profile_clocks *clocks = &page->areas[0].description.boards[0].clocks;

	clocks->graphics_count[0] = UINT16_MAX;
	CHECK_NUMBER(nvmlDeviceSetApplicationsClocks(device, clocks->memory_clocks[0], 7),
		     NVML_ERROR_INVALID_ARGUMENT);
	clocks->memory_clock_count = UINT32_MAX;
	CHECK_NUMBER(nvmlDeviceSetApplicationsClocks(device, 7, 7), NVML_ERROR_INVALID_ARGUMENT);
}

static void check_limits(uint32_t min_mhz, uint32_t max_mhz)
{
	uint32_t min = 0, max = 0;
	struct gpu gpu;

	CHECK(handle_gpu(0, &gpu));
	clock_limits(&gpu, &min, &max);
	CHECK_NUMBER(min, min_mhz);
	CHECK_NUMBER(max, max_mhz);
}

static void locked_clocks_hold_until_they_are_reset(void)
{
	nvmlDevice_t device = first_gpu("a100");

	check_limits(210, 1410);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 1200, 1300), NVML_SUCCESS);
	check_limits(1200, 1290);
	CHECK_NUMBER(clock_now(device, NVML_CLOCK_GRAPHICS), 1200);
	CHECK_NUMBER(clock_now(device, NVML_CLOCK_SM), 1200);
	CHECK_NUMBER(clock_now(device, NVML_CLOCK_MEM), 1215);
	CHECK_NUMBER(nvmlDeviceResetGpuLockedClocks(device), NVML_SUCCESS);
	check_limits(210, 1410);
	CHECK_NUMBER(clock_now(device, NVML_CLOCK_GRAPHICS), 210);
}

static void a_lock_takes_the_nearest_clocks_of_the_board(void)
{
	nvmlDevice_t device = first_gpu("a100");

	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 0, 9999), NVML_SUCCESS);
	check_limits(210, 1410);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 1001, 1001), NVML_SUCCESS);
	check_limits(990, 990);
}

static void a_lock_can_name_its_limits(void)
{
	nvmlDevice_t device = first_gpu("a100");
	const unsigned int tdp = NVML_CLOCK_LIMIT_ID_TDP, any = NVML_CLOCK_LIMIT_ID_UNLIMITED;

	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, tdp, any), NVML_SUCCESS);
	check_limits(1095, 1410);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, any, tdp), NVML_SUCCESS);
	check_limits(210, 1095);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, tdp, tdp), NVML_SUCCESS);
	check_limits(1095, 1095);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 210, any), NVML_ERROR_INVALID_ARGUMENT);
	check_limits(1095, 1095);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, any, any), NVML_SUCCESS);
	check_limits(210, 1410);
}

static void a_range_beyond_the_board_is_refused(void)
{
	nvmlDevice_t device = first_gpu("a100");

	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 1411, 2000), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 0, 209), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 500, 400), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetMemoryLockedClocks(device, 1, 1214), NVML_ERROR_INVALID_ARGUMENT);
	check_limits(210, 1410);
}

static void memory_clocks_are_locked_from_ampere_on(void)
{
	nvmlDevice_t device = first_gpu("a100");
	uint32_t min = 0, max = 0;
	struct gpu gpu;

	CHECK_NUMBER(nvmlDeviceSetMemoryLockedClocks(device, 1215, 1215), NVML_SUCCESS);
	CHECK(handle_gpu(0, &gpu));
	memory_clock_limits(&gpu, &min, &max);
	CHECK_NUMBER(min, 1215);
	CHECK_NUMBER(max, 1215);
	CHECK_NUMBER(nvmlDeviceResetMemoryLockedClocks(device), NVML_SUCCESS);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	device = workstation_gpu();
	CHECK_NUMBER(nvmlDeviceSetMemoryLockedClocks(device, 800, 800), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceResetMemoryLockedClocks(device), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 800, 800), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceResetGpuLockedClocks(device), NVML_ERROR_NOT_SUPPORTED);
}

static void application_clocks_are_a_supported_pair(void)
{
	nvmlDevice_t device = first_gpu("a100");

	CHECK_NUMBER(nvmlDeviceSetApplicationsClocks(device, 1215, 901),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetApplicationsClocks(device, 900, 900),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(app_clock(device, NVML_CLOCK_GRAPHICS), 1095);
	CHECK_NUMBER(nvmlDeviceSetApplicationsClocks(device, 1215, 900), NVML_SUCCESS);
	CHECK_NUMBER(app_clock(device, NVML_CLOCK_GRAPHICS), 900);
	CHECK_NUMBER(app_clock(device, NVML_CLOCK_MEM), 1215);
	check_limits(210, 900);
	// Locked clocks go before them.
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 1410, 1410), NVML_SUCCESS);
	check_limits(1410, 1410);
	CHECK_NUMBER(nvmlDeviceResetGpuLockedClocks(device), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceResetApplicationsClocks(device), NVML_SUCCESS);
	CHECK_NUMBER(app_clock(device, NVML_CLOCK_GRAPHICS), 1095);
	check_limits(210, 1410);
	// The default chosen on purpose is a limit.
	CHECK_NUMBER(nvmlDeviceSetApplicationsClocks(device, 1215, 1095), NVML_SUCCESS);
	check_limits(210, 1095);
}

static void a_restriction_says_who_may(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEnableState_t restricted;

	CHECK_NUMBER(nvmlDeviceGetAPIRestriction(device, NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS,
						 &restricted),
		     NVML_SUCCESS);
	CHECK_NUMBER(restricted, NVML_FEATURE_ENABLED);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetApplicationsClocks(device, 1215, 900)),
		     NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetAPIRestriction(
			     device, NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS, 0)),
		     NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(nvmlDeviceSetAPIRestriction(device, NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS,
						 NVML_FEATURE_DISABLED),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetAPIRestriction(device, NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS,
						 &restricted),
		     NVML_SUCCESS);
	CHECK_NUMBER(restricted, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetApplicationsClocks(device, 1215, 900)), NVML_SUCCESS);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceResetApplicationsClocks(device)), NVML_SUCCESS);
	CHECK_NUMBER(
		nvmlDeviceSetAPIRestriction(device, NVML_RESTRICTED_API_SET_AUTO_BOOSTED_CLOCKS, 0),
		NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetAPIRestriction(device, NVML_RESTRICTED_API_COUNT, 0),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetAPIRestriction(device, 0, 2), NVML_ERROR_INVALID_ARGUMENT);
}

static void boost_is_set_now_and_by_default(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEnableState_t now, by_default;

	CHECK_NUMBER(nvmlDeviceSetAutoBoostedClocksEnabled(device, 0), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetDefaultAutoBoostedClocksEnabled(device, 0, 0),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	device = workstation_gpu();
	CHECK_NUMBER(nvmlDeviceSetAutoBoostedClocksEnabled(device, 2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetAutoBoostedClocksEnabled(device, 0)), NVML_SUCCESS);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetDefaultAutoBoostedClocksEnabled(device, 0, 0)),
		     NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(nvmlDeviceSetAutoBoostedClocksEnabled(device, 0), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetAutoBoostedClocksEnabled(device, &now, &by_default),
		     NVML_SUCCESS);
	CHECK_NUMBER(now, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(by_default, NVML_FEATURE_ENABLED);
	CHECK_NUMBER(nvmlDeviceSetDefaultAutoBoostedClocksEnabled(device, 0, 0), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetAutoBoostedClocksEnabled(device, &now, &by_default),
		     NVML_SUCCESS);
	CHECK_NUMBER(by_default, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(
		nvmlDeviceSetAPIRestriction(device, NVML_RESTRICTED_API_SET_AUTO_BOOSTED_CLOCKS, 1),
		NVML_SUCCESS);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetAutoBoostedClocksEnabled(device, 0)),
		     NVML_ERROR_NO_PERMISSION);
}

static void a_board_that_must_slow_down_goes_below_its_lock(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;
	struct running *running;

	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 1410, 1410), NVML_SUCCESS);
	running = first_state(&writer);
	running->readings.graphics_mhz = 700;
	running->readings.event_reasons = nvmlClocksThrottleReasonHwSlowdown;
	put_in_force(&writer);
	CHECK_NUMBER(clock_now(device, NVML_CLOCK_GRAPHICS), 700);
}

static void clocks_are_not_for_everybody(void)
{
	nvmlDevice_t device = first_gpu("a100");

	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetGpuLockedClocks(device, 210, 900)),
		     NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceResetGpuLockedClocks(device)), NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetMemoryLockedClocks(device, 1215, 1215)),
		     NVML_ERROR_NO_PERMISSION);
	// Arguments come first.
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetGpuLockedClocks(device, 500, 400)),
		     NVML_ERROR_INVALID_ARGUMENT);
}

TESTSUITE(TEST(wild_lists_of_clocks_end), TEST(locked_clocks_hold_until_they_are_reset),
	  TEST(a_lock_takes_the_nearest_clocks_of_the_board), TEST(a_lock_can_name_its_limits),
	  TEST(a_range_beyond_the_board_is_refused), TEST(memory_clocks_are_locked_from_ampere_on),
	  TEST(application_clocks_are_a_supported_pair), TEST(a_restriction_says_who_may),
	  TEST(boost_is_set_now_and_by_default), TEST(clocks_are_not_for_everybody),
	  TEST(a_board_that_must_slow_down_goes_below_its_lock))
