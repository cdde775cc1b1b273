/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between which clocks a board works now: its own range, narrowed by locked
 * clocks, or else by application clocks that somebody has chosen.
 */
#ifndef MIRAGE_CLOCK_LIMITS_H
#define MIRAGE_CLOCK_LIMITS_H

#include "handle.h"

/* MHz of the graphics clock, which SM follows; NA_U32 where there is no range. */
void clock_limits(const struct gpu *gpu, uint32_t *min_mhz, uint32_t *max_mhz);
void memory_clock_limits(const struct gpu *gpu, uint32_t *min_mhz, uint32_t *max_mhz);

/* A clock as it is once the limits hold. */
uint32_t clock_limited(const struct gpu *gpu, uint32_t mhz);
uint32_t memory_clock_limited(const struct gpu *gpu, uint32_t mhz);

/* What the board can do at all. */
uint32_t clock_lowest(const struct profile_clocks *clocks);
uint32_t memory_clock_lowest(const struct profile_clocks *clocks);

#endif
