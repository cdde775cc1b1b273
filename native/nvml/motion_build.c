// SPDX-License-Identifier: GPL-3.0-or-later
// From a pattern or a trace to a table: one pass over what is to come.
#include "motion.h"

// So many time constants later less than a thousandth of a difference in temperature is left.
#define SETTLED 8

// Power holds through a row and temperature goes straight: longer rows are split.
#define LONGEST_ROW_MS 1000u

struct course {
	const struct motion_subject *subject;
	struct motion_model model;
	struct wave wave; // where there is no trace
	const struct trace *trace;
	uint32_t period_ms;
	uint32_t longest_ms;
	uint64_t now;
	double temperature_c;
	struct motion_row sums; // until now
};

static void start(struct course *course, const struct motion_subject *subject)
{
	memset(course, 0, sizeof(*course));
	course->subject = subject;
	course->longest_ms = LONGEST_ROW_MS;
	motion_model_make(&course->model, subject);
	if (subject->running->readings.motion.pattern == PATTERN_TRACE && subject->trace->count &&
	    subject->trace->count <= TRACE_MAX_ROWS && subject->trace->length_ms) {
		course->trace = subject->trace;
		course->period_ms = subject->trace->length_ms;
		return;
	}
	wave_make(&course->wave, &subject->running->readings.motion, subject->slot);
	course->period_ms = course->wave.period_ms;
}

static bool is_over(const struct course *course)
{
	uint64_t origin = course->subject->running->motion.origin_ms;

	return course->trace && course->trace->once &&
	       (course->now < origin || course->now - origin >= course->trace->length_ms);
}

static uint32_t phase(const struct course *course)
{
	const struct running *running = course->subject->running;
	uint64_t shift;

	if (course->trace)
		// Counted on from a boot that is over, it keeps its length at least.
		shift = course->period_ms - running->motion.origin_ms % course->period_ms;
	else
		shift = (uint64_t)running->readings.motion.stagger_s * 1000 * course->subject->slot;
	return (uint32_t)((course->now + shift) % course->period_ms);
}

static double between(uint32_t low, uint32_t high, double share)
{
	return low + (high > low ? (high - low) * share : 0);
}

static double at_rest(uint32_t value)
{
	return value == NA_U32 ? 0 : value;
}

static void wave_load(const struct course *course, uint32_t step, uint32_t at_ms,
		      struct motion_load *load)
{
	const struct readings_motion *motion = &course->subject->running->readings.motion;
	double share = course->wave.values[step];

	load->power_noise =
		wave_noise(motion->seed, course->subject->slot, CHANNEL_POWER, at_ms / 1000);
	if (!motion->pattern)
		return;
	load->gpu = between(motion->gpu_min, motion->gpu_max, share);
	load->memory = between(motion->memory_min, motion->memory_max, share);
	load->encoder = between(motion->encoder_min, motion->encoder_max, share);
	load->decoder = between(motion->decoder_min, motion->decoder_max, share);
	// Without an upper end it is the lower one, as between() has it.
	if (motion->memory_used_max || motion->memory_used_min)
		load->memory_used_mib =
			(uint32_t)between((uint32_t)(motion->memory_used_min >> 20),
					  (uint32_t)(motion->memory_used_max >> 20), share);
}

static void trace_load(const struct trace_row *row, struct motion_load *load)
{
	load->recorded = row;
	if (row->gpu != TRACE_NONE_U8)
		load->gpu = row->gpu;
	if (row->memory != TRACE_NONE_U8)
		load->memory = row->memory;
	if (row->encoder != TRACE_NONE_U8)
		load->encoder = row->encoder;
	if (row->decoder != TRACE_NONE_U8)
		load->decoder = row->decoder;
	load->memory_used_mib = row->memory_used_mib;
}

static void put_by_hand(uint32_t value, uint32_t rest, double *load)
{
	if (value != rest && value <= 100)
		*load = value;
}

