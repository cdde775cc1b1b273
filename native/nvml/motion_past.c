// SPDX-License-Identifier: GPL-3.0-or-later
#include "motion_past.h"

static uint32_t *value_of(struct readings *readings, enum past_value value)
{
	switch (value) {
	case PAST_POWER:
		return &readings->power_mw;
	case PAST_MODULE_POWER:
		return &readings->module_power_mw;
	case PAST_GPU:
		return &readings->gpu_util;
	case PAST_MEMORY:
		return &readings->memory_util;
	case PAST_ENCODER:
		return &readings->encoder_util;
	case PAST_DECODER:
		return &readings->decoder_util;
	case PAST_JPEG:
		return &readings->jpeg_util;
	case PAST_OFA:
		return &readings->ofa_util;
	case PAST_SM_MHZ:
		return &readings->sm_mhz;
	default:
		return &readings->memory_mhz;
	}
}

static uint32_t value_at(const struct readings *readings, enum past_value value)
{
	return *value_of((struct readings *)readings, value);
}

static uint32_t count_of(const struct running *running)
{
	uint32_t count = running->motion.past_count;

	return count < STATE_MAX_PAST ? count : STATE_MAX_PAST;
}

uint64_t past_end(const struct running *running)
{
	uint32_t count = count_of(running);

	return count ? running->past[count - 1].until_ms : 0;
}

static bool is_more_of(const struct running_past *last, const struct running_past *fresh)
{
	return !last->moving && !fresh->moving &&
	       memcmp(last->values, fresh->values, sizeof(last->values)) == 0;
}

static void append(struct running *running, const struct running_past *fresh)
{
	uint32_t count = count_of(running);

	if (count && is_more_of(&running->past[count - 1], fresh))
		count--;
	if (count == STATE_MAX_PAST)
		memmove(&running->past[0], &running->past[1], --count * sizeof(running->past[0]));
	running->past[count] = *fresh;
	running->motion.past_count = count + 1;
}

void past_note(const struct motion_subject *before, const struct motion_table *table, uint64_t now,
	       struct running *after)
{
	const struct readings *base = &before->running->readings;
	struct running_past fresh = { .until_ms = now };
	struct readings moved = *base;

	if (table) {
		motion_readings(before, table, base, now, &moved);
		fresh.table_start = (uint32_t)table->start_ms;
	}
	for (unsigned int i = 0; i < PAST_VALUES; i++) {
		fresh.values[i] = value_at(&moved, i);
		if (table && value_at(base, i) == value_at(before->rest, i))
			fresh.moving |= 1u << i;
	}
	append(after, &fresh);
}

// Of the moment. A reader that two writers overtook may find none, and then looks again.
static uint32_t place_of(const struct running *running, uint32_t count, uint64_t moment)
{
	uint32_t place = count ? count - 1 : 0;

	while (place && moment < running->past[place - 1].until_ms)
		place--;
	return place;
}

bool past_moved(const struct running *running, uint64_t moment, enum past_value value)
{
	uint32_t count = count_of(running);

	return count && running->past[place_of(running, count, moment)].moving >> value & 1;
}

// Whoever makes the next change writes another one over it, long before that is in force, or never.
static bool is_there(const struct motion_table *table, const struct running_past *past,
		     uint64_t moment)
{
	uint64_t start;

	if (!table)
		return false;
	start = *(const volatile uint64_t *)&table->start_ms;
	atomic_thread_fence(memory_order_acquire);
	return start <= moment && (uint32_t)start == past->table_start;
}

// Which of the values followed the table; they are in readings then.
static uint32_t follow(const struct motion_subject *subject, const struct motion_table *table,
		       const struct running_past *past, uint64_t moment, struct readings *readings)
{
	if (!past->moving || !is_there(table, past, moment))
		return 0;
	motion_readings(subject, table, subject->rest, moment, readings);
	atomic_thread_fence(memory_order_acquire);
	return is_there(table, past, moment) ? past->moving : 0;
}

void past_readings(const struct motion_subject *subject, const struct motion_table *table,
		   uint64_t moment, struct readings *readings)
{
	uint32_t count = count_of(subject->running);
	uint32_t place = place_of(subject->running, count, moment);
	const struct running_past *past = &subject->running->past[place];
	/* The table is that of the last one alone. */
	uint32_t moving = place + 1 == count ? follow(subject, table, past, moment, readings) : 0;

	if (!moving)
		*readings = *subject->rest;
	for (unsigned int i = 0; i < PAST_VALUES; i++)
		if (!(moving >> i & 1))
			*value_of(readings, i) = past->values[i];
}
