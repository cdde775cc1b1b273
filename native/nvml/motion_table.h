/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Movement as data: what a device says from a moment on, row by row, first on
 * the way to a steady course and then in a loop, with running sums of what it
 * counts. So a reader looks a moment up and computes nothing, and a count over
 * any time is exact. Made when something changes, by motion_build().
 */
#ifndef MIRAGE_MOTION_TABLE_H
#define MIRAGE_MOTION_TABLE_H

#include <string.h>

#include "motion_wave.h"
#include "trace.h"

/* On the way to the loop; in the loop, as many as a trace has and some more. */
#define MOTION_MAX_INTRO 1024
#define MOTION_MAX_SPLITS 512
#define MOTION_MAX_ROWS (MOTION_MAX_INTRO + TRACE_MAX_ROWS + MOTION_MAX_SPLITS)

enum motion_hold { HOLD_POWER, HOLD_SW_THERMAL, HOLD_HW_THERMAL, HOLD_COUNT };

/* Clocks, memory and the like have the trace's "none": as at rest. */
struct motion_row {
	uint64_t energy_uj; /* until the row begins, from the table's start on */
	uint64_t load; /* per cent of GPU utilisation times milliseconds */
	uint32_t held_ms[HOLD_COUNT]; /* how long the clocks were held down */
	uint32_t at_ms; /* since the table's start */
	uint32_t power_mw;
	uint32_t memory_used_mib;
	int32_t temperature_mc; /* thousandths of a degree, when the row begins */
	uint16_t graphics_mhz;
	uint16_t sm_mhz;
	uint16_t memory_mhz;
	uint16_t video_mhz;
	uint16_t reasons;
	int16_t memory_temperature_c;
	uint8_t gpu;
	uint8_t memory;
	uint8_t encoder;
	uint8_t decoder;
	uint8_t fan;
	uint8_t performance_state;
	uint8_t recorded_temperature; /* 1: it holds through the row */
	uint8_t reserved;
};

/* No table has begun then: one that is being written. */
#define MOTION_NO_START UINT64_MAX

struct motion_table {
	uint64_t start_ms; /* since boot, or MOTION_NO_START */
	uint32_t count;
	uint32_t loop_first; /* the loop is rows[loop_first .. count) */
	/* rows[count] is where the loop ends: its time and its sums. */
	struct motion_row rows[MOTION_MAX_ROWS + 1];
};

/* What lies in the page for one device; struct running says which is in force. */
struct motion_room {
	struct motion_table tables[2];
	struct trace traces[2];
};

/* Where a moment lies. */
struct motion_place {
	const struct motion_row *row;
	uint32_t into_ms; /* since the row began */
	uint64_t rounds; /* of the loop that are over */
};

struct motion_sums {
	uint64_t energy_uj;
	uint64_t load;
	uint64_t held_ms[HOLD_COUNT];
};

/* now is since boot. Before the table's start the machine was booted anew: then it is as in the loop. */
struct motion_place motion_find(const struct motion_table *table, uint64_t now);

/* What was counted from the table's start (after a boot: from that) to the moment. */
struct motion_sums motion_count(const struct motion_table *table, uint64_t now);

/* Degrees, between the row's and the next one's. */
double motion_temperature(const struct motion_table *table, const struct motion_place *place);

/* How long one row more counts; row->at_ms and its sums are those of its beginning. */
void motion_advance(const struct motion_row *row, uint32_t length_ms, struct motion_row *next);

#define MOTION_TABLE_PIECES 3

struct motion_piece {
	const void *data;
	size_t size;
	size_t offset; /* in the table */
};

/*
 * The order a table is written in, over one that the past is still read from: that
 * one's start goes first and the new one comes last, so that who finds the same
 * start before and after reading has read one table.
 */
void motion_table_pieces(const struct motion_table *table,
			 struct motion_piece pieces[MOTION_TABLE_PIECES]);

static inline size_t motion_table_size(const struct motion_table *table)
{
	return offsetof(struct motion_table, rows) + (table->count + 1) * sizeof(table->rows[0]);
}

#endif
