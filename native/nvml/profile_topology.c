/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pcie_topology: which GPUs share a root complex, a NUMA node, CPUs. */
#include <ctype.h>
#include <string.h>

#include "profile_internal.h"

static int read_root_devices(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft_root *root = target;
	int count = reader_list(reader, node, PROFILE_MAX_SLOTS, "PCI addresses");

	for (int i = 0; i < count; i++) {
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (reader_pci_address(reader, reader_item(reader, node, (unsigned int)i),
				       &root->addresses[i]) != 0)
			return -1;
		reader_leave(reader, length);
	}
	if (count >= 0)
		root->address_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

static int read_root_indexes(struct reader *reader, yaml_node_t *node, void *target)
{
	static const struct key range = { .kind = KIND_U32,
					  .min = 0,
					  .max = PROFILE_MAX_DEVICES - 1 };
	struct draft_root *root = target;

	return reader_numbers(reader, node, &range, "device indexes", root->indexes,
			      &root->index_count);
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
		good = good && first <= last && last < PROFILE_CPU_WORDS * 64 &&
		       (!*text || (*text == ',' && text[1]));
		for (uint32_t cpu = first; good && cpu <= last; cpu++)
			root->cpus[cpu / 64] |= (uint64_t)1 << (cpu % 64);
		if (good && *text)
			text++;
	}
	if (!good)
		return reader_fail(reader, node, "CPU numbers such as 0-71 or 0,2,4 (0 to %d)",
				   PROFILE_CPU_WORDS * 64 - 1);
	return 0;
}

static const struct choice root_levels[] = {
	{ "single", 10 },
	{ "multiple", 20 },
	{ "hostbridge", 30 },
	{ NULL, 0 },
};

const struct key profile_root_keys[] = {
	{ .name = "id", .kind = KIND_IGNORED, .flags = KEY_QUIET },
	{ .name = "numa_node",
	  .kind = KIND_U32,
	  .offset = offsetof(struct draft_root, numa_node),
	  .min = 0,
	  .max = 1023 },
	{ .name = "level",
	  .kind = KIND_CHOICE,
	  .offset = offsetof(struct draft_root, level),
	  .more = root_levels },
	{ .name = "devices",
	  .kind = KIND_CALL,
	  .call = read_root_devices,
	  .expects = "a list of PCI addresses" },
	{ .name = "indexes",
	  .kind = KIND_CALL,
	  .call = read_root_indexes,
	  .expects = "a list of device indexes" },
	{ .name = "cpu_affinity",
	  .kind = KIND_CALL,
	  .call = read_cpus,
	  .expects = "CPU numbers such as 0-71 or 0,2,4" },
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
		if (reader_section(reader, reader_item(reader, node, (unsigned int)i),
				   profile_root_keys, root) != 0)
			return -1;
		reader_leave(reader, length);
	}
	if (count >= 0)
		file->root_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}
