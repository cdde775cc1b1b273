// SPDX-License-Identifier: GPL-3.0-or-later
#include "trace_limits.h"

#include <stdio.h>

#include "profile_limits.h"

struct limits {
	uint32_t power_mw; // with the spikes of power.draw.instant
	uint32_t memory_mib;
	const struct profile_clocks *clocks;
};

static bool clock_breach(struct trace_breach *out, const char *column, uint16_t mhz,
			 uint32_t highest)
{
	if (mhz == TRACE_NONE_U16 || highest == NA_U32 || mhz <= highest)
		return false;
	out->column = column;
	snprintf(out->expected, sizeof(out->expected), "at most %u MHz, the highest clock",
		 highest);
	snprintf(out->found, sizeof(out->found), "%u MHz", mhz);
	return true;
}

static bool power_breach(struct trace_breach *out, uint32_t power_mw, uint32_t highest)
{
	if (power_mw == TRACE_NONE_U32 || highest == NA_U32 || power_mw <= highest)
		return false;
	out->column = "power.draw";
	snprintf(out->expected, sizeof(out->expected),
		 "at most %u.%03u W, %u %% of the highest power limit", highest / 1000,
		 highest % 1000, TRACE_OVERSHOOT_PERCENT);
	snprintf(out->found, sizeof(out->found), "%u.%03u W", power_mw / 1000, power_mw % 1000);
	return true;
}

static bool memory_breach(struct trace_breach *out, uint32_t used_mib, uint32_t highest)
{
	if (used_mib == TRACE_NONE_U32 || used_mib <= highest)
		return false;
	out->column = "memory.used";
	snprintf(out->expected, sizeof(out->expected), "at most %u MiB, the memory", highest);
	snprintf(out->found, sizeof(out->found), "%u MiB", used_mib);
	return true;
}

static bool row_breach(const struct trace_row *row, const struct limits *limits,
		       struct trace_breach *out)
{
	const struct profile_clocks *clocks = limits->clocks;
	bool one = row->graphics_mhz == row->sm_mhz; // which a recording may name by either

	return power_breach(out, row->power_mw, limits->power_mw) ||
	       memory_breach(out, row->memory_used_mib, limits->memory_mib) ||
	       clock_breach(out, one ? "clocks.gr, clocks.sm" : "clocks.gr", row->graphics_mhz,
			    clocks->graphics_max) ||
	       clock_breach(out, "clocks.sm", row->sm_mhz, clocks->sm_max) ||
	       clock_breach(out, "clocks.mem", row->memory_mhz, clocks->memory_max) ||
	       clock_breach(out, "clocks.video", row->video_mhz, clocks->video_max);
}

bool trace_breach(const struct trace *trace, const struct board *board, struct trace_breach *out)
{
	struct limits limits = {
		.power_mw = highest_draw(board->power.max_limit_mw, TRACE_OVERSHOOT_PERCENT),
		// Drivers before 510 count the reserved part as used; what is left of a MiB is shown as one.
		.memory_mib = (uint32_t)((board->memory_total + (1u << 20) - 1) >> 20),
		.clocks = &board->clocks,
	};

	for (out->row = 0; out->row < trace->count; out->row++)
		if (row_breach(&trace->rows[out->row], &limits, out))
			return true;
	return false;
}
