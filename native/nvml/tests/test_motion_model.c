// SPDX-License-Identifier: GPL-3.0-or-later
// Waves, and what a board makes of a load.
#include "motion_fixture.h"

static void waves_stay_in_their_range_and_repeat(void)
{
	static struct wave wave, again;

	for (uint32_t pattern = PATTERN_IDLE; pattern < PATTERN_TRACE; pattern++) {
		struct readings_motion motion = { .pattern = pattern, .period_s = 20, .seed = 7 };
		float lowest = 2, highest = -1;

		wave_make(&wave, &motion, 3);
		wave_make(&again, &motion, 3);
		CHECK(memcmp(&wave, &again, sizeof(wave)) == 0);
		CHECK(wave.steps >= 1 && wave.steps <= WAVE_MAX_STEPS);
		for (uint32_t k = 0; k < wave.steps; k++) {
			CHECK_NUMBER(wave_step(&wave, wave_at(&wave, k)), k);
			CHECK_NUMBER(wave_step(&wave, wave_at(&wave, k + 1) - 1), k);
			CHECK(wave.values[k] >= 0 && wave.values[k] <= 1);
			lowest = wave.values[k] < lowest ? wave.values[k] : lowest;
			highest = wave.values[k] > highest ? wave.values[k] : highest;
		}
		if (pattern == PATTERN_IDLE)
			CHECK(highest == 0);
		else if (pattern == PATTERN_CONSTANT)
			CHECK(lowest == 1);
		else if (pattern == PATTERN_STEADY)
			CHECK(lowest == 0.5F && highest == 0.5F);
		else if (pattern != PATTERN_WALK)
			CHECK(lowest < 0.02 && highest > 0.98);
		else
			CHECK(highest - lowest > 0.1);
	}
}

static void seeded_waves_differ_by_slot_and_seed_and_walks_have_small_steps(void)
{
	static struct wave one, two, three;
	struct readings_motion motion = { .pattern = PATTERN_WALK, .seed = 7 };

	wave_make(&one, &motion, 0);
	wave_make(&two, &motion, 1);
	motion.seed = 8;
	wave_make(&three, &motion, 0);
	CHECK(memcmp(one.values, two.values, sizeof(one.values)) != 0);
	CHECK(memcmp(one.values, three.values, sizeof(one.values)) != 0);
	for (uint32_t k = 0; k < one.steps; k++) {
		float step = one.values[(k + 1) % one.steps] - one.values[k];

		CHECK(step > -0.25 && step < 0.25);
	}
}

static void a_sine_rises_to_its_middle_in_a_quarter(void)
{
	static struct wave wave;
	struct readings_motion motion = { .pattern = PATTERN_SINE, .period_s = 100 };

	wave_make(&wave, &motion, 0);
	CHECK(wave.values[wave_step(&wave, 0)] < 0.001);
	CHECK(wave.values[wave_step(&wave, 25000)] > 0.499 &&
	      wave.values[wave_step(&wave, 25000)] < 0.501);
	CHECK(wave.values[wave_step(&wave, 50000)] > 0.999);
}

static struct motion_row row_of(double gpu, double temperature_c)
{
	struct motion_subject now = subject();
	struct motion_load load = { .gpu = gpu, .memory_used_mib = NA_U32 };
	struct motion_model model;
	struct motion_row row;

	motion_model_make(&model, &now);
	motion_model_row(&model, &load, temperature_c, &row);
	return row;
}

