/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking a YAML document by tables of keys. */
#include <stdio.h>
#include <string.h>

#include "profile_internal.h"

#define MAX_KEYS 256 /* of one mapping */
#define MAX_MERGES 8 /* of << below <<: more is a loop */
#define MAX_ALL_MERGES 1024 /* of << in all: each alias below one is read anew */

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
		length = reader_enter(reader, (const char *)name->data.scalar.value);
		if (!is_merge(name) && !find_key(keys, (const char *)name->data.scalar.value))
			return fail_unknown(reader, name, keys);
		for (yaml_node_pair_t *other = first; other < pair; other++) {
			yaml_node_t *before = node_at(reader, other->key);

			if (strcmp((const char *)before->data.scalar.value,
				   (const char *)name->data.scalar.value) == 0)
				return reader_fail(reader, name, "each key once (line %d has it)",
						   reader_node_line(before));
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
		if (++reader->merges > MAX_ALL_MERGES)
			return reader_fail(reader, value, "at most %d merges (<<) in all",
					   MAX_ALL_MERGES);
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
			if (reader_value(reader, value, key, target) != 0)
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

/* One number of a list, named by its place: clocks[3]. */
int reader_number_item(struct reader *reader, yaml_node_t *list, unsigned int index,
		       const struct key *range, int64_t *value)
{
	size_t length = reader_enter_index(reader, index);
	int result = reader_number(reader, reader_item(reader, list, index), range, value);

	reader_leave(reader, length);
	return result;
}

/* --- the document --- */

static int fail_syntax(struct reader *reader, const yaml_parser_t *parser)
{
	size_t line = parser->problem_mark.line;

	snprintf(reader->error->text, sizeof(reader->error->text),
		 "%s:%zu: (document): expected valid YAML, found an error: %s%s%s", reader->name,
		 line + 1, parser->problem ? parser->problem : "no memory",
		 parser->context ? " " : "", parser->context ? parser->context : "");
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

	if (reader_check_shape(reader, text, length) != 0)
		return -1;
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
static yaml_node_t *value_of(struct reader *reader, yaml_node_t *node, const char *key,
			     size_t length)
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

/* The node a path leads to, or NULL with the last one on the way in reached. */
static yaml_node_t *follow(struct reader *reader, const char *path, yaml_node_t **reached)
{
	yaml_node_t *node = yaml_document_get_root_node(&reader->document);

	*reached = node;
	while (node && *path) {
		if (*path == '[') {
			unsigned int index = 0;

			for (path++; *path >= '0' && *path <= '9'; path++)
				index = index * 10 + (unsigned int)(*path - '0');
			path += *path == ']';
			node = item_of(reader, node, index);
		} else {
			size_t length = strcspn(path, ".[");

			node = value_of(reader, node, path, length);
			path += length;
		}
		path += *path == '.';
		*reached = node ? node : *reached;
	}
	return node;
}

int reader_line_of(struct reader *reader, const char *path)
{
	yaml_node_t *reached;

	follow(reader, path, &reached);
	return reader_node_line(reached);
}

bool reader_has(struct reader *reader, const char *path)
{
	yaml_node_t *reached;

	return follow(reader, path, &reached) != NULL;
}
