// SPDX-License-Identifier: GPL-3.0-or-later
#include <time.h>

#include "motion.h"

enum pattern { PATTERN_NONE, PATTERN_IDLE, PATTERN_BUSY, PATTERN_BURST, PATTERN_STEADY };
enum channel { CHANNEL_TEMPERATURE, CHANNEL_POWER, CHANNEL_GPU, CHANNEL_MEMORY };

uint64_t motion_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// The finaliser of splitmix64: neighbouring inputs give unrelated outputs.
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

// From 0 to 1000, new each second.
static int64_t noise(const struct readings_motion *motion, uint32_t slot, enum channel channel,
		     uint64_t now)
{
	uint64_t device = mix((uint64_t)motion->seed + slot * 4u + channel);

	return (int64_t)(mix(device ^ now / 1000) % 1001);
}

// From 0 up to 1000 and back, once in the period.
static int64_t triangle(uint32_t period_s, uint64_t now)
{
	uint64_t period = (uint64_t)period_s * 1000;
	uint64_t half = period / 2;
	uint64_t phase = now % period;

	return (int64_t)((phase < half ? phase : period - phase) * 1000 / half);
}

int32_t motion_temperature(const struct readings *readings, uint32_t slot, uint64_t now)
{
	const struct readings_motion *motion = &readings->motion;
	int64_t value = motion->temperature_base_c;

	if (!motion->temperature)
		return readings->temperature_c;
	value += motion->temperature_variance_c *
		 (2 * noise(motion, slot, CHANNEL_TEMPERATURE, now) - 1000) / 1000;
	if (motion->temperature_ramp_period_s)
		value += motion->temperature_ramp_c *
			 triangle(motion->temperature_ramp_period_s, now) / 1000;
	return (int32_t)value;
}

uint32_t motion_power(const struct readings *readings, uint32_t slot, uint64_t now)
{
	const struct readings_motion *motion = &readings->motion;
	int64_t value = motion->power_base_mw;

	if (!motion->power)
		return readings->power_mw;
	value += (int64_t)motion->power_variance_mw *
		 (2 * noise(motion, slot, CHANNEL_POWER, now) - 1000) / 1000;
	return value > 0 ? (uint32_t)value : 0;
}

static uint32_t utilization(const struct readings_motion *motion, uint32_t slot,
			    enum channel channel, uint64_t now, uint32_t low, uint32_t high)
{
	int64_t span = high > low ? high - low : 0;
	uint64_t period = (uint64_t)motion->burst_period_s * 1000;

	switch (motion->utilization) {
	case PATTERN_IDLE:
		return low;
	case PATTERN_BURST:
		if (period && now % period >= period / 2)
			return low;
		return high;
	case PATTERN_STEADY:
		return low + (uint32_t)(span / 2);
	default:
		return low + (uint32_t)(span * noise(motion, slot, channel, now) / 1000);
	}
}

uint32_t motion_gpu_utilization(const struct readings *readings, uint32_t slot, uint64_t now)
{
	const struct readings_motion *motion = &readings->motion;

	if (motion->utilization == PATTERN_NONE)
		return readings->gpu_util;
	return utilization(motion, slot, CHANNEL_GPU, now, motion->gpu_min, motion->gpu_max);
}

uint32_t motion_memory_utilization(const struct readings *readings, uint32_t slot, uint64_t now)
{
	const struct readings_motion *motion = &readings->motion;

	if (motion->utilization == PATTERN_NONE)
		return readings->memory_util;
	return utilization(motion, slot, CHANNEL_MEMORY, now, motion->memory_min,
			   motion->memory_max);
}
