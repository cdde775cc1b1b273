// SPDX-License-Identifier: GPL-3.0-or-later
// Courses over time: heat, energy, counters, recordings.
#include "motion_fixture.h"

static struct motion_table other;

static void temperature_follows_power_with_its_time_constant(void)
{
	struct motion_subject now;

	make_board(PATTERN_CONSTANT);
	now = subject();
	motion_build(&table, &now, 30, MINUTE);
	// From 30 to 75 degrees, ten below the highest: 63.2 % of it in one time constant.
	CHECK_NUMBER(at(MINUTE).temperature_c, 30);
	CHECK_NUMBER(at(MINUTE + 25000).temperature_c, 58);
	CHECK_NUMBER(at(MINUTE + 50000).temperature_c, 69);
	CHECK_NUMBER(at(MINUTE + 1000000).temperature_c, 75);
}

static void energy_is_the_sum_of_the_power_that_is_shown(void)
{
	static const uint32_t patterns[] = { PATTERN_SINE, PATTERN_BURST, PATTERN_WALK,
					     PATTERN_BUSY };

	for (unsigned int i = 0; i < 4; i++) {
		struct motion_subject now;
		uint64_t sum = 0, from = 1234567;

		make_board(patterns[i]);
		description.devices[0].readings.motion.period_s = 17;
		running_init(&running, &description, 0);
		now = subject();
		motion_build(&table, &now, 30, from);
		for (uint64_t ms = from; ms < from + 600000; ms++) {
			CHECK_NUMBER(motion_count(&table, ms).energy_uj, sum);
			sum += motion_find(&table, ms).row->power_mw;
		}
		// A day later as well: whole periods and a part of one.
		from += 86400000;
		sum = motion_count(&table, from).energy_uj;
		for (uint64_t ms = from; ms < from + 30000; ms++)
			sum += at(ms).power_mw;
		CHECK_NUMBER(motion_count(&table, from + 30000).energy_uj, sum);
	}
}

static void a_steady_course_is_the_same_a_period_later(void)
{
	make_board(PATTERN_SINE);
	description.devices[0].readings.motion.period_s = 30;
	running_init(&running, &description, 0);
	motion_build_from_boot(&table, &description, 0, &running);
	for (uint64_t ms = 0; ms < 60000; ms += 111) {
		struct readings now = at(ms), later = at(ms + 30000ull * 1000);

		now.energy_mj = later.energy_mj;
		CHECK(memcmp(&now, &later, sizeof(now)) == 0);
	}
	// The end of the loop is as warm as its beginning.
	CHECK(abs(table.rows[table.count].temperature_mc - table.rows[0].temperature_mc) < 50);
}

// Whoever sets a load has ended "idle": what holds the clocks down is said all the same.
static void a_load_by_hand_has_the_reasons_of_the_model(void)
{
	struct motion_subject now;

	make_board(PATTERN_CONSTANT);
	running.readings.gpu_util = 99;
	running.readings.event_reasons = 0;
	running.readings.enforced_limit_mw = 150000;
	now = subject();
	motion_build(&table, &now, 30, MINUTE);
	CHECK_NUMBER(at(MINUTE).event_reasons, REASON_POWER_CAP);
	// Without a load it was meant.
	running.readings.gpu_util = 0;
	CHECK_NUMBER(at(MINUTE).event_reasons, 0);
}

// As mock-nvml set utilization.memory=40 leaves it.
static void a_load_of_the_memory_alone_is_one_too(void)
{
	struct motion_subject now;

	make_board(PATTERN_NONE);
	running.readings.motion.temperature = 1;
	running.readings.memory_util = 40;
	running.readings.event_reasons = 0;
	running.settings.locked_gpu_max_mhz = 800;
	now = subject();
	motion_build(&table, &now, 30, MINUTE);
	CHECK_NUMBER(at(MINUTE).event_reasons, REASON_APPLICATION_CLOCKS);
	CHECK_NUMBER(at(MINUTE).memory_util, 40);
}

static void all_processes_agree(void)
{
	make_board(PATTERN_WALK);
	motion_build_from_boot(&table, &description, 0, &running);
	memset(&other, 0x5a, sizeof(other));
	motion_build_from_boot(&other, &description, 0, &running);
	CHECK(memcmp(&table, &other, motion_table_size(&table)) == 0);
}

static void a_change_leads_on_from_where_things_were(void)
{
	struct motion_subject now;
	struct running wanted;
	struct readings before, after;

	make_board(PATTERN_CONSTANT);
	running.energy_mj = 1000;
	now = subject();
	motion_build(&table, &now, 30, 0);
	wanted = running;
	wanted.readings.power_limit_mw = 200000;
	before = at(MINUTE);
	change(&wanted, MINUTE);
	after = at(MINUTE);
	CHECK_NUMBER(before.power_mw, FULL_MW);
	CHECK(after.power_mw <= 200000);
	CHECK_NUMBER(before.temperature_c, after.temperature_c);
	CHECK_NUMBER(before.energy_mj, 1000 + FULL_MW / 1000 * 60 * 1000);
	CHECK_NUMBER(after.energy_mj, before.energy_mj);
	CHECK_NUMBER(after.throttle_power_us, 0);
	after = at(2 * MINUTE);
	CHECK(after.temperature_c < before.temperature_c - 15);
	CHECK_NUMBER(after.throttle_power_us, MINUTE * 1000);
	CHECK_NUMBER(after.throttle_sw_thermal_us, 0);
	wanted = running;
	wanted.readings.power_limit_mw = FULL_MW;
	change(&wanted, 2 * MINUTE);
	CHECK_NUMBER(at(3 * MINUTE).throttle_power_us, MINUTE * 1000);
}

