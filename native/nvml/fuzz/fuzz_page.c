// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Any damage to a device page: what its checks do not see must not crash who
 * reads it. An input is a list of places and the bytes to be put there, and whether
 * the checksums of the state are made right again, as by malice; what follows are
 * calls.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "checksum.h"
#include "fuzz_calls.h"

#define DEVICES 2u
#define PATCHES 8
#define SEALS (2 + 3 * DEVICES)

static char path[64];
static int fd;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct description description;
	struct profile_site site = { .device_count = DEVICES };
	struct profile_error error;
	const char *profile = getenv("MOCK_NVML_CONFIG");

	(void)argc;
	(void)argv;
	if (profile_load(profile ? profile : "../../charts/gpu-mock/profiles/a100.yaml", &site,
			 &description, &error) != 0)
		abort();
	/* The second one moves. */
	description.devices[1].readings.motion =
		(struct readings_motion){ .pattern = PATTERN_SINE, .gpu_max = 100 };
	fd = memfd_create("page", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || page_write(path, &description, true, false, &error) == PAGE_ERROR)
		abort();
	return 0;
}

/* Mostly where readers look: the header, the events, the state in force. */
static size_t place(struct input *input)
{
	size_t area = offsetof(struct page, areas[1]);
	uint32_t choice = input_below(input, 10);

	if (choice == 0)
		return input_below(input, sizeof(struct page_header));
	if (choice == 1)
		return offsetof(struct page, events) +
		       input_below(input, sizeof(((struct page *)0)->events));
	if (choice == 2)
		return area + input_below(input, offsetof(struct page_area, state));
	if (choice == 3)
		return offsetof(struct page, motion[1].tables[0]) +
		       input_below(input, offsetof(struct motion_table, rows[400]));
	if (choice == 4)
		return offsetof(struct page, motion[1].tables[0]) +
		       (input_below(input, offsetof(struct motion_table, rows[1])) & ~7u);
	return area + offsetof(struct page_area, state) + offsetof(struct state, devices) +
	       input_below(input, DEVICES * sizeof(struct state_device));
}

struct patch {
	size_t offset;
	uint64_t before;
};

static void put(struct page *page, size_t offset, uint64_t value, size_t size, struct patch *undo)
{
	memcpy(&undo->before, (char *)page + offset, sizeof(undo->before));
	undo->offset = offset;
	memcpy((char *)page + offset, &value, size);
}

static void patch(struct page *page, struct input *input, struct patch *undo)
{
	size_t offset = place(input) & ~(size_t)3;
	uint64_t value = input_scalar(input);

	put(page, offset, value, input_below(input, 2) ? 8 : 4, undo);
}

static uint32_t seal_device(struct page *page, uint32_t slot, struct patch *undo)
{
	struct state_device *device = &page->areas[1].state.devices[slot];
	struct running *running = &device->running[device->sequence & 1];
	const struct motion_table *table = &page->motion[slot].tables[running->motion.table & 1];
	uint32_t count = 0;

	if (table->count <= MOTION_MAX_ROWS)
		put(page, (size_t)((char *)&running->motion.table_checksum - (char *)page),
		    checksum_of_pieces(table, motion_table_size(table)), 4, &undo[count++]);
	put(page, (size_t)((char *)&running->checksum - (char *)page),
	    running_checksum(running, device->sequence), 8, &undo[count++]);
	return count;
}

/* What the state's checks compare is right: who reads it then meets the damage. */
static uint32_t seal(struct page *page, struct patch *undo)
{
	struct state_node *node = &page->areas[1].state.node;
	struct running_node *running = &node->running[node->sequence & 1];
	uint64_t last = page->header.event_sequence, *number;
	uint32_t count = 0;

	number = &page->events[last % STATE_MAX_EVENTS].number;
	put(page, (size_t)((char *)number - (char *)page), last, 8, &undo[count++]);
	put(page, (size_t)((char *)&running->checksum - (char *)page),
	    running_node_checksum(running, node->sequence), 8, &undo[count++]);
	for (uint32_t slot = 0; slot < DEVICES; slot++)
		count += seal_device(page, slot, &undo[count]);
	return count;
}

/* Faults that make calls wait are none of damage: over with them, or back. */
static void set_end_of_faults(struct page *page, uint64_t until_ms)
{
	for (uint32_t slot = 0; slot < DEVICES * 2; slot++)
		for (uint32_t i = 0; i < STATE_MAX_FAULTS; i++)
			page->areas[1]
				.state.devices[slot / 2]
				.running[slot % 2]
				.faults[i]
				.until_ms = until_ms;
}

static bool waits(const struct page *page)
{
	for (uint32_t slot = 0; slot < DEVICES * 2; slot++)
		for (uint32_t i = 0; i < STATE_MAX_FAULTS; i++) {
			uint32_t effect = page->areas[1]
						  .state.devices[slot / 2]
						  .running[slot % 2]
						  .faults[i]
						  .effect;

			if (effect == FAULT_HANG || effect == FAULT_SLOW)
				return true;
		}
	return false;
}

static void read_it(struct input *input)
{
	struct profile_error error;
	const struct page *page = page_open(path, &error);

	if (!page)
		return;
	memset(&handle_source, 0, sizeof(handle_source));
	handle_source.page = page;
	snprintf(handle_source.path, sizeof(handle_source.path), "%s", path);
	visible_all(&handle_source.visible, page_description(page));
	atomic_store(&api_references, 1);
	while (input->size)
		fuzz_calls[input_below(input, fuzz_call_count)](input);
	if (atomic_load(&api_references))
		handle_close();
	atomic_store(&api_references, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct page *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct input input = { data, size };
	struct patch undo[PATCHES + SEALS];
	uint32_t count;

	if (page == MAP_FAILED)
		abort();
	count = input_below(&input, PATCHES) + 1;
	for (uint32_t i = 0; i < count; i++)
		patch(page, &input, &undo[i]);
	if (waits(page))
		set_end_of_faults(page, 1);
	if (input_below(&input, 2))
		count += seal(page, &undo[count]);
	read_it(&input);
	set_end_of_faults(page, 0);
	for (uint32_t i = count; i-- > 0;)
		memcpy((char *)page + undo[i].offset, &undo[i].before, sizeof(undo[i].before));
	munmap(page, sizeof(*page));
	return 0;
}
