/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that a program was given, by address. A device's has an address and a
 * size and nothing behind it; touching it from the CPU is a fault, as on a real
 * board. What the CPU may read (pinned and managed memory) is ordinary memory.
 * Callers hold cuda_lock().
 */
#ifndef MIRAGE_CUDA_ALLOCATION_H
#define MIRAGE_CUDA_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cuda_context;

enum cuda_allocation_kind {
	CUDA_ALLOCATION_DEVICE,
	CUDA_ALLOCATION_MANAGED,
	CUDA_ALLOCATION_PINNED, /* cuMemHostAlloc() */
	CUDA_ALLOCATION_REGISTERED, /* the program's own: cuMemHostRegister() */
};

struct cuda_allocation {
	uint64_t start;
	uint64_t size;
	enum cuda_allocation_kind kind;
	unsigned int flags;
	bool sync_memops;
	uint64_t id;
	struct cuda_context *context;
};

/* What allocations of a device are multiples of: CUDA programming guide. */
#define CUDA_ALLOCATION_ALIGNMENT 512

/* NULL when there is no memory or no address space for it. */
struct cuda_allocation *cuda_allocation_new(struct cuda_context *context,
					    enum cuda_allocation_kind kind, uint64_t size,
					    unsigned int flags);
/* NULL as well when part of the range is an allocation already. */
struct cuda_allocation *cuda_allocation_register(struct cuda_context *context, uint64_t start,
						 uint64_t size, unsigned int flags);

/* The one in which @address lies. */
struct cuda_allocation *cuda_allocation_find(uint64_t address);
/* Whether any byte of the range is in one. */
bool cuda_allocation_overlaps(uint64_t start, uint64_t size);
/* The pointer is void afterwards, and so are others that were found before. */
void cuda_allocation_end(struct cuda_allocation *allocation);
void cuda_allocation_end_all(const struct cuda_context *context);

/* Bytes of the device at @slot that this process has, in whole pages of the device. */
uint64_t cuda_allocation_used(uint32_t slot);
/* The same, were @more bytes allocated. */
uint64_t cuda_allocation_used_with(uint32_t slot, uint64_t more);

#endif
