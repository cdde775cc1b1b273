// SPDX-License-Identifier: GPL-3.0-or-later
#include "motion.h"

#include <time.h>

#include "motion_past.h"

uint64_t motion_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t wall_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// --- counts ---

// Beyond energy_mj. At rest the draw has been what it is, since it was counted last or, if later, since boot.
static uint64_t energy_uj(const struct running *running, const struct motion_table *table,
			  uint64_t now)
{
	uint64_t since = now < running->energy_ms ? now : now - running->energy_ms;

	if (table)
		return running->motion.energy_uj + motion_count(table, now).energy_uj;
	if (running->readings.power_mw == NA_U32)
		return running->motion.energy_uj;
	return running->motion.energy_uj + running->readings.power_mw * since;
}

uint64_t motion_energy(const struct running *running, const struct motion_table *table,
		       uint64_t now)
{
	if (running->energy_mj == NA_U64)
		return NA_U64;
	return running->energy_mj + energy_uj(running, table, now) / 1000;
}

// Megabytes a second and lane, by generation.
static uint64_t lane_rate(uint32_t generation)
{
	static const uint32_t rates[] = { 0, 250, 500, 985, 1969, 3938, 7563 };

	return generation < sizeof(rates) / sizeof(rates[0]) ? rates[generation] : 0;
}

// Kilobytes a second at full load; what flows at rest where nothing is said.
static uint64_t pcie_full_kbps(const struct readings *readings, uint32_t rest_kbps)
{
	uint64_t rate = readings->motion.pcie_percent * lane_rate(readings->pcie_gen) * 10;

	if (rest_kbps == NA_U32)
		return 0;
	if (readings->pcie_width <= 32)
		rate *= readings->pcie_width;
	return rate > rest_kbps ? rate : rest_kbps;
}

static uint64_t nvlink_full_kibps(const struct motion_subject *subject)
{
	const struct profile_nvlink *nvlink = &subject->board->nvlink;

	if (nvlink->version == NA_U32 || nvlink->line_rate_mbps == NA_U32)
		return 0;
	return (uint64_t)nvlink->line_rate_mbps * 1000000 / 1024 *
	       subject->running->readings.motion.nvlink_percent / 100;
}

// rate * load / whole, for a load of years.
static uint64_t share_of(uint64_t rate, uint64_t load, uint64_t whole)
{
	return rate * (load / whole) + rate * (load % whole) / whole;
}

// Kilobytes a second make as many bytes in a millisecond. load: per cent times milliseconds.
static uint64_t pcie_bytes(uint32_t rest_kbps, uint64_t full_kbps, uint64_t ms, uint64_t load)
{
	if (rest_kbps == NA_U32)
		return 0;
	return rest_kbps * ms + share_of(full_kbps - rest_kbps, load, 100);
}

struct motion_traffic motion_traffic(const struct motion_subject *subject,
				     const struct motion_table *table, uint64_t now)
{
	const struct running *running = subject->running;
	const struct readings *readings = &running->readings;
	uint32_t tx = readings->pcie_tx_kbps, rx = readings->pcie_rx_kbps;
	struct motion_traffic traffic = {
		.pcie_tx_bytes = running->motion.pcie_tx_bytes,
		.pcie_rx_bytes = running->motion.pcie_rx_bytes,
		.nvlink_kib = running->motion.nvlink_kib,
	};
	uint64_t load, ms;

	if (!table)
		return traffic;
	load = motion_count(table, now).load;
	ms = now < table->start_ms ? now : now - table->start_ms;
	traffic.pcie_tx_bytes += pcie_bytes(tx, pcie_full_kbps(readings, tx), ms, load);
	traffic.pcie_rx_bytes += pcie_bytes(rx, pcie_full_kbps(readings, rx), ms, load);
	traffic.nvlink_kib += share_of(nvlink_full_kibps(subject), load, 100000);
	return traffic;
}

