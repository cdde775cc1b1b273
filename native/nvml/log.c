/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Atomic bool log_debugging;

void log_setup(void)
{
	const char *level = getenv("MOCK_NVML_LOG");

	atomic_store_explicit(&log_debugging, level && strcmp(level, "debug") == 0,
			      memory_order_relaxed);
}

/* One write() per line, so that lines of several processes never mix. */
static void emit(const char *prefix, const char *format, va_list arguments)
{
	char line[1024];
	int used = snprintf(line, sizeof(line), "%s", prefix);
	int more = vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
	size_t length = strlen(line);

	if (more < 0)
		return;
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	emit("mock-nvml: ", format, arguments);
	va_end(arguments);
}

void log_line(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	emit("mock-nvml: debug: ", format, arguments);
	va_end(arguments);
}