static void counters_never_fall(void)
{
	struct motion_subject now;
	struct readings last = { .energy_mj = 0 };
	uint64_t ms = 0;

	make_board(PATTERN_SINE);
	running.energy_mj = 5;
	now = subject();
	motion_build(&table, &now, 30, 0);
	for (unsigned int i = 0; i < 500; i++) {
		struct running wanted = running;

		for (unsigned int k = 0; k < 20; k++, ms += 37) {
			struct readings here = at(ms);

			CHECK(here.energy_mj >= last.energy_mj);
			CHECK(here.throttle_power_us >= last.throttle_power_us);
			last = here;
		}
		wanted.readings.power_limit_mw = 100000 + i % 7 * 50000;
		change(&wanted, ms);
	}
	CHECK(last.energy_mj > 370 * 50 && last.throttle_power_us > 0);
}

static void too_much_heat_settles_below_shutdown_and_is_counted(void)
{
	struct motion_subject now;
	struct readings hot;

	make_board(PATTERN_CONSTANT);
	running.readings.motion.full_load_c = 120;
	now = subject();
	motion_build(&table, &now, 30, 0);
	hot = at(10 * MINUTE);
	CHECK(hot.temperature_c > 85 && hot.temperature_c < 92);
	CHECK((hot.event_reasons & REASON_SW_THERMAL) != 0);
	CHECK(hot.sm_mhz < 1400 && hot.power_mw < FULL_MW);
	CHECK(hot.throttle_sw_thermal_us > 8 * MINUTE * 1000ull);
	CHECK(at(20 * MINUTE).throttle_sw_thermal_us == hot.throttle_sw_thermal_us + 600000000);
}

static void what_a_user_has_set_stays(void)
{
	struct motion_subject now;

	make_board(PATTERN_CONSTANT);
	running.readings.temperature_c = 90;
	running.readings.fan_percent[0] = NA_U32;
	now = subject();
	motion_build(&table, &now, 90, 0);
	CHECK_NUMBER(at(MINUTE).temperature_c, 90);
	CHECK((at(MINUTE).event_reasons & REASON_HW_THERMAL) != 0);
	running.readings.temperature_c = 30;
	running.readings.power_mw = 77777;
	motion_build(&table, &now, 30, 0);
	CHECK_NUMBER(at(MINUTE).power_mw, 77777);
	CHECK_NUMBER(motion_count(&table, 1000).energy_uj, 77777000);
}

static void fans_follow_heat_and_na_stays_na(void)
{
	struct motion_subject now;

	make_board(PATTERN_CONSTANT);
	description.boards[0].fans = 1;
	description.boards[0].fan_max_percent = 100;
	description.devices[0].readings.fan_percent[0] = 30;
	description.devices[0].readings.fan_percent[1] = NA_U32;
	description.devices[0].readings.encoder_util = NA_U32;
	running_init(&running, &description, 0);
	now = subject();
	motion_build(&table, &now, 30, 0);
	CHECK_NUMBER(at(0).fan_percent[0], 30);
	// At 75 degrees of 30 to 85.
	CHECK_NUMBER(at(10 * MINUTE).fan_percent[0], 30 + 70 * 45 / 55);
	CHECK_NUMBER(at(0).fan_percent[1], NA_U32);
	CHECK_NUMBER(at(0).encoder_util, NA_U32);
	CHECK_NUMBER(at(0).memory_temperature_c, NA_I32);
}

// The page outlives the machine's uptime: then what was a while ago is in the future.
static void after_a_boot_it_goes_on_in_the_loop(void)
{
	struct motion_subject now;

	make_board(PATTERN_SINE);
	running.readings.motion.period_s = 20;
	running.energy_mj = 7;
	now = subject();
	motion_build(&table, &now, 30, 50000000);
	CHECK_NUMBER(at(0).energy_mj, 7);
	CHECK_NUMBER(at(5000).gpu_util, at(50005000 + 2000000).gpu_util);
	CHECK_NUMBER(at(10000).gpu_util, 100);
	CHECK(at(10000).energy_mj > 7 && at(10000).energy_mj < 7 + 4000 * 1000);
}

