/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a board can say at all: the same for what a profile describes, for what
 * users set while it runs, and for loads.
 */
#include "profile_limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool breach(struct breach *out, const char *key, uint64_t found, const char *expected, ...)
	__attribute__((format(printf, 4, 5)));

static bool breach(struct breach *out, const char *key, uint64_t found, const char *expected, ...)
{
	va_list arguments;

	if (out->skip) {
		out->skip--;
		return false;
	}
	out->key = key;
	snprintf(out->found, sizeof(out->found), "%" PRIu64, found);
	va_start(arguments, expected);
	vsnprintf(out->expected, sizeof(out->expected), expected, arguments);
	va_end(arguments);
	return true;
}

/* found, where both are given, is at most limit */
static bool above(uint32_t found, uint32_t limit)
{
	return found != NA_U32 && limit != NA_U32 && found > limit;
}

static bool exceeds(struct breach *out, const char *key, uint32_t found, const char *name,
		    uint32_t limit)
{
	return above(found, limit) && breach(out, key, found, "at most %s (%u)", name, limit);
}

static bool memory_breach(const struct board *board, const struct readings *readings,
			  struct breach *out)
{
	uint64_t room = board->memory_total - board->memory_reserved;

	if (readings->memory_used > room &&
	    breach(out, "memory.used_bytes", readings->memory_used,
		   "at most total_bytes less reserved_bytes (%" PRIu64 ")", room))
		return true;
	return board->bar1_total != NA_U64 && readings->bar1_used > board->bar1_total &&
	       breach(out, "bar1_memory.used_bytes", readings->bar1_used,
		      "at most total_bytes (%" PRIu64 ")", board->bar1_total);
}

static bool limit_breach(const struct profile_power *power, const char *key, uint32_t found,
			 struct breach *out)
{
	if (above(power->min_limit_mw, found) &&
	    breach(out, key, found, "at least min_limit_mw (%u)", power->min_limit_mw))
		return true;
	return exceeds(out, key, found, "max_limit_mw", power->max_limit_mw);
}

uint32_t highest_draw(uint32_t max_limit_mw, uint32_t percent)
{
	return max_limit_mw == NA_U32 ? NA_U32 : (uint32_t)((uint64_t)max_limit_mw * percent / 100);
}

static bool draw_breach(struct breach *out, const char *key, uint32_t found, uint32_t max_limit_mw)
{
	uint32_t highest = highest_draw(max_limit_mw, BOARD_OVERSHOOT_PERCENT);

	return above(found, highest) &&
	       breach(out, key, found, "at most %u %% of max_limit_mw (%u)",
		      BOARD_OVERSHOOT_PERCENT, highest);
}

static bool power_breach(const struct profile_power *power, const struct readings *readings,
			 struct breach *out)
{
	return limit_breach(power, "power.enforced_limit_mw", readings->enforced_limit_mw, out) ||
	       limit_breach(power, "power.requested_limit_mw", readings->power_limit_mw, out) ||
	       draw_breach(out, "power.current_draw_mw", readings->power_mw, power->max_limit_mw) ||
	       draw_breach(out, "power.average_draw_mw", readings->power_average_mw,
			   power->max_limit_mw) ||
	       draw_breach(out, "power.module.current_draw_mw", readings->module_power_mw,
			   power->module_max_limit_mw) ||
	       draw_breach(out, "power.module.average_draw_mw", readings->module_power_average_mw,
			   power->module_max_limit_mw);
}

/* A board may come with application clocks that its list does not have: those are as they are. */
static bool app_clocks_breach(const struct profile_clocks *clocks, const struct readings *readings,
			      struct breach *out)
{
	uint32_t memory = readings->memory_app_mhz, graphics = readings->graphics_app_mhz;
	bool has_memory = false;

	if ((memory == clocks->memory_app_default && graphics == clocks->graphics_app_default) ||
	    memory == NA_U32 || graphics == NA_U32 || !clocks->memory_clock_count)
		return exceeds(out, "clocks.graphics_app", graphics, "graphics_max",
			       clocks->graphics_max) ||
		       exceeds(out, "clocks.memory_app", memory, "memory_max", clocks->memory_max);
	for (uint32_t m = 0; m < clocks->memory_clock_count && m < PROFILE_MAX_MEMORY_CLOCKS; m++) {
		uint32_t end = (uint32_t)clocks->graphics_first[m] + clocks->graphics_count[m];

		if (clocks->memory_clocks[m] != memory)
			continue;
		has_memory = true;
		for (uint32_t i = clocks->graphics_first[m];
		     i < end && i < PROFILE_MAX_GRAPHICS_CLOCKS; i++)
			if (clocks->graphics_clocks[i] == graphics)
				return false;
	}
	if (!has_memory)
		return breach(out, "clocks.memory_app", memory, "one of the supported clocks");
	return breach(out, "clocks.graphics_app", graphics,
		      "a clock that is supported with memory_app (%u)", memory);
}

