/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts with mistakes in them, the same ones in every run of a test. */
#ifndef MIRAGE_MUTATE_H
#define MIRAGE_MUTATE_H

#include <stdint.h>
#include <string.h>

static uint64_t random_state = 88172645463325252;

static inline uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % limit;
}

static const char *const mutation_tokens[] = {
	"N/A",
	"-1",
	"18446744073709551616",
	"0x",
	"[]",
	"{}",
	"null",
	"~",
	"*a",
	"&a",
	"<<: *a",
	"\"",
	"'",
	"- ",
	"\t",
	"\n",
	"%YAML",
	"---\n",
	"...\n",
	"!!binary",
	"|\n",
	">-\n",
	": ",
	"? ",
	"\xff",
	"\xc2\x85",
	"GPU-",
	"1e999",
	"999999999999",
	"{",
	"[",
	"devices:",
};

/* Cut, double, overwrite, or put in something that means something in YAML. */
static inline size_t mutate(char *text, size_t length, size_t room)
{
	uint32_t at = random_below((uint32_t)length), size = 1 + random_below(40);
	const char *token =
		mutation_tokens[random_below(sizeof(mutation_tokens) / sizeof(mutation_tokens[0]))];

	if (at + size > length)
		size = (uint32_t)(length - at);
	switch (random_below(4)) {
	case 0:
		memmove(text + at, text + at + size, length - at - size);
		return length - size;
	case 1:
		text[at] = (char)random_below(256);
		return length;
	case 2:
		if (length + size >= room)
			return length;
		memmove(text + at + size, text + at, length - at);
		return length + size;
	default:
		if (length + strlen(token) >= room)
			return length;
		memmove(text + at + strlen(token), text + at, length - at);
		memcpy(text + at, token, strlen(token));
		return length + strlen(token);
	}
}

#endif
