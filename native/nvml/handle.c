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