static bool clocks_breach(const struct profile_clocks *clocks, const struct readings *readings,
			  struct breach *out)
{
	return exceeds(out, "clocks.graphics_current", readings->graphics_mhz, "graphics_max",
		       clocks->graphics_max) ||
	       exceeds(out, "clocks.sm_current", readings->sm_mhz, "sm_max", clocks->sm_max) ||
	       exceeds(out, "clocks.memory_current", readings->memory_mhz, "memory_max",
		       clocks->memory_max) ||
	       exceeds(out, "clocks.video_current", readings->video_mhz, "video_max",
		       clocks->video_max) ||
	       app_clocks_breach(clocks, readings, out);
}

static bool link_breach(const struct profile_pcie *pcie, const struct readings *readings,
			struct breach *out)
{
	return exceeds(out, "pcie.current_link_gen", readings->pcie_gen, "max_link_gen",
		       pcie->max_gen) ||
	       exceeds(out, "pcie.current_link_width", readings->pcie_width, "max_link_width",
		       pcie->max_width);
}

static bool has_fans(const struct board *board)
{
	return board->fans && board->fans != NA_U32;
}

static bool fan_breach(const struct board *board, const struct readings *readings,
		       struct breach *out)
{
	return has_fans(board) &&
	       (exceeds(out, "fan.speed_percent", readings->fan_percent[0], "max_speed_percent",
			board->fan_max_percent) ||
		exceeds(out, "fan.target_speed_percent", readings->fan_target_percent[0],
			"max_speed_percent", board->fan_max_percent));
}

/* In a profile it has no effect, and was always taken; a user who sets it waits for one. */
static bool no_fan_breach(const struct board *board, const struct readings *readings,
			  struct breach *out)
{
	uint32_t speed = readings->fan_percent[0], target = readings->fan_target_percent[0];

	if (has_fans(board))
		return false;
	return (speed != NA_U32 &&
		breach(out, "fan.speed_percent", speed, "N/A, as count (0) says no fan")) ||
	       (target != NA_U32 &&
		breach(out, "fan.target_speed_percent", target, "N/A, as count (0) says no fan"));
}

/* A range without an upper end is its lower one. */
static bool used_memory_breach(const struct board *board, const struct readings_motion *motion,
			       struct breach *out)
{
	uint64_t room = board->memory_total - board->memory_reserved;
	uint64_t low = motion->memory_used_min, high = motion->memory_used_max;

	if (high && low > high &&
	    breach(out, "dynamic_metrics.memory.used_max_bytes", high,
		   "at least used_min_bytes (%" PRIu64 ")", low))
		return true;
	if (!high)
		return low > room &&
		       breach(out, "dynamic_metrics.memory.used_min_bytes", low,
			      "at most total_bytes less reserved_bytes (%" PRIu64 ")", room);
	return high > room && breach(out, "dynamic_metrics.memory.used_max_bytes", high,
				     "at most total_bytes less reserved_bytes (%" PRIu64 ")", room);
}

static bool motion_breach(const struct board *board, const struct readings_motion *motion,
			  struct breach *out)
{
	const struct {
		const char *key, *than;
		uint32_t low, high;
	} ranges[] = {
		{ "dynamic_metrics.utilization.gpu_max", "gpu_min", motion->gpu_min,
		  motion->gpu_max },
		{ "dynamic_metrics.utilization.memory_max", "memory_min", motion->memory_min,
		  motion->memory_max },
		{ "dynamic_metrics.utilization.encoder_max", "encoder_min", motion->encoder_min,
		  motion->encoder_max },
		{ "dynamic_metrics.utilization.decoder_max", "decoder_min", motion->decoder_min,
		  motion->decoder_max },
	};

	for (unsigned int i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (ranges[i].high && ranges[i].low > ranges[i].high &&
		    breach(out, ranges[i].key, ranges[i].high, "at least %s (%u)", ranges[i].than,
			   ranges[i].low))
			return true;
	if (used_memory_breach(board, motion, out))
		return true;
	return draw_breach(out, "dynamic_metrics.power.base_mw", motion->power_base_mw,
			   board->power.max_limit_mw);
}

static bool any_breach(const struct board *board, const struct readings *readings,
		       struct breach *out)
{
	return memory_breach(board, readings, out) || power_breach(&board->power, readings, out) ||
	       clocks_breach(&board->clocks, readings, out) ||
	       link_breach(&board->pcie, readings, out) || fan_breach(board, readings, out) ||
	       motion_breach(board, &readings->motion, out);
}

bool readings_breach(const struct board *board, const struct readings *readings, struct breach *out)
{
	out->skip = 0;
	return any_breach(board, readings, out);
}

/* The one of that number, from 0; more than of a profile. */
static bool nth_breach(const struct board *board, const struct readings *readings,
		       unsigned int number, struct breach *out)
{
	out->skip = number;
	return any_breach(board, readings, out) || no_fan_breach(board, readings, out);
}

static bool has_breach(const struct board *board, const struct readings *readings,
		       const struct breach *wanted)
{
	struct breach own;

	for (unsigned int i = 0; nth_breach(board, readings, i, &own); i++)
		if (strcmp(own.key, wanted->key) == 0 && strcmp(own.found, wanted->found) == 0 &&
		    strcmp(own.expected, wanted->expected) == 0)
			return true;
	return false;
}

bool readings_breach_anew(const struct board *board, const struct readings *before,
			  const struct readings *after, struct breach *out)
{
	for (unsigned int i = 0; nth_breach(board, after, i, out); i++)
		if (!has_breach(board, before, out))
			return true;
	return false;
}
