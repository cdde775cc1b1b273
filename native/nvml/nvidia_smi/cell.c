/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cell.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct cell cell_make(int width, const char *format, ...)
{
	struct cell cell;
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(cell.text, sizeof(cell.text), format, list);
	va_end(list);
	if (length > width)
		memcpy(cell.text + width - 3, "...", sizeof("..."));
	return cell;
}

const char *cell_failure(nvmlReturn_t result)
{
	return result == NVML_ERROR_NOT_SUPPORTED ? "N/A" : "ERR!";
}

unsigned long long mebibytes_up(unsigned long long bytes)
{
	return mebibytes_down(bytes) + (bytes % (1 << 20) != 0);
}

unsigned long long mebibytes_down(unsigned long long bytes)
{
	return bytes >> 20;
}
