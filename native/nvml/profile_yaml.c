/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "profile_internal.h"

#define MAX_KEYS 256 /* of one mapping */
#define MAX_MERGES 8 /* of << below <<: more is a loop */

struct unit_suffix {
	const char *text;
	uint32_t factor_log; /* of the key's own unit: 10^n, or 2^n for bytes */
};

struct unit_name {
	const char *name;
	bool binary;
	struct unit_suffix suffixes[5];
};

static const struct unit_name units[] = {
	[UNIT_NONE] = { "", false, { { NULL, 0 } } },
	[UNIT_BYTES] = { "bytes, or with B, KiB, MiB, GiB, TiB", true,
			 { { "B", 0 }, { "KiB", 10 }, { "MiB", 20 }, { "GiB", 30 }, { "TiB", 40 } } },
	[UNIT_MIB] = { "MiB", true, { { "MiB", 0 }, { "GiB", 10 } } },
	[UNIT_MILLIWATTS] = { "mW, or with W", false, { { "mW", 0 }, { "W", 3 } } },
	[UNIT_MILLIJOULES] = { "mJ, or with J", false, { { "mJ", 0 }, { "J", 3 } } },
	[UNIT_MHZ] = { "MHz", false, { { "MHz", 0 }, { "GHz", 3 } } },
	[UNIT_KHZ] = { "kHz", false, { { "kHz", 0 }, { "MHz", 3 } } },
	[UNIT_CELSIUS] = { "degrees C", false, { { "C", 0 } } },
	[UNIT_PERCENT] = { "%", false, { { "%", 0 } } },
	[UNIT_MICROSECONDS] = { "us, or with ms, s", false, { { "us", 0 }, { "ms", 3 }, { "s", 6 } } },
	[UNIT_MICROVOLTS] = { "uV, or with mV, V", false, { { "uV", 0 }, { "mV", 3 }, { "V", 6 } } },
	[UNIT_KBPS] = { "KB/s", false, { { "KB/s", 0 }, { "MB/s", 3 } } },
	[UNIT_MBPS] = { "Mbps", false, { { "Mbps", 0 }, { "Gbps", 3 } } },
};

const char *reader_text(const yaml_node_t *node)
{
	if (!node || node->type != YAML_SCALAR_NODE || reader_is_null(node))
		return NULL;
	return (const char *)node->data.scalar.value;
}

