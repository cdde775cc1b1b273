/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A board whose numbers are easy to reckon with, and what it says at a moment. */
#ifndef MIRAGE_MOTION_FIXTURE_H
#define MIRAGE_MOTION_FIXTURE_H

#include "motion.h"
#include "testsuite.h"

#define IDLE_MW 50000u
#define FULL_MW 400000u
#define MINUTE 60000u

static struct description description;
static struct running running;
static struct trace trace;
static struct motion_table table;

static inline void make_board(enum motion_pattern pattern)
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

static inline struct motion_subject subject(void)
{
	return (struct motion_subject){
		.board = &description.boards[0],
		.rest = &description.devices[0].readings,
		.running = &running,
		.trace = &trace,
	};
}

static inline struct readings at(uint64_t now)
{
	struct motion_subject now_subject = subject();
	struct readings readings;

	motion_readings(&now_subject, &table, &running.readings, now, &readings);
	return readings;
}

/* As a writer does it that changes something at the moment. */
static inline void change(const struct running *wanted, uint64_t now)
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

#endif
