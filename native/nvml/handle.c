// SPDX-License-Identifier: GPL-3.0-or-later
#include "handle.h"

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

const struct readings *gpu_past(const struct gpu *gpu, uint64_t moment, struct readings *room)
{
	const struct motion_table *table = gpu_table(gpu);
	struct motion_subject subject = gpu_subject(gpu);

	if (!table)
		return gpu->readings;
	motion_readings(&subject, table, &gpu->running->readings, known(table, gpu->now, moment),
			room);
	return room;
}

struct motion_traffic gpu_traffic(const struct gpu *gpu, uint64_t moment)
{
	const struct motion_table *table = gpu_table(gpu);
	struct motion_subject subject = gpu_subject(gpu);

	return motion_traffic(&subject, table, table ? known(table, gpu->now, moment) : 0);
}
