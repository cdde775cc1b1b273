/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MIRAGE_PROFILE_LIMITS_H
#define MIRAGE_PROFILE_LIMITS_H

#include "profile.h"

/* Boards draw somewhat more than their limit for moments. */
#define BOARD_OVERSHOOT_PERCENT 110u

/* A recording of instant draws has spikes of milliseconds; above this it is another board's. */
#define TRACE_OVERSHOOT_PERCENT 150u

/* A value that the board cannot have. */
struct breach {
	const char *key; /* of a profile: clocks.graphics_current */
	char expected[96];
	char found[24];
	unsigned int skip; /* how many others to pass over before this one */
};

/* Whether there is one; out says what of the first. */
bool readings_breach(const struct board *board, const struct readings *readings,
		     struct breach *out);

/*
 * The same of what a user changes: what was so before, as where programs have taken
 * more memory than there is, is not for the user to answer for.
 */
bool readings_breach_anew(const struct board *board, const struct readings *before,
			  const struct readings *after, struct breach *out);

/* mW that a board of this limit may say that it draws, by per cent of it; NA_U32 without one. */
uint32_t highest_draw(uint32_t max_limit_mw, uint32_t percent);

#endif
