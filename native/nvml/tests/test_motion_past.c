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

static void stop_at(uint64_t moment)
{
	struct motion_subject now = subject();
	struct running stopped = running;

	stopped.readings.motion = (struct readings_motion){ 0 };
	motion_settle(&now, &table, moment, &stopped);
	running = stopped;
}

static void the_last_course_is_there_in_full(void)
{
	struct motion_subject now;
	struct readings past;
	uint32_t before;

	make_board(PATTERN_SINE);
	running.readings.sm_mhz = 700;
	now = subject();
	motion_build(&table, &now, 30, MINUTE);
	before = at(MINUTE + 15000).gpu_util;
	stop_at(2 * MINUTE);
	CHECK(before > 0);
	CHECK_NUMBER(gpu_at_moment(MINUTE + 15000), before);
	// What was set by hand did not move.
	now = subject();
	past_readings(&now, &table, MINUTE + 15000, &past);
	CHECK_NUMBER(past.sm_mhz, 700);
}

// Of it is known then how it ended: another one is being written, or was, and is not in force.
static void a_course_that_is_written_over_is_as_it_ended(void)
{
	uint64_t moment = MINUTE + 30000, starts[] = { MOTION_NO_START, 3 * MINUTE, MINUTE - 1 };
	struct motion_subject now;
	uint32_t at_the_end;

	make_board(PATTERN_SINE);
	now = subject();
	motion_build(&table, &now, 30, MINUTE);
	running.readings.jpeg_util = 7;
	at_the_end = at(MINUTE + 40000).gpu_util;
	CHECK(at(moment).gpu_util != at_the_end);
	stop_at(MINUTE + 40000);
	CHECK(gpu_at_moment(moment) != at_the_end);
	for (unsigned int i = 0; i < 3; i++) {
		table.start_ms = starts[i];
		CHECK_NUMBER(gpu_at_moment(moment), at_the_end);
	}
	CHECK(past_moved(&running, moment, PAST_GPU) && !past_moved(&running, moment, PAST_JPEG));
}

// In the page it is put so that nobody takes its rows for those of another one.
static void a_table_has_no_start_while_it_is_written(void)
{
	struct motion_piece pieces[MOTION_TABLE_PIECES];
	struct motion_subject now;
	uint64_t start;

	make_board(PATTERN_SINE);
	now = subject();
	motion_build(&table, &now, 30, MINUTE);
	motion_table_pieces(&table, pieces);
	memcpy(&start, pieces[0].data, sizeof(start));
	CHECK(pieces[0].offset == offsetof(struct motion_table, start_ms));
	CHECK_NUMBER(start, MOTION_NO_START);
	CHECK(pieces[1].data == table.rows && pieces[2].data == &table);
	CHECK_NUMBER(pieces[1].size + pieces[2].size, motion_table_size(&table));
}

static void what_moves_nothing_takes_no_place(void)
{
	struct running after;

	make_board(PATTERN_SINE);
	after = running;
	after.readings.memory_used += 1 << 20;
	after.readings.bar1_used += 1 << 20;
	after.settings.persistence_mode ^= 1;
	after.settings.gpm_streaming ^= 1;
	CHECK(!motion_differs(&running, &after));
	after.readings.gpu_util++;
	CHECK(motion_differs(&running, &after));
	after = running;
	after.settings.locked_gpu_max_mhz = 1000;
	CHECK(motion_differs(&running, &after));
	after = running;
	after.readings.throttle_power_us = 5;
	CHECK(motion_differs(&running, &after));
}

TESTSUITE(TEST(each_value_has_its_time), TEST(the_latest_are_kept), TEST(the_same_takes_one_place),
	  TEST(the_last_course_is_there_in_full),
	  TEST(a_course_that_is_written_over_is_as_it_ended),
	  TEST(a_table_has_no_start_while_it_is_written), TEST(what_moves_nothing_takes_no_place))
