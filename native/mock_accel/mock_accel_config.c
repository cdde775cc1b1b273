// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The description of the devices: see mock_accel_config.h.
 */
#include "mock_accel_config.h"

#include "mock_accel_text.h"
#include "mock_accel_uapi.h"

enum field_kind { FIELD_NUMBER, FIELD_MEMORY, FIELD_SEED, FIELD_NODES };

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
};

#define FIELD(name, kind) { #name, kind, offsetof(struct mock_accel_config, name) }

static const struct field fields[] = {
	FIELD(num_pfs, FIELD_NUMBER),	   FIELD(total_vfs, FIELD_NUMBER),
	FIELD(num_vfs, FIELD_NUMBER),	   FIELD(num_roots, FIELD_NUMBER),
	FIELD(first_domain, FIELD_NUMBER), FIELD(pf_memory, FIELD_MEMORY),
	FIELD(vf_memory, FIELD_MEMORY),	   FIELD(link_speed, FIELD_NUMBER),
	FIELD(link_width, FIELD_NUMBER),   FIELD(uuid_seed, FIELD_SEED),
	FIELD(numa_nodes, FIELD_NODES),
};

static const struct field *find_field(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static int parse_nodes(const char *text, struct mock_accel_config *config)
{
	u32 count = 0;

	for (; *text; count++) {
		u64 node;

		if (count == MOCK_ACCEL_MAX_NODES || mock_accel_text_digits(text, &node, &text) ||
		    node > 0xffff)
			return -EINVAL;
		if (*text == ',' && text[1])
			text++;
		else if (*text)
			return -EINVAL;
		config->numa_nodes[count] = node;
	}
	config->node_count = count;
	return 0;
}

static int parse_seed(const char *text, char *seed)
{
	size_t length = strlen(text);

	if (length >= MOCK_ACCEL_SEED_SIZE)
		return -EINVAL;
	memcpy(seed, text, length + 1);
	return 0;
}

int mock_accel_config_set(struct mock_accel_config *config, const char *name, const char *value)
{
	const struct field *field = find_field(name);
	char text[MOCK_ACCEL_SEED_SIZE + 8 * MOCK_ACCEL_MAX_NODES];
	void *target;

	if (!field)
		return -ENOENT;
	if (mock_accel_text_copy(text, sizeof(text), value))
		return -EINVAL;

	target = (char *)config + field->offset;
	switch (field->kind) {
	case FIELD_NUMBER:
		return mock_accel_text_number(text, target);
	case FIELD_MEMORY:
		return mock_accel_text_memory(text, target);
	case FIELD_SEED:
		return parse_seed(text, target);
	case FIELD_NODES:
		return parse_nodes(text, config);
	}
	return -ENOENT;
}

static int print_nodes(const struct mock_accel_config *config, char *text, size_t size)
{
	int length = 0;

	if (size)
		text[0] = 0;
	for (u32 i = 0; i < config->node_count; i++) {
		size_t room = (size_t)length < size ? size - length : 0;

		length += snprintf(room ? text + length : NULL, room, i ? ",%u" : "%u",
				   (u32)config->numa_nodes[i]);
	}
	return length;
}

int mock_accel_config_get(const struct mock_accel_config *config, const char *name, char *text,
			  size_t size)
{
	const struct field *field = find_field(name);
	const void *source;

	if (!field)
		return -ENOENT;
	source = (const char *)config + field->offset;
	switch (field->kind) {
	case FIELD_NUMBER:
		return snprintf(text, size, "%u", *(const u32 *)source);
	case FIELD_MEMORY:
		return snprintf(text, size, "%llu", (unsigned long long)*(const u64 *)source);
	case FIELD_SEED:
		return snprintf(text, size, "%s", (const char *)source);
	case FIELD_NODES:
		return print_nodes(config, text, size);
	}
	return -ENOENT;
}

/* The reason is written by whichever rule is broken first. */
#define REFUSE_IF(condition, ...)                              \
	do {                                                   \
		if (condition) {                               \
			snprintf(reason, size, ##__VA_ARGS__); \
			return -EINVAL;                        \
		}                                              \
	} while (0)

static int validate_counts(const struct mock_accel_config *config, char *reason, size_t size)
{
	REFUSE_IF(config->num_pfs > MOCK_ACCEL_MAX_PFS, "num_pfs is %u: it must be 0 to %u",
		  config->num_pfs, MOCK_ACCEL_MAX_PFS);
	REFUSE_IF(config->num_roots < 1 || config->num_roots > MOCK_ACCEL_MAX_ROOTS,
		  "num_roots is %u: it must be 1 to %u", config->num_roots, MOCK_ACCEL_MAX_ROOTS);
	REFUSE_IF(config->num_roots > 1 && config->num_roots > config->num_pfs,
		  "num_roots is %u with num_pfs %u: each root bus needs a physical function",
		  config->num_roots, config->num_pfs);
	REFUSE_IF(config->num_pfs > config->num_roots * MOCK_ACCEL_SLOTS,
		  "num_pfs is %u with num_roots %u: a root bus holds at most %u", config->num_pfs,
		  config->num_roots, MOCK_ACCEL_SLOTS);
	REFUSE_IF(config->total_vfs > MOCK_ACCEL_MAX_VFS, "total_vfs is %u: it must be 0 to %u",
		  config->total_vfs, MOCK_ACCEL_MAX_VFS);
	REFUSE_IF(config->num_vfs > config->total_vfs,
		  "num_vfs is %u: it must be at most total_vfs, which is %u", config->num_vfs,
		  config->total_vfs);
	return 0;
}

int mock_accel_config_validate(const struct mock_accel_config *config, char *reason, size_t size)
{
	u32 width = config->link_width;
	int error = validate_counts(config, reason, size);

	if (error)
		return error;
	/* Domain 0 belongs to the machine; above 0xffff are those that no firmware gave out, and what
	 * derives a device's root from its path knows four digits. */
	REFUSE_IF(config->first_domain < 1 || config->first_domain > 0x10000 - config->num_roots,
		  "first_domain is 0x%x with num_roots %u: domains must be 0x1 to 0xffff",
		  config->first_domain, config->num_roots);
	REFUSE_IF(config->pf_memory < 1 || config->pf_memory > MOCK_ACCEL_MAX_MEMORY,
		  "pf_memory is %llu: it must be 1 to 4194304T",
		  (unsigned long long)config->pf_memory);
	REFUSE_IF(config->vf_memory < 1 || config->vf_memory > MOCK_ACCEL_MAX_MEMORY,
		  "vf_memory is %llu: it must be 1 to 4194304T",
		  (unsigned long long)config->vf_memory);
	REFUSE_IF(config->link_speed < 1 || config->link_speed > 6,
		  "link_speed is %u: it must be the number of a PCI Express generation, 1 to 6",
		  config->link_speed);
	REFUSE_IF(width < 1 || width > 32 || (width & (width - 1)),
		  "link_width is %u: it must be 1, 2, 4, 8, 16 or 32", width);
	return 0;
}

u32 mock_accel_config_root_pfs(const struct mock_accel_config *config, u32 root)
{
	u32 rest = config->num_pfs % config->num_roots;

	return config->num_pfs / config->num_roots + (root < rest ? 1 : 0);
}

struct mock_accel_place mock_accel_config_place(const struct mock_accel_config *config, u32 pf)
{
	struct mock_accel_place place = { 0, pf };

	while (place.slot >= mock_accel_config_root_pfs(config, place.root))
		place.slot -= mock_accel_config_root_pfs(config, place.root++);
	return place;
}

void mock_accel_config_pf(const struct mock_accel_config *config, u32 number,
			  struct mock_accel_pf *pf)
{
	struct mock_accel_place place = { 0, MOCK_ACCEL_ANY };

	if (number < config->num_pfs)
		place = mock_accel_config_place(config, number);
	memset(pf, 0, sizeof(*pf));
	pf->vendor = MOCK_ACCEL_VENDOR_ID;
	pf->device = MOCK_ACCEL_PF_DEVICE_ID;
	pf->subsystem_vendor = MOCK_ACCEL_VENDOR_ID;
	pf->subsystem_device = MOCK_ACCEL_PF_DEVICE_ID;
	pf->vf_device = MOCK_ACCEL_VF_DEVICE_ID;
	pf->class = MOCK_ACCEL_CLASS;
	pf->revision = 1;
	pf->registers = 1;
	pf->total_vfs = config->total_vfs;
	pf->link_speed = config->link_speed;
	pf->link_width = config->link_width;
	pf->memory_size = config->pf_memory;
	pf->vf_memory_size = config->vf_memory;
	pf->domain = config->first_domain + place.root;
	pf->slot = place.slot;
	pf->numa_node = MOCK_ACCEL_ANY;
	if (number < config->num_pfs && config->node_count)
		pf->numa_node = config->numa_nodes[place.root % config->node_count];
	mock_accel_pf_identify(pf, number, config->uuid_seed);
}
