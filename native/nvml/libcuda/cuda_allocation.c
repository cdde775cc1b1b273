/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cuda_allocation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cuda_context.h"

/* The unit in which the memory of a device is handed out to processes. */
#define DEVICE_PAGE ((uint64_t)2 << 20)

/* By address; none overlaps another. */
static struct cuda_allocation *allocations;
static size_t count;
static size_t room;
static uint64_t used[PROFILE_MAX_DEVICES];

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

/* The index of the first that ends after @address. */
static size_t position(uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (allocations[middle].start + allocations[middle].size <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool make_room(void)
{
	size_t more = room ? 2 * room : 64;
	struct cuda_allocation *moved;

	if (count < room)
		return true;
	moved = realloc(allocations, more * sizeof(*moved));
	if (!moved)
		return false;
	allocations = moved;
	room = more;
	return true;
}

static struct cuda_allocation *insert(const struct cuda_allocation *allocation)
{
	static uint64_t last_id;
	size_t at = position(allocation->start);

	memmove(&allocations[at + 1], &allocations[at], (count - at) * sizeof(*allocations));
	allocations[at] = *allocation;
	allocations[at].id = ++last_id;
	count++;
	return &allocations[at];
}

/* A range of its own in the process, so that no address means two things. */
static uint64_t map(enum cuda_allocation_kind kind, uint64_t size)
{
	bool readable = kind != CUDA_ALLOCATION_DEVICE;
	void *start = mmap(NULL, size, readable ? PROT_READ | PROT_WRITE : PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | (readable ? 0 : MAP_NORESERVE), -1, 0);

	return start == MAP_FAILED ? 0 : (uint64_t)(uintptr_t)start;
}

struct cuda_allocation *cuda_allocation_new(struct cuda_context *context,
					    enum cuda_allocation_kind kind, uint64_t size,
					    unsigned int flags)
{
	struct cuda_allocation new = {
		.size = size,
		.kind = kind,
		.flags = flags,
		.context = context,
	};

	if (size > SIZE_MAX / 2 || !make_room())
		return NULL;
	new.start = map(kind, size);
	if (!new.start)
		return NULL;
	if (kind == CUDA_ALLOCATION_DEVICE)
		used[context->slot] += round_up(size, CUDA_ALLOCATION_ALIGNMENT);
	return insert(&new);
}

struct cuda_allocation *cuda_allocation_register(struct cuda_context *context, uint64_t start,
						 uint64_t size, unsigned int flags)
{
	const struct cuda_allocation new = {
		.start = start,
		.size = size,
		.kind = CUDA_ALLOCATION_REGISTERED,
		.flags = flags,
		.context = context,
	};

	if (cuda_allocation_overlaps(start, size) || !make_room())
		return NULL;
	return insert(&new);
}

struct cuda_allocation *cuda_allocation_find(uint64_t address)
{
	size_t at = position(address);

	return at < count && allocations[at].start <= address ? &allocations[at] : NULL;
}

bool cuda_allocation_overlaps(uint64_t start, uint64_t size)
{
	size_t at = position(start);

	return at < count && allocations[at].start < start + size;
}

void cuda_allocation_end(struct cuda_allocation *allocation)
{
	size_t at = (size_t)(allocation - allocations);

	if (allocation->kind != CUDA_ALLOCATION_REGISTERED)
		munmap((void *)(uintptr_t)allocation->start, allocation->size);
	if (allocation->kind == CUDA_ALLOCATION_DEVICE)
		used[allocation->context->slot] -=
			round_up(allocation->size, CUDA_ALLOCATION_ALIGNMENT);
	count--;
	memmove(allocation, allocation + 1, (count - at) * sizeof(*allocations));
}

void cuda_allocation_end_all(const struct cuda_context *context)
{
	for (size_t i = count; i-- > 0;)
		if (allocations[i].context == context)
			cuda_allocation_end(&allocations[i]);
}

uint64_t cuda_allocation_used_with(uint32_t slot, uint64_t more)
{
	return round_up(used[slot] + round_up(more, CUDA_ALLOCATION_ALIGNMENT), DEVICE_PAGE);
}

uint64_t cuda_allocation_used(uint32_t slot)
{
	return cuda_allocation_used_with(slot, 0);
}
