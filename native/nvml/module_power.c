// SPDX-License-Identifier: GPL-3.0-or-later
// A module is a CPU and the GPUs beside it: it draws as many W more than at rest as all its GPUs do.
#include "fault.h"
#include "power.h"

typedef uint32_t (*draw_of)(const struct gpu *gpu, uint64_t moment);

static uint32_t draw_now(const struct gpu *gpu, uint64_t moment)
{
	(void)moment;
	return gpu->readings->power_mw;
}

static uint32_t draw_average(const struct gpu *gpu, uint64_t moment)
{
	(void)moment;
	return gpu_average_power(gpu);
}

static uint32_t draw_past(const struct gpu *gpu, uint64_t moment)
{
	struct readings past;

	fault_past(gpu, moment, &past);
	return past.power_mw;
}

static int64_t rise(uint32_t draw, uint32_t rest)
{
	return draw == NA_U32 || rest == NA_U32 ? 0 : (int64_t)draw - rest;
}

struct course {
	draw_of draw;
	size_t rest; // of the GPU's readings: what it draws at rest
	uint64_t moment;
};

static int64_t rise_of(const struct gpu *gpu, const struct course *course)
{
	uint32_t rest;

	memcpy(&rest, (const char *)&gpu->device->readings + course->rest, sizeof(rest));
	return rise(course->draw(gpu, course->moment), rest);
}

// By the description that the call began with, though the page may have another by now: its modules are not these.
static void beside(const struct gpu *gpu, uint32_t slot, struct gpu *other)
{
	*other = (struct gpu){
		.description = gpu->description,
		.device = &gpu->description->devices[slot],
		.state = gpu->state - gpu_slot(gpu) + slot,
		.gpu_instance = STATE_NO_INSTANCE,
		.compute_instance = STATE_NO_INSTANCE,
	};
	other->board = description_board(other->description, other->device);
	gpu_look(other);
	if (other->running->fault_count)
		fault_look(other);
}

static uint32_t sum(const struct gpu *gpu, uint32_t rest_mw, struct course course)
{
	int64_t all = rest_mw + rise_of(gpu, &course);
	uint32_t own = gpu_slot(gpu);
	struct gpu other;
	int64_t more;

	for (uint32_t slot = 0; slot < gpu->description->device_count; slot++) {
		if (slot == own || !description_same_module(gpu->description, own, slot))
			continue;
		beside(gpu, slot, &other);
		do {
			more = rise_of(&other, &course);
		} while (gpu_changed(&other));
		all += more;
	}
	return all < 0 ? 0 : (uint32_t)all;
}

// What was set by hand stays.
static bool follows(uint32_t value, uint32_t rest)
{
	return value != NA_U32 && value == rest;
}

uint32_t module_power(const struct gpu *gpu)
{
	uint32_t rest = gpu->device->readings.module_power_mw;
	uint32_t value = gpu->running->readings.module_power_mw;

	if (!follows(value, rest))
		return value;
	return sum(gpu, rest, (struct course){ draw_now, offsetof(struct readings, power_mw), 0 });
}

uint32_t module_average_power(const struct gpu *gpu)
{
	uint32_t rest = gpu->device->readings.module_power_average_mw;
	uint32_t value = gpu->running->readings.module_power_average_mw;

	if (!follows(value, rest))
		return value;
	return sum(gpu, rest,
		   (struct course){ draw_average, offsetof(struct readings, power_average_mw), 0 });
}

uint32_t module_past_power(const struct gpu *gpu, uint64_t moment)
{
	uint32_t rest = gpu->device->readings.module_power_mw;
	struct readings past;

	fault_past(gpu, moment, &past);
	if (!follows(past.module_power_mw, rest))
		return past.module_power_mw;
	return sum(gpu, rest,
		   (struct course){ draw_past, offsetof(struct readings, power_mw), moment });
}