bool reader_is_null(const yaml_node_t *node)
{
	const char *text;

	if (!node || node->type == YAML_NO_NODE)
		return true;
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	text = (const char *)node->data.scalar.value;
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
	       strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

/* What stands there, short enough for one line and without control characters. */
static void describe(const yaml_node_t *node, char *out, size_t size)
{
	const unsigned char *text;
	size_t used = 0;

	if (!node || reader_is_null(node)) {
		snprintf(out, size, "nothing");
		return;
	}
	if (node->type == YAML_MAPPING_NODE || node->type == YAML_SEQUENCE_NODE) {
		snprintf(out, size, node->type == YAML_MAPPING_NODE ? "a mapping" : "a list");
		return;
	}
	out[used++] = '"';
	for (text = node->data.scalar.value; *text && used < size - 6 && used < 60; text++)
		out[used++] = *text < ' ' || *text > '~' ? '?' : (char)*text;
	snprintf(out + used, size - used, *text ? "...\"" : "\"");
}

static int line_of(const yaml_node_t *node)
{
	return node ? (int)node->start_mark.line + 1 : 1;
}

int reader_fail(struct reader *reader, const yaml_node_t *node, const char *expected, ...)
{
	char wanted[256], found[80];
	va_list arguments;

	va_start(arguments, expected);
	vsnprintf(wanted, sizeof(wanted), expected, arguments);
	va_end(arguments);
	describe(node, found, sizeof(found));
	snprintf(reader->error->text, sizeof(reader->error->text), "%s:%d: %s: expected %s, found %s",
		 reader->name, line_of(node), *reader->path ? reader->path : "(document)", wanted,
		 found);
	return -1;
}

int reader_fail_at(struct reader *reader, const char *path, const char *found,
		   const char *expected, ...)
{
	char wanted[256];
	va_list arguments;

	va_start(arguments, expected);
	vsnprintf(wanted, sizeof(wanted), expected, arguments);
	va_end(arguments);
	snprintf(reader->error->text, sizeof(reader->error->text), "%s:%d: %s: expected %s, found %s",
		 reader->name, reader_line_of(reader, path), path, wanted, found);
	return -1;
}

size_t reader_enter(struct reader *reader, const char *key)
{
	size_t length = strlen(reader->path);

	snprintf(reader->path + length, sizeof(reader->path) - length, "%s%.80s", length ? "." : "",
		 key);
	return length;
}

size_t reader_enter_index(struct reader *reader, unsigned int index)
{
	size_t length = strlen(reader->path);

	snprintf(reader->path + length, sizeof(reader->path) - length, "[%u]", index);
	return length;
}

void reader_leave(struct reader *reader, size_t length)
{
	reader->path[length] = '\0';
}

/* --- numbers --- */

struct decimal {
	uint64_t digits; /* the number without its point */
	unsigned int decimals;
	bool negative;
	const char *rest;
};

/* 12, -3, 0x1f, 1_000, 49.68; false where it is no number or does not fit. */
static bool parse_decimal(const char *text, struct decimal *number)
{
	unsigned int base = 10;
	bool any = false, point = false;

	memset(number, 0, sizeof(*number));
	if (*text == '-' || *text == '+')
		number->negative = *text++ == '-';
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	for (; *text; text++) {
		unsigned int digit;

		if (*text >= '0' && *text <= '9')
			digit = (unsigned int)(*text - '0');
		else if (base == 16 && ((*text | 32) >= 'a' && (*text | 32) <= 'f'))
			digit = (unsigned int)((*text | 32) - 'a' + 10);
		else if (*text == '_' && any)
			continue;
		else if (*text == '.' && base == 10 && any && !point) {
			point = true;
			continue;
		} else
			break;
		if (number->digits > (UINT64_MAX - digit) / base || number->decimals > 9)
			return false;
		number->digits = number->digits * base + digit;
		number->decimals += point;
		any = true;
	}
	number->rest = text;
	return any;
}

/* Bring a decimal with a unit to the key's own unit; it must come out whole. */
static bool scale(const struct decimal *number, const struct unit_name *unit, uint64_t *value)
{
	const char *suffix = number->rest;
	uint64_t factor = 1;

	while (*suffix == ' ')
		suffix++;
	if (*suffix) {
		size_t i = 0;

		while (i < 5 && unit->suffixes[i].text && strcmp(suffix, unit->suffixes[i].text))
			i++;
		if (i == 5 || !unit->suffixes[i].text)
			return false;
		for (uint32_t n = unit->suffixes[i].factor_log; n; n--)
			factor *= unit->binary ? 2 : 10;
	}
	if (number->digits && factor > UINT64_MAX / number->digits)
		return false;
	*value = number->digits * factor;
	for (unsigned int n = number->decimals; n; n--) {
		if (*value % 10)
			return false;
		*value /= 10;
	}
	return true;
}

static int fail_number(struct reader *reader, yaml_node_t *node, const struct key *key)
{
	const char *unit = units[key->unit].name;

	return reader_fail(reader, node, "a number from %lld to %llu%s%s%s", (long long)key->min,
			   (unsigned long long)key->max, *unit ? " " : "", unit,
			   key->flags & KEY_NA ? ", or N/A" : "");
}

int reader_number(struct reader *reader, yaml_node_t *node, const struct key *key, int64_t *value)
{
	const char *text = reader_text(node);
	struct decimal number;
	uint64_t magnitude;

	if (!text || !parse_decimal(text, &number) ||
	    !scale(&number, &units[key->unit], &magnitude))
		return fail_number(reader, node, key);
	/* "12" in quotes is a text, except where it carries its unit. */
	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && !*number.rest &&
	    !(key->flags & KEY_QUOTED))
		return fail_number(reader, node, key);
	if (magnitude > INT64_MAX || (number.negative && key->min >= 0 && magnitude))
		return fail_number(reader, node, key);
	*value = number.negative ? -(int64_t)magnitude : (int64_t)magnitude;
	if (*value < key->min || (*value > 0 && (uint64_t)*value > key->max))
		return fail_number(reader, node, key);
	return 0;
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
		return reader_fail(reader, node, "a text");
	if (key->flags & KEY_NA && is_na(text)) {
		*out = '\0';
		return 0;
	}
	if (length >= key->size)
		return reader_fail(reader, node, "a text of at most %u characters", key->size - 1);
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
	{ "true", 1 },    { "false", 0 },    { NULL, 0 },
};

static const struct choice *find_choice(const struct choice *choices, const char *text)
{
	for (; choices->name; choices++)
		if (strcmp(choices->name, text) == 0)
			return choices;
	return NULL;
}

