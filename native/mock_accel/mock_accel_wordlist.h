/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A word list in a file's bytes, as the firmware file mock-accel-wordlist has it: one word a line, the
 * last thing in the line (so dice numbers may stand before it). It knows nothing of the kernel.
 */
#ifndef MOCK_ACCEL_WORDLIST_H
#define MOCK_ACCEL_WORDLIST_H

#include "mock_accel_portable.h"

/* Twelve words of this length and the spaces between them fit a passphrase of 255 bytes. */
#define MOCK_ACCEL_WORD_SIZE 20
#define MOCK_ACCEL_MAX_WORDLIST 65536

struct mock_accel_word {
	u32 start;
	u8 length;
};

/*
 * Find the words; `words` may be NULL to count them only, else it has room for as many as were counted.
 *
 * Returns their number, or -EINVAL for a list that has no word, too many, too long a one, or bytes
 * other than printable ASCII.
 */
int mock_accel_wordlist_scan(const char *data, size_t size, struct mock_accel_word *words);

/* Join words by spaces; `text` has room for all of them and a zero byte. */
void mock_accel_wordlist_join(const char *data, const struct mock_accel_word *words,
			      const u32 *chosen, u32 count, char *text);

#endif
