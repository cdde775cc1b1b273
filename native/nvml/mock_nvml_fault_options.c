/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fault from its options. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control.h"
#include "mock_nvml_fault.h"

#define SECONDS_MAX 31536000.0 /* a year */

static int parse_real(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return *text >= '0' && *text <= '9' && !*end && isfinite(*value) ? 0 : -1;
}

int parse_seconds(const char *name, const char *text, uint64_t *milliseconds)
{
	double seconds;

	if (!text)
		return EXIT_OK;
	if (parse_real(text, &seconds) != 0 || seconds > SECONDS_MAX || seconds < 0.001)
		return complain(EXIT_USAGE, "%s: expected seconds from 0.001 to %.0f, found \"%s\"",
				name, SECONDS_MAX, text);
	*milliseconds = (uint64_t)(seconds * 1000 + 0.5);
	return EXIT_OK;
}

static int parse_probability(const char *text, uint32_t *probability)
{
	double value;

	if (!text)
		return EXIT_OK;
	if (parse_real(text, &value) != 0 || value < 0.000001 || value > 1)
		return complain(EXIT_USAGE,
				"--probability: expected a number from 0.000001 to 1, found \"%s\"",
				text);
	/* 1 is always, which stands as 0. */
	*probability = (uint32_t)(value * 1000000 + 0.5) % 1000000;
	return EXIT_OK;
}

static const struct fault_word *find_word(const struct fault_word *words, const char *text)
{
	for (; words->name; words++)
		if (strcasecmp(words->name, text) == 0)
			return words;
	return NULL;
}

static int complain_words(const char *name, const char *text, const struct fault_word *words)
{
	char list[640] = "";

	for (; words->name; words++) {
		size_t used = strlen(list);

		snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", words->name);
	}
	return complain(EXIT_USAGE, "%s: expected one of %s, found \"%s\"", name, list, text);
}

/* NVML_ERROR_TIMEOUT, TIMEOUT or 10. */
static int parse_code(const char *text, uint32_t *code)
{
	const struct fault_word *word;
	uint64_t number = 0;

	if (!text)
		return EXIT_OK;
	if (*text >= '0' && *text <= '9') {
		if (parse_number("--code", text, 1, 999, &number) != EXIT_OK)
			return EXIT_USAGE;
		*code = (uint32_t)number;
		return EXIT_OK;
	}
	word = find_word(fault_codes, strncasecmp(text, "NVML_ERROR_", 11) == 0 ? text + 11 : text);
	if (!word)
		return complain_words("--code", text, fault_codes);
	*code = word->value;
	return EXIT_OK;
}

static int parse_location(const char *text, uint32_t *location)
{
	const struct fault_word *word = text ? find_word(fault_locations, text) : NULL;

	if (text && !word)
		return complain_words("--location", text, fault_locations);
	if (word)
		*location = word->value;
	return EXIT_OK;
}

/* One link; all of them stand as none, until the board is known. */
static int parse_link(const char *text, uint64_t *links)
{
	uint64_t link = 0;

	if (!text || strcmp(text, "all") == 0)
		return EXIT_OK;
	if (parse_number("--link", text, 0, PROFILE_MAX_LINKS - 1, &link) != EXIT_OK)
		return EXIT_USAGE;
	*links = (uint64_t)1 << link;
	return EXIT_OK;
}

static int parse_health(const char *text, uint64_t *health)
{
	const struct fault_word *word = text ? find_word(fault_healths, text) : NULL;

	if (text && !word)
		return complain_words("--health", text, fault_healths);
	if (word)
		*health = word->value;
	return EXIT_OK;
}

/* Options that other kinds take would be without effect. */
static int check_takes(const struct options *options, const struct fault_kind *kind)
{
	const struct option_texts *texts = &options->texts;
	const struct {
		const char *name, *text;
		uint32_t takes;
	} given[] = {
		{ "--code", texts->code, FAULT_TAKES_CODE },
		{ "--latency", texts->latency, FAULT_TAKES_LATENCY },
		{ "--count", texts->count, FAULT_TAKES_COUNT },
		{ "--location", texts->location, FAULT_TAKES_LOCATION },
		{ "--link", texts->link, FAULT_TAKES_LINK },
		{ "--temperature", texts->temperature, FAULT_TAKES_TEMPERATURE },
		{ "--clock", texts->clock, FAULT_TAKES_CLOCK },
		{ "--health", texts->health, FAULT_TAKES_HEALTH },
	};

	for (unsigned int i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (given[i].text && !(kind->takes & given[i].takes))
			return complain(EXIT_USAGE, "mock-nvml fail: %s takes no %s", kind->name,
					given[i].name);
	if (texts->devices && kind->node)
		return complain(EXIT_USAGE,
				"mock-nvml fail: %s is of the node as a whole and takes no -i",
				kind->name);
	return EXIT_OK;
}

static int parse_numbers(const struct option_texts *texts, struct running_fault *fault)
{
	uint64_t after_calls = 0, count = fault->count, clock = 0, temperature = 0;

	if (parse_number("--after-calls", texts->after_calls, 1, UINT32_MAX, &after_calls) ||
	    parse_number("--count", texts->count, 1, UINT32_MAX, &count) ||
	    parse_number("--clock", texts->clock, 1, 100000, &clock) ||
	    parse_number("--temperature", texts->temperature, 0, 300, &temperature) ||
	    parse_number("--seed", texts->seed, 0, UINT64_MAX, &fault->seed))
		return EXIT_USAGE;
	fault->after_calls = (uint32_t)after_calls;
	fault->count = (uint32_t)count;
	fault->clock_mhz = (uint32_t)clock;
	if (texts->temperature)
		fault->temperature_c = (int32_t)temperature;
	return EXIT_OK;
}

static int parse_times(const struct option_texts *texts, struct running_fault *fault)
{
	uint64_t latency = fault->latency_ms;

	if (parse_seconds("--after", texts->after, &fault->from_ms) ||
	    parse_seconds("--for", texts->period, &fault->until_ms) ||
	    parse_seconds("--latency", texts->latency, &latency) ||
	    parse_probability(texts->probability, &fault->probability))
		return EXIT_USAGE;
	fault->latency_ms = (uint32_t)latency;
	return EXIT_OK;
}

int parse_fault(const struct options *options, struct running_fault *fault)
{
	const struct option_texts *texts = &options->texts;
	enum fault_name name;

	if (options->word_count != 1)
		return complain(EXIT_USAGE,
				"mock-nvml fail: expected one KIND (mock-nvml faults lists them)");
	name = fault_name_of(options->words[0]);
	if (name == FAULT_NAMES)
		return complain(EXIT_USAGE,
				"mock-nvml fail: there is no kind \"%s\" (mock-nvml faults lists "
				"them)",
				options->words[0]);
	control_fault_init(fault, name);
	if (check_takes(options, &fault_kinds[name]) || parse_numbers(texts, fault) ||
	    parse_times(texts, fault) || parse_code(texts->code, &fault->code) ||
	    parse_location(texts->location, &fault->location) ||
	    parse_link(texts->link, &fault->links) || parse_health(texts->health, &fault->health))
		return EXIT_USAGE;
	return EXIT_OK;
}