void motion_keep(const struct running *counted, struct running *fresh)
{
	fresh->energy_mj = counted->energy_mj;
	fresh->energy_ms = counted->energy_ms;
	fresh->motion = counted->motion;
	memcpy(fresh->past, counted->past, sizeof(fresh->past));
	if (!counted->moves)
		return;
	fresh->readings.throttle_power_us = counted->readings.throttle_power_us;
	fresh->readings.throttle_sw_thermal_us = counted->readings.throttle_sw_thermal_us;
	fresh->readings.throttle_hw_thermal_us = counted->readings.throttle_hw_thermal_us;
}

static void count_held(uint64_t *counter, uint64_t before, uint64_t held_ms)
{
	if (*counter != NA_U64 && *counter == before)
		*counter += held_ms * 1000;
}

void motion_settle(const struct motion_subject *before, const struct motion_table *table,
		   uint64_t now, struct running *after)
{
	const struct running *running = before->running;
	const struct readings *old = &running->readings;
	struct readings *new = &after->readings;
	struct motion_traffic traffic = motion_traffic(before, table, now);
	uint64_t energy = energy_uj(running, table, now);
	bool by_hand = new->energy_mj != old->energy_mj;

	past_note(before, table, now, after);
	if (by_hand)
		after->energy_mj = new->energy_mj;
	else if (running->energy_mj != NA_U64)
		after->energy_mj += energy / 1000;
	after->motion.energy_uj = by_hand ? 0 : (uint32_t)(energy % 1000);
	after->energy_ms = now;
	after->motion.pcie_tx_bytes = traffic.pcie_tx_bytes;
	after->motion.pcie_rx_bytes = traffic.pcie_rx_bytes;
	after->motion.nvlink_kib = traffic.nvlink_kib;
	if (table) {
		struct motion_sums sums = motion_count(table, now);

		count_held(&new->throttle_power_us, old->throttle_power_us,
			   sums.held_ms[HOLD_POWER]);
		count_held(&new->throttle_sw_thermal_us, old->throttle_sw_thermal_us,
			   sums.held_ms[HOLD_SW_THERMAL]);
		count_held(&new->throttle_hw_thermal_us, old->throttle_hw_thermal_us,
			   sums.held_ms[HOLD_HW_THERMAL]);
	}
}

// --- readings at a moment ---

// A value moves where the board has it and nobody has changed it.
static bool is_free(uint32_t value, uint32_t rest)
{
	return value == rest && value != NA_U32;
}

static void move_u32(uint32_t *value, uint32_t rest, uint32_t moved, uint32_t none)
{
	if (is_free(*value, rest) && moved != none)
		*value = moved;
}

static void move_i32(int32_t *value, int32_t rest, int32_t moved)
{
	if (*value == rest && *value != NA_I32)
		*value = moved;
}

// What a damaged page makes of it stays a number.
static int32_t limited(int64_t value)
{
	return (int32_t)(value < -100000 ? -100000 : value > 100000 ? 100000 : value);
}

static int32_t rounded(double value)
{
	if (!(value > -100000))
		return -100000;
	if (value > 100000)
		return 100000;
	return (int32_t)(value < 0 ? value - 0.5 : value + 0.5);
}

static int32_t own_temperature(const struct readings_motion *motion, uint32_t slot, uint64_t now)
{
	int64_t noise = wave_noise(motion->seed, slot, CHANNEL_TEMPERATURE, now / 1000);
	int64_t value = motion->temperature_base_c +
			motion->temperature_variance_c * (2 * noise - 1000) / 1000;

	if (motion->temperature_ramp_period_s)
		value += motion->temperature_ramp_c *
			 wave_triangle(motion->temperature_ramp_period_s, now) / 1000;
	return limited(value);
}

