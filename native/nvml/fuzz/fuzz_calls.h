/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arguments for calls of NVML, taken from the bytes that a fuzzer gives. */
#ifndef MIRAGE_FUZZ_CALLS_H
#define MIRAGE_FUZZ_CALLS_H

#include "nvml_internal.h"

struct input {
	const uint8_t *data;
	size_t size;
};

/* The next number below limit; 0 once there is nothing left. */
uint32_t input_below(struct input *input, uint32_t limit);

/* One of ours, mostly; else one that is wrong. */
nvmlDevice_t input_device(struct input *input);

/* A scalar argument: small, a limit, or anything. */
uint64_t input_scalar(struct input *input);

/* Something that one of these functions has given out before, or a wrong one. */
void *input_handle(struct input *input);

/*
 * Memory for an answer, zero but for its first two words: a version, a count or
 * anything small. NULL now and then.
 */
void *input_buffer(struct input *input, const unsigned int *versions, unsigned int count);

/* Just length bytes, so that one more is seen. */
char *input_text_buffer(struct input *input, unsigned int length);

/* Text as callers pass it: a UUID, a PCI address, or what comes. */
const char *input_text(struct input *input);

typedef nvmlReturn_t (*fuzz_call)(struct input *input);

extern const fuzz_call fuzz_calls[];
extern const unsigned int fuzz_call_count;

/* Calls until the input ends. */
void fuzz_sequence(struct input *input);

#endif
