/* SPDX-License-Identifier: GPL-3.0-or-later */
/* supported_clocks: graphics clocks by memory clock, listed or as a range. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "profile_internal.h"

/* Tenths, because Blackwell steps by 7.5 MHz and rounds each step down. */
struct clock_range {
	uint32_t max, min, step;
};

static int read_tenths(struct reader *reader, yaml_node_t *node, void *target, size_t offset)
{
	const char *text = reader_text(node);
	uint32_t value = 0;
	bool digits = false;

	for (; text && isdigit((unsigned char)*text) && value < 1000000; text++, digits = true)
		value = value * 10 + (uint32_t)(*text - '0');
	value *= 10;
	if (digits && text[0] == '.' && isdigit((unsigned char)text[1])) {
		value += (uint32_t)(text[1] - '0');
		text += 2;
	}
	if (!digits || *text || value < 1 || value > 1000000)
		return reader_fail(reader, node,
				   "a number of MHz from 0.1 to 100000 with at most one decimal");
	*(uint32_t *)((char *)target + offset) = value;
	return 0;
}

#define TENTHS(name, member)                                                                    \
	static int name(struct reader *reader, yaml_node_t *node, void *target)                 \
	{                                                                                       \
		return read_tenths(reader, node, target, offsetof(struct clock_range, member)); \
	}

TENTHS(read_range_max, max)
TENTHS(read_range_min, min)
TENTHS(read_range_step, step)

static const struct key range_keys[] = {
	{ .name = "max_mhz",
	  .kind = KIND_CALL,
	  .call = read_range_max,
	  .expects = "a number of MHz from 0.1 to 100000 with at most one decimal" },
	{ .name = "min_mhz",
	  .kind = KIND_CALL,
	  .call = read_range_min,
	  .expects = "a number of MHz from 0.1 to 100000 with at most one decimal" },
	{ .name = "step_mhz",
	  .kind = KIND_CALL,
	  .call = read_range_step,
	  .expects = "a number of MHz from 0.1 to 100000 with at most one decimal" },
	{ .name = NULL },
};

static int descending(const void *a, const void *b)
{
	return (int)*(const uint16_t *)b - (int)*(const uint16_t *)a;
}

struct memory_clock {
	struct profile_clocks *clocks;
	uint32_t mhz;
};

static int fail_full(struct reader *reader, yaml_node_t *node)
{
	return reader_fail(reader, node, "at most %d graphics clocks in all",
			   PROFILE_MAX_GRAPHICS_CLOCKS);
}

static int read_graphics_clocks(struct reader *reader, yaml_node_t *node, void *target)
{
	static const struct key range = {
		.kind = KIND_U32, .min = 1, .max = 65535, .unit = UNIT_MHZ
	};
	struct profile_clocks *clocks = ((struct memory_clock *)target)->clocks;
	int count = reader_list(reader, node, PROFILE_MAX_GRAPHICS_CLOCKS, "graphics clocks");

	for (int i = 0; i < count; i++) {
		int64_t value;

		if (reader_number_item(reader, node, (unsigned int)i, &range, &value) != 0)
			return -1;
		if (clocks->graphics_clock_count == PROFILE_MAX_GRAPHICS_CLOCKS)
			return fail_full(reader, node);
		clocks->graphics_clocks[clocks->graphics_clock_count++] = (uint16_t)value;
	}
	return count < 0 ? -1 : 0;
}

static int read_graphics_range(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_clocks *clocks = ((struct memory_clock *)target)->clocks;
	struct clock_range range = { 0, 0, 0 };

	if (reader_section(reader, node, range_keys, &range) != 0)
		return -1;
	if (!range.max || !range.min || !range.step || range.min > range.max || range.max > 655350)
		return reader_fail(reader, node, "max_mhz, min_mhz (not above it) and step_mhz");
	for (uint32_t tenths = range.max;; tenths -= range.step) {
		if (clocks->graphics_clock_count == PROFILE_MAX_GRAPHICS_CLOCKS)
			return fail_full(reader, node);
		clocks->graphics_clocks[clocks->graphics_clock_count++] = (uint16_t)(tenths / 10);
		if (tenths < range.min + range.step)
			return 0;
	}
}

const struct key profile_memory_clock_keys[] = {
	{ .name = "freq_mhz",
	  .kind = KIND_U32,
	  .offset = offsetof(struct memory_clock, mhz),
	  .min = 1,
	  .max = 100000,
	  .unit = UNIT_MHZ },
	{ .name = "graphics_clocks",
	  .kind = KIND_CALL,
	  .call = read_graphics_clocks,
	  .expects = "a list of MHz" },
	{ .name = "graphics_range",
	  .kind = KIND_CALL,
	  .call = read_graphics_range,
	  .more = range_keys,
	  .flags = KEY_MAPPING },
	{ .name = NULL },
};

static int read_memory_clock(struct reader *reader, yaml_node_t *node,
			     struct profile_clocks *clocks)
{
	struct memory_clock clock = { clocks, 0 };
	uint32_t at = clocks->memory_clock_count, first = clocks->graphics_clock_count;

	if (reader_section(reader, node, profile_memory_clock_keys, &clock) != 0)
		return -1;
	if (!clock.mhz || clocks->graphics_clock_count == first)
		return reader_fail(reader, node, "freq_mhz with graphics_clocks or graphics_range");
	clocks->memory_clocks[at] = clock.mhz;
	clocks->graphics_first[at] = (uint16_t)first;
	clocks->graphics_count[at] = (uint16_t)(clocks->graphics_clock_count - first);
	clocks->memory_clock_count++;
	qsort(&clocks->graphics_clocks[first], clocks->graphics_count[at], sizeof(uint16_t),
	      descending);
	return 0;
}

int read_clocks(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_clocks *clocks = &((struct draft *)target)->board.clocks;
	int count = reader_list(reader, node, PROFILE_MAX_MEMORY_CLOCKS, "memory clocks");

	if (count < 0)
		return -1;
	clocks->memory_clock_count = 0;
	clocks->graphics_clock_count = 0;
	memset(clocks->graphics_clocks, 0, sizeof(clocks->graphics_clocks));
	for (int i = 0; i < count; i++) {
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (read_memory_clock(reader, reader_item(reader, node, (unsigned int)i), clocks) !=
		    0)
			return -1;
		reader_leave(reader, length);
	}
	return 0;
}
