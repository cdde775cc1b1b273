/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys whose values are lists or texts with a form of their own. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile_internal.h"

/* One number of a list, named by its place: clocks[3]. */
static int read_item(struct reader *reader, yaml_node_t *list, unsigned int index,
		     const struct key *range, int64_t *value)
{
	size_t length = reader_enter_index(reader, index);
	int result = reader_number(reader, reader_item(reader, list, index), range, value);

	reader_leave(reader, length);
	return result;
}

static bool is_na_text(const char *text)
{
	return text && (strcmp(text, "N/A") == 0 || strcmp(text, "n/a") == 0);
}

/* --- texts --- */

/* The pattern's x stand for hexadecimal digits, anything else for itself. */
static bool matches(const char *text, const char *pattern)
{
	for (; *pattern; text++, pattern++)
		if (*pattern == 'x' ? !isxdigit((unsigned char)*text) : *text != *pattern)
			return false;
	return !*text;
}

int read_uuid(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft *draft = target;
	const char *text = reader_text(node);

	if (!text || !matches(text, "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
		return reader_fail(reader, node,
				   "a UUID of the form GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx "
				   "(hexadecimal)");
	snprintf(draft->uuid, sizeof(draft->uuid), "%s", text);
	for (char *c = draft->uuid + 4; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

int read_cluster_uuid(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft *draft = target;
	const char *text = reader_text(node);
	unsigned int digit = 0;

	if (!text || (!matches(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") &&
		      !matches(text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")))
		return reader_fail(reader, node, "a UUID of 32 hexadecimal digits");
	memset(draft->board.fabric.cluster_uuid, 0, 16);
	for (; *text; text++) {
		unsigned int value = *text <= '9' ? (unsigned int)(*text - '0')
						  : (unsigned int)((*text | 32) - 'a' + 10);

		if (*text == '-')
			continue;
		draft->board.fabric.cluster_uuid[digit / 2] |= (uint8_t)(value << (digit % 2 ? 0 : 4));
		digit++;
	}
	return 0;
}

int read_bus_id(struct reader *reader, yaml_node_t *node, void *target)
{
	return reader_pci_address(reader, node, &((struct draft *)target)->address);
}

int read_performance_state(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft *draft = target;
	const char *text = reader_text(node);
	unsigned int state = 0;

	if (is_na_text(text)) {
		draft->readings.performance_state = 32;
		return 0;
	}
	if (!text || text[0] != 'P' || !isdigit((unsigned char)text[1]) || strlen(text) > 3)
		return reader_fail(reader, node, "a performance state from P0 to P15, or N/A");
	for (text++; isdigit((unsigned char)*text); text++)
		state = state * 10 + (unsigned int)(*text - '0');
	if (*text || state > 15)
		return reader_fail(reader, node, "a performance state from P0 to P15, or N/A");
	draft->readings.performance_state = state;
	return 0;
}

/* Days since 1970-01-01 of a date of our calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int read_bbx_time(struct reader *reader, yaml_node_t *node, void *target)
{
	static const char form[] = "dddd/dd/dd dd:dd:dd.ddd";
	struct draft *draft = target;
	const char *text = reader_text(node);
	int64_t field[7] = { 0 };
	unsigned int n = 0, i = 0;

	if (is_na_text(text)) {
		draft->board.bbx_flush_time_us = NA_U64;
		return 0;
	}
	for (; text && form[i]; i++) {
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			break;
		if (form[i] == 'd')
			field[n] = field[n] * 10 + (text[i] - '0');
		else
			n++;
	}
	if (!text || form[i] || text[i] || field[0] < 1970 || field[1] < 1 || field[1] > 12 ||
	    field[2] < 1 || field[2] > 31 || field[3] > 23 || field[4] > 59 || field[5] > 60)
		return reader_fail(reader, node, "a time such as 2026/08/20 23:33:00.497, or N/A");
	draft->board.bbx_flush_time_us =
		(uint64_t)(((days_of(field[0], field[1], field[2]) * 24 + field[3]) * 60 + field[4]) *
				   60 +
			   field[5]) *
			1000000 +
		(uint64_t)field[6] * 1000;
	return 0;
}

int read_version(struct reader *reader, yaml_node_t *node, void *target)
{
	const char *text = reader_text(node);

	(void)target;
	if (!text || text[0] != '1' || (text[1] && text[1] != '.'))
		return reader_fail(reader, node, "version 1.0 of this format");
	return 0;
}

/* --- fans --- */

static int read_fans(struct reader *reader, yaml_node_t *node, uint32_t fans[PROFILE_MAX_FANS])
{
	static const struct key range = { .min = 0, .max = 100, .unit = UNIT_PERCENT,
					  .flags = KEY_NA | KEY_QUOTED };
	int64_t value = NA_U32;

	if (!is_na_text(reader_text(node)) && reader_number(reader, node, &range, &value) != 0)
		return -1;
	for (unsigned int i = 0; i < PROFILE_MAX_FANS; i++)
		fans[i] = (uint32_t)value;
	return 0;
}

int read_fan_speed(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_fans(reader, node, ((struct draft *)target)->readings.fan_percent);
}

int read_fan_target(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_fans(reader, node, ((struct draft *)target)->readings.fan_target_percent);
}

/* --- PCI Express atomics --- */

static int read_atomics(struct reader *reader, yaml_node_t *node, uint32_t *mask)
{
	static const char *const names[] = { "FETCHADD_32", "FETCHADD_64", "SWAP_32", "SWAP_64",
					     "CAS_32",	    "CAS_64",	   "CAS_128" };
	int count;

	if (is_na_text(reader_text(node))) {
		*mask = NA_U32;
		return 0;
	}
	count = reader_list(reader, node, 7, "atomic operations");
	if (count < 0)
		return -1;
	*mask = 0;
	for (int i = 0; i < count; i++) {
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		const char *text = reader_text(item);
		unsigned int bit = 0;

		while (bit < 7 && (!text || strcmp(text, names[bit]) != 0))
			bit++;
		if (bit == 7)
			return reader_fail(reader, item, "one of FETCHADD_32, FETCHADD_64, SWAP_32, SWAP_64, CAS_32, CAS_64, CAS_128");
		*mask |= 1u << bit;
	}
	return 0;
}

int read_atomics_in(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_atomics(reader, node, &((struct draft *)target)->board.pcie.atomics_inbound);
}

int read_atomics_out(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_atomics(reader, node, &((struct draft *)target)->board.pcie.atomics_outbound);
}

/* --- retired pages --- */

static int read_pages(struct reader *reader, yaml_node_t *node, uint64_t addresses[])
{
	static const struct key range = { .min = 0, .max = INT64_MAX, .flags = KEY_QUOTED };
	int count = reader_list(reader, node, PROFILE_MAX_RETIRED_PAGES, "page addresses");

	for (int i = 0; i < count; i++) {
		int64_t value;

		if (read_item(reader, node, (unsigned int)i, &range, &value) != 0)
			return -1;
		addresses[i] = (uint64_t)value;
	}
	return count < 0 ? -1 : 0;
}

int read_single_pages(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_pages(reader, node, ((struct draft *)target)->readings.retired.address[0]);
}

int read_double_pages(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_pages(reader, node, ((struct draft *)target)->readings.retired.address[1]);
}

/* --- supported clocks --- */

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
		return reader_fail(reader, node, "a number of MHz from 0.1 to 100000 with at most one decimal");
	*(uint32_t *)((char *)target + offset) = value;
	return 0;
}

#define TENTHS(name, member)                                                                       \
	static int name(struct reader *reader, yaml_node_t *node, void *target)                    \
	{                                                                                          \
		return read_tenths(reader, node, target, offsetof(struct clock_range, member));    \
	}

TENTHS(read_range_max, max)
TENTHS(read_range_min, min)
TENTHS(read_range_step, step)

static const struct key range_keys[] = {
	{ .name = "max_mhz", .kind = KIND_CALL, .call = read_range_max },
	{ .name = "min_mhz", .kind = KIND_CALL, .call = read_range_min },
	{ .name = "step_mhz", .kind = KIND_CALL, .call = read_range_step },
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
	return reader_fail(reader, node, "at most %d graphics clocks in all", PROFILE_MAX_GRAPHICS_CLOCKS);
}

static int read_graphics_clocks(struct reader *reader, yaml_node_t *node, void *target)
{
	static const struct key range = { .min = 1, .max = 65535, .unit = UNIT_MHZ };
	struct profile_clocks *clocks = ((struct memory_clock *)target)->clocks;
	int count = reader_list(reader, node, PROFILE_MAX_GRAPHICS_CLOCKS, "graphics clocks");

	for (int i = 0; i < count; i++) {
		int64_t value;

		if (read_item(reader, node, (unsigned int)i, &range, &value) != 0)
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

static const struct key memory_clock_keys[] = {
	{ .name = "freq_mhz", .kind = KIND_U32, .offset = offsetof(struct memory_clock, mhz), .min = 1, .max = 100000, .unit = UNIT_MHZ },
	{ .name = "graphics_clocks", .kind = KIND_CALL, .call = read_graphics_clocks },
	{ .name = "graphics_range", .kind = KIND_CALL, .call = read_graphics_range },
	{ .name = NULL },
};

static int read_memory_clock(struct reader *reader, yaml_node_t *node, struct profile_clocks *clocks)
{
	struct memory_clock clock = { clocks, 0 };
	uint32_t at = clocks->memory_clock_count, first = clocks->graphics_clock_count;

	if (reader_section(reader, node, memory_clock_keys, &clock) != 0)
		return -1;
	if (!clock.mhz || clocks->graphics_clock_count == first)
		return reader_fail(reader, node, "freq_mhz with graphics_clocks or graphics_range");
	clocks->memory_clocks[at] = clock.mhz;
	clocks->graphics_first[at] = (uint16_t)first;
	clocks->graphics_count[at] = (uint16_t)(clocks->graphics_clock_count - first);
	clocks->memory_clock_count++;
	qsort(&clocks->graphics_clocks[first], clocks->graphics_count[at], sizeof(uint16_t), descending);
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

		if (read_memory_clock(reader, reader_item(reader, node, (unsigned int)i), clocks) != 0)
			return -1;
		reader_leave(reader, length);
	}
	return 0;
}

/* --- processes --- */

static int read_process_type(struct reader *reader, yaml_node_t *node, void *target)
{
	struct readings_process *process = target;
	const char *text = reader_text(node);

	process->type = 0;
	for (const char *c = text; c && *c; c++) {
		if (*c == 'C')
			process->type |= PROFILE_PROCESS_COMPUTE;
		else if (*c == 'G')
			process->type |= PROFILE_PROCESS_GRAPHICS;
		else if (*c == 'M')
			process->type |= PROFILE_PROCESS_MPS;
		else if (*c != '+')
			return reader_fail(reader, node, "C, G, M, or several of them as in C+G");
	}
	if (!process->type)
		return reader_fail(reader, node, "C, G, M, or several of them as in C+G");
	return 0;
}

#define PROCESS(member) .offset = offsetof(struct readings_process, member)

static const struct key process_keys[] = {
	{ .name = "pid", .kind = KIND_U32, PROCESS(pid), .min = 1, .max = 4194304 },
	{ .name = "type", .kind = KIND_CALL, .call = read_process_type },
	{ .name = "name", .kind = KIND_TEXT, PROCESS(name), .size = sizeof(((struct readings_process *)0)->name) },
	{ .name = "used_memory_mib", .kind = KIND_U64, PROCESS(used_memory), .min = 0, .max = 1u << 30, .unit = UNIT_MIB, .flags = KEY_NA },
	{ .name = "sm_util", .kind = KIND_U32, PROCESS(sm_util), .min = 0, .max = 100, .unit = UNIT_PERCENT },
	{ .name = "mem_util", .kind = KIND_U32, PROCESS(memory_util), .min = 0, .max = 100, .unit = UNIT_PERCENT },
	{ .name = "enc_util", .kind = KIND_U32, PROCESS(encoder_util), .min = 0, .max = 100, .unit = UNIT_PERCENT },
	{ .name = "dec_util", .kind = KIND_U32, PROCESS(decoder_util), .min = 0, .max = 100, .unit = UNIT_PERCENT },
	{ .name = NULL },
};

int read_processes(struct reader *reader, yaml_node_t *node, void *target)
{
	struct readings *readings = &((struct draft *)target)->readings;
	int count = reader_list(reader, node, PROFILE_MAX_PROCESSES, "processes");

	if (count < 0)
		return -1;
	memset(readings->processes, 0, sizeof(readings->processes));
	for (int i = 0; i < count; i++) {
		struct readings_process *process = &readings->processes[i];
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		size_t length = reader_enter_index(reader, (unsigned int)i);

		process->type = PROFILE_PROCESS_COMPUTE;
		if (reader_section(reader, item, process_keys, process) != 0)
			return -1;
		if (!process->pid)
			return reader_fail(reader, item, "a process with its pid");
		if (process->used_memory != NA_U64)
			process->used_memory <<= 20;
		reader_leave(reader, length);
	}
	readings->process_count = (uint32_t)count;
	return 0;
}

/* --- places by index --- */

int read_slots(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft *draft = target;
	int count = reader_list(reader, node, PROFILE_MAX_SLOTS, "PCI addresses");

	for (int i = 0; i < count; i++) {
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (reader_pci_address(reader, reader_item(reader, node, (unsigned int)i), &draft->slots[i]) != 0)
			return -1;
		reader_leave(reader, length);
	}
	if (count >= 0)
		draft->slot_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

static int read_numbers(struct reader *reader, yaml_node_t *node, const struct key *range, const char *what, uint32_t *numbers, uint32_t *numbers_count)
{
	int count = reader_list(reader, node, PROFILE_MAX_SLOTS, what);

	for (int i = 0; i < count; i++) {
		int64_t value;

		if (read_item(reader, node, (unsigned int)i, range, &value) != 0)
			return -1;
		numbers[i] = (uint32_t)value;
	}
	if (count >= 0)
		*numbers_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

int read_modules(struct reader *reader, yaml_node_t *node, void *target)
{
	static const struct key range = { .min = 0, .max = 255 };
	struct draft *draft = target;

	return read_numbers(reader, node, &range, "module numbers", draft->modules, &draft->module_count);
}

/* --- MIG --- */

static int read_placements(struct reader *reader, yaml_node_t *node, void *target)
{
	static const struct key range = { .min = 0, .max = 15 };
	struct profile_gpu_instance *profile = target;
	int count = reader_list(reader, node, PROFILE_MAX_PLACEMENTS, "placements");

	for (int i = 0; i < count; i++) {
		int64_t value;

		if (read_item(reader, node, (unsigned int)i, &range, &value) != 0)
			return -1;
		profile->placement_start[i] = (uint32_t)value;
	}
	if (count >= 0)
		profile->placement_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

#define INSTANCE(member) .offset = offsetof(struct profile_gpu_instance, member)
#define INSTANCE_U32(key, member, highest)                                                         \
	{ .name = key, .kind = KIND_U32, INSTANCE(member), .min = 0, .max = highest }

static const struct key instance_keys[] = {
	{ .name = "name", .kind = KIND_TEXT, INSTANCE(name), .size = sizeof(((struct profile_gpu_instance *)0)->name) },
	INSTANCE_U32("id", id, 31),
	INSTANCE_U32("profile_id", profile_id, 1000),
	INSTANCE_U32("slices", slices, 16),
	INSTANCE_U32("max_instances", instances_max, 16),
	INSTANCE_U32("multiprocessors", multiprocessors, 1000),
	INSTANCE_U32("copy_engines", copy_engines, 64),
	INSTANCE_U32("decoders", decoders, 64),
	INSTANCE_U32("encoders", encoders, 64),
	INSTANCE_U32("jpegs", jpegs, 64),
	INSTANCE_U32("ofas", ofas, 64),
	{ .name = "memory_mib", .kind = KIND_U64, INSTANCE(memory_mib), .min = 0, .max = 1u << 30, .unit = UNIT_MIB },
	{ .name = "p2p", .kind = KIND_BOOL, INSTANCE(p2p) },
	{ .name = "placements", .kind = KIND_CALL, .call = read_placements },
	INSTANCE_U32("placement_size", placement_size, 16),
	{ .name = NULL },
};

int read_mig_profiles(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_mig *mig = &((struct draft *)target)->board.mig;
	int count = reader_list(reader, node, PROFILE_MAX_GPU_INSTANCE_PROFILES, "GPU instance profiles");

	if (count < 0)
		return -1;
	memset(mig->profiles, 0, sizeof(mig->profiles));
	for (int i = 0; i < count; i++) {
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (reader_section(reader, item, instance_keys, &mig->profiles[i]) != 0)
			return -1;
		if (!mig->profiles[i].name[0] || !mig->profiles[i].slices)
			return reader_fail(reader, item, "a GPU instance profile with name and slices");
		reader_leave(reader, length);
	}
	mig->profile_count = (uint32_t)count;
	return 0;
}

/* --- devices --- */

int read_defaults(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_file *file = target;

	file->defaults.line = (int)node->start_mark.line + 1;
	return reader_section(reader, node, profile_device_keys, &file->defaults);
}

struct device_index {
	uint32_t index;
};

/* The index of a list entry; the other keys are read once it is known. */
static int read_index(struct reader *reader, yaml_node_t *node, uint32_t *index)
{
	static const struct key range = { .min = 0, .max = PROFILE_MAX_DEVICES - 1 };

	if (node->type != YAML_MAPPING_NODE)
		return reader_fail(reader, node, "a mapping");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(&reader->document, pair->key);
		size_t length;
		int64_t value;

		if (!reader_text(name) || strcmp(reader_text(name), "index") != 0)
			continue;
		length = reader_enter(reader, "index");
		if (reader_number(reader, yaml_document_get_node(&reader->document, pair->value), &range, &value) != 0)
			return -1;
		reader_leave(reader, length);
		*index = (uint32_t)value;
	}
	return 0;
}

static int read_device(struct reader *reader, yaml_node_t *node, struct profile_file *file, uint32_t place)
{
	struct draft *draft;
	uint32_t index = place;

	if (read_index(reader, node, &index) != 0)
		return -1;
	if (file->devices[index])
		return reader_fail(reader, node, "an index no other device has (%u is on line %d)", index, file->devices[index]->line);
	draft = malloc(sizeof(*draft));
	if (!draft)
		return reader_fail(reader, node, "memory for another device");
	*draft = file->defaults;
	draft->line = (int)node->start_mark.line + 1;
	draft->place = (int)place;
	file->devices[index] = draft;
	if (index >= file->listed)
		file->listed = index + 1;
	return reader_section(reader, node, profile_override_keys, draft);
}

int read_devices(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_file *file = target;
	int count = reader_list(reader, node, PROFILE_MAX_DEVICES, "devices");

	for (int i = 0; i < count; i++) {
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (read_device(reader, reader_item(reader, node, (unsigned int)i), file, (uint32_t)i) != 0)
			return -1;
		reader_leave(reader, length);
	}
	return count < 0 ? -1 : 0;
}

/* --- NVLink --- */

static int read_switch_address(struct reader *reader, yaml_node_t *node, void *target)
{
	return reader_pci_address(reader, node, target);
}

static const struct key switch_keys[] = {
	{ .name = "bdf", .kind = KIND_CALL, .call = read_switch_address },
	{ .name = "uuid", .kind = KIND_IGNORED, .flags = KEY_QUIET },
	{ .name = NULL },
};

int read_switches(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_file *file = target;
	int count = reader_list(reader, node, PROFILE_MAX_SWITCHES, "switches");

	for (int i = 0; i < count; i++) {
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		size_t length = reader_enter_index(reader, (unsigned int)i);

		file->switches[i].bus = NA_U32;
		if (reader_section(reader, item, switch_keys, &file->switches[i]) != 0)
			return -1;
		if (file->switches[i].bus == NA_U32)
			return reader_fail(reader, item, "a switch with its bdf");
		reader_leave(reader, length);
	}
	if (count >= 0)
		file->switch_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

static int read_remote_address(struct reader *reader, yaml_node_t *node, void *target)
{
	return reader_pci_address(reader, node, &((struct draft_link *)target)->remote);
}

static const struct choice remote_types[] = {
	{ "gpu", PROFILE_REMOTE_GPU }, { "GPU", PROFILE_REMOTE_GPU }, { "ibmnpu", PROFILE_REMOTE_NPU },
	{ "switch", PROFILE_REMOTE_SWITCH }, { "SWITCH", PROFILE_REMOTE_SWITCH }, { "nvswitch", PROFILE_REMOTE_SWITCH },
	{ NULL, 0 },
};

static const struct choice link_states[] = {
	{ "active", 1 }, { "up", 1 }, { "enabled", 1 }, { "inactive", 0 }, { "down", 0 }, { "disabled", 0 }, { NULL, 0 },
};

#define LINK(member) .offset = offsetof(struct draft_link, member)

static const struct key link_keys[] = {
	{ .name = "link", .kind = KIND_U32, LINK(link), .min = 0, .max = PROFILE_MAX_LINKS - 1 },
	{ .name = "state", .kind = KIND_CHOICE, LINK(active), .more = link_states },
	{ .name = "remote_device_type", .kind = KIND_CHOICE, LINK(remote_type), .more = remote_types },
	{ .name = "remote_pci_bus_id", .kind = KIND_CALL, .call = read_remote_address },
	{ .name = "remote_index", .kind = KIND_U32, LINK(remote_index), .min = 0, .max = PROFILE_MAX_DEVICES - 1 },
	{ .name = NULL },
};

static int read_device_link_list(struct reader *reader, yaml_node_t *node, struct profile_file *file, uint32_t device)
{
	int count = reader_list(reader, node, PROFILE_MAX_LINKS, "links");

	if (count > 0 && !file->links)
		file->links = calloc(PROFILE_MAX_DEVICES * PROFILE_MAX_LINKS, sizeof(*file->links));
	for (int i = 0; i < count; i++) {
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		size_t length = reader_enter_index(reader, (unsigned int)i);
		struct draft_link *link;

		if (!file->links || file->link_count == PROFILE_MAX_DEVICES * PROFILE_MAX_LINKS)
			return reader_fail(reader, item, "at most %d links per GPU", PROFILE_MAX_LINKS);
		link = &file->links[file->link_count++];
		*link = (struct draft_link){ .device = device, .link = (uint32_t)i, .active = NA_U32, .remote_type = PROFILE_REMOTE_NONE, .remote.bus = NA_U32, .remote_index = NA_U32, .line = (int)item->start_mark.line + 1 };
		if (reader_section(reader, item, link_keys, link) != 0)
			return -1;
		reader_leave(reader, length);
	}
	return count < 0 ? -1 : 0;
}

int read_links(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_device_link_list(reader, node, target, NA_U32);
}

struct device_links {
	struct profile_file *file;
	uint32_t index;
};

static int read_one_device_links(struct reader *reader, yaml_node_t *node, void *target)
{
	struct device_links *links = target;

	return read_device_link_list(reader, node, links->file, links->index);
}

static const struct key device_links_keys[] = {
	{ .name = "index", .kind = KIND_U32, .offset = offsetof(struct device_links, index), .min = 0, .max = PROFILE_MAX_DEVICES - 1 },
	{ .name = "links", .kind = KIND_CALL, .call = read_one_device_links },
	{ .name = NULL },
};

int read_device_links(struct reader *reader, yaml_node_t *node, void *target)
{
	int count = reader_list(reader, node, PROFILE_MAX_DEVICES, "devices");

	for (int i = 0; i < count; i++) {
		struct device_links links = { target, (uint32_t)i };
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (reader_section(reader, reader_item(reader, node, (unsigned int)i), device_links_keys, &links) != 0)
			return -1;
		reader_leave(reader, length);
	}
	return count < 0 ? -1 : 0;
}

/* --- PCI Express topology --- */

static int read_root_devices(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft_root *root = target;
	int count = reader_list(reader, node, PROFILE_MAX_SLOTS, "PCI addresses");

	for (int i = 0; i < count; i++) {
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (reader_pci_address(reader, reader_item(reader, node, (unsigned int)i), &root->addresses[i]) != 0)
			return -1;
		reader_leave(reader, length);
	}
	if (count >= 0)
		root->address_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

static int read_root_indexes(struct reader *reader, yaml_node_t *node, void *target)
{
	static const struct key range = { .min = 0, .max = PROFILE_MAX_DEVICES - 1 };
	struct draft_root *root = target;

	return read_numbers(reader, node, &range, "device indexes", root->indexes, &root->index_count);
}

static int read_cpus(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft_root *root = target;
	const char *text = reader_text(node);
	bool good = text != NULL;

	while (good && *text) {
		uint32_t first = 0, last = 0;

		good = isdigit((unsigned char)*text);
		for (; isdigit((unsigned char)*text) && first < 10000; text++)
			first = first * 10 + (uint32_t)(*text - '0');
		last = first;
		if (good && *text == '-') {
			text++;
			good = isdigit((unsigned char)*text);
			for (last = 0; isdigit((unsigned char)*text) && last < 10000; text++)
				last = last * 10 + (uint32_t)(*text - '0');
		}
		good = good && first <= last && last < PROFILE_CPU_WORDS * 64 && (!*text || (*text == ',' && text[1]));
		for (uint32_t cpu = first; good && cpu <= last; cpu++)
			root->cpus[cpu / 64] |= (uint64_t)1 << (cpu % 64);
		if (good && *text)
			text++;
	}
	if (!good)
		return reader_fail(reader, node, "CPU numbers such as 0-71 or 0,2,4 (0 to %d)", PROFILE_CPU_WORDS * 64 - 1);
	return 0;
}

static const struct choice root_levels[] = {
	{ "single", 10 }, { "multiple", 20 }, { "hostbridge", 30 }, { NULL, 0 },
};

static const struct key root_keys[] = {
	{ .name = "id", .kind = KIND_IGNORED, .flags = KEY_QUIET },
	{ .name = "numa_node", .kind = KIND_U32, .offset = offsetof(struct draft_root, numa_node), .min = 0, .max = 1023 },
	{ .name = "level", .kind = KIND_CHOICE, .offset = offsetof(struct draft_root, level), .more = root_levels },
	{ .name = "devices", .kind = KIND_CALL, .call = read_root_devices },
	{ .name = "indexes", .kind = KIND_CALL, .call = read_root_indexes },
	{ .name = "cpu_affinity", .kind = KIND_CALL, .call = read_cpus },
	{ .name = NULL },
};

int read_root_complexes(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_file *file = target;
	int count = reader_list(reader, node, PROFILE_MAX_ROOT_COMPLEXES, "root complexes");

	for (int i = 0; i < count; i++) {
		struct draft_root *root = &file->roots[i];
		size_t length = reader_enter_index(reader, (unsigned int)i);

		memset(root, 0, sizeof(*root));
		root->level = 30;
		if (reader_section(reader, reader_item(reader, node, (unsigned int)i), root_keys, root) != 0)
			return -1;
		reader_leave(reader, length);
	}
	if (count >= 0)
		file->root_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}
