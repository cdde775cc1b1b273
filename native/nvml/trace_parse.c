// SPDX-License-Identifier: GPL-3.0-or-later
#include "trace_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_column.h"

#define MAX_COLUMNS 128
#define MAX_LENGTH_MS 2592000000u /* thirty days */

// Of files without a timestamp, and of the only row there is.
#define ROW_MS 1000u

struct parser {
	const char *name;
	const char *line; // that is read now
	unsigned int number; // of that line
	unsigned int count; // of columns
	const struct trace_column *columns[MAX_COLUMNS];
	char names[MAX_COLUMNS][64];
	bool has_time;
	uint64_t first_ms; // the first timestamp of all
	uint64_t rows;
	struct recording *recording;
	struct profile_error *error;
};

// The values of one row that tell when and of which GPU it is.
struct identity {
	uint64_t time_ms;
	uint32_t index;
	char uuid[48];
};

static int fail(struct parser *parser, const char *place, const char *what, struct trace_cell found,
		const char *expected, ...) __attribute__((format(printf, 5, 6)));

static int fail(struct parser *parser, const char *place, const char *what, struct trace_cell found,
		const char *expected, ...)
{
	char words[256];
	va_list arguments;

	va_start(arguments, expected);
	vsnprintf(words, sizeof(words), expected, arguments);
	va_end(arguments);
	snprintf(parser->error->text, sizeof(parser->error->text),
		 "%s:%u:%u: %s: expected %s, found \"%.*s\"", parser->name, parser->number,
		 (unsigned int)(place - parser->line) + 1, what, words,
		 (int)(found.length < 80 ? found.length : 80), found.text);
	return -1;
}

static int fail_cell(struct parser *parser, const char *what, struct trace_cell cell,
		     const char *expected)
{
	return fail(parser, cell.text, what, cell, "%s", expected);
}

// The piece up to the next comma; rest goes behind it, or becomes NULL at the end.
static struct trace_cell next_cell(struct trace_cell *rest)
{
	const char *comma = memchr(rest->text, ',', rest->length);
	struct trace_cell cell = *rest;

	if (comma) {
		cell.length = (size_t)(comma - rest->text);
		rest->length -= cell.length + 1;
		rest->text = comma + 1;
	} else {
		rest->text = NULL;
	}
	return trace_cell_trim(cell);
}

static unsigned int cells_of(struct trace_cell line)
{
	unsigned int count = 1;

	for (size_t i = 0; i < line.length; i++)
		count += line.text[i] == ',';
	return count;
}

static bool is_header(struct trace_cell line)
{
	while (line.text) {
		const struct trace_column *column = trace_column_find(next_cell(&line));

		if (column->kind != COLUMN_IGNORED)
			return true;
	}
	return false;
}

static void note_ignored(struct recording *recording, struct trace_cell name)
{
	size_t used = strlen(recording->ignored);

	snprintf(recording->ignored + used, sizeof(recording->ignored) - used, "%s%.*s",
		 used ? ", " : "", (int)(name.length < 64 ? name.length : 64), name.text);
}

static int read_header(struct parser *parser, struct trace_cell line)
{
	bool useful = false;

	if (!is_header(line))
		return fail(parser, line.text, "(header)", line,
			    "names of columns such as utilization.gpu (of a file that was recorded "
			    "with noheader, --columns tells them)");
	while (line.text) {
		struct trace_cell cell = next_cell(&line);
		const struct trace_column *column = trace_column_find(cell);

		if (parser->count == MAX_COLUMNS)
			return fail_cell(parser, "(header)", cell, "at most 128 columns");
		for (unsigned int i = 0; column->kind != COLUMN_IGNORED && i < parser->count; i++)
			if (parser->columns[i] == column)
				return fail_cell(parser, "(header)", cell, "each column once");
		snprintf(parser->names[parser->count], sizeof(parser->names[0]), "%.*s",
			 (int)(cell.length < 63 ? cell.length : 63), cell.text);
		parser->columns[parser->count++] = column;
		parser->has_time = parser->has_time || column->kind == COLUMN_TIMESTAMP;
		useful = useful || column->kind > COLUMN_UUID;
		if (column->kind == COLUMN_IGNORED)
			note_ignored(parser->recording, cell);
	}
	if (useful)
		return 0;
	return fail(parser, parser->line, "(header)",
		    (struct trace_cell){ parser->names[0], strlen(parser->names[0]) },
		    "a column that can be played, such as utilization.gpu or power.draw");
}

