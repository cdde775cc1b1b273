/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a board can have said what a trace says. */
#ifndef MIRAGE_TRACE_LIMITS_H
#define MIRAGE_TRACE_LIMITS_H

#include "trace.h"

/* A value above what the board can have. */
struct trace_breach {
	uint32_t row; /* its number in the trace */
	const char *column; /* as in a header: power.draw */
	char expected[80];
	char found[32];
};

/* Whether there is one; out says what of the first. */
bool trace_breach(const struct trace *trace, const struct board *board, struct trace_breach *out);

#endif
