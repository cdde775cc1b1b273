/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line on stderr; debug lines only with MOCK_NVML_LOG=debug. */
#ifndef MIRAGE_LOG_H
#define MIRAGE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

/* Read MOCK_NVML_LOG; cheap, called by source_open() and nvmlInit. */
void log_setup(void);

/* Atomic: threads may call nvmlInit at once. */
extern _Atomic bool log_debugging;

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A test of one byte when off, so that getters may call it. */
#define log_debug(...)                                                          \
	do {                                                                    \
		if (atomic_load_explicit(&log_debugging, memory_order_relaxed)) \
			log_line(__VA_ARGS__);                                  \
	} while (0)

#endif
