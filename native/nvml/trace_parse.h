/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what nvidia-smi --query-gpu=... --format=csv has printed, in a loop, to a
 * trace for each GPU. Columns are known by their names; units and the header
 * line may be missing.
 */
#ifndef MIRAGE_TRACE_PARSE_H
#define MIRAGE_TRACE_PARSE_H

#include "trace.h"

struct recorded_gpu {
	uint32_t index; /* NA_U32: the file does not tell */
	char uuid[48]; /* the same: empty */
	struct trace trace;
	uint32_t lines[TRACE_MAX_ROWS]; /* of the file, where its rows stand */
};

struct recording {
	uint32_t count;
	struct recorded_gpu *gpus[PROFILE_MAX_DEVICES]; /* as they appear first */
	char ignored[512]; /* columns that are of no use here, for a note */
	bool cut; /* the last line was not complete */
};

/*
 * columns: their names, separated by commas, where the file has no header; else
 * NULL. Returns 0, or -1 with one line in error: NAME:LINE:COLUMN: ...
 */
int trace_parse(const char *name, const char *text, size_t length, const char *columns,
		struct recording *recording, struct profile_error *error);

void trace_free(struct recording *recording);

#endif