static int fail_choice(struct reader *reader, yaml_node_t *node, const struct key *key,
		       const struct choice *choices)
{
	char list[200] = "";
	size_t used = 0;

	if (choices == booleans)
		return reader_fail(reader, node, "true or false%s",
				   key->flags & KEY_NA ? ", or N/A" : "");
	if (choices == switches)
		return reader_fail(reader, node, "enabled or disabled%s",
				   key->flags & KEY_NA ? ", or N/A" : "");
	for (; choices->name && used < sizeof(list); choices++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
					 choices->name);
	return reader_fail(reader, node, "one of %s%s", list, key->flags & KEY_NA ? ", N/A" : "");
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
		return fail_choice(reader, node, key, choices);
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

static void note_ignored(struct reader *reader, const yaml_node_t *node)
{
	char line[640];

	if (!reader->note)
		return;
	snprintf(line, sizeof(line), "%s:%d: %s: has no effect: NVML does not show it", reader->name,
		 line_of(node), reader->path);
	reader->note(reader->note_data, line);
}

static int read_value(struct reader *reader, yaml_node_t *node, const struct key *key, void *target)
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
			note_ignored(reader, node);
		return 0;
	}
	return -1;
}

void keys_reset(const struct key *keys, void *target)
{
	for (; keys->name; keys++) {
		void *field = (char *)target + keys->offset;
		bool na = keys->flags & KEY_NA && !(keys->flags & KEY_ZERO);

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

/* --- mappings --- */

static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[33];
	size_t width = strlen(b);

	if (width > 32 || strlen(a) > 32)
		return 99;
	for (size_t j = 0; j <= width; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= width; j++) {
			unsigned int cost = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			if (row[j] + 1 < cost)
				cost = row[j] + 1;
			row[j] = cost;
		}
	}
	return row[width];
}

static int fail_unknown(struct reader *reader, yaml_node_t *node, const struct key *keys)
{
	const char *name = (const char *)node->data.scalar.value;
	const struct key *nearest = keys;

	for (const struct key *key = keys; key->name; key++)
		if (distance(name, key->name) < distance(name, nearest->name))
			nearest = key;
	if (distance(name, nearest->name) <= 3)
		return reader_fail(reader, node, "a known key such as \"%s\"", nearest->name);
	return reader_fail(reader, node, "a known key (docs/profiles.md lists them)");
}

static const struct key *find_key(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

static yaml_node_t *node_at(struct reader *reader, int index)
{
	return yaml_document_get_node(&reader->document, index);
}

static bool is_merge(const yaml_node_t *name)
{
	return name->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       strcmp((const char *)name->data.scalar.value, "<<") == 0;
}

/* Names that are no scalars, unknown, or there twice; before anything is read. */
static int check_names(struct reader *reader, yaml_node_t *node, const struct key *keys)
{
	yaml_node_pair_t *first = node->data.mapping.pairs.start;
	yaml_node_pair_t *top = node->data.mapping.pairs.top;

	if (top - first > MAX_KEYS)
		return reader_fail(reader, node, "a mapping of at most %d keys", MAX_KEYS);
	for (yaml_node_pair_t *pair = first; pair < top; pair++) {
		yaml_node_t *name = node_at(reader, pair->key);
		size_t length;

		if (!name || name->type != YAML_SCALAR_NODE)
			return reader_fail(reader, name, "the name of a key");
		if (is_merge(name))
			continue;
		length = reader_enter(reader, (const char *)name->data.scalar.value);
		if (!find_key(keys, (const char *)name->data.scalar.value))
			return fail_unknown(reader, name, keys);
		for (yaml_node_pair_t *other = first; other < pair; other++) {
			yaml_node_t *before = node_at(reader, other->key);

			if (strcmp((const char *)before->data.scalar.value,
				   (const char *)name->data.scalar.value) == 0)
				return reader_fail(reader, name, "each key once (line %d has it)",
						   line_of(before));
		}
		reader_leave(reader, length);
	}
	return 0;
}

/* "<<: *other": what other says, as far as this mapping does not say it. */
static int read_merges(struct reader *reader, yaml_node_t *node, const struct key *keys,
		       void *target)
{
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *value = node_at(reader, pair->value);
		int result;

		if (!is_merge(node_at(reader, pair->key)))
			continue;
		if (!value || value->type != YAML_MAPPING_NODE)
			return reader_fail(reader, value, "a mapping to merge in");
		if (++reader->depth > MAX_MERGES)
			return reader_fail(reader, value, "a mapping that does not hold itself");
		result = reader_section(reader, value, keys, target);
		reader->depth--;
		if (result != 0)
			return -1;
	}
	return 0;
}

