// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The description of one physical function: see mock_accel_pf.h.
 */
#include "mock_accel_pf.h"

#include "mock_accel_text.h"
#include "mock_accel_uapi.h"

/* As the PCI database numbers them: the base class, and base class with subclass. */
#define BASE_CLASS_BRIDGE 0x06
#define CLASS_IDE 0x0101

#define UUID_TEXT 36

enum field_kind {
	FIELD_NUMBER,
	FIELD_HEX, /* with as many digits as its largest value has */
	FIELD_CHOICE, /* a number or -1 */
	FIELD_WIDTH,
	FIELD_CLASS,
	FIELD_MEMORY,
	FIELD_UUID,
	FIELD_ROOT_BUS,
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	u32 min;
	u32 max;
};

#define FIELD(name, kind, min, max) { #name, kind, offsetof(struct mock_accel_pf, name), min, max }

static const struct field fields[] = {
	/* Ids that are all zeros or all ones mean to the system that nothing is there; vendor 1 is what a
	 * device answers that wants to be asked again, which the system does for a minute. */
	FIELD(vendor, FIELD_HEX, 2, 0xfffe),
	FIELD(device, FIELD_HEX, 0, 0xfffe),
	FIELD(subsystem_vendor, FIELD_HEX, 0, 0xffff),
	FIELD(subsystem_device, FIELD_HEX, 0, 0xffff),
	FIELD(vf_device, FIELD_HEX, 0, 0xfffe),
	FIELD(class, FIELD_CLASS, 0, 0xffffff),
	FIELD(revision, FIELD_HEX, 0, 0xff),
	FIELD(registers, FIELD_NUMBER, 0, 1),
	FIELD(total_vfs, FIELD_NUMBER, 0, MOCK_ACCEL_MAX_VFS),
	FIELD(link_speed, FIELD_NUMBER, 1, 6),
	FIELD(link_width, FIELD_WIDTH, 1, 32),
	FIELD(memory_size, FIELD_MEMORY, 0, 0),
	FIELD(vf_memory_size, FIELD_MEMORY, 0, 0),
	FIELD(slot, FIELD_CHOICE, 0, MOCK_ACCEL_SLOTS - 1),
	FIELD(numa_node, FIELD_CHOICE, 0, 0xffff),
	FIELD(uuid, FIELD_UUID, 0, 0),
	{ "root_bus", FIELD_ROOT_BUS, 0, 0, 0 },
};

