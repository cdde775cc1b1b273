/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mock-nvml load: have GPUs work from now on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_nvml_change.h"

#define MAX_ASSIGNMENTS (2 * MAX_WORDS)

/* What a word stands for: one key of a profile, or the two ends of a range. */
static const struct {
	const char *word;
	const char *key;
	const char *high; /* NULL: no range */
	bool above_zero;
} words[] = {
	{ "gpu", "utilization.gpu_min", "utilization.gpu_max", false },
	{ "memory", "utilization.memory_min", "utilization.memory_max", false },
	{ "encoder", "utilization.encoder_min", "utilization.encoder_max", false },
	{ "decoder", "utilization.decoder_min", "utilization.decoder_max", false },
	{ "memory_used", "memory.used_min_bytes", "memory.used_max_bytes", false },
	{ "period", "utilization.period_sec", NULL, true },
	{ "duty", "utilization.duty_percent", NULL, true },
	{ "stagger", "utilization.stagger_sec", NULL, false },
	{ "pcie", "traffic.pcie_max", NULL, false },
	{ "nvlink", "traffic.nvlink_max", NULL, false },
	{ "time_constant", "cooling.time_constant_sec", NULL, true },
	{ "full_load_c", "cooling.full_load_c", NULL, true },
	{ "seed", "seed", NULL, false },
};

/* KEY=VALUE as mock-nvml set takes them. */
struct assignments {
	unsigned int count;
	char texts[MAX_ASSIGNMENTS][160];
	const char *list[MAX_ASSIGNMENTS];
};

static void assign(struct assignments *assignments, const char *key, const char *value,
		   size_t length)
{
	char *text = assignments->texts[assignments->count];

	snprintf(text, sizeof(assignments->texts[0]), "dynamic_metrics.%s=%.*s", key,
		 (int)(length < 80 ? length : 80), value);
	assignments->list[assignments->count++] = text;
}

/* 20-90, or one number for both ends. */
static void assign_range(struct assignments *assignments, const char *low, const char *high,
			 const char *value)
{
	const char *hyphen = strchr(value, '-');

	assign(assignments, low, value, hyphen ? (size_t)(hyphen - value) : strlen(value));
	if (hyphen)
		value = hyphen + 1;
	assign(assignments, high, value, strlen(value));
}

/* The GPU's own is had by saying nothing; 0 of it would be no load at all. */
static bool is_zero(const char *value)
{
	char *end;

	return strtod(value, &end) == 0 && end != value;
}

/* In a profile, an upper end of 0 is one that is not given. */
static bool falls_to_zero(const char *range)
{
	const char *hyphen = strchr(range, '-');

	return hyphen && is_zero(hyphen + 1) && !is_zero(range);
}

static int take_word(struct assignments *assignments, const char *text)
{
	const char *value = strchr(text, '=');
	size_t length = value ? (size_t)(value - text) : 0;

	for (unsigned int i = 0; value && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) != length || strncmp(words[i].word, text, length) != 0)
			continue;
		if (words[i].above_zero && is_zero(value + 1))
			return complain(EXIT_USAGE,
					"mock-nvml load: %s=: expected a number above 0, found "
					"\"%s\"",
					words[i].word, value + 1);
		if (words[i].high && falls_to_zero(value + 1))
			return complain(EXIT_USAGE,
					"mock-nvml load: %s=: expected MIN-MAX, found \"%s\"",
					words[i].word, value + 1);
		if (words[i].high)
			assign_range(assignments, words[i].key, words[i].high, value + 1);
		else
			assign(assignments, words[i].key, value + 1, strlen(value + 1));
		return EXIT_OK;
	}
	return complain(
		EXIT_USAGE,
		"mock-nvml load: expected gpu=, memory=, encoder=, decoder=, memory_used= with "
		"MIN-MAX, or period=, duty=, stagger=, pcie=, nvlink=, time_constant=, "
		"full_load_c=, seed=, found \"%s\"",
		text);
}

static enum control_result changed(const struct readings_motion *before,
				   const struct control *control)
{
	return memcmp(before, &control->running->readings.motion, sizeof(*before)) == 0
		       ? CONTROL_SAME
		       : CONTROL_CHANGED;
}

/* Of a load that says no more than its pattern. */
static const struct readings_motion plain = { .gpu_max = 100, .memory_max = 50 };

static enum control_result start_device(const struct control *control, void *data,
					struct control_error *error)
{
	const struct assignments *assignments = data;
	struct readings_motion before = control->running->readings.motion;

	control->running->readings.motion = plain;
	if (control_set(control, assignments->list, assignments->count, error) == CONTROL_REFUSED)
		return CONTROL_REFUSED;
	return changed(&before, control);
}

static enum control_result stop_device(const struct control *control, void *data,
				       struct control_error *error)
{
	const struct readings *rest = &control->description->devices[control->slot].readings;
	struct readings_motion before = control->running->readings.motion;
	uint32_t load = running_held_load(control->running);

	(void)data;
	(void)error;
	control->running->readings.motion = rest->motion;
	running_follow_load(control->running, rest, load);
	return changed(&before, control);
}

int load_stop(const struct options *options)
{
	const struct change change = { .attempt = "stop the load of", .call = stop_device };

	return change_running(options, &change);
}

int load_pattern(const struct options *options)
{
	static struct assignments assignments;
	const struct change change = {
		.attempt = "load",
		.call = start_device,
		.data = &assignments,
	};

	if (!options->word_count)
		return complain(EXIT_USAGE,
				"mock-nvml load: expected a pattern such as sine, or stop");
	if (strcmp(options->words[0], "stop") == 0 && options->word_count == 1)
		return load_stop(options);
	assign(&assignments, "utilization.pattern", options->words[0], strlen(options->words[0]));
	for (unsigned int i = 1; i < options->word_count; i++)
		if (take_word(&assignments, options->words[i]) != EXIT_OK)
			return EXIT_USAGE;
	return change_running(options, &change);
}