static void start_trace(uint32_t once)
{
	make_board(PATTERN_TRACE);
	trace = (struct trace){ .count = 3, .length_ms = 3000, .once = once };
	for (uint32_t i = 0; i < 3; i++) {
		trace.rows[i] = trace_row_empty();
		trace.rows[i].at_ms = i * 1000;
		trace.rows[i].gpu = (uint8_t)(10 + i);
		trace.rows[i].temperature_c = (int16_t)(40 + i);
		trace.rows[i].memory_used_mib = 100 * i;
	}
	trace.rows[1].power_mw = 123456;
	trace.rows[2].sm_mhz = 777;
	trace.rows[2].reasons = REASON_POWER_CAP;
	running.motion.origin_ms = 10500;
	description.boards[0].memory_total = 1ull << 40;
}

static void a_trace_says_what_was_recorded_when_it_was(void)
{
	struct motion_subject now;

	start_trace(0);
	now = subject();
	motion_build(&table, &now, 30, 10500);
	for (uint64_t ms = 10500; ms < 10500 + 400000; ms += 100) {
		struct readings here = at(ms);
		uint32_t row = (uint32_t)((ms - 10500) % 3000 / 1000);

		CHECK_NUMBER(here.gpu_util, 10 + row);
		CHECK_NUMBER(here.temperature_c, 40 + row);
		CHECK_NUMBER(here.memory_used, (uint64_t)row * 100 << 20);
		CHECK_NUMBER(here.power_mw, row == 1 ? 123456 : IDLE_MW + 3500 * (10 + row));
		CHECK_NUMBER(here.sm_mhz, row == 2 ? 777 : 1400);
		CHECK_NUMBER(here.event_reasons, row == 2 ? REASON_POWER_CAP : 0);
	}
}

static void a_trace_that_is_played_once_ends_idle(void)
{
	struct motion_subject now;

	start_trace(1);
	now = subject();
	motion_build(&table, &now, 30, 10500);
	CHECK_NUMBER(at(13499).gpu_util, 12);
	CHECK_NUMBER(at(13500).gpu_util, 0);
	CHECK_NUMBER(at(13500).temperature_c, 42);
	CHECK_NUMBER(at(13500).event_reasons, REASON_IDLE);
	CHECK_NUMBER(at(13500).sm_mhz, 200);
	CHECK_NUMBER(at(13500 + 25000).temperature_c, 34);
	CHECK_NUMBER(at(100 * MINUTE).temperature_c, 30);
	CHECK_NUMBER(at(100 * MINUTE).power_mw, IDLE_MW);
	// A change in the middle does not begin anew.
	change(&running, 12000);
	CHECK_NUMBER(at(12000).gpu_util, 11);
	CHECK_NUMBER(at(12500).gpu_util, 12);
	CHECK_NUMBER(at(13500).gpu_util, 0);
}

static void the_longest_trace_fits(void)
{
	struct motion_subject now;

	make_board(PATTERN_TRACE);
	running.readings.motion.time_constant_s = MOTION_MAX_TIME_CONSTANT_S;
	for (uint32_t once = 0; once < 2; once++) {
		for (uint32_t step = 1; step <= 100000; step *= 10) {
			trace = (struct trace){ .count = TRACE_MAX_ROWS,
						.once = once,
						.length_ms = TRACE_MAX_ROWS * step };
			for (uint32_t i = 0; i < TRACE_MAX_ROWS; i++) {
				trace.rows[i] = trace_row_empty();
				trace.rows[i].at_ms = i * step;
				trace.rows[i].gpu = (uint8_t)(i % 101);
			}
			now = subject();
			motion_build(&table, &now, 30, 0);
			CHECK(table.count && table.count <= MOTION_MAX_ROWS);
			for (uint32_t i = 0; i < TRACE_MAX_ROWS; i++)
				CHECK_NUMBER(at(i * (uint64_t)step).gpu_util, i % 101);
		}
	}
}

static void twice_the_speed_is_half_the_time(void)
{
	struct motion_subject now;

	start_trace(0);
	trace_set_speed(&trace, 200);
	now = subject();
	motion_build(&table, &now, 30, 10500);
	CHECK_NUMBER(at(10999).gpu_util, 10);
	CHECK_NUMBER(at(11000).gpu_util, 11);
	CHECK_NUMBER(at(12000).gpu_util, 10);
}

TESTSUITE(TEST(a_load_by_hand_has_the_reasons_of_the_model),
	  TEST(a_load_of_the_memory_alone_is_one_too),
	  TEST(temperature_follows_power_with_its_time_constant),
	  TEST(energy_is_the_sum_of_the_power_that_is_shown),
	  TEST(a_steady_course_is_the_same_a_period_later), TEST(all_processes_agree),
	  TEST(a_change_leads_on_from_where_things_were), TEST(counters_never_fall),
	  TEST(too_much_heat_settles_below_shutdown_and_is_counted),
	  TEST(what_a_user_has_set_stays), TEST(fans_follow_heat_and_na_stays_na),
	  TEST(after_a_boot_it_goes_on_in_the_loop),
	  TEST(a_trace_says_what_was_recorded_when_it_was),
	  TEST(a_trace_that_is_played_once_ends_idle), TEST(the_longest_trace_fits),
	  TEST(twice_the_speed_is_half_the_time))
