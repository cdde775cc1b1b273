/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A table's cells, and the words that stand in them for what is not known. */
#ifndef SMI_CELL_H
#define SMI_CELL_H

#include "nvml_api.h"

#define CELL_SIZE 96

struct cell {
	char text[CELL_SIZE];
};

/* What does not fit in @width ends in three dots. */
struct cell cell_make(int width, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The word for a failed query: N/A where the board has no such thing, else ERR!. */
const char *cell_failure(nvmlReturn_t result);

/* MiB as a person counts what is taken: a begun one counts. */
unsigned long long mebibytes_up(unsigned long long bytes);
unsigned long long mebibytes_down(unsigned long long bytes);

#endif
