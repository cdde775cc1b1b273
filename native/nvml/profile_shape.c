/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a text is small enough in what libyaml's loader takes the square of:
 * levels and anchors. Seen event by event, so that a bad text ends early.
 */
#include <stdio.h>

#include "profile_internal.h"

#define MAX_LEVELS 64
#define MAX_ANCHORS 1024

static int fail(struct reader *reader, const yaml_event_t *event, const char *what, int most)
{
	snprintf(reader->error->text, sizeof(reader->error->text),
		 "%s:%zu: (document): expected at most %d %s, found more", reader->name,
		 event->start_mark.line + 1, most, what);
	return -1;
}

static bool has_anchor(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor;
	default:
		return false;
	}
}

static int level_change(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return 1;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return -1;
	default:
		return 0;
	}
}

/* What is no YAML is left to the loader, which words it. */
int reader_check_shape(struct reader *reader, const char *text, size_t length)
{
	int levels = 0, anchors = 0, result = 0;
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;

	if (!yaml_parser_initialize(&parser))
		return reader_fail(reader, NULL, "memory to parse it");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	while (!end && result == 0 && yaml_parser_parse(&parser, &event)) {
		levels += level_change(&event);
		anchors += has_anchor(&event);
		if (levels > MAX_LEVELS)
			result = fail(reader, &event, "levels of lists and mappings", MAX_LEVELS);
		else if (anchors > MAX_ANCHORS)
			result = fail(reader, &event, "anchors (&name)", MAX_ANCHORS);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return result;
}
