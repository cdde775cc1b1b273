// SPDX-License-Identifier: GPL-3.0-or-later
// Any text as a profile: parsed or refused with one line, and what is parsed is sound.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "page.h"

static void *fresh(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check(const struct description *description)
{
	require(description->device_count >= 1 && description->device_count <= PROFILE_MAX_DEVICES);
	for (uint32_t i = 0; i < description->device_count; i++) {
		const struct device *device = &description->devices[i];
		const struct board *board = description_board(description, device);
		const struct profile_clocks *clocks = &board->clocks;

		require(device->board < description->board_count);
		require(device->link_count <= PROFILE_MAX_LINKS);
		require(memchr(device->uuid, 0, sizeof(device->uuid)) != NULL);
		require(memchr(board->name, 0, sizeof(board->name)) != NULL);
		require(clocks->memory_clock_count <= PROFILE_MAX_MEMORY_CLOCKS);
		for (uint32_t m = 0; m < clocks->memory_clock_count; m++)
			require(clocks->graphics_first[m] + clocks->graphics_count[m] <=
				PROFILE_MAX_GRAPHICS_CLOCKS);
		require(board->mig.profile_count <= PROFILE_MAX_GPU_INSTANCE_PROFILES);
		require(device->processes.count <= PROFILE_MAX_PROCESSES);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct description *description = fresh(sizeof(*description));
	struct profile_error error = { "" };

	if (profile_parse("fuzz", (const char *)data, size, NULL, description, &error) == 0)
		check(description);
	else
		require(*error.text && !strchr(error.text, '\n'));
	munmap(description, sizeof(*description));
	return 0;
}
