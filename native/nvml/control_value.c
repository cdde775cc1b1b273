/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of a running GPU by the keys of a profile, read and checked by the same tables. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "profile_internal.h"
#include "profile_limits.h"

/* Of the board, but users change them while it runs. */
static const struct {
	size_t board, settings;
} settings[] = {
	{ offsetof(struct board, persistence_mode),
	  offsetof(struct running_settings, persistence_mode) },
	{ offsetof(struct board, compute_mode), offsetof(struct running_settings, compute_mode) },
	{ offsetof(struct board, accounting_mode),
	  offsetof(struct running_settings, accounting_mode) },
	{ offsetof(struct board, gom_pending), offsetof(struct running_settings, gom_pending) },
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static uint32_t *word(void *structure, size_t offset)
{
	return (uint32_t *)((char *)structure + offset);
}

/* The GPU as a file would describe it that has all values as they are now. */
static struct draft *draft_of(const struct control *control)
{
	const struct board *board = description_board(
		control->description, &control->description->devices[control->slot]);
	struct draft *draft = calloc(1, sizeof(*draft));

	if (!draft)
		return NULL;
	draft->board = *board;
	draft->readings = control->running->readings;
	for (unsigned int i = 0; i < SETTINGS; i++)
		*word(&draft->board, settings[i].board) =
			*word(&control->running->settings, settings[i].settings);
	return draft;
}

/* --- setting --- */

/* thermal.temperature_gpu_c=85 as YAML: {thermal: {temperature_gpu_c: 85}} */
static int write_yaml(const char *assignment, char *text, size_t size, struct control_error *error)
{
	const char *value = strchr(assignment, '=');
	size_t used = 0, depth = 0;

	if (!value || value == assignment || strlen(assignment) > size / 2 - 64 ||
	    strpbrk(assignment, "\n\r"))
		return control_refuse(error, "expected KEY=VALUE in one line, found \"%.80s\"",
				      assignment);
	text[used++] = '{';
	for (const char *c = assignment; c < value; c++) {
		if (*c != '.') {
			if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *c))
				return control_refuse(error,
						      "expected a key such as utilization.gpu "
						      "before =, found \"%.80s\"",
						      assignment);
			text[used++] = *c;
			continue;
		}
		if (++depth > 8)
			return control_refuse(error, "there is no such key: %.80s", assignment);
		used += (size_t)sprintf(text + used, ": {");
	}
	used += (size_t)sprintf(text + used, ": %s", value + 1);
	for (; depth; depth--)
		text[used++] = '}';
	text[used++] = '}';
	text[used] = '\0';
	return 0;
}

static void no_effect(void *data, const char *line)
{
	(void)line;
	*(bool *)data = true;
}

/* One key below the other, and one value: nothing is set beside it, and something is. */
static int check_single(struct reader *reader, const char *assignment, struct control_error *error)
{
	const char *value = strchr(assignment, '=');
	int length = (int)(value - assignment);
	yaml_node_t *node = yaml_document_get_root_node(&reader->document);

	for (const char *c = assignment; c <= value; c++) {
		if (*c != '.' && *c != '=')
			continue;
		if (node->type != YAML_MAPPING_NODE ||
		    node->data.mapping.pairs.top - node->data.mapping.pairs.start != 1)
			return control_refuse(error, "%.*s: expected one value, found \"%.80s\"",
					      length, assignment, value + 1);
		node = yaml_document_get_node(&reader->document,
					      node->data.mapping.pairs.start->value);
	}
	if (reader_is_null(node))
		return control_refuse(error,
				      "%.*s: expected a value (N/A: there is none), found nothing",
				      length, assignment);
	if (node->type == YAML_MAPPING_NODE)
		return control_refuse(error,
				      "%.*s: expected one value, found a mapping: name each key, "
				      "such as thermal.temperature_gpu_c=85",
				      length, assignment);
	return 0;
}