static int read_cell(struct parser *parser, unsigned int at, struct trace_cell cell,
		     struct identity *identity, struct trace_row *row)
{
	const struct trace_column *column = parser->columns[at];
	uint64_t number = 0;
	bool good;

	switch (column->kind) {
	case COLUMN_TIMESTAMP:
		good = trace_timestamp(cell, &identity->time_ms);
		break;
	case COLUMN_INDEX:
		good = trace_number(cell, (uint64_t)column->max, &number);
		identity->index = (uint32_t)number;
		break;
	case COLUMN_UUID:
		good = cell.length && cell.length < sizeof(identity->uuid);
		if (good)
			snprintf(identity->uuid, sizeof(identity->uuid), "%.*s", (int)cell.length,
				 cell.text);
		break;
	default:
		good = trace_column_read(column, cell, row);
	}
	return good ? 0 : fail_cell(parser, parser->names[at], cell, column->expected);
}

static struct recorded_gpu *gpu_of(struct recording *recording, const struct identity *identity)
{
	struct recorded_gpu *gpu;

	for (uint32_t i = 0; i < recording->count; i++) {
		gpu = recording->gpus[i];
		if (gpu->index == identity->index && strcmp(gpu->uuid, identity->uuid) == 0)
			return gpu;
	}
	if (recording->count == PROFILE_MAX_DEVICES)
		return NULL;
	gpu = calloc(1, sizeof(*gpu));
	if (!gpu)
		return NULL;
	gpu->index = identity->index;
	memcpy(gpu->uuid, identity->uuid, sizeof(gpu->uuid));
	recording->gpus[recording->count++] = gpu;
	return gpu;
}

static int place_row(struct parser *parser, struct trace_cell line, struct identity *identity,
		     struct trace_row *row)
{
	struct recorded_gpu *gpu = gpu_of(parser->recording, identity);
	struct trace *trace = gpu ? &gpu->trace : NULL;
	uint64_t at_ms;

	if (!gpu)
		return fail(parser, line.text, "(row)", line, "at most %d GPUs, and enough memory",
			    PROFILE_MAX_DEVICES);
	if (trace->count == TRACE_MAX_ROWS)
		return fail(parser, line.text, "(row)", line,
			    "at most %d rows of one GPU: cut the file, or record less often",
			    TRACE_MAX_ROWS);
	if (!parser->has_time)
		identity->time_ms = (uint64_t)trace->count * ROW_MS;
	else if (!parser->rows)
		parser->first_ms = identity->time_ms;
	at_ms = identity->time_ms - parser->first_ms;
	if (identity->time_ms < parser->first_ms ||
	    (trace->count && at_ms < trace->rows[trace->count - 1].at_ms))
		return fail(parser, line.text, "timestamp", line,
			    "no time before that of an earlier row");
	if (at_ms > MAX_LENGTH_MS)
		return fail(parser, line.text, "timestamp", line,
			    "a time at most thirty days after the first");
	row->at_ms = (uint32_t)at_ms;
	// The two are one clock on all boards whose recordings have only one of them.
	if (row->graphics_mhz == TRACE_NONE_U16)
		row->graphics_mhz = row->sm_mhz;
	if (row->sm_mhz == TRACE_NONE_U16)
		row->sm_mhz = row->graphics_mhz;
	gpu->lines[trace->count] = parser->number;
	trace->rows[trace->count++] = *row;
	parser->rows++;
	return 0;
}