static void power_follows_load_and_clocks_follow_both(void)
{
	struct motion_row row;

	make_board(PATTERN_CONSTANT);
	row = row_of(0, 30);
	CHECK_NUMBER(row.power_mw, IDLE_MW);
	CHECK_NUMBER(row.reasons, REASON_IDLE);
	CHECK_NUMBER(row.sm_mhz, TRACE_NONE_U16);
	row = row_of(50, 30);
	CHECK_NUMBER(row.power_mw, (IDLE_MW + FULL_MW) / 2);
	CHECK_NUMBER(row.reasons, 0);
	CHECK_NUMBER(row.sm_mhz, 1400);
	CHECK_NUMBER(row.memory_mhz, 1200);
	CHECK_NUMBER(row.video_mhz, 1000);
	CHECK_NUMBER(row.performance_state, 0);
	CHECK_NUMBER(row_of(100, 30).power_mw, FULL_MW);
}

static void a_power_limit_holds_the_clocks_down(void)
{
	struct motion_row row;

	make_board(PATTERN_CONSTANT);
	running.readings.power_limit_mw = 200000;
	row = row_of(100, 30);
	CHECK_NUMBER(row.reasons, REASON_POWER_CAP);
	// sqrt((200 - 50) / (400 - 50)) of 1400 is 916: the next supported clock below.
	CHECK_NUMBER(row.sm_mhz, 900);
	CHECK_NUMBER(row.power_mw, 50000 + (uint32_t)(350000.0 * 900 * 900 / 1400 / 1400 + 0.5));
	CHECK(row.power_mw <= 200000);
	row = row_of(40, 30);
	CHECK_NUMBER(row.reasons, 0);
	CHECK_NUMBER(row.sm_mhz, 1400);
}

static void chosen_clocks_are_kept(void)
{
	struct motion_row row;

	make_board(PATTERN_CONSTANT);
	running.settings.locked_gpu_max_mhz = 700;
	row = row_of(100, 30);
	CHECK_NUMBER(row.sm_mhz, 700);
	CHECK_NUMBER(row.reasons, REASON_APPLICATION_CLOCKS);
	CHECK_NUMBER(row.power_mw, 50000 + 350000 / 4);
	running.settings.locked_gpu_max_mhz = 0;
	running.readings.graphics_app_mhz = 1200;
	CHECK_NUMBER(row_of(100, 30).sm_mhz, 1200);
	running.readings.graphics_app_mhz = 1000;
	CHECK_NUMBER(row_of(100, 30).sm_mhz, 1400);
	running.settings.app_clocks_chosen = 1;
	CHECK_NUMBER(row_of(100, 30).sm_mhz, 1000);
	running.settings.locked_gpu_min_mhz = 600;
	CHECK_NUMBER(row_of(0, 30).sm_mhz, 600);
}

static void only_reasons_that_the_board_has_are_given(void)
{
	make_board(PATTERN_CONSTANT);
	description.boards[0].event_reasons_supported = REASON_IDLE | REASON_HW_SLOWDOWN;
	CHECK_NUMBER(row_of(100, 90).reasons, REASON_HW_SLOWDOWN);
}

static void heat_holds_the_clocks_down(void)
{
	struct motion_row row;

	make_board(PATTERN_CONSTANT);
	CHECK_NUMBER(row_of(100, 85).reasons, 0);
	row = row_of(100, 87);
	CHECK_NUMBER(row.reasons, REASON_SW_THERMAL);
	CHECK_NUMBER(row.sm_mhz, 1000);
	CHECK(row.power_mw < FULL_MW);
	row = row_of(100, 90);
	CHECK_NUMBER(row.reasons, REASON_SW_THERMAL | REASON_HW_THERMAL | REASON_HW_SLOWDOWN);
	CHECK(row.sm_mhz < 700);
}

TESTSUITE(TEST(waves_stay_in_their_range_and_repeat),
	  TEST(seeded_waves_differ_by_slot_and_seed_and_walks_have_small_steps),
	  TEST(a_sine_rises_to_its_middle_in_a_quarter),
	  TEST(power_follows_load_and_clocks_follow_both),
	  TEST(a_power_limit_holds_the_clocks_down), TEST(chosen_clocks_are_kept),
	  TEST(only_reasons_that_the_board_has_are_given), TEST(heat_holds_the_clocks_down))
