/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What cuGetProcAddress() finds; the table is written by tools/gen_libcuda.py. */
#ifndef MIRAGE_CUDA_SYMBOL_H
#define MIRAGE_CUDA_SYMBOL_H

#include <stdbool.h>

struct cuda_symbol {
	const char *name;
	void *function;
	int since; /* version of CUDA, 1000 * major + 10 * minor */
	bool per_thread; /* works on each thread's own default stream */
};

/* By name; the forms of one name are side by side, the youngest first. */
extern const struct cuda_symbol cuda_symbols[];
extern const unsigned int cuda_symbol_count;

#endif
