/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Over what lies in the device page, against damage and not against malice. Any one
 * word of 64 bits that differs gives another checksum(). checksum_piece() folds that
 * to 32 bits, of which one in 2^32 is the same by chance.
 */
#ifndef MIRAGE_CHECKSUM_H
#define MIRAGE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_START 0xcbf29ce484222325u

/* Goes on from what came before it. Data that is given in other pieces has another sum. */
uint64_t checksum(uint64_t before, const void *data, size_t size);

/* Of much data, by pieces, so that who reads it needs room for one of them only. */
#define CHECKSUM_PIECE 4096

uint32_t checksum_of_pieces(const void *data, size_t size);

/* One piece more; size is that of the piece. */
static inline uint32_t checksum_piece(uint32_t before, const void *piece, size_t size)
{
	uint64_t sum = checksum(CHECKSUM_START + before, piece, size);

	return (uint32_t)(sum >> 32) ^ (uint32_t)sum;
}

#endif