static void move_heat(const struct motion_subject *subject, const struct motion_table *table,
		      const struct motion_place *place, uint64_t now, struct readings *readings)
{
	const struct readings_motion *motion = &subject->running->readings.motion;
	const struct readings *rest = subject->rest;
	int32_t moved = motion->temperature ? own_temperature(motion, subject->slot, now)
					    : rounded(motion_temperature(table, place));
	int64_t warmer = (int64_t)moved - rest->temperature_c;

	move_i32(&readings->temperature_c, rest->temperature_c, moved);
	if (place->row->memory_temperature_c != TRACE_NONE_I16)
		move_i32(&readings->memory_temperature_c, rest->memory_temperature_c,
			 place->row->memory_temperature_c);
	else if (rest->temperature_c != NA_I32)
		move_i32(&readings->memory_temperature_c, rest->memory_temperature_c,
			 limited(rest->memory_temperature_c + warmer));
	if (rest->temperature_c != NA_I32)
		move_i32(&readings->tlimit_c, rest->tlimit_c, limited(rest->tlimit_c - warmer));
}

// From what it is at rest to its highest at the highest operating temperature.
static uint32_t fan_of(const struct motion_subject *subject, uint32_t rest_percent,
		       const struct readings *readings)
{
	const struct board *board = subject->board;
	uint32_t highest = board->fan_max_percent == NA_U32 ? 100 : board->fan_max_percent;
	int64_t idle = subject->rest->temperature_c, hot = board->thermal.gpu_max_c;
	int64_t now = readings->temperature_c;

	if (hot == NA_I32 || idle == NA_I32 || hot <= idle || now <= idle ||
	    highest <= rest_percent)
		return rest_percent;
	if (now >= hot)
		return highest;
	return rest_percent + (uint32_t)((highest - rest_percent) * (uint64_t)(now - idle) /
					 (uint64_t)(hot - idle));
}

static void move_fans(const struct motion_subject *subject, const struct motion_row *row,
		      struct readings *readings)
{
	const struct readings *rest = subject->rest;

	for (int i = 0; i < PROFILE_MAX_FANS; i++) {
		uint32_t speed = row->fan;

		if (subject->running->settings.fan_manual[i] == 1)
			continue;
		if (row->fan == TRACE_NONE_U8)
			speed = fan_of(subject, rest->fan_percent[i], readings);
		move_u32(&readings->fan_percent[i], rest->fan_percent[i], speed, NA_U32);
		move_u32(&readings->fan_target_percent[i], rest->fan_target_percent[i], speed,
			 NA_U32);
	}
}

// What the average is taken over: the last second.
#define AVERAGE_MS 1000u

static uint32_t average_power(const struct motion_table *table, uint64_t now)
{
	uint64_t from = now > table->start_ms + AVERAGE_MS ? now - AVERAGE_MS : table->start_ms;

	if (now <= from)
		return motion_find(table, now).row->power_mw;
	return (uint32_t)((motion_count(table, now).energy_uj -
			   motion_count(table, from).energy_uj) /
			  (now - from));
}

// Of the module, of which there may be other GPUs, module_power.c knows.
static void move_power(const struct motion_subject *subject, const struct motion_table *table,
		       const struct motion_row *row, uint64_t now, struct readings *readings)
{
	const struct readings *rest = subject->rest;

	if (row->power_mw == NA_U32)
		return;
	move_u32(&readings->power_mw, rest->power_mw, row->power_mw, NA_U32);
	if (rest->power_average_mw != NA_U32)
		move_u32(&readings->power_average_mw, rest->power_average_mw,
			 average_power(table, now), NA_U32);
}

static void move_load(const struct readings *rest, const struct motion_row *row,
		      struct readings *readings)
{
	move_u32(&readings->gpu_util, rest->gpu_util, row->gpu, NA_U32);
	move_u32(&readings->memory_util, rest->memory_util, row->memory, NA_U32);
	move_u32(&readings->encoder_util, rest->encoder_util, row->encoder, NA_U32);
	move_u32(&readings->decoder_util, rest->decoder_util, row->decoder, NA_U32);
}

