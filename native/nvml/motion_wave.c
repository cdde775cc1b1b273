// SPDX-License-Identifier: GPL-3.0-or-later
#include "motion_wave.h"

// A period that nobody chose; that of noise is how long it takes until it repeats.
#define PERIOD_S 60u
#define WALK_PERIOD_S 1800u
#define NOISE_PERIOD_S 2048u

// The driver itself looks about six times a second; four are enough to look smooth.
#define SHORTEST_STEP_MS 250u

// How far a walk goes in one step, of the whole range.
#define WALK_STEP 0.1

// The finaliser of splitmix64: neighbouring inputs give unrelated outputs.
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

int64_t wave_noise(int64_t seed, uint32_t slot, enum wave_channel channel, uint64_t second)
{
	uint64_t device = mix((uint64_t)seed + slot * 4u + channel);

	return (int64_t)(mix(device ^ second) % 1001);
}

int64_t wave_triangle(uint32_t period_s, uint64_t now_ms)
{
	uint64_t period = (uint64_t)period_s * 1000;
	uint64_t half = period / 2;
	uint64_t phase = now_ms % period;

	return (int64_t)((phase < half ? phase : period - phase) * 1000 / half);
}

// By its series, so that the library needs no libm: its exp() and cos() raise the C library version that is needed.
static double cosine(double turns)
{
	double x = (turns < 0.5 ? 0.5 - turns : turns - 0.5) * 6.283185307179586;
	double square = x * x, term = 1, sum = 1;

	// Of the distance from half a turn, where the cosine has the other sign.
	for (int i = 1; i <= 10; i++) {
		term *= -square / ((2 * i - 1) * (2 * i));
		sum += term;
	}
	return -sum;
}

// Ends where it began: what the steps add up to is taken off evenly. What leaves the range is folded back.
static void walk(struct wave *wave, int64_t seed, uint32_t slot)
{
	double place = 0, sum = 0;

	for (uint32_t k = 0; k < wave->steps; k++)
		sum += (double)wave_noise(seed, slot, CHANNEL_LOAD, k) / 500 - 1;
	for (uint32_t k = 0; k < wave->steps; k++) {
		double folded = 0.5 + place;

		folded -= 2 * (double)(int64_t)(folded / 2);
		if (folded < 0)
			folded = -folded;
		wave->values[k] = (float)(folded > 1 ? 2 - folded : folded);
		place += ((double)wave_noise(seed, slot, CHANNEL_LOAD, k) / 500 - 1 -
			  sum / wave->steps) *
			 WALK_STEP;
	}
}

static float value(const struct readings_motion *motion, uint32_t slot, uint32_t step,
		   uint32_t steps)
{
	double turn = (double)step / steps;
	uint32_t duty = motion->duty_percent ? motion->duty_percent : 50;

	switch (motion->pattern) {
	case PATTERN_BUSY:
		return (float)wave_noise(motion->seed, slot, CHANNEL_LOAD, step) / 1000;
	case PATTERN_BURST:
		return (uint64_t)step * 100 < (uint64_t)duty * steps;
	case PATTERN_STEADY:
		return 0.5F;
	case PATTERN_CONSTANT:
		return 1;
	case PATTERN_SINE:
		return (float)((1 - cosine(turn)) / 2);
	case PATTERN_RAMP:
		return steps > 1 ? (float)step / (float)(steps - 1) : 0;
	default:
		return 0;
	}
}

static uint32_t period(const struct readings_motion *motion)
{
	switch (motion->pattern) {
	case PATTERN_BUSY:
		return NOISE_PERIOD_S;
	case PATTERN_WALK:
		return motion->period_s ? motion->period_s : WALK_PERIOD_S;
	case PATTERN_BURST:
	case PATTERN_SINE:
	case PATTERN_RAMP:
		return motion->period_s ? motion->period_s : PERIOD_S;
	default:
		return motion->power ? NOISE_PERIOD_S : 1;
	}
}

void wave_make(struct wave *wave, const struct readings_motion *motion, uint32_t slot)
{
	uint32_t tau_s = motion->time_constant_s ? motion->time_constant_s : MOTION_TIME_CONSTANT_S;
	uint32_t step_ms = tau_s * 8; /* a thousand for eight time constants */
	bool seconds =
		motion->pattern == PATTERN_BUSY || motion->pattern == PATTERN_WALK || motion->power;

	// 32 bits of milliseconds are 49 days.
	wave->period_ms = (period(motion) < 1000000 ? period(motion) : 1000000) * 1000;
	if (step_ms < SHORTEST_STEP_MS)
		step_ms = SHORTEST_STEP_MS;
	if (seconds)
		step_ms = 1000;
	wave->steps = wave->period_ms / step_ms;
	if (wave->steps > WAVE_MAX_STEPS)
		wave->steps = WAVE_MAX_STEPS;
	if (!wave->steps)
		wave->steps = 1;
	for (uint32_t k = 0; k < wave->steps; k++)
		wave->values[k] = value(motion, slot, k, wave->steps);
	if (motion->pattern == PATTERN_WALK)
		walk(wave, motion->seed, slot);
}

uint32_t wave_step(const struct wave *wave, uint32_t at_ms)
{
	uint32_t step = (uint32_t)((uint64_t)at_ms * wave->steps / wave->period_ms);

	if (step >= wave->steps)
		step = wave->steps - 1;
	if (step + 1 < wave->steps && wave_at(wave, step + 1) <= at_ms)
		step++;
	return step;
}
