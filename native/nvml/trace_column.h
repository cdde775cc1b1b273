/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which columns of nvidia-smi a trace can use, and what stands in them. */
#ifndef MIRAGE_TRACE_COLUMN_H
#define MIRAGE_TRACE_COLUMN_H

#include "trace.h"

enum trace_column_kind {
	COLUMN_IGNORED,
	COLUMN_TIMESTAMP,
	COLUMN_INDEX,
	COLUMN_UUID,
	COLUMN_U8,
	COLUMN_U16,
	COLUMN_I16,
	COLUMN_U32,
	COLUMN_MILLI, /* with three decimals, as u32 */
	COLUMN_PSTATE,
	COLUMN_REASONS,
	COLUMN_REASON, /* one of them: Active or Not Active */
};

struct trace_column {
	const char *name;
	const char *other; /* another name of the same, or NULL */
	const char *unit; /* that may follow the number, or NULL */
	const char *expected;
	enum trace_column_kind kind;
	uint32_t offset; /* in struct trace_row */
	int32_t min, max;
	uint32_t reason;
};

/* A piece of the file. */
struct trace_cell {
	const char *text;
	size_t length;
};

/* By the name in a header, with or without its unit; the ignored one if there is none such. */
const struct trace_column *trace_column_find(struct trace_cell cell);

/* Blanks at both ends taken off. */
struct trace_cell trace_cell_trim(struct trace_cell cell);

/* Put the cell's value into the row; false: it is none of this column. N/A puts nothing. */
bool trace_column_read(const struct trace_column *column, struct trace_cell cell,
		       struct trace_row *row);

/* 2026/11/29 21:16:32.123 in milliseconds since 1970, whatever the zone. */
bool trace_timestamp(struct trace_cell cell, uint64_t *ms);

/* Whole numbers from 0 to max alone. */
bool trace_number(struct trace_cell cell, uint64_t max, uint64_t *number);

#endif
