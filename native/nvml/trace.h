/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a GPU once said, row by row: the form that a recording of nvidia-smi
 * has in the device page. A value that a row does not have is the highest of
 * its type (the lowest for temperatures); the model then gives one.
 */
#ifndef MIRAGE_TRACE_H
#define MIRAGE_TRACE_H

#include "profile.h"

/* An hour of one row a second. */
#define TRACE_MAX_ROWS 3600
#define TRACE_NAME_SIZE 128

#define TRACE_NONE_U8 UINT8_MAX
#define TRACE_NONE_U16 UINT16_MAX
#define TRACE_NONE_U32 UINT32_MAX
#define TRACE_NONE_I16 INT16_MIN

struct trace_row {
	uint32_t at_ms; /* since the first row */
	uint32_t power_mw;
	uint32_t memory_used_mib;
	uint32_t reasons;
	uint16_t graphics_mhz;
	uint16_t sm_mhz;
	uint16_t memory_mhz;
	uint16_t video_mhz;
	int16_t temperature_c;
	int16_t memory_temperature_c;
	uint8_t gpu; /* per cent */
	uint8_t memory;
	uint8_t encoder;
	uint8_t decoder;
	uint8_t fan;
	uint8_t performance_state;
	uint8_t reserved[2];
};

struct trace {
	uint32_t count;
	uint32_t length_ms; /* the last row's end */
	uint32_t once; /* 1: afterwards the GPU is idle; 0: from the first row again */
	uint32_t speed_percent; /* at_ms is divided by it already */
	char name[TRACE_NAME_SIZE]; /* of the file, for people */
	struct trace_row rows[TRACE_MAX_ROWS];
};

/* A row that has nothing. */
struct trace_row trace_row_empty(void);

/* The row in force at the moment, which is less than length_ms. */
uint32_t trace_find(const struct trace *trace, uint32_t at_ms);

static inline uint32_t trace_at(const struct trace *trace, uint32_t row)
{
	return row < trace->count ? trace->rows[row].at_ms : trace->length_ms;
}

/* Play it so many per cent as fast, 100: as it was recorded. */
void trace_set_speed(struct trace *trace, uint32_t percent);

/* How many bytes of it are in use. */
static inline size_t trace_size(const struct trace *trace)
{
	return offsetof(struct trace, rows) + trace->count * sizeof(trace->rows[0]);
}

#endif