static const struct field *find_field(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

/* --- identity --- */

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
static void make_uuid(const char *seed, u32 number, u32 function, u8 *uuid)
{
	u64 salt = (u64)number << 8 | function;
	u64 half[2] = { hash(seed, salt << 1), hash(seed, salt << 1 | 1) };

	for (u32 i = 0; i < MOCK_ACCEL_UUID_BYTES; i++)
		uuid[i] = half[i / 8] >> (56 - i % 8 * 8);
	uuid[6] = (uuid[6] & 0x0f) | 0x80;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

void mock_accel_pf_identify(struct mock_accel_pf *pf, u32 number, const char *uuid_seed)
{
	pf->number = number;
	make_uuid(uuid_seed, number, 0, pf->uuid);
}

/* Which characters of a UUID's text are hyphens, and not digits. */
static bool is_hyphen(u32 position)
{
	return position == 8 || position == 13 || position == 18 || position == 23;
}

static int print_uuid(const u8 *uuid, char *text, size_t size)
{
	char printed[UUID_TEXT + 1];
	u32 digits = 0;

	for (u32 i = 0; i < UUID_TEXT; i++) {
		if (is_hyphen(i)) {
			printed[i] = '-';
			continue;
		}
		printed[i] = "0123456789abcdef"[uuid[digits / 2] >> (digits % 2 ? 0 : 4) & 0xf];
		digits++;
	}
	printed[UUID_TEXT] = 0;
	return snprintf(text, size, "%s", printed);
}

/* --- reading --- */

static int parse_uuid(const char *text, struct mock_accel_pf *pf)
{
	u8 uuid[MOCK_ACCEL_UUID_BYTES] = { 0 };
	u32 digits = 0;

	if (strlen(text) != UUID_TEXT)
		return -EINVAL;
	for (u32 i = 0; i < UUID_TEXT; i++) {
		int value = mock_accel_text_digit(text[i], 16);

		if (is_hyphen(i) ? text[i] != '-' : value < 0)
			return -EINVAL;
		if (is_hyphen(i))
			continue;
		uuid[digits / 2] |= value << (digits % 2 ? 0 : 4);
		digits++;
	}
	memcpy(pf->uuid, uuid, sizeof(uuid));
	return 0;
}

/* As addresses are written: hexadecimal without 0x, all digits of the bus. */
static int parse_root_bus(const char *text, struct mock_accel_pf *pf)
{
	u32 domain = 0, bus = 0;

	if (strlen(text) != 7 || text[4] != ':')
		return -EINVAL;
	for (u32 i = 0; i < 7; i++) {
		int value = mock_accel_text_digit(text[i], 16);

		if (i == 4)
			continue;
		if (value < 0)
			return -EINVAL;
		if (i < 4)
			domain = domain << 4 | value;
		else
			bus = bus << 4 | value;
	}
	if (!domain)
		return -EINVAL;
	pf->domain = domain;
	pf->bus = bus;
	return 0;
}

static int parse_ranged(const struct field *field, const char *text, u32 *value)
{
	u32 number;

	if (mock_accel_text_number(text, &number) || number < field->min || number > field->max)
		return -EINVAL;
	*value = number;
	return 0;
}

static int parse_choice(const struct field *field, const char *text, s32 *value)
{
	u32 number;

	if (strcmp(text, "-1") == 0) {
		*value = MOCK_ACCEL_ANY;
		return 0;
	}
	if (parse_ranged(field, text, &number))
		return -EINVAL;
	*value = number;
	return 0;
}

static int parse_memory(const char *text, u64 *size)
{
	u64 value;

	if (mock_accel_text_memory(text, &value) || value < 1 || value > MOCK_ACCEL_MAX_MEMORY)
		return -EINVAL;
	*size = value;
	return 0;
}

static int parse_width(const struct field *field, const char *text, u32 *width)
{
	u32 value;

	if (parse_ranged(field, text, &value) || (value & (value - 1)))
		return -EINVAL;
	*width = value;
	return 0;
}

/*
 * The system itself takes hold of bridges and of IDE controllers, by registers that are not here.
 */
static int parse_class(const struct field *field, const char *text, u32 *class)
{
	u32 value;

	if (parse_ranged(field, text, &value) || value >> 16 == BASE_CLASS_BRIDGE ||
	    value >> 8 == CLASS_IDE)
		return -EINVAL;
	*class = value;
	return 0;
}

static int parse(struct mock_accel_pf *pf, const struct field *field, const char *text)
{
	void *target = (char *)pf + field->offset;

	switch (field->kind) {
	case FIELD_NUMBER:
	case FIELD_HEX:
		return parse_ranged(field, text, target);
	case FIELD_CHOICE:
		return parse_choice(field, text, target);
	case FIELD_WIDTH:
		return parse_width(field, text, target);
	case FIELD_CLASS:
		return parse_class(field, text, target);
	case FIELD_MEMORY:
		return parse_memory(text, target);
	case FIELD_UUID:
		return parse_uuid(text, pf);
	case FIELD_ROOT_BUS:
		return parse_root_bus(text, pf);
	}
	return -ENOENT;
}

static void expect(const struct field *field, char *text, size_t size)
{
	switch (field->kind) {
	case FIELD_NUMBER:
		snprintf(text, size, "%u to %u", field->min, field->max);
		break;
	case FIELD_HEX:
		snprintf(text, size, "0x%x to 0x%x", field->min, field->max);
		break;
	case FIELD_CHOICE:
		snprintf(text, size, "%u to %u, or -1 for any", field->min, field->max);
		break;
	case FIELD_WIDTH:
		snprintf(text, size, "1, 2, 4, 8, 16 or 32");
		break;
	case FIELD_CLASS:
		snprintf(text, size, "0x0 to 0xffffff, neither a bridge nor an IDE controller");
		break;
	case FIELD_MEMORY:
		snprintf(text, size, "1 to 4194304T");
		break;
	case FIELD_UUID:
		snprintf(text, size, "32 hexadecimal digits with four hyphens");
		break;
	case FIELD_ROOT_BUS:
		snprintf(text, size, "DDDD:BB in hexadecimal digits, with a domain above 0000");
		break;
	}
}

int mock_accel_pf_set(struct mock_accel_pf *pf, const char *name, const char *value, char *reason,
		      size_t size)
{
	const struct field *field = find_field(name);
	char text[64], expected[80];

	if (!field) {
		snprintf(reason, size, "there is no setting %s", name);
		return -ENOENT;
	}
	if (mock_accel_text_copy(text, sizeof(text), value) == 0 && parse(pf, field, text) == 0)
		return 0;
	expect(field, expected, sizeof(expected));
	snprintf(reason, size, "%s must be %s", name, expected);
	return -EINVAL;
}

/* --- writing --- */

static int hex_digits(u32 max)
{
	return max > 0xffff ? 6 : max > 0xff ? 4 : 2;
}

int mock_accel_pf_get(const struct mock_accel_pf *pf, const char *name, char *text, size_t size)
{
	const struct field *field = find_field(name);
	const void *source;

	if (!field)
		return -ENOENT;
	source = (const char *)pf + field->offset;
	switch (field->kind) {
	case FIELD_NUMBER:
	case FIELD_WIDTH:
		return snprintf(text, size, "%u", *(const u32 *)source);
	case FIELD_HEX:
	case FIELD_CLASS:
		return snprintf(text, size, "0x%0*x", hex_digits(field->max), *(const u32 *)source);
	case FIELD_CHOICE:
		return snprintf(text, size, "%d", *(const s32 *)source);
	case FIELD_MEMORY:
		return snprintf(text, size, "%llu", (unsigned long long)*(const u64 *)source);
	case FIELD_UUID:
		return print_uuid(source, text, size);
	case FIELD_ROOT_BUS:
		return snprintf(text, size, "%04x:%02x", pf->domain, pf->bus);
	}
	return -ENOENT;
}

/* --- its functions --- */

void mock_accel_pf_function(const struct mock_accel_pf *pf, u32 function,
			    struct mock_accel_function_config *description)
{
	char uuid[UUID_TEXT + 1];
	bool is_vf = function > 0;

	memset(description, 0, sizeof(*description));
	description->vendor = pf->vendor;
	description->device = is_vf ? pf->vf_device : pf->device;
	description->subsystem_vendor = pf->subsystem_vendor;
	description->subsystem_device = is_vf ? pf->vf_device : pf->subsystem_device;
	description->class = pf->class;
	description->revision = pf->revision;
	description->registers = pf->registers;
	description->link_speed = pf->link_speed;
	description->link_width = pf->link_width;
	description->memory_size = is_vf ? pf->vf_memory_size : pf->memory_size;
	description->capabilities = MOCK_ACCEL_CAP_PASSPHRASE;
	description->is_vf = is_vf;
	if (is_vf) {
		description->capabilities |= MOCK_ACCEL_CAP_VF;
		print_uuid(pf->uuid, uuid, sizeof(uuid));
		make_uuid(uuid, 0, function, description->uuid);
		return;
	}
	memcpy(description->uuid, pf->uuid, sizeof(pf->uuid));
	if (pf->total_vfs) {
		description->capabilities |= MOCK_ACCEL_CAP_SRIOV;
		description->total_vfs = pf->total_vfs;
		description->vf_device = pf->vf_device;
	}
}
