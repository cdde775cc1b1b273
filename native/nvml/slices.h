/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Slices of a GPU's memory or compute, as bits: what MIG divides. */
#ifndef MIRAGE_SLICES_H
#define MIRAGE_SLICES_H

#include <stdint.h>

#define SLICES_MOST 16

/* What cannot be, as in a damaged page, takes all that there is. */
static inline uint32_t slices_mask(uint32_t start, uint32_t size)
{
	return start < SLICES_MOST && size <= SLICES_MOST ? ((1u << size) - 1) << start
							  : UINT32_MAX;
}

static inline uint32_t slices_block(uint32_t size)
{
	uint32_t block = 1;

	while (block < size && block < 2 * SLICES_MOST)
		block *= 2;
	return block;
}

/*
 * How much room without a hole lies around the slices, in blocks of powers of
 * two: what taking them breaks. The driver takes those that break the least.
 */
static inline uint32_t slices_room(uint32_t free, uint32_t start, uint32_t size)
{
	uint32_t room = (uint32_t)__builtin_popcount(free & slices_mask(start, size));

	for (uint32_t block = slices_block(size); block <= SLICES_MOST; block *= 2) {
		uint32_t mask = slices_mask(start & ~(block - 1), block);

		if ((free & mask) != mask)
			break;
		room = block;
	}
	return room;
}

#endif
