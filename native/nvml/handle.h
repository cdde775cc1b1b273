/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nvmlDevice_t points into one fixed table, so that a wrong handle is seen by
 * arithmetic and is never followed.
 */
#ifndef MIRAGE_HANDLE_H
#define MIRAGE_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "source.h"

/* The size is a power of two, which makes the check cheap. */
struct nvmlDevice_st {
	uint32_t index;
	uint32_t reserved[3];
};

extern struct nvmlDevice_st handles[PROFILE_MAX_DEVICES];
extern struct source handle_source;

/* A device for the length of one call, read from the page in force now. */
struct gpu {
	uint32_t index;
	const struct description *description;
	const struct device *device;
	const struct board *board;
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

/* False when the page has fewer devices than when this process looked first. */
static inline bool handle_gpu(uint32_t index, struct gpu *gpu)
{
	const struct description *description = page_description(handle_source.page);
	uint32_t slot = handle_source.visible.slot[index];

	if (slot >= description->device_count)
		return false;
	gpu->index = index;
	gpu->description = description;
	gpu->device = &description->devices[slot];
	gpu->board = description_board(description, gpu->device);
	return true;
}

/* Where the device lies in the description; what topology functions take. */
static inline uint32_t gpu_slot(const struct gpu *gpu)
{
	return (uint32_t)(gpu->device - gpu->description->devices);
}

enum source_result handle_open(void);
void handle_close(void);

#endif
