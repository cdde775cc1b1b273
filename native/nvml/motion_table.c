// SPDX-License-Identifier: GPL-3.0-or-later
#include "motion_table.h"

#include "motion_model.h"

// Of the loop. Never 0: a reader that two writers overtook may see anything, and then looks again.
static uint32_t length(const struct motion_table *table)
{
	uint32_t span = table->rows[table->count].at_ms - table->rows[table->loop_first].at_ms;

	return span ? span : 1;
}

static const struct motion_row *row_at(const struct motion_table *table, uint32_t at_ms)
{
	uint32_t low = 0, high = table->count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (table->rows[middle].at_ms <= at_ms)
			low = middle;
		else
			high = middle;
	}
	return &table->rows[low];
}

// The same reader must not leave the table.
static bool sound(const struct motion_table *table)
{
	return table->count && table->count <= MOTION_MAX_ROWS &&
	       table->loop_first < table->count &&
	       table->rows[table->count].at_ms > table->rows[table->loop_first].at_ms;
}

// Milliseconds since the table's start; of a moment before it, one in the loop with the same phase.
static uint64_t elapsed(const struct motion_table *table, uint64_t now)
{
	uint64_t period = length(table);
	uint64_t missing;

	if (now >= table->start_ms)
		return now - table->start_ms;
	missing = table->start_ms + table->rows[table->loop_first].at_ms;
	return now + (missing + period - 1) / period * period - table->start_ms;
}

static struct motion_place place_of(const struct motion_table *table, uint64_t since)
{
	uint32_t loop_at = table->rows[table->loop_first].at_ms;
	uint32_t at_ms = (uint32_t)since;
	struct motion_place place = { .rounds = 0 };

	if (since >= loop_at) {
		place.rounds = (since - loop_at) / length(table);
		at_ms = loop_at + (uint32_t)((since - loop_at) % length(table));
	}
	place.row = row_at(table, at_ms);
	place.into_ms = at_ms - place.row->at_ms;
	return place;
}

struct motion_place motion_find(const struct motion_table *table, uint64_t now)
{
	if (!sound(table))
		return (struct motion_place){ .row = &table->rows[0] };
	return place_of(table, elapsed(table, now));
}

void motion_advance(const struct motion_row *row, uint32_t length_ms, struct motion_row *next)
{
	uint32_t power = row->power_mw == NA_U32 ? 0 : row->power_mw;

	next->at_ms = row->at_ms + length_ms;
	next->energy_uj = row->energy_uj + (uint64_t)power * length_ms;
	next->load = row->load + (uint64_t)row->gpu * length_ms;
	memcpy(next->held_ms, row->held_ms, sizeof(next->held_ms));
	if (row->reasons & REASON_POWER_CAP)
		next->held_ms[HOLD_POWER] += length_ms;
	if (row->reasons & REASON_SW_THERMAL)
		next->held_ms[HOLD_SW_THERMAL] += length_ms;
	if (row->reasons & REASON_HW_THERMAL)
		next->held_ms[HOLD_HW_THERMAL] += length_ms;
}

static struct motion_sums sums_at(const struct motion_table *table, uint64_t since)
{
	const struct motion_row *first = &table->rows[table->loop_first];
	const struct motion_row *end = &table->rows[table->count];
	struct motion_place place = place_of(table, since);
	struct motion_sums sums;
	struct motion_row here;

	motion_advance(place.row, place.into_ms, &here);
	sums.energy_uj = here.energy_uj + place.rounds * (end->energy_uj - first->energy_uj);
	sums.load = here.load + place.rounds * (end->load - first->load);
	for (int i = 0; i < HOLD_COUNT; i++)
		sums.held_ms[i] =
			here.held_ms[i] + place.rounds * (end->held_ms[i] - first->held_ms[i]);
	return sums;
}

struct motion_sums motion_count(const struct motion_table *table, uint64_t now)
{
	struct motion_sums sums = { .energy_uj = 0 }, boot;

	if (!sound(table))
		return sums;
	sums = sums_at(table, elapsed(table, now));
	if (now >= table->start_ms)
		return sums;
	boot = sums_at(table, elapsed(table, 0));
	sums.energy_uj -= boot.energy_uj;
	sums.load -= boot.load;
	for (int i = 0; i < HOLD_COUNT; i++)
		sums.held_ms[i] -= boot.held_ms[i];
	return sums;
}

void motion_table_pieces(const struct motion_table *table,
			 struct motion_piece pieces[MOTION_TABLE_PIECES])
{
	static const uint64_t none = MOTION_NO_START;
	size_t head = offsetof(struct motion_table, rows);

	pieces[0] = (struct motion_piece){ &none, sizeof(none), 0 };
	pieces[1] = (struct motion_piece){ table->rows, motion_table_size(table) - head, head };
	pieces[2] = (struct motion_piece){ table, head, 0 };
}

double motion_temperature(const struct motion_table *table, const struct motion_place *place)
{
	const struct motion_row *row = place->row, *next = row + 1;
	double span = (double)next->at_ms - row->at_ms;
	double from = row->temperature_mc, to;

	if (!sound(table))
		return from / 1000;
	// The last row of the loop is followed by its first.
	if (next == &table->rows[table->count])
		next = &table->rows[table->loop_first];
	to = next->temperature_mc;
	if (row->recorded_temperature || span <= 0)
		return from / 1000;
	return (from + (to - from) * place->into_ms / span) / 1000;
}