static int read_row(struct parser *parser, struct trace_cell line)
{
	struct identity identity = { .index = NA_U32 };
	struct trace_row row = trace_row_empty();
	struct trace_cell rest = line;
	unsigned int cells = cells_of(line);

	if (cells != parser->count)
		return fail(parser, line.text, "(row)", line, "%u columns as in the header, not %u",
			    parser->count, cells);
	for (unsigned int i = 0; rest.text; i++)
		if (read_cell(parser, i, next_cell(&rest), &identity, &row) != 0)
			return -1;
	return place_row(parser, line, &identity, &row);
}

// All traces of a file are as long as the longest, so that they stay together in a loop.
static void finish(struct recording *recording)
{
	uint64_t longest = 0;

	for (uint32_t i = 0; i < recording->count; i++) {
		const struct trace *trace = &recording->gpus[i]->trace;
		uint64_t last = trace->rows[trace->count - 1].at_ms;
		uint64_t step = ROW_MS;

		if (trace->count > 1 && last > trace->rows[0].at_ms)
			step = (last - trace->rows[0].at_ms) / (trace->count - 1);
		if (last + (step ? step : 1) > longest)
			longest = last + (step ? step : 1);
	}
	for (uint32_t i = 0; i < recording->count; i++) {
		recording->gpus[i]->trace.length_ms = (uint32_t)longest;
		recording->gpus[i]->trace.speed_percent = 100;
	}
}

static int read_line(struct parser *parser, struct trace_cell line, bool last,
		     struct recording *recording)
{
	struct trace_cell trimmed = trace_cell_trim(line);

	if (!trimmed.length)
		return 0;
	if (!parser->count)
		return read_header(parser, line);
	// Named by --columns, but there all the same; or printed anew by a second recording into the same file.
	if (is_header(line))
		return 0;
	// A recorder that was killed may have written half a line.
	if (last && cells_of(line) < parser->count) {
		recording->cut = true;
		return 0;
	}
	return read_row(parser, line);
}

static int read_lines(struct parser *parser, const char *text, size_t length)
{
	const char *end = text + length;

	// Some programs that save CSV files put a byte order mark before it.
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (parser->number = 1; text < end; parser->number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		parser->line = text;
		if (memchr(text, '\0', (size_t)(stop - text)))
			return fail(parser, text, "(row)", (struct trace_cell){ "", 0 },
				    "text without NUL bytes");
		if (read_line(parser, (struct trace_cell){ text, (size_t)(stop - text) }, !newline,
			      parser->recording) != 0)
			return -1;
		text = stop + 1;
	}
	parser->line = end;
	if (!parser->rows)
		return fail(parser, end, "(file)", (struct trace_cell){ "", 0 },
			    "a header and at least one row");
	return 0;
}

int trace_parse(const char *name, const char *text, size_t length, const char *columns,
		struct recording *recording, struct profile_error *error)
{
	struct parser *parser = calloc(1, sizeof(*parser));
	int result = 0;

	memset(recording, 0, sizeof(*recording));
	if (!parser) {
		snprintf(error->text, sizeof(error->text), "cannot read %s: out of memory", name);
		return -1;
	}
	*parser = (struct parser){ .name = "--columns", .recording = recording, .error = error };
	if (columns) {
		parser->line = columns;
		parser->number = 1;
		result = read_header(parser, (struct trace_cell){ columns, strlen(columns) });
	}
	parser->name = name;
	if (result == 0)
		result = read_lines(parser, text, length);
	if (result == 0)
		finish(recording);
	else
		trace_free(recording);
	free(parser);
	return result;
}

void trace_free(struct recording *recording)
{
	for (uint32_t i = 0; i < recording->count; i++)
		free(recording->gpus[i]);
	recording->count = 0;
}
