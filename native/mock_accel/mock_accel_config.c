// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The description of the devices: see mock_accel_config.h. No library is called whose behaviour could
 * differ between the kernel and the tests, so numbers and hashes are made here.
 */
#include "mock_accel_config.h"

#include "mock_accel_uapi.h"

#define MAX_NUMBER (~0ULL)
/* Memory is shown in a 64-bit register, but whoever reads it may count in signed numbers. */
#define MAX_MEMORY (1ULL << 62)

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

static int digit(char c, u32 base)
{
	int value = -1;

	if (c >= '0' && c <= '9')
		value = c - '0';
	else if (c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	return value >= 0 && (u32)value < base ? value : -1;
}

/* Read a number, decimal or after 0x hexadecimal; *end is behind its last digit. */
static int parse_digits(const char *text, u64 *number, const char **end)
{
	u32 base = 10;
	const char *p = text;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	if (digit(*p, base) < 0)
		return -EINVAL;
	for (*number = 0; digit(*p, base) >= 0; p++) {
		u32 value = digit(*p, base);

		/* Eight bits to spare keep the product in range without a 64-bit division. */
		if (*number >> 56)
			return -EINVAL;
		*number = *number * base + value;
	}
	*end = p;
	return 0;
}

static int parse_number(const char *text, u32 *number)
{
	const char *end;
	u64 value;

	if (parse_digits(text, &value, &end) || *end || value > 0xffffffff)
		return -EINVAL;
	*number = value;
	return 0;
}

/* Bytes, or with K, M, G or T behind the number (each 1024 of the former) many of them. */
static int parse_memory(const char *text, u64 *size)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	u64 value;
	u32 shift = 0;

	if (parse_digits(text, &value, &end))
		return -EINVAL;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return -EINVAL;
		shift = 10 * (u32)(unit - units + 1);
	}
	if (value > MAX_NUMBER >> shift)
		return -EINVAL;
	*size = value << shift;
	return 0;
}

static int parse_nodes(const char *text, struct mock_accel_config *config)
{
	u32 count = 0;

	for (; *text; count++) {
		u64 node;

		if (count == MOCK_ACCEL_MAX_NODES || parse_digits(text, &node, &text) ||
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
	size_t length = strlen(value);
	void *target;

	if (!field)
		return -ENOENT;
	/* What is written with echo has a line end. */
	if (length && value[length - 1] == '\n')
		length--;
	if (length >= sizeof(text))
		return -EINVAL;
	memcpy(text, value, length);
	text[length] = 0;

	target = (char *)config + field->offset;
	switch (field->kind) {
	case FIELD_NUMBER:
		return parse_number(text, target);
	case FIELD_MEMORY:
		return parse_memory(text, target);
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
	REFUSE_IF(config->num_pfs < 1 || config->num_pfs > MOCK_ACCEL_MAX_PFS,
		  "num_pfs is %u: it must be 1 to %u", config->num_pfs, MOCK_ACCEL_MAX_PFS);
	REFUSE_IF(config->num_roots < 1 || config->num_roots > MOCK_ACCEL_MAX_ROOTS,
		  "num_roots is %u: it must be 1 to %u", config->num_roots, MOCK_ACCEL_MAX_ROOTS);
	REFUSE_IF(config->num_roots > config->num_pfs,
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
	REFUSE_IF(config->pf_memory < 1 || config->pf_memory > MAX_MEMORY,
		  "pf_memory is %llu: it must be 1 to 4194304T",
		  (unsigned long long)config->pf_memory);
	REFUSE_IF(config->vf_memory < 1 || config->vf_memory > MAX_MEMORY,
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

/* Spread the bits of a number over all of it (the finishing step of a 64-bit hash). */
static u64 spread(u64 value)
{
	value ^= value >> 30;
	value *= 0xbf58476d1ce4e5b9ULL;
	value ^= value >> 27;
	value *= 0x94d049bb133111ebULL;
	return value ^ value >> 31;
}

static u64 hash(const char *seed, u64 salt)
{
	u64 value = spread(salt);

	for (; *seed; seed++)
		value = spread(value ^ (u8)*seed);
	return value;
}

/*
 * A UUID of version 8, whose bits are an application's own affair: they follow from the seed and the
 * function's number alone, so the same host shows the same devices after every load.
 */
static void make_uuid(const char *seed, u32 pf, u32 function, u8 *uuid)
{
	u64 salt = (u64)pf << 8 | function;
	u64 half[2] = { hash(seed, salt << 1), hash(seed, salt << 1 | 1) };

	for (u32 i = 0; i < 16; i++)
		uuid[i] = half[i / 8] >> (56 - i % 8 * 8);
	uuid[6] = (uuid[6] & 0x0f) | 0x80;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

void mock_accel_config_function(const struct mock_accel_config *config, u32 pf, u32 function,
				struct mock_accel_function_config *description)
{
	bool is_vf = function > 0;

	memset(description, 0, sizeof(*description));
	description->vendor = MOCK_ACCEL_VENDOR_ID;
	description->device = is_vf ? MOCK_ACCEL_VF_DEVICE_ID : MOCK_ACCEL_PF_DEVICE_ID;
	description->subsystem_vendor = description->vendor;
	description->subsystem_device = description->device;
	description->class = MOCK_ACCEL_CLASS;
	description->revision = 1;
	make_uuid(config->uuid_seed, pf, function, description->uuid);
	description->memory_size = is_vf ? config->vf_memory : config->pf_memory;
	description->capabilities = MOCK_ACCEL_CAP_PASSPHRASE;
	description->link_speed = config->link_speed;
	description->link_width = config->link_width;
	description->is_vf = is_vf;
	if (is_vf) {
		description->capabilities |= MOCK_ACCEL_CAP_VF;
	} else if (config->total_vfs) {
		description->capabilities |= MOCK_ACCEL_CAP_SRIOV;
		description->total_vfs = config->total_vfs;
		description->vf_device = MOCK_ACCEL_VF_DEVICE_ID;
	}
}
