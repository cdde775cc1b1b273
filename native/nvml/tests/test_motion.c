// SPDX-License-Identifier: GPL-3.0-or-later
// Waves, the model and tables, by a board that is described here.
#include "motion.h"
#include "testsuite.h"

#define IDLE_MW 50000u
#define FULL_MW 400000u
#define MINUTE 60000u

static struct description description;
static struct running running;
static struct trace trace;
static struct motion_table table, other;

static void make_board(enum motion_pattern pattern)
{
	struct board *board = &description.boards[0];
	struct readings *rest = &description.devices[0].readings;

	description.device_count = 2;
	description.board_count = 1;
	board->event_reasons_supported = NA_U64;
	board->power = (struct profile_power){ .default_limit_mw = FULL_MW,
					       .min_limit_mw = 100000,
					       .max_limit_mw = FULL_MW };
	board->thermal =
		(struct profile_thermal){ .shutdown_c = 92, .slowdown_c = 89, .gpu_max_c = 85 };
	board->clocks = (struct profile_clocks){ .graphics_max = 1400,
						 .memory_max = 1200,
						 .video_max = 1000,
						 .graphics_app_default = 1000,
						 .memory_app_default = 1200,
						 .memory_clock_count = 1,
						 .graphics_clock_count = 13 };
	board->clocks.graphics_count[0] = 13;
	for (uint16_t i = 0; i < 13; i++)
		board->clocks.graphics_clocks[i] = 1400 - 100 * i;
	*rest = (struct readings){ .power_mw = IDLE_MW,
				   .power_limit_mw = FULL_MW,
				   .enforced_limit_mw = FULL_MW,
				   .temperature_c = 30,
				   .memory_temperature_c = NA_I32,
				   .tlimit_c = NA_I32,
				   .power_average_mw = NA_U32,
				   .module_power_average_mw = NA_U32,
				   .graphics_mhz = 200,
				   .sm_mhz = 200,
				   .memory_mhz = 400,
				   .video_mhz = 300,
				   .graphics_app_mhz = 1000,
				   .memory_app_mhz = 1200,
				   .performance_state = 8,
				   .event_reasons = REASON_IDLE };
	rest->motion = (struct readings_motion){
		.seed = 42, .pattern = pattern, .gpu_max = 100, .memory_max = 40
	};
	description.devices[1] = description.devices[0];
	running_init(&running, &description, 0);
}

static struct motion_subject subject(void)
{
	return (struct motion_subject){
		.board = &description.boards[0],
		.rest = &description.devices[0].readings,
		.running = &running,
		.trace = &trace,
	};
}

static struct readings at(uint64_t now)
{
	struct motion_subject now_subject = subject();
	struct readings readings;

	motion_readings(&now_subject, &table, &running.readings, now, &readings);
	return readings;
}

// As a writer does it that changes something at the moment.
static void change(const struct running *wanted, uint64_t now)
{
	struct motion_subject before = subject();
	struct motion_place place = motion_find(&table, now);
	double temperature = motion_temperature(&table, &place);
	struct running after = *wanted;

	motion_settle(&before, &table, now, &after);
	running = after;
	before = subject();
	motion_build(&table, &before, temperature, now);
}

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

TESTSUITE(TEST(waves_stay_in_their_range_and_repeat),
	  TEST(seeded_waves_differ_by_slot_and_seed_and_walks_have_small_steps),
	  TEST(a_sine_rises_to_its_middle_in_a_quarter),
	  TEST(power_follows_load_and_clocks_follow_both),
	  TEST(a_power_limit_holds_the_clocks_down), TEST(chosen_clocks_are_kept),
	  TEST(heat_holds_the_clocks_down), TEST(only_reasons_that_the_board_has_are_given),
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
