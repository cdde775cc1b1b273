/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shapes of load over time: from 0 (the lowest of a range) to 1 (its highest). */
#ifndef MIRAGE_MOTION_WAVE_H
#define MIRAGE_MOTION_WAVE_H

#include "profile.h"

/* Values of readings.motion.pattern. */
enum motion_pattern {
	PATTERN_NONE,
	PATTERN_IDLE, /* always the lowest */
	PATTERN_BUSY, /* anything, new each second */
	PATTERN_BURST, /* the highest, then the lowest */
	PATTERN_STEADY, /* always the middle */
	PATTERN_CONSTANT, /* always the highest */
	PATTERN_SINE,
	PATTERN_RAMP, /* up through the period, then from the lowest again */
	PATTERN_WALK, /* up and down by small steps */
	PATTERN_TRACE, /* what was recorded; only in the running state */
	PATTERN_COUNT,
};

#define WAVE_MAX_STEPS 2048

/* What a board's temperature may need to follow its power. */
#define MOTION_TIME_CONSTANT_S 25
#define MOTION_MAX_TIME_CONSTANT_S 120

/* One period; step k goes from wave_at(k) to wave_at(k + 1) milliseconds. */
struct wave {
	uint32_t steps;
	uint32_t period_ms;
	float values[WAVE_MAX_STEPS];
};

/* The device's own wave: seeded shapes differ from slot to slot. */
void wave_make(struct wave *wave, const struct readings_motion *motion, uint32_t slot);

static inline uint32_t wave_at(const struct wave *wave, uint32_t step)
{
	return (uint32_t)((uint64_t)step * wave->period_ms / wave->steps);
}

/* Which step the moment lies in. */
uint32_t wave_step(const struct wave *wave, uint32_t at_ms);

/* From 0 to 1000, new each second, its own for each slot and channel. */
enum wave_channel { CHANNEL_TEMPERATURE, CHANNEL_POWER, CHANNEL_LOAD };
int64_t wave_noise(int64_t seed, uint32_t slot, enum wave_channel channel, uint64_t second);

/* From 0 up to 1000 and back, once in the period. */
int64_t wave_triangle(uint32_t period_s, uint64_t now_ms);

#endif
