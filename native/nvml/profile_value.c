/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Single values by their keys: texts, choices, numbers, addresses. */
#include <stdio.h>
#include <string.h>

#include "profile_internal.h"

int reader_fail_value(struct reader *reader, yaml_node_t *node, const struct key *key)
{
	char expected[240];

	key_expected(key, expected, sizeof(expected));
	return reader_fail(reader, node, "%s", expected);
}

/* --- addresses --- */

static bool parse_hex(const char **text, unsigned int max_digits, uint32_t *value)
{
	unsigned int digits = 0;

	for (*value = 0; digits < max_digits; digits++, (*text)++) {
		char c = **text;

		if (c >= '0' && c <= '9')
			*value = *value * 16 + (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			*value = *value * 16 + (uint32_t)((c | 32) - 'a' + 10);
		else
			break;
	}
	return digits > 0;
}

/* DDDD:BB:DD.F, DDDDDDDD:BB:DD.F, or BB:DD.F without a domain */
static bool parse_pci_address(const char *text, struct pci_address *address)
{
	uint32_t first, second;

	if (!parse_hex(&text, 8, &first) || *text++ != ':' || !parse_hex(&text, 2, &second))
		return false;
	if (*text == ':') {
		text++;
		address->domain = first;
		address->bus = second;
		if (!parse_hex(&text, 2, &address->device))
			return false;
	} else {
		address->domain = NA_U32;
		address->bus = first;
		address->device = second;
	}
	if (*text++ != '.' || !parse_hex(&text, 1, &address->function) || *text)
		return false;
	return (address->domain == NA_U32 || address->domain <= 0xffff) && address->bus <= 0xff &&
	       address->device <= 0x1f && address->function <= 7;
}

int reader_pci_address(struct reader *reader, yaml_node_t *node, struct pci_address *address)
{
	const char *text = reader_text(node);
	struct pci_address read;

	if (!text || !parse_pci_address(text, &read))
		return reader_fail(reader, node, "a PCI address such as 0000:07:00.0 or 07:00.0");
	*address = read;
	return 0;
}

/* --- values by key --- */

static bool is_na(const char *text)
{
	return strcmp(text, "N/A") == 0 || strcmp(text, "n/a") == 0 || strcmp(text, "NA") == 0;
}

static int read_text(struct reader *reader, yaml_node_t *node, const struct key *key, char *out)
{
	const char *text = reader_text(node);
	size_t length = text ? node->data.scalar.length : 0;

	if (!text)
		return reader_fail_value(reader, node, key);
	if (key->flags & KEY_NA && is_na(text)) {
		*out = '\0';
		return 0;
	}
	if (length >= key->size)
		return reader_fail_value(reader, node, key);
	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return reader_fail(reader, node, "a text of plain ASCII characters");
	memset(out, 0, key->size);
	memcpy(out, text, length);
	return 0;
}

static const struct choice booleans[] = {
	{ "true", 1 }, { "false", 0 }, { "True", 1 }, { "False", 0 }, { "TRUE", 1 }, { "FALSE", 0 },
	{ "yes", 1 },  { "no", 0 },    { "on", 1 },   { "off", 0 },   { NULL, 0 },
};

static const struct choice switches[] = {
	{ "enabled", 1 }, { "disabled", 0 }, { "Enabled", 1 }, { "Disabled", 0 },
	{ "true", 1 },	  { "false", 0 },    { NULL, 0 },
};

static const struct choice *find_choice(const struct choice *choices, const char *text)
{
	for (; choices->name; choices++)
		if (strcmp(choices->name, text) == 0)
			return choices;
	return NULL;
}

static void list_choices(const struct choice *choices, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "one of");
	bool first = true;

	for (; choices->name && used < size; choices++) {
		if (!*choices->name)
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s %s", first ? "" : ",",
					 choices->name);
		first = false;
	}
}

