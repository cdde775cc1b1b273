// SPDX-License-Identifier: GPL-3.0-or-later
#include "motion_past.h"

#include "motion_fixture.h"

static uint32_t gpu_at_moment(uint64_t moment)
{
	struct motion_subject now = subject();
	struct readings readings;

	CHECK(moment < past_end(&running));
	past_readings(&now, &table, moment, &readings);
	return readings.gpu_util;
}

static void set_gpu(uint32_t percent, uint64_t now)
{
	struct motion_subject before;
	struct running after = running;

	before = subject();
	after.readings.gpu_util = percent;
	motion_settle(&before, NULL, now, &after);
	running = after;
}

static void each_value_has_its_time(void)
{
	make_board(PATTERN_NONE);
	CHECK_NUMBER(past_end(&running), 0);
	set_gpu(10, 1000);
	set_gpu(20, 2000);
	set_gpu(30, 3000);
	CHECK_NUMBER(past_end(&running), 3000);
	CHECK_NUMBER(gpu_at_moment(0), 0);
	CHECK_NUMBER(gpu_at_moment(999), 0);
	CHECK_NUMBER(gpu_at_moment(1000), 10);
	CHECK_NUMBER(gpu_at_moment(2000), 20);
	CHECK_NUMBER(gpu_at_moment(2999), 20);
}

static void the_latest_are_kept(void)
{
	make_board(PATTERN_NONE);
	for (uint32_t i = 1; i <= 20; i++)
		set_gpu(i, i * 1000);
	CHECK_NUMBER(running.motion.past_count, STATE_MAX_PAST);
	CHECK_NUMBER(gpu_at_moment(19999), 19);
	CHECK_NUMBER(gpu_at_moment(13000), 13);
	// Before the oldest that is kept, nothing else is known.
	CHECK_NUMBER(gpu_at_moment(1), 12);
}

// Settings that change no value that is kept take no place.
static void the_same_takes_one_place(void)
{
	make_board(PATTERN_NONE);
	for (uint32_t i = 1; i <= 20; i++)
		set_gpu(0, i * 1000);
	CHECK_NUMBER(running.motion.past_count, 1);
	CHECK_NUMBER(past_end(&running), 20000);
}

static void the_last_course_is_there_in_full(void)
{
	struct motion_subject now;
	struct running stopped;
	struct readings past;
	uint32_t before;

	make_board(PATTERN_SINE);
	running.readings.sm_mhz = 700;
	now = subject();
	motion_build(&table, &now, 30, MINUTE);
	before = at(MINUTE + 15000).gpu_util;
	stopped = running;
	stopped.readings.motion = (struct readings_motion){ 0 };
	motion_settle(&now, &table, 2 * MINUTE, &stopped);
	running = stopped;
	CHECK(before > 0);
	CHECK_NUMBER(gpu_at_moment(MINUTE + 15000), before);
	// What was set by hand did not move.
	now = subject();
	past_readings(&now, &table, MINUTE + 15000, &past);
	CHECK_NUMBER(past.sm_mhz, 700);
}

TESTSUITE(TEST(each_value_has_its_time), TEST(the_latest_are_kept), TEST(the_same_takes_one_place),
	  TEST(the_last_course_is_there_in_full))
