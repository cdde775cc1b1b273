/* SPDX-License-Identifier: GPL-3.0-or-later */
/* device_defaults, and the devices that differ from it. */
#include <stdlib.h>
#include <string.h>

#include "profile_internal.h"

int read_defaults(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_file *file = target;

	file->defaults.line = (int)node->start_mark.line + 1;
	return reader_section(reader, node, profile_device_keys, &file->defaults);
}

/* The index of a list entry; the other keys are read once it is known. */
static int read_index(struct reader *reader, yaml_node_t *node, uint32_t *index)
{
	static const struct key range = { .kind = KIND_U32,
					  .min = 0,
					  .max = PROFILE_MAX_DEVICES - 1 };

	if (node->type != YAML_MAPPING_NODE)
		return reader_fail(reader, node, "a mapping");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(&reader->document, pair->key);
		size_t length;
		int64_t value;

		if (!reader_text(name) || strcmp(reader_text(name), "index") != 0)
			continue;
		length = reader_enter(reader, "index");
		if (reader_number(reader, yaml_document_get_node(&reader->document, pair->value),
				  &range, &value) != 0)
			return -1;
		reader_leave(reader, length);
		*index = (uint32_t)value;
	}
	return 0;
}

static int read_device(struct reader *reader, yaml_node_t *node, struct profile_file *file,
		       uint32_t place)
{
	struct draft *draft;
	uint32_t index = place;

	if (read_index(reader, node, &index) != 0)
		return -1;
	if (file->devices[index])
		return reader_fail(reader, node, "an index no other device has (%u is on line %d)",
				   index, file->devices[index]->line);
	draft = malloc(sizeof(*draft));
	if (!draft)
		return reader_fail(reader, node, "memory for another device");
	*draft = file->defaults;
	draft->line = (int)node->start_mark.line + 1;
	draft->place = (int)place;
	file->devices[index] = draft;
	if (index >= file->listed)
		file->listed = index + 1;
	return reader_section(reader, node, profile_override_keys, draft);
}

int read_devices(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_file *file = target;
	int count = reader_list(reader, node, PROFILE_MAX_DEVICES, "devices");

	for (int i = 0; i < count; i++) {
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (read_device(reader, reader_item(reader, node, (unsigned int)i), file,
				(uint32_t)i) != 0)
			return -1;
		reader_leave(reader, length);
	}
	return count < 0 ? -1 : 0;
}
