/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wording every complaint about a profile, and every note: one line each. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "profile_internal.h"

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
	/* "12" in quotes is no number, and must not look like one here. */
	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		used = (size_t)snprintf(out, size, "the text ");
	out[used++] = '"';
	for (text = node->data.scalar.value; *text && used < size - 6 && used < 60; text++)
		out[used++] = *text < ' ' || *text > '~' ? '?' : (char)*text;
	snprintf(out + used, size - used, *text ? "...\"" : "\"");
}

int reader_node_line(const yaml_node_t *node)
{
	return node ? (int)node->start_mark.line + 1 : 1;
}

/* A key may hold anything, and stands in the message as the place. */
static void keep_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

int reader_fail(struct reader *reader, const yaml_node_t *node, const char *expected, ...)
{
	char wanted[256], found[80];
	va_list arguments;

	va_start(arguments, expected);
	vsnprintf(wanted, sizeof(wanted), expected, arguments);
	va_end(arguments);
	describe(node, found, sizeof(found));
	snprintf(reader->error->text, sizeof(reader->error->text),
		 "%s:%d: %s: expected %s, found %s", reader->name, reader_node_line(node),
		 *reader->path ? reader->path : "(document)", wanted, found);
	keep_one_line(reader->error->text);
	return -1;
}

int reader_fail_at(struct reader *reader, const char *path, const char *found, const char *expected,
		   ...)
{
	const char *quote = strcmp(found, "nothing") == 0 ? "" : "\"";
	char wanted[256];
	va_list arguments;

	va_start(arguments, expected);
	vsnprintf(wanted, sizeof(wanted), expected, arguments);
	va_end(arguments);
	snprintf(reader->error->text, sizeof(reader->error->text),
		 "%s:%d: %s: expected %s, found %s%.200s%s", reader->name,
		 reader_line_of(reader, path), path, wanted, quote, found, quote);
	keep_one_line(reader->error->text);
	return -1;
}

void reader_note(struct reader *reader, const yaml_node_t *node)
{
	char line[640];

	if (!reader->note)
		return;
	snprintf(line, sizeof(line), "%s:%d: %s: has no effect on what NVML answers", reader->name,
		 reader_node_line(node), reader->path);
	reader->note(reader->note_data, line);
}
