/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cuda_handle.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * From the lowest bit: four of the kind, twenty of the entry, then how often the
 * entry was taken, from 1 on. So none is NULL, nor one of the streams that the
 * interface itself numbers (1 and 2).
 */
#define KIND_BITS 4
#define INDEX_BITS 20
#define MAX_ENTRIES (1u << INDEX_BITS)

struct entry {
	enum cuda_handle_kind kind; /* none: free */
	uint64_t turn;
	void *object;
	const void *owner;
};

static struct entry *entries;
static uint32_t entry_count;
static uint32_t entry_room;

static struct entry *free_entry(void)
{
	struct entry *more;
	uint32_t room;

	for (uint32_t i = 0; i < entry_count; i++)
		if (entries[i].kind == CUDA_HANDLE_NONE)
			return &entries[i];
	if (entry_count < entry_room)
		return &entries[entry_count++];
	room = entry_room ? 2 * entry_room : 64;
	if (room > MAX_ENTRIES)
		return NULL;
	more = realloc(entries, room * sizeof(*entries));
	if (!more)
		return NULL;
	for (uint32_t i = entry_room; i < room; i++)
		more[i] = (struct entry){ .kind = CUDA_HANDLE_NONE };
	entries = more;
	entry_room = room;
	return &entries[entry_count++];
}

void *cuda_handle_new(enum cuda_handle_kind kind, void *object, const void *owner)
{
	struct entry *entry = free_entry();
	uint64_t number;

	if (!entry)
		return NULL;
	entry->kind = kind;
	entry->turn++;
	entry->object = object;
	entry->owner = owner;
	number = entry->turn << INDEX_BITS | (uint64_t)(entry - entries);
	return (void *)(uintptr_t)(number << KIND_BITS | kind);
}

static struct entry *find(enum cuda_handle_kind kind, const void *handle)
{
	uint64_t number = (uint64_t)(uintptr_t)handle >> KIND_BITS;
	uint32_t index = number % MAX_ENTRIES;

	if (((uintptr_t)handle & ((1u << KIND_BITS) - 1)) != kind || index >= entry_count)
		return NULL;
	if (entries[index].kind != kind || entries[index].turn != number >> INDEX_BITS)
		return NULL;
	return &entries[index];
}

void *cuda_handle_find(enum cuda_handle_kind kind, const void *handle)
{
	const struct entry *entry = find(kind, handle);

	return entry ? entry->object : NULL;
}

void *cuda_handle_end(enum cuda_handle_kind kind, const void *handle)
{
	struct entry *entry = find(kind, handle);

	if (!entry)
		return NULL;
	entry->kind = CUDA_HANDLE_NONE;
	return entry->object;
}

void cuda_handle_end_all(const void *owner)
{
	for (uint32_t i = 0; i < entry_count; i++) {
		if (entries[i].kind == CUDA_HANDLE_NONE || entries[i].owner != owner)
			continue;
		entries[i].kind = CUDA_HANDLE_NONE;
		free(entries[i].object);
	}
}
