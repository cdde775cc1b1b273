// SPDX-License-Identifier: GPL-3.0-or-later
#include "motion.h"
#include "testsuite.h"

static struct readings moving(void)
{
	return (struct readings){
		.temperature_c = 30,
		.power_mw = 50000,
		.gpu_util = 7,
		.motion = { .seed = 42,
			    .temperature = 1,
			    .temperature_base_c = 60,
			    .temperature_variance_c = 5,
			    .temperature_ramp_c = 10,
			    .temperature_ramp_period_s = 100,
			    .power = 1,
			    .power_base_mw = 200000,
			    .power_variance_mw = 20000,
			    .utilization = 3,
			    .gpu_min = 10,
			    .gpu_max = 90,
			    .burst_period_s = 20 },
	};
}

static void stands_still_without_motion(void)
{
	struct readings readings = { .temperature_c = 30, .power_mw = 50000, .gpu_util = 7 };

	for (uint64_t now = 0; now < 1000000; now += 777) {
		CHECK_NUMBER(motion_temperature(&readings, 0, now), 30);
		CHECK_NUMBER(motion_power(&readings, 0, now), 50000);
		CHECK_NUMBER(motion_gpu_utilization(&readings, 0, now), 7);
	}
}

static void stays_within_its_range_and_moves(void)
{
	struct readings readings = moving();
	int32_t lowest = 1000, highest = -1000;

	for (uint64_t now = 0; now < 400000; now += 500) {
		int32_t temperature = motion_temperature(&readings, 3, now);
		uint32_t power = motion_power(&readings, 3, now);

		CHECK(temperature >= 55 && temperature <= 75);
		CHECK(power >= 180000 && power <= 220000);
		lowest = temperature < lowest ? temperature : lowest;
		highest = temperature > highest ? temperature : highest;
	}
	CHECK(highest - lowest > 8);
}

static void bursts_alternate(void)
{
	struct readings readings = moving();

	CHECK_NUMBER(motion_gpu_utilization(&readings, 0, 5000), 90);
	CHECK_NUMBER(motion_gpu_utilization(&readings, 0, 15000), 10);
	CHECK_NUMBER(motion_gpu_utilization(&readings, 0, 25000), 90);
}

// The same in every process, and not the same on every device.
static void depends_on_nothing_but_slot_and_time(void)
{
	struct readings readings = moving(), again = moving();
	int differs = 0;

	for (uint64_t now = 0; now < 60000; now += 1000) {
		CHECK_NUMBER(motion_power(&readings, 1, now), motion_power(&again, 1, now));
		differs += motion_power(&readings, 1, now) != motion_power(&readings, 2, now);
	}
	CHECK(differs > 50);
}

TESTSUITE(TEST(stands_still_without_motion), TEST(stays_within_its_range_and_moves),
	  TEST(bursts_alternate), TEST(depends_on_nothing_but_slot_and_time))
