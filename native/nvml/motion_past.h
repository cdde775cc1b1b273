/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What readings were before they were last changed, as far as series of past
 * values reach: noted by whoever changes them, in the running state. Of the
 * last course its table is there still; of older ones how they ended.
 */
#ifndef MIRAGE_MOTION_PAST_H
#define MIRAGE_MOTION_PAST_H

#include "motion.h"

/* Note in after what before has said until now. table: before's; NULL without motion. */
void past_note(const struct motion_subject *before, const struct motion_table *table, uint64_t now,
	       struct running *after);

/* Since when the readings are in force, since boot; 0: for longer than is known. */
uint64_t past_end(const struct running *running);

/* Whether the value followed a table at a moment before that. */
bool past_moved(const struct running *running, uint64_t moment, enum past_value value);

/*
 * The readings at a moment before that. table: where the last that was in force before
 * lies; NULL, or where another one is written over it by now: the course as it ended.
 * What is not kept is as at rest.
 */
void past_readings(const struct motion_subject *subject, const struct motion_table *table,
		   uint64_t moment, struct readings *readings);

#endif