static int read_assignment(const char *assignment, struct draft *draft, struct control_error *error)
{
	struct profile_error complaint = { "" };
	bool ignored = false;
	struct reader reader = {
		.name = "set",
		.error = &complaint,
		.note = no_effect,
		.note_data = &ignored,
	};
	char text[1024];
	int result;

	if (write_yaml(assignment, text, sizeof(text), error) != 0)
		return -1;
	result = reader_open(&reader, text, strlen(text));
	if (result == 0 && check_single(&reader, assignment, error) != 0) {
		reader_close(&reader);
		return -1;
	}
	if (result == 0) {
		result = reader_section(&reader, yaml_document_get_root_node(&reader.document),
					profile_device_keys, draft);
		reader_close(&reader);
	}
	/* The line of a file says nothing here. */
	if (result != 0)
		return control_refuse(error, "%s",
				      strncmp(complaint.text, "set:1: ", 7) == 0
					      ? complaint.text + 7
					      : complaint.text);
	if (ignored)
		return control_refuse(error, "%s has no effect on what NVML answers", assignment);
	return 0;
}

static bool is_key(const char *assignment, const char *key)
{
	size_t length = strlen(key);

	return strncmp(assignment, key, length) == 0 &&
	       (assignment[length] == '=' || assignment[length] == '.');
}

/* What stands still or moves now because its value or its movement was set. */
static void set_motion(const char *assignment, struct readings_motion *motion)
{
	if (is_key(assignment, "thermal.temperature_gpu_c"))
		motion->temperature = 0;
	if (is_key(assignment, "power.current_draw_mw"))
		motion->power = 0;
	if (is_key(assignment, "utilization.gpu") || is_key(assignment, "utilization.memory"))
		motion->pattern = 0;
	if (is_key(assignment, "dynamic_metrics.temperature"))
		motion->temperature = 1;
	if (is_key(assignment, "dynamic_metrics.power"))
		motion->power = 1;
}

/* Anything but readings and settings is what the board is, and stays. */
static bool only_running(const struct draft *before, const struct draft *after)
{
	struct draft *copy = malloc(sizeof(*copy));
	bool same;

	if (!copy)
		return false;
	memcpy(copy, after, sizeof(*copy));
	copy->readings = before->readings;
	for (unsigned int i = 0; i < SETTINGS; i++)
		*word(&copy->board, settings[i].board) =
			*word((void *)&before->board, settings[i].board);
	same = memcmp(copy, before, sizeof(*copy)) == 0;
	free(copy);
	return same;
}

/* The same as of a profile. */
static int check_readings(const struct draft *before, const struct draft *draft,
			  struct control_error *error)
{
	struct breach breach;

	if (!readings_breach_anew(&draft->board, &before->readings, &draft->readings, &breach))
		return 0;
	return control_refuse(error, "%s: expected %s, found \"%s\"", breach.key, breach.expected,
			      breach.found);
}

static int check_once(const char *const *assignments, unsigned int count,
		      struct control_error *error)
{
	for (unsigned int i = 1; i < count; i++) {
		size_t length = strcspn(assignments[i], "=");

		for (unsigned int j = 0; j < i; j++)
			if (assignments[i][length] &&
			    strncmp(assignments[i], assignments[j], length + 1) == 0)
				return control_refuse(error,
						      "%.*s: expected one value, found \"%.80s\" "
						      "and \"%.80s\"",
						      (int)length, assignments[i],
						      assignments[j] + length + 1,
						      assignments[i] + length + 1);
	}
	return 0;
}

static int set_one(const char *assignment, const struct draft *before, struct draft *draft,
		   struct control_error *error)
{
	if (is_key(assignment, "mig"))
		return control_refuse(error, "MIG is set by nvidia-smi -mig and nvidia-smi mig");
	if (read_assignment(assignment, draft, error) != 0)
		return -1;
	if (!only_running(before, draft))
		return control_refuse(error,
				      "%s says what the board is, which stays while it runs: "
				      "change the profile and run mock-nvml apply",
				      assignment);
	set_motion(assignment, &draft->readings.motion);
	return 0;
}

enum control_result control_set(const struct control *control, const char *const *assignments,
				unsigned int count, struct control_error *error)
{
	struct draft *before = draft_of(control), *draft = draft_of(control);
	enum control_result result = CONTROL_REFUSED;
	uint32_t load;
	bool changed;

	if (!before || !draft) {
		control_refuse(error, "there is not enough memory");
		goto out;
	}
	if (check_once(assignments, count, error) != 0)
		goto out;
	for (unsigned int i = 0; i < count; i++)
		if (set_one(assignments[i], before, draft, error) != 0)
			goto out;
	control_follow(&(struct control_words){ assignments, count },
		       &control->description->devices[control->slot].readings, &before->readings,
		       &draft->readings);
	if (check_readings(before, draft, error) != 0)
		goto out;
	changed = memcmp(before, draft, sizeof(*draft)) != 0;
	load = running_held_load(control->running);
	control->running->readings = draft->readings;
	for (unsigned int i = 0; i < SETTINGS; i++)
		*word(&control->running->settings, settings[i].settings) =
			*word(&draft->board, settings[i].board);
	if (draft->readings.gpu_util == before->readings.gpu_util)
		running_follow_load(control->running,
				    &control->description->devices[control->slot].readings, load);
	result = changed ? CONTROL_CHANGED : CONTROL_SAME;
out:
	free(before);
	free(draft);
	return result;
}