void key_expected(const struct key *key, char *out, size_t size)
{
	size_t length;

	*out = '\0';
	switch ((enum kind)key->kind) {
	case KIND_TEXT:
		snprintf(out, size, "a text of at most %u characters", key->size - 1);
		break;
	case KIND_U32:
	case KIND_I32:
	case KIND_U64:
		number_expected(key, out, size);
		break;
	case KIND_BOOL:
	case KIND_BIT:
		snprintf(out, size, "true or false");
		break;
	case KIND_ENABLED:
		snprintf(out, size, "enabled or disabled");
		break;
	case KIND_CHOICE:
		list_choices(key->more, out, size);
		break;
	case KIND_CALL:
		snprintf(out, size, "%s", key->expects ? key->expects : "a list");
		break;
	case KIND_SECTION:
		snprintf(out, size, "a mapping");
		break;
	case KIND_IGNORED:
		snprintf(out, size, "%s",
			 key->expects ? key->expects : "anything: it has no effect");
		break;
	}
	length = strlen(out);
	if (key->flags & KEY_NA)
		snprintf(out + length, size - length, ", or N/A");
}

static int read_choice(struct reader *reader, yaml_node_t *node, const struct key *key,
		       const struct choice *choices, uint32_t *value)
{
	const char *text = reader_text(node);
	const struct choice *choice = text ? find_choice(choices, text) : NULL;

	if (choice)
		*value = choice->value;
	else if (text && key->flags & KEY_NA && is_na(text))
		*value = NA_U32;
	else
		return reader_fail_value(reader, node, key);
	return 0;
}

static int read_bit(struct reader *reader, yaml_node_t *node, const struct key *key, uint64_t *mask)
{
	uint32_t value;

	if (read_choice(reader, node, key, booleans, &value) != 0)
		return -1;
	*mask = value ? *mask | key->max : *mask & ~key->max;
	return 0;
}

static int read_number(struct reader *reader, yaml_node_t *node, const struct key *key, void *field)
{
	const char *text = reader_text(node);
	bool na = text && key->flags & KEY_NA && is_na(text);
	int64_t value = 0;

	if (!na && reader_number(reader, node, key, &value) != 0)
		return -1;
	if (key->kind == KIND_U32)
		*(uint32_t *)field = na ? NA_U32 : (uint32_t)value;
	else if (key->kind == KIND_I32)
		*(int32_t *)field = na ? NA_I32 : (int32_t)value;
	else
		*(uint64_t *)field = na ? NA_U64 : (uint64_t)value;
	return 0;
}

int reader_value(struct reader *reader, yaml_node_t *node, const struct key *key, void *target)
{
	void *field = (char *)target + key->offset;

	switch ((enum kind)key->kind) {
	case KIND_TEXT:
		return read_text(reader, node, key, field);
	case KIND_U32:
	case KIND_I32:
	case KIND_U64:
		return read_number(reader, node, key, field);
	case KIND_BOOL:
		return read_choice(reader, node, key, booleans, field);
	case KIND_ENABLED:
		return read_choice(reader, node, key, switches, field);
	case KIND_BIT:
		return read_bit(reader, node, key, field);
	case KIND_CHOICE:
		return read_choice(reader, node, key, key->more, field);
	case KIND_SECTION:
		return reader_section(reader, node, key->more, target);
	case KIND_CALL:
		return key->call(reader, node, target);
	case KIND_IGNORED:
		if (!(key->flags & KEY_QUIET))
			reader_note(reader, node);
		return 0;
	}
	return -1;
}

void keys_reset(const struct key *keys, void *target)
{
	for (; keys->name; keys++) {
		void *field = (char *)target + keys->offset;
		bool na = (keys->flags & KEY_NA && !(keys->flags & KEY_ZERO)) ||
			  keys->flags & KEY_UNSET;

		switch ((enum kind)keys->kind) {
		case KIND_TEXT:
			memset(field, 0, keys->size);
			break;
		case KIND_U32:
		case KIND_BOOL:
		case KIND_ENABLED:
		case KIND_CHOICE:
			*(uint32_t *)field = na ? NA_U32 : 0;
			break;
		case KIND_I32:
			*(int32_t *)field = na ? NA_I32 : 0;
			break;
		case KIND_U64:
			*(uint64_t *)field = na ? NA_U64 : 0;
			break;
		case KIND_SECTION:
			keys_reset(keys->more, target);
			break;
		case KIND_BIT:
		case KIND_CALL:
		case KIND_IGNORED:
			break;
		}
	}
}
