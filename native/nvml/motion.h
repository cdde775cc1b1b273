/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readings that move: a function of the description, the running state, the
 * device's slot and the time since boot, and of nothing else, so that all
 * processes agree on them. docs/motion.md says how.
 */
#ifndef MIRAGE_MOTION_H
#define MIRAGE_MOTION_H

#include "motion_model.h"

/* Milliseconds since boot. */
uint64_t motion_now(void);

/* Microseconds since the epoch, as NVML stamps what it tells. */
uint64_t wall_clock_us(void);

static inline bool motion_moves(const struct running *running)
{
	const struct readings_motion *motion = &running->readings.motion;

	return motion->pattern || motion->power || motion->temperature;
}

static inline bool motion_works(uint32_t percent)
{
	return percent && percent != NA_U32;
}

/* Whether a GPU that says this is not idle. */
static inline bool readings_is_busy(const struct readings *readings)
{
	return motion_works(readings->gpu_util) || motion_works(readings->memory_util) ||
	       motion_works(readings->encoder_util) || motion_works(readings->decoder_util);
}

/* --- for writers --- */

/* The course from now on, starting at the temperature. */
void motion_build(struct motion_table *table, const struct motion_subject *subject,
		  double temperature_c, uint64_t now);

/* The course of a description that nothing has changed: as if it had always been so. */
void motion_build_from_boot(struct motion_table *table, const struct description *description,
			    uint32_t slot, const struct running *running);

/*
 * Whether after goes on another way than before: a new course begins then, and of the
 * one before is kept how it ended. Memory that is taken is none: it comes on top.
 */
bool motion_differs(const struct running *before, const struct running *after);

/* A state that starts anew goes on counting where the other one was. */
void motion_keep(const struct running *counted, struct running *fresh);

/*
 * Count in after what before has led to until now: energy, traffic, times of
 * held clocks. What after has been given by hand stays. table: before's.
 */
void motion_settle(const struct motion_subject *before, const struct motion_table *table,
		   uint64_t now, struct running *after);

/* --- for readers --- */

/*
 * The readings at the moment. base: at rest, or what a fault makes of them. What
 * in it is not as in the description was set by hand or is a fault, and stays.
 */
void motion_readings(const struct motion_subject *subject, const struct motion_table *table,
		     const struct readings *base, uint64_t now, struct readings *readings);

/* Millijoules; NA_U64 where the board does not count them. table: NULL without motion. */
uint64_t motion_energy(const struct running *running, const struct motion_table *table,
		       uint64_t now);

struct motion_traffic {
	uint64_t pcie_tx_bytes;
	uint64_t pcie_rx_bytes;
	uint64_t nvlink_kib; /* through each link in each direction */
};

struct motion_traffic motion_traffic(const struct motion_subject *subject,
				     const struct motion_table *table, uint64_t now);

#endif
