// SPDX-License-Identifier: GPL-3.0-or-later
#include "handle.h"

#include "motion_past.h"

struct nvmlDevice_st handles[PROFILE_MAX_DEVICES];
struct source handle_source;

// Who comes while a GPU is draining finds a gap where it was; who came before keeps it.
static void close_draining(void)
{
	struct gpu gpu;

	for (uint32_t i = 0; i < handle_count(); i++)
		handles[i].closed = gpu_at(handle_source.visible.slot[i], &gpu) &&
				    gpu.running->settings.draining;
}

enum source_result handle_open(void)
{
	enum source_result result;

	for (uint32_t i = 0; i < PROFILE_MAX_DEVICES; i++)
		handles[i] = (struct nvmlDevice_st){ .index = i };
	result = source_open(&handle_source);
	if (result == SOURCE_OK)
		close_draining();
	return result;
}

void handle_close(void)
{
	source_close(&handle_source);
}

struct motion_subject gpu_subject(const struct gpu *gpu)
{
	return (struct motion_subject){
		.board = gpu->board,
		.rest = &gpu->device->readings,
		.running = gpu->running,
		.slot = gpu_slot(gpu),
	};
}

const struct motion_table *gpu_table(const struct gpu *gpu)
{
	const struct motion_room *room = &handle_source.page->motion[gpu_slot(gpu)];

	return gpu->running->moves ? &room->tables[gpu->running->motion.table & 1] : NULL;
}

// A writer may be at the table meanwhile: what was read holds if the state is still the same.
void gpu_move(struct gpu *gpu)
{
	uint64_t sequence;

	gpu->now = motion_now();
	do {
		struct motion_subject subject = gpu_subject(gpu);

		sequence = gpu->sequence;
		if (!gpu->running->moves)
			return;
		motion_readings(&subject, gpu_table(gpu), gpu->readings, gpu->now, &gpu->folded);
		atomic_thread_fence(memory_order_acquire);
		gpu_look_at_rest(gpu);
	} while (gpu->sequence != sequence);
	gpu->readings = &gpu->folded;
}

// A moment that the table has: before its start only where the machine was booted since then.
static uint64_t known(const struct motion_table *table, uint64_t now, uint64_t moment)
{
	return moment < table->start_ms && now >= table->start_ms ? table->start_ms : moment;
}

uint64_t gpu_since(const struct gpu *gpu, uint64_t now)
{
	uint64_t since = past_end(gpu->running);

	// Of another boot than this one: that is over, and nobody has counted anew.
	if (since > now || page_is_past(&handle_source.page->header, handle_source.boot))
		return 0;
	return since;
}

// The one that was in force before the present one, which may do without.
static const struct motion_table *last_table(const struct gpu *gpu)
{
	const struct motion_room *room = &handle_source.page->motion[gpu_slot(gpu)];

	return &room->tables[(gpu->running->motion.table & 1) ^ (gpu->running->moves != 0)];
}

// A new description's tables have the start that those of the one before had.
static bool is_in_force(const struct gpu *gpu)
{
	const struct page *page = handle_source.page;

	atomic_thread_fence(memory_order_acquire);
	return !(atomic_load(&page->header.sequence) & 1) &&
	       page_description(page) == gpu->description;
}

bool gpu_power_moved(const struct gpu *gpu, uint64_t moment)
{
	if (moment < gpu_since(gpu, motion_now()))
		return past_moved(gpu->running, moment, PAST_POWER);
	return gpu->running->moves;
}

void gpu_past(const struct gpu *gpu, uint64_t moment, struct readings *readings)
{
	const struct motion_table *table = gpu_table(gpu);
	struct motion_subject subject = gpu_subject(gpu);
	uint64_t now = motion_now();

	if (moment < gpu_since(gpu, now)) {
		past_readings(&subject, last_table(gpu), moment, readings);
		if (!is_in_force(gpu))
			past_readings(&subject, NULL, moment, readings);
	} else if (table)
		motion_readings(&subject, table, &gpu->running->readings, known(table, now, moment),
				readings);
	else
		*readings = gpu->running->readings;
}

struct motion_traffic gpu_traffic(const struct gpu *gpu, uint64_t moment)
{
	const struct motion_table *table = gpu_table(gpu);
	struct motion_subject subject = gpu_subject(gpu);

	return motion_traffic(&subject, table, table ? known(table, gpu->now, moment) : 0);
}
