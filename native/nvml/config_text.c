/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct buffer {
	char *data;
	size_t used, size;
};

static int append(struct buffer *buffer, const void *data, size_t length)
{
	if (buffer->size - buffer->used <= length) {
		size_t size = (buffer->used + length + 1) * 2;
		char *grown = realloc(buffer->data, size);

		if (!grown)
			return -1;
		buffer->data = grown;
		buffer->size = size;
	}
	memcpy(buffer->data + buffer->used, data, length);
	buffer->used += length;
	buffer->data[buffer->used] = '\0';
	return 0;
}

static int emit(void *data, unsigned char *bytes, size_t length)
{
	return append(data, bytes, length) == 0;
}

static bool is_site(yaml_document_t *document, const yaml_node_pair_t *pair)
{
	yaml_node_t *name = yaml_document_get_node(document, pair->key);

	return name->type == YAML_SCALAR_NODE &&
	       strcmp((const char *)name->data.scalar.value, "site") == 0;
}

/*
 * A flow mapping ({...}, JSON) or an explicit end (...) leaves no place to add
 * lines at: such a document is written anew in block style, without site.
 */
static int rewrite(yaml_document_t *document, struct buffer *buffer)
{
	yaml_node_t *root = yaml_document_get_root_node(document);
	yaml_emitter_t emitter;
	int done;

	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++)
		if (is_site(document, pair)) {
			memmove(pair, pair + 1,
				(size_t)((char *)root->data.mapping.pairs.top -
					 (char *)(pair + 1)));
			root->data.mapping.pairs.top--;
			break;
		}
	root->data.mapping.style = YAML_BLOCK_MAPPING_STYLE;
	document->start_implicit = 1;
	document->end_implicit = 1;
	if (!yaml_emitter_initialize(&emitter))
		return -1;
	yaml_emitter_set_output(&emitter, emit, buffer);
	done = yaml_emitter_open(&emitter) && yaml_emitter_dump(&emitter, document) &&
	       yaml_emitter_close(&emitter);
	yaml_emitter_delete(&emitter);
	return done ? 0 : -1;
}

/* Offset of a line, counted from 0; the parser counts characters, not bytes. */
static size_t offset_of_line(const char *text, size_t length, size_t line)
{
	size_t at = 0;

	for (; line && at < length; at++)
		line -= text[at] == '\n';
	return at;
}

static size_t start_of_line(const char *text, size_t at)
{
	while (at && text[at - 1] != '\n')
		at--;
	return at;
}

/*
 * YAML breaks lines at more than a newline, and may be UTF-16: in such a text
 * lines and bytes do not belong together.
 */
static bool has_other_breaks(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const unsigned char *c = (const unsigned char *)text + i;

		if ((*c == '\r' && (i + 1 == length || c[1] != '\n')) || *c >= 0xfe || !*c)
			return true;
		if (i + 2 < length && ((c[0] == 0xc2 && c[1] == 0x85) ||
				       (c[0] == 0xe2 && c[1] == 0x80 && (c[2] & 0xfe) == 0xa8)))
			return true;
	}
	return false;
}

/* Where a section that lies between start and end really ends. */
static size_t skip_site(const char *text, size_t start, size_t end)
{
	size_t stop = end;

	/* Comments that stand above the next key belong to that key. */
	while (stop > start) {
		size_t line = start_of_line(text, stop - 1);
		size_t c = line;

		while (c < stop && (text[c] == ' ' || text[c] == '\t' || text[c] == '\r'))
			c++;
		if (c < stop && text[c] != '#' && text[c] != '\n')
			break;
		stop = line;
	}
	return stop;
}

/* The text with the lines of a block-style site section left out. */
static int copy_without_site(const char *text, size_t length, yaml_document_t *document,
			     struct buffer *buffer)
{
	yaml_node_t *root = yaml_document_get_root_node(document);

	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++) {
		size_t start, end = length;

		if (!is_site(document, pair))
			continue;
		start = offset_of_line(
			text, length, yaml_document_get_node(document, pair->key)->start_mark.line);
		if (pair + 1 < root->data.mapping.pairs.top)
			end = offset_of_line(
				text, length,
				yaml_document_get_node(document, pair[1].key)->start_mark.line);
		end = skip_site(text, start, end);
		return append(buffer, text, start) == 0 ? append(buffer, text + end, length - end)
							: -1;
	}
	return append(buffer, text, length);
}

static int append_site(struct buffer *buffer, size_t indent, const struct profile_system *system,
		       uint32_t device_count, uint32_t pci_domain)
{
	char site[768];
	int length = snprintf(site, sizeof(site),
			      "%*ssite:\n%*s  node_name: \"%s\"\n%*s  num_devices: %u\n"
			      "%*s  driver_version: \"%s\"\n",
			      (int)indent, "", (int)indent, "", system->node_name, (int)indent, "",
			      device_count, (int)indent, "", system->driver_version);

	if (pci_domain && length < (int)sizeof(site))
		length += snprintf(site + length, sizeof(site) - (size_t)length,
				   "%*s  pci_domain: 0x%04x\n", (int)indent, "", pci_domain);
	if (buffer->used && buffer->data[buffer->used - 1] != '\n' && append(buffer, "\n", 1) != 0)
		return -1;
	return length < (int)sizeof(site) ? append(buffer, site, (size_t)length) : -1;
}

char *config_text(const char *text, size_t length, const struct profile_system *system,
		  uint32_t device_count, uint32_t pci_domain, size_t *out_length)
{
	struct buffer buffer = { NULL, 0, 0 };
	yaml_document_t document;
	yaml_parser_t parser;
	yaml_node_t *root;
	size_t indent;
	int result = -1;

	if (!yaml_parser_initialize(&parser))
		return NULL;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	if (yaml_parser_load(&parser, &document)) {
		root = yaml_document_get_root_node(&document);
		if (root && root->type == YAML_MAPPING_NODE) {
			bool anew = root->data.mapping.style == YAML_FLOW_MAPPING_STYLE ||
				    !document.end_implicit || has_other_breaks(text, length);

			indent = anew ? 0 : root->start_mark.column;
			result = anew ? rewrite(&document, &buffer)
				      : copy_without_site(text, length, &document, &buffer);
			/* rewrite() has freed the document with its emitter. */
			if (!anew)
				yaml_document_delete(&document);
			if (result == 0)
				result = append_site(&buffer, indent, system, device_count,
						     pci_domain);
		} else {
			yaml_document_delete(&document);
		}
	}
	yaml_parser_delete(&parser);
	if (result != 0) {
		free(buffer.data);
		return NULL;
	}
	*out_length = buffer.used;
	return buffer.data;
}