// What processes were given by hand, or a user has taken, comes on top.
static void move_memory(const struct motion_subject *subject, const struct motion_row *row,
			struct readings *readings)
{
	const struct board *board = subject->board;
	uint64_t whole = board->memory_total - board->memory_reserved;
	uint64_t more = readings->memory_used > subject->rest->memory_used
				? readings->memory_used - subject->rest->memory_used
				: 0;

	if (row->memory_used_mib == NA_U32)
		return;
	readings->memory_used = ((uint64_t)row->memory_used_mib << 20) + more;
	if (readings->memory_used > whole)
		readings->memory_used = whole;
}

static void move_clocks(const struct readings *rest, const struct motion_row *row,
			struct readings *readings)
{
	move_u32(&readings->graphics_mhz, rest->graphics_mhz, row->graphics_mhz, TRACE_NONE_U16);
	move_u32(&readings->sm_mhz, rest->sm_mhz, row->sm_mhz, TRACE_NONE_U16);
	move_u32(&readings->memory_mhz, rest->memory_mhz, row->memory_mhz, TRACE_NONE_U16);
	move_u32(&readings->video_mhz, rest->video_mhz, row->video_mhz, TRACE_NONE_U16);
	move_u32(&readings->performance_state, rest->performance_state, row->performance_state,
		 TRACE_NONE_U8);
}

// A load that was set by hand has ended "idle" (control_follow.c); the reasons are the model's still.
static void move_reasons(const struct motion_subject *subject, const struct motion_row *row,
			 struct readings *readings)
{
	const struct readings *rest = subject->rest;
	bool loaded = readings_is_busy(&subject->running->readings) != readings_is_busy(rest);
	uint64_t set = readings->event_reasons ^ rest->event_reasons;

	if (rest->event_reasons != NA_U64 && (!set || (loaded && set == REASON_IDLE)))
		readings->event_reasons = row->reasons;
}

static void move_counters(const struct running *running, const struct motion_sums *sums,
			  struct readings *readings)
{
	count_held(&readings->throttle_power_us, readings->throttle_power_us,
		   sums->held_ms[HOLD_POWER]);
	count_held(&readings->throttle_sw_thermal_us, readings->throttle_sw_thermal_us,
		   sums->held_ms[HOLD_SW_THERMAL]);
	count_held(&readings->throttle_hw_thermal_us, readings->throttle_hw_thermal_us,
		   sums->held_ms[HOLD_HW_THERMAL]);
	readings->energy_mj = running->energy_mj;
	if (running->energy_mj != NA_U64)
		readings->energy_mj += (running->motion.energy_uj + sums->energy_uj) / 1000;
}

static void move_traffic(const struct motion_subject *subject, const struct motion_row *row,
			 struct readings *readings)
{
	uint32_t *const rates[] = { &readings->pcie_tx_kbps, &readings->pcie_rx_kbps };

	for (int i = 0; i < 2; i++)
		if (*rates[i] != NA_U32)
			*rates[i] +=
				(uint32_t)((pcie_full_kbps(&subject->running->readings, *rates[i]) -
					    *rates[i]) *
					   row->gpu / 100);
}

void motion_readings(const struct motion_subject *subject, const struct motion_table *table,
		     const struct readings *base, uint64_t now, struct readings *readings)
{
	struct motion_place place = motion_find(table, now);
	struct motion_sums sums = motion_count(table, now);

	*readings = *base;
	move_load(subject->rest, place.row, readings);
	move_memory(subject, place.row, readings);
	move_heat(subject, table, &place, now, readings);
	move_fans(subject, place.row, readings);
	move_power(subject, table, place.row, now, readings);
	move_clocks(subject->rest, place.row, readings);
	move_reasons(subject, place.row, readings);
	move_counters(subject->running, &sums, readings);
	move_traffic(subject, place.row, readings);
}