/* --- listing --- */

static bool is_running_key(const struct key *key)
{
	size_t readings = offsetof(struct draft, readings);

	if (key->kind == KIND_IGNORED || key->kind == KIND_SECTION || key->kind == KIND_CALL)
		return false;
	if (key->offset >= readings && key->offset < readings + sizeof(struct readings))
		return true;
	for (unsigned int i = 0; i < SETTINGS; i++)
		if (key->offset == offsetof(struct draft, board) + settings[i].board)
			return true;
	return false;
}

static const char *word_of(const struct choice *choices, uint32_t value)
{
	for (; choices->name; choices++)
		if (choices->value == value)
			return choices->name;
	return NULL;
}

static void tell(const struct key *key, const char *path, const struct draft *draft,
		 control_value_call call, void *data)
{
	const char *at = (const char *)draft + key->offset;
	uint64_t value64 = 0;
	uint32_t value = 0;
	char text[32];

	if (key->kind == KIND_U64 || key->kind == KIND_BIT)
		memcpy(&value64, at, sizeof(value64));
	else
		memcpy(&value, at, sizeof(value));
	switch ((enum kind)key->kind) {
	case KIND_U64:
		/* The seed of a movement may be negative. */
		snprintf(text, sizeof(text), key->min < 0 ? "%" PRId64 : "%" PRIu64, value64);
		call(data, path, value64 == NA_U64 ? NULL : text, true);
		break;
	case KIND_I32:
		snprintf(text, sizeof(text), "%d", (int32_t)value);
		call(data, path, (int32_t)value == NA_I32 ? NULL : text, true);
		break;
	case KIND_U32:
		snprintf(text, sizeof(text), "%u", value);
		call(data, path, value == NA_U32 ? NULL : text, true);
		break;
	case KIND_BIT:
		call(data, path, value64 & key->max ? "true" : "false", true);
		break;
	case KIND_BOOL:
		call(data, path, value == NA_U32 ? NULL : value ? "true" : "false", true);
		break;
	case KIND_ENABLED:
		call(data, path, value == NA_U32 ? NULL : value ? "enabled" : "disabled", false);
		break;
	case KIND_CHOICE:
		call(data, path, word_of(key->more, value), false);
		break;
	default:
		break;
	}
}

static void walk(const struct key *keys, const char *path, const struct draft *draft,
		 control_value_call call, void *data)
{
	for (const struct key *key = keys; key->name; key++) {
		char deeper[160];

		snprintf(deeper, sizeof(deeper), "%s%s%s", path, *path ? "." : "", key->name);
		if (key->kind == KIND_SECTION && strcmp(deeper, "mig") != 0)
			walk(key->more, deeper, draft, call, data);
		else if (is_running_key(key))
			tell(key, deeper, draft, call, data);
	}
}

/* These have forms of their own in a file. */
static void tell_others(const struct board *board, const struct readings *readings,
			control_value_call call, void *data)
{
	char text[16];

	snprintf(text, sizeof(text), "P%u", readings->performance_state);
	call(data, "performance_state", readings->performance_state < 16 ? text : NULL, false);
	if (!board->fans)
		return;
	snprintf(text, sizeof(text), "%u", readings->fan_percent[0]);
	call(data, "fan.speed_percent", readings->fan_percent[0] == NA_U32 ? NULL : text, true);
	snprintf(text, sizeof(text), "%u", readings->fan_target_percent[0]);
	call(data, "fan.target_speed_percent",
	     readings->fan_target_percent[0] == NA_U32 ? NULL : text, true);
}

void control_values(const struct control *control, control_value_call call, void *data)
{
	struct draft *draft = draft_of(control);

	if (!draft)
		return;
	walk(profile_device_keys, "", draft, call, data);
	tell_others(&draft->board, &draft->readings, call, data);
	free(draft);
}
