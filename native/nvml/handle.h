/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nvmlDevice_t points into one fixed table, so that a wrong handle is seen by
 * arithmetic and is never followed.
 */
#ifndef MIRAGE_HANDLE_H
#define MIRAGE_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "motion.h"
#include "source.h"

/* The size is a power of two, which makes the check cheap. */
struct nvmlDevice_st {
	uint32_t index;
	uint32_t closed; /* 1: it was draining when this process came */
	uint32_t reserved[2];
};

extern struct nvmlDevice_st handles[PROFILE_MAX_DEVICES];
extern struct source handle_source;

/* A device for the length of one call, read from the page in force now. */
struct gpu {
	uint32_t index;
	const struct description *description;
	const struct device *device;
	const struct board *board;
	const struct state_device *state;
	uint64_t sequence; /* of the copy that running points to */
	const struct running *running;
	const struct readings *readings; /* of running, or folded */
	uint64_t now; /* since boot, where they move */
	struct readings folded; /* what motion and faults make of them; unset where there is none */
	/* Of the MIG device that was asked for; STATE_NO_INSTANCE: the whole GPU. */
	uint32_t gpu_instance;
	uint32_t compute_instance;
};

static inline uint32_t handle_count(void)
{
	return source_count(&handle_source);
}

static inline bool handle_valid(const struct nvmlDevice_st *handle)
{
	uintptr_t offset = (uintptr_t)handle - (uintptr_t)handles;

	return offset < handle_count() * sizeof(handles[0]) && offset % sizeof(handles[0]) == 0;
}

static inline struct nvmlDevice_st *handle_of(uint32_t index)
{
	return &handles[index];
}

/* handle.c: have readings be those of this moment. */
void gpu_move(struct gpu *gpu);

/* Which copy of its state is in force. */
static inline void gpu_look_at_rest(struct gpu *gpu)
{
	gpu->sequence = atomic_load_explicit(&gpu->state->sequence, memory_order_acquire);
	gpu->running = state_running(gpu->state, gpu->sequence);
	gpu->readings = &gpu->running->readings;
}

static inline void gpu_look(struct gpu *gpu)
{
	gpu_look_at_rest(gpu);
	/* Only then is the clock asked. */
	if (__builtin_expect(gpu->running->moves != 0, 0))
		gpu_move(gpu);
}

/* The state alone, without what its faults make of it. */
static inline bool gpu_moved(struct gpu *gpu)
{
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&gpu->state->sequence, memory_order_relaxed) == gpu->sequence)
		return false;
	gpu_look(gpu);
	return true;
}

/* gpu_look() for a device that has faults (fault.c). */
void fault_look(struct gpu *gpu);

/*
 * For a getter that takes several values which must belong together:
 *	do {
 *		... copy from gpu.readings or gpu.running ...
 *	} while (gpu_changed(&gpu));
 */
static inline bool gpu_changed(struct gpu *gpu)
{
	if (!gpu_moved(gpu))
		return false;
	if (gpu->running->fault_count)
		fault_look(gpu);
	return true;
}

/* A device by its place in the page, whether this process sees it or not. */
static inline bool gpu_at(uint32_t slot, struct gpu *gpu)
{
	const struct page_area *area = page_area(handle_source.page);
	const struct description *description = &area->description;

	if (slot >= description->device_count)
		return false;
	gpu->index = 0;
	gpu->now = 0;
	gpu->description = description;
	gpu->device = &description->devices[slot];
	gpu->board = description_board(description, gpu->device);
	gpu->state = &area->state.devices[slot];
	gpu->gpu_instance = STATE_NO_INSTANCE;
	gpu->compute_instance = STATE_NO_INSTANCE;
	gpu_look(gpu);
	return true;
}

/* Asked through the handle of a MIG device? */
static inline bool gpu_is_mig(const struct gpu *gpu)
{
	return gpu->gpu_instance != STATE_NO_INSTANCE;
}

/* False when the page has fewer devices than when this process looked first, or the device was taken away. */
static inline bool handle_gpu(uint32_t index, struct gpu *gpu)
{
	if (!gpu_at(handle_source.visible.slot[index], gpu))
		return false;
	gpu->index = index;
	return !(gpu->running->settings.detached | handles[index].closed);
}

/* Where the device lies in the description; what topology functions take. */
static inline uint32_t gpu_slot(const struct gpu *gpu)
{
	return (uint32_t)(gpu->device - gpu->description->devices);
}

struct motion_subject gpu_subject(const struct gpu *gpu);

/* What its readings follow; NULL where they stand still. */
const struct motion_table *gpu_table(const struct gpu *gpu);

/* Since when, since boot, they are those of its running state; 0: for longer than is known. */
uint64_t gpu_since(const struct gpu *gpu, uint64_t now);

/*
 * What it said at a moment since boot but for faults, which fault_past() knows. From
 * before the last change there is what struct running_past has; the rest is as at rest.
 */
void gpu_past(const struct gpu *gpu, uint64_t moment, struct readings *readings);

/* Whether its draw moved at that moment: what comes to the value at rest then is no rest. */
bool gpu_power_moved(const struct gpu *gpu, uint64_t moment);

/* What had gone through its links at a moment since boot. */
struct motion_traffic gpu_traffic(const struct gpu *gpu, uint64_t moment);

enum source_result handle_open(void);
void handle_close(void);

#endif