// What is asked of the board now; returns how long this lasts.
static uint32_t look_up(const struct course *course, struct motion_load *load)
{
	const struct readings *readings = &course->subject->running->readings;
	const struct readings *rest = course->subject->rest;
	uint32_t at_ms = phase(course), end;

	*load = (struct motion_load){
		.gpu = at_rest(rest->gpu_util),
		.memory = at_rest(rest->memory_util),
		.encoder = at_rest(rest->encoder_util),
		.decoder = at_rest(rest->decoder_util),
		.memory_used_mib = NA_U32,
	};
	if (is_over(course)) {
		end = at_ms + course->longest_ms;
	} else if (course->trace) {
		uint32_t row = trace_find(course->trace, at_ms);

		trace_load(&course->trace->rows[row], load);
		end = trace_at(course->trace, row + 1);
	} else {
		uint32_t step = wave_step(&course->wave, at_ms);

		wave_load(course, step, at_ms, load);
		end = wave_at(&course->wave, step + 1);
	}
	put_by_hand(readings->gpu_util, rest->gpu_util, &load->gpu);
	put_by_hand(readings->memory_util, rest->memory_util, &load->memory);
	put_by_hand(readings->encoder_util, rest->encoder_util, &load->encoder);
	put_by_hand(readings->decoder_util, rest->decoder_util, &load->decoder);
	if (load->gpu > 100)
		load->gpu = 100;
	return end > at_ms ? end - at_ms : 1;
}

// One row, at most until then. table NULL: only the temperature goes on.
static void step(struct course *course, uint64_t until, struct motion_table *table)
{
	struct motion_load load;
	uint32_t length = look_up(course, &load);
	struct motion_row row;

	// The last one there is room for lasts until the end.
	if (table && table->count == MOTION_MAX_ROWS - 1)
		length = (uint32_t)(until - course->now);
	else if (length > course->longest_ms)
		length = course->longest_ms;
	if (length > until - course->now)
		length = (uint32_t)(until - course->now);
	motion_model_row(&course->model, &load, course->temperature_c, &row);
	row.at_ms = course->sums.at_ms;
	row.energy_uj = course->sums.energy_uj;
	row.load = course->sums.load;
	memcpy(row.held_ms, course->sums.held_ms, sizeof(row.held_ms));
	course->temperature_c =
		motion_model_heat(&course->model, &row, course->temperature_c, length);
	course->now += length;
	if (!table)
		return;
	motion_advance(&row, length, &course->sums);
	table->rows[table->count++] = row;
}

static uint32_t settling_ms(const struct course *course)
{
	return (uint32_t)(SETTLED * course->model.tau_ms);
}

// Long rows are split, as far as there is room.
static void split(struct course *course, uint64_t whole_ms)
{
	course->longest_ms = (uint32_t)(whole_ms / MOTION_MAX_SPLITS);
	if (course->longest_ms < LONGEST_ROW_MS)
		course->longest_ms = LONGEST_ROW_MS;
}

static void loop(struct course *course, struct motion_table *table)
{
	uint32_t period_ms = is_over(course) ? LONGEST_ROW_MS : course->period_ms;
	uint64_t until = course->now + period_ms;

	table->loop_first = table->count;
	split(course, period_ms);
	while (course->now < until)
		step(course, until, table);
	table->rows[table->count] = course->sums;
	table->rows[table->count].temperature_mc = (int32_t)(course->temperature_c * 1000);
}

void motion_build(struct motion_table *table, const struct motion_subject *subject,
		  double temperature_c, uint64_t now)
{
	uint32_t room = MOTION_MAX_INTRO;
	struct course course;
	uint64_t until;

	start(&course, subject);
	course.now = now;
	course.temperature_c = temperature_c;
	table->start_ms = now;
	table->count = 0;
	until = now + settling_ms(&course);
	if (course.trace && course.trace->once && !is_over(&course)) {
		until += subject->running->motion.origin_ms + course.trace->length_ms - now;
		room = MOTION_MAX_ROWS - 1;
		split(&course, until - now);
	}
	while (course.now < until && table->count < room)
		step(&course, until, table);
	loop(&course, table);
}

void motion_build_from_boot(struct motion_table *table, const struct description *description,
			    uint32_t slot, const struct running *running)
{
	const struct device *device = &description->devices[slot];
	struct motion_subject subject = {
		.board = description_board(description, device),
		.rest = &device->readings,
		.running = running,
		.slot = slot,
	};
	struct course course;
	uint64_t periods;

	start(&course, &subject);
	periods = (settling_ms(&course) + course.period_ms - 1) / course.period_ms;
	course.now = periods * course.period_ms - settling_ms(&course);
	course.temperature_c = course.model.idle_c;
	while (course.now < periods * course.period_ms)
		step(&course, periods * course.period_ms, NULL);
	course.now = 0;
	table->start_ms = 0;
	table->count = 0;
	loop(&course, table);
}
