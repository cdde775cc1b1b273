/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether the running state in a page's file is what a writer left there. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "boot.h"
#include "checksum.h"
#include "page.h"
#include "page_file.h"

#define AGAIN "run mock-nvml apply again"

bool page_node_is_sound(const struct page *page, uint64_t generation)
{
	const struct state_node *node = &page->areas[generation & 1].state.node;
	uint64_t sequence;
	bool sound;

	do {
		const struct running_node *running;

		sequence = atomic_load_explicit(&node->sequence, memory_order_acquire);
		running = &node->running[sequence & 1];
		sound = running->checksum == running_node_checksum(running, sequence);
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&node->sequence, memory_order_relaxed) != sequence);
	return sound;
}

/*
 * The last event is where its number says: it is there before the number is, and is
 * overwritten long after. Through the file and not the mapping: what is only checked
 * shall not count as this process's memory.
 */
bool page_events_are_sound(const struct page_header *header, int fd)
{
	uint64_t last, there;

	do {
		uint64_t offset;

		last = atomic_load_explicit(&header->event_sequence, memory_order_acquire);
		offset = offsetof(struct page, events) +
			 last % STATE_MAX_EVENTS * sizeof(struct state_event) +
			 offsetof(struct state_event, number);
		if (pread(fd, &there, sizeof(there), (off_t)offset) != sizeof(there))
			return false;
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&header->event_sequence, memory_order_relaxed) != last);
	return there == last;
}

int page_mend_events(const struct page *page, int fd)
{
	uint64_t last = atomic_load(&page->header.event_sequence);
	struct state_event *events = calloc(STATE_MAX_EVENTS, sizeof(*events));
	int result = -1;

	if (events) {
		events[last % STATE_MAX_EVENTS].number = last;
		result = page_file_write(fd, events, STATE_MAX_EVENTS * sizeof(*events),
					 offsetof(struct page, events));
	}
	free(events);
	return result;
}

/* The same of tables, which are large. */
static bool has_checksum(int fd, uint64_t offset, size_t size, uint32_t expected)
{
	char piece[CHECKSUM_PIECE];
	uint32_t sum = 0;

	while (size) {
		size_t wanted = size < sizeof(piece) ? size : sizeof(piece);

		if (pread(fd, piece, wanted, (off_t)offset) != (ssize_t)wanted)
			return false;
		sum = checksum_piece(sum, piece, wanted);
		offset += wanted;
		size -= wanted;
	}
	return sum == expected;
}

static bool table_is_sound(int fd, uint32_t slot, const struct running_motion *motion)
{
	uint64_t offset = offsetof(struct page, motion) + slot * sizeof(struct motion_room) +
			  offsetof(struct motion_room, tables) +
			  (motion->table & 1) * sizeof(struct motion_table);
	char head[offsetof(struct motion_table, rows)];
	uint32_t count;

	if (pread(fd, head, sizeof(head), (off_t)offset) != sizeof(head))
		return false;
	memcpy(&count, head + offsetof(struct motion_table, count), sizeof(count));
	return count <= MOTION_MAX_ROWS &&
	       has_checksum(fd, offset, sizeof(head) + (count + 1) * sizeof(struct motion_row),
			    motion->table_checksum);
}

static bool trace_is_sound(int fd, uint32_t slot, const struct running_motion *motion)
{
	uint64_t offset = offsetof(struct page, motion) + slot * sizeof(struct motion_room) +
			  offsetof(struct motion_room, traces) +
			  (motion->trace & 1) * sizeof(struct trace);
	uint32_t count;

	return pread(fd, &count, sizeof(count), (off_t)(offset + offsetof(struct trace, count))) ==
		       sizeof(count) &&
	       count <= TRACE_MAX_ROWS &&
	       has_checksum(fd, offset,
			    offsetof(struct trace, rows) + count * sizeof(struct trace_row),
			    motion->trace_checksum);
}

/* What is wrong with it, for "the ... of GPU 1 is damaged"; NULL: nothing. */
static const char *damage(const struct running *running, uint64_t sequence, int fd, uint32_t slot)
{
	const struct running_motion motion = running->motion;

	if (!running_is_sound(running, sequence))
		return "running state";
	if (running->moves && !table_is_sound(fd, slot, &motion))
		return "table of how the readings move";
	if (running->readings.motion.pattern == PATTERN_TRACE && !trace_is_sound(fd, slot, &motion))
		return "trace";
	return NULL;
}

/* A writer may put another copy in force meanwhile, and then another table; then look again. */
static const char *device_damage(const struct page *page, int fd, uint64_t generation,
				 uint32_t slot)
{
	const struct state_device *device = &page->areas[generation & 1].state.devices[slot];
	const char *what;
	uint64_t sequence;

	do {
		sequence = atomic_load_explicit(&device->sequence, memory_order_acquire);
		what = damage(state_running(device, sequence), sequence, fd, slot);
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&device->sequence, memory_order_relaxed) != sequence);
	return what;
}

const char *page_state_reason(const struct page *page, int fd, uint64_t generation,
			      struct profile_error *reason)
{
	const struct page_header *header = &page->header;
	uint32_t count = page->areas[generation & 1].description.device_count;

	if (!boot_is_sound(atomic_load(&header->boot)) ||
	    atomic_load(&header->capabilities_due) > 1)
		return "its header is damaged: " AGAIN;
	if (!page_events_are_sound(header, fd))
		return "its list of events is damaged: " AGAIN;
	if (!page_node_is_sound(page, generation))
		return "the running state of the node is damaged: " AGAIN;
	for (uint32_t slot = 0; slot < count && slot < PROFILE_MAX_DEVICES; slot++) {
		const char *what = device_damage(page, fd, generation, slot);

		if (!what)
			continue;
		snprintf(reason->text, sizeof(reason->text), "the %s of GPU %u is damaged: " AGAIN,
			 what, slot);
		return reason->text;
	}
	return NULL;
}
