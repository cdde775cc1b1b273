/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of a GPU: processes, PCI slots and modules by index, MIG profiles. */
#include <string.h>

#include "profile_internal.h"

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

const struct key profile_process_keys[] = {
	{ .name = "pid", .kind = KIND_U32, PROCESS(pid), .min = 1, .max = 4194304 },
	{ .name = "type",
	  .kind = KIND_CALL,
	  .call = read_process_type,
	  .expects = "C, G, M, or several of them as in C+G" },
	{ .name = "name",
	  .kind = KIND_TEXT,
	  PROCESS(name),
	  .size = sizeof(((struct readings_process *)0)->name) },
	{ .name = "used_memory_mib",
	  .kind = KIND_U64,
	  PROCESS(used_memory),
	  .min = 0,
	  .max = 1u << 30,
	  .unit = UNIT_MIB,
	  .flags = KEY_NA },
	{ .name = "sm_util",
	  .kind = KIND_U32,
	  PROCESS(sm_util),
	  .min = 0,
	  .max = 100,
	  .unit = UNIT_PERCENT },
	{ .name = "mem_util",
	  .kind = KIND_U32,
	  PROCESS(memory_util),
	  .min = 0,
	  .max = 100,
	  .unit = UNIT_PERCENT },
	{ .name = "enc_util",
	  .kind = KIND_U32,
	  PROCESS(encoder_util),
	  .min = 0,
	  .max = 100,
	  .unit = UNIT_PERCENT },
	{ .name = "dec_util",
	  .kind = KIND_U32,
	  PROCESS(decoder_util),
	  .min = 0,
	  .max = 100,
	  .unit = UNIT_PERCENT },
	{ .name = NULL },
};

int read_processes(struct reader *reader, yaml_node_t *node, void *target)
{
	struct readings_processes *processes = &((struct draft *)target)->processes;
	int count = reader_list(reader, node, PROFILE_MAX_PROCESSES, "processes");

	if (count < 0)
		return -1;
	memset(processes, 0, sizeof(*processes));
	for (int i = 0; i < count; i++) {
		struct readings_process *process = &processes->list[i];
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		size_t length = reader_enter_index(reader, (unsigned int)i);

		process->type = PROFILE_PROCESS_COMPUTE;
		if (reader_section(reader, item, profile_process_keys, process) != 0)
			return -1;
		if (!process->pid)
			return reader_fail(reader, item, "a process with its pid");
		if (process->used_memory != NA_U64)
			process->used_memory <<= 20;
		reader_leave(reader, length);
	}
	processes->count = (uint32_t)count;
	return 0;
}

/* --- places by index --- */

int read_slots(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft *draft = target;
	int count = reader_list(reader, node, PROFILE_MAX_SLOTS, "PCI addresses");

	for (int i = 0; i < count; i++) {
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (reader_pci_address(reader, reader_item(reader, node, (unsigned int)i),
				       &draft->slots[i]) != 0)
			return -1;
		reader_leave(reader, length);
	}
	if (count >= 0)
		draft->slot_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

int reader_numbers(struct reader *reader, yaml_node_t *node, const struct key *range,
		   const char *what, uint32_t *numbers, uint32_t *numbers_count)
{
	int count = reader_list(reader, node, PROFILE_MAX_SLOTS, what);

	for (int i = 0; i < count; i++) {
		int64_t value;

		if (reader_number_item(reader, node, (unsigned int)i, range, &value) != 0)
			return -1;
		numbers[i] = (uint32_t)value;
	}
	if (count >= 0)
		*numbers_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

int read_modules(struct reader *reader, yaml_node_t *node, void *target)
{
	static const struct key range = { .kind = KIND_U32, .min = 0, .max = 255 };
	struct draft *draft = target;

	return reader_numbers(reader, node, &range, "module numbers", draft->modules,
			      &draft->module_count);
}

int read_memory_nodes(struct reader *reader, yaml_node_t *node, void *target)
{
	static const struct key range = { .kind = KIND_U32, .min = 0, .max = 1023 };
	struct draft *draft = target;

	return reader_numbers(reader, node, &range, "NUMA nodes", draft->memory_nodes,
			      &draft->memory_node_count);
}

/* --- MIG --- */

static int read_placements(struct reader *reader, yaml_node_t *node, void *target)
{
	static const struct key range = { .kind = KIND_U32, .min = 0, .max = 15 };
	struct profile_gpu_instance *profile = target;
	int count = reader_list(reader, node, PROFILE_MAX_PLACEMENTS, "placements");

	for (int i = 0; i < count; i++) {
		int64_t value;

		if (reader_number_item(reader, node, (unsigned int)i, &range, &value) != 0)
			return -1;
		profile->placement_start[i] = (uint32_t)value;
	}
	if (count >= 0)
		profile->placement_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

#define INSTANCE(member) .offset = offsetof(struct profile_gpu_instance, member)
#define INSTANCE_U32(key, member, highest) \
	{ .name = key, .kind = KIND_U32, INSTANCE(member), .min = 0, .max = highest }

const struct key profile_instance_keys[] = {
	{ .name = "name",
	  .kind = KIND_TEXT,
	  INSTANCE(name),
	  .size = sizeof(((struct profile_gpu_instance *)0)->name) },
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
	{ .name = "memory_mib",
	  .kind = KIND_U64,
	  INSTANCE(memory_mib),
	  .min = 0,
	  .max = 1u << 30,
	  .unit = UNIT_MIB },
	{ .name = "p2p", .kind = KIND_BOOL, INSTANCE(p2p) },
	{ .name = "placements",
	  .kind = KIND_CALL,
	  .call = read_placements,
	  .expects = "a list of first slices" },
	INSTANCE_U32("placement_size", placement_size, 16),
	{ .name = NULL },
};

#define MEMORY_SLICES 8

/* As every board's do: what lies otherwise would have the id of another instance. */
static bool placements_fit(const struct profile_gpu_instance *profile)
{
	uint32_t block = 1;

	while (block < profile->placement_size)
		block *= 2;
	for (uint32_t i = 0; i < profile->placement_count; i++) {
		uint32_t start = profile->placement_start[i];

		if (!profile->placement_size || start % block || start + block > MEMORY_SLICES)
			return false;
	}
	return true;
}

int read_mig_profiles(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_mig *mig = &((struct draft *)target)->board.mig;
	int count = reader_list(reader, node, PROFILE_MAX_GPU_INSTANCE_PROFILES,
				"GPU instance profiles");

	if (count < 0)
		return -1;
	memset(mig->profiles, 0, sizeof(mig->profiles));
	for (int i = 0; i < count; i++) {
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (reader_section(reader, item, profile_instance_keys, &mig->profiles[i]) != 0)
			return -1;
		if (!mig->profiles[i].name[0] || !mig->profiles[i].slices)
			return reader_fail(reader, item,
					   "a GPU instance profile with name and slices");
		if (!placements_fit(&mig->profiles[i]))
			return reader_fail(
				reader, item,
				"placements within 8 slices, at multiples of their size");
		reader_leave(reader, length);
	}
	mig->profile_count = (uint32_t)count;
	return 0;
}
