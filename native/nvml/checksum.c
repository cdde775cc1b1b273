/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "checksum.h"

#include <string.h>

#define LANES 4

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x100000001b3;
	return hash ^ hash >> 29;
}

/* FNV-1a over words, in lanes: a multiplication need not wait for the one before it. */
uint64_t checksum(uint64_t before, const void *data, size_t size)
{
	uint64_t lanes[LANES] = { before, before + 1, before + 2, before + 3 };
	const uint8_t *bytes = data;
	uint64_t words[LANES];

	for (; size >= sizeof(words); size -= sizeof(words), bytes += sizeof(words)) {
		memcpy(words, bytes, sizeof(words));
		lanes[0] = mix(lanes[0], words[0]);
		lanes[1] = mix(lanes[1], words[1]);
		lanes[2] = mix(lanes[2], words[2]);
		lanes[3] = mix(lanes[3], words[3]);
	}
	memset(words, 0, sizeof(words));
	memcpy(words, bytes, size);
	for (size_t i = 0; i < LANES; i++)
		before = mix(mix(before, lanes[i]), words[i]);
	return mix(before, size);
}

uint32_t checksum_of_pieces(const void *data, size_t size)
{
	const char *bytes = data;
	uint32_t sum = 0;

	while (size) {
		size_t piece = size < CHECKSUM_PIECE ? size : CHECKSUM_PIECE;

		sum = checksum_piece(sum, bytes, piece);
		bytes += piece;
		size -= piece;
	}
	return sum;
}