/* In the table's order, not the file's: devices come after device_defaults. */
int reader_section(struct reader *reader, yaml_node_t *node, const struct key *keys, void *target)
{
	if (reader_is_null(node))
		return 0;
	if (node->type != YAML_MAPPING_NODE)
		return reader_fail(reader, node, "a mapping");
	if (check_names(reader, node, keys) != 0 || read_merges(reader, node, keys, target) != 0)
		return -1;
	for (const struct key *key = keys; key->name; key++) {
		for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		     pair < node->data.mapping.pairs.top; pair++) {
			yaml_node_t *name = node_at(reader, pair->key);
			yaml_node_t *value = node_at(reader, pair->value);
			size_t length;

			if (strcmp((const char *)name->data.scalar.value, key->name) != 0 ||
			    reader_is_null(value))
				continue;
			length = reader_enter(reader, key->name);
			if (read_value(reader, value, key, target) != 0)
				return -1;
			reader_leave(reader, length);
		}
	}
	return 0;
}

int reader_list(struct reader *reader, yaml_node_t *node, unsigned int max, const char *what)
{
	long count;

	if (reader_is_null(node))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return reader_fail(reader, node, "a list of %s", what);
	count = node->data.sequence.items.top - node->data.sequence.items.start;
	if (count > (long)max)
		return reader_fail(reader, node, "at most %u %s (there are %ld)", max, what, count);
	return (int)count;
}

yaml_node_t *reader_item(struct reader *reader, yaml_node_t *node, unsigned int index)
{
	return node_at(reader, node->data.sequence.items.start[index]);
}

/* --- the document --- */

static int fail_syntax(struct reader *reader, const yaml_parser_t *parser)
{
	size_t line = parser->problem_mark.line;

	snprintf(reader->error->text, sizeof(reader->error->text),
		 "%s:%zu: (document): expected valid YAML, found: %s%s%s", reader->name, line + 1,
		 parser->problem ? parser->problem : "no memory", parser->context ? " " : "",
		 parser->context ? parser->context : "");
	return -1;
}

/* One document, and nothing after it. */
static int check_end(struct reader *reader, yaml_parser_t *parser)
{
	yaml_document_t next;
	yaml_node_t *root;
	int result = 0;

	if (!yaml_parser_load(parser, &next))
		return fail_syntax(reader, parser);
	root = yaml_document_get_root_node(&next);
	if (root)
		result = reader_fail(reader, root, "one YAML document");
	yaml_document_delete(&next);
	return result;
}

int reader_open(struct reader *reader, const char *text, size_t length)
{
	yaml_parser_t parser;
	yaml_node_t *root;
	int result = 0;

	if (!yaml_parser_initialize(&parser))
		return reader_fail(reader, NULL, "memory to parse it");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	if (!yaml_parser_load(&parser, &reader->document)) {
		fail_syntax(reader, &parser);
		yaml_parser_delete(&parser);
		return -1;
	}
	root = yaml_document_get_root_node(&reader->document);
	if (!root || root->type != YAML_MAPPING_NODE)
		result = reader_fail(reader, root, "a mapping");
	else
		result = check_end(reader, &parser);
	if (result != 0)
		yaml_document_delete(&reader->document);
	yaml_parser_delete(&parser);
	return result;
}

void reader_close(struct reader *reader)
{
	yaml_document_delete(&reader->document);
}

/* The value of a key of length characters in a mapping; NULL without it. */
static yaml_node_t *value_of(struct reader *reader, yaml_node_t *node, const char *key, size_t length)
{
	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = node_at(reader, pair->key);

		if (name->data.scalar.length == length &&
		    memcmp(name->data.scalar.value, key, length) == 0)
			return node_at(reader, pair->value);
	}
	return NULL;
}

static yaml_node_t *item_of(struct reader *reader, yaml_node_t *node, unsigned int index)
{
	if (node->type != YAML_SEQUENCE_NODE ||
	    index >= node->data.sequence.items.top - node->data.sequence.items.start)
		return NULL;
	return reader_item(reader, node, index);
}

int reader_line_of(struct reader *reader, const char *path)
{
	yaml_node_t *node = yaml_document_get_root_node(&reader->document);
	int line = line_of(node);

	while (node && *path) {
		size_t length = strcspn(path, ".[");

		if (*path == '[') {
			unsigned int index = 0;

			for (path++; *path >= '0' && *path <= '9'; path++)
				index = index * 10 + (unsigned int)(*path - '0');
			path += *path == ']';
			node = item_of(reader, node, index);
		} else {
			node = value_of(reader, node, path, length);
			path += length;
		}
		path += *path == '.';
		line = node ? line_of(node) : line;
	}
	return line;
}
