/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query_field.h"

/* Of two of them, the one that is further down is the one too many. */
static const struct {
	const char *name;
	enum command command;
	const struct query_kind *kind;
} commands[] = {
	{ "-h", COMMAND_HELP, NULL },
	{ "--help", COMMAND_HELP, NULL },
	{ "--version", COMMAND_VERSION, NULL },
	{ "-L", COMMAND_LIST, NULL },
	{ "--list-gpus", COMMAND_LIST, NULL },
	{ "-B", COMMAND_LIST_EXCLUDED, NULL },
	{ "--list-excluded-gpus", COMMAND_LIST_EXCLUDED, NULL },
	{ "--help-query-gpu", COMMAND_QUERY_HELP, &query_gpu },
	{ "--help-query-supported-clocks", COMMAND_QUERY_HELP, &query_supported_clocks },
	{ "--help-query-compute-apps", COMMAND_QUERY_HELP, &query_compute_apps },
	{ "--help-query-accounted-apps", COMMAND_QUERY_HELP, &query_accounted_apps },
	{ "--help-query-retired-pages", COMMAND_QUERY_HELP, &query_retired_pages },
	{ "--help-query-remapped-rows", COMMAND_QUERY_HELP, &query_remapped_rows },
};

static const struct {
	const char *names[2];
	bool has_value;
} options[OPTION_COUNT] = {
	[OPTION_IDS] = { { "-i", "--id" }, true },
	[OPTION_FILE] = { { "-f", "--filename" }, true },
	[OPTION_FORMAT] = { { "--format" }, true },
	[OPTION_QUERY_GPU] = { { "--query-gpu" }, true },
	[OPTION_QUERY_CLOCKS] = { { "--query-supported-clocks" }, true },
	[OPTION_QUERY_APPS] = { { "--query-compute-apps" }, true },
	[OPTION_QUERY_ACCOUNTED] = { { "--query-accounted-apps" }, true },
	[OPTION_QUERY_PAGES] = { { "--query-retired-pages" }, true },
	[OPTION_QUERY_ROWS] = { { "--query-remapped-rows" }, true },
	[OPTION_REPORT] = { { "-q", "--query" }, false },
	[OPTION_XML] = { { "-x", "--xml-format" }, false },
	[OPTION_DISPLAY] = { { "-d", "--display" }, true },
	[OPTION_ERROR_ON_WARNING] = { { "-eow", "--error-on-warning" }, false },
	[OPTION_SCOPE] = { { "-sc", "--scope" }, true },
	[OPTION_MODE] = { { "-m", "--mode" }, true },
};

int option_value(char *const words[], const char *name, const char **value)
{
	size_t length = strlen(name);

	if (strncmp(words[0], name, length) != 0)
		return 0;
	if (words[0][length] == '=') {
		*value = words[0] + length + 1;
		return 1;
	}
	if (words[0][length])
		return 0;
	*value = words[1];
	return words[1] && words[1][0] != '-' ? 2 : -1;
}

int option_refuse(const char *word, const char *wrong, int status)
{
	printf("ERROR: Option %s %s. Run 'nvidia-smi -h' for help.\n\n", word, wrong);
	return status;
}

/* As option_value(), for either name of an option that may do without a value. */
static int take(char *const words[], const char *const names[2], bool has_value, const char **value)
{
	int taken = 0;

	for (int i = 0; i < 2 && names[i] && !taken; i++) {
		if (has_value)
			taken = option_value(words, names[i], value);
		else
			taken = strcmp(words[0], names[i]) == 0;
	}
	return taken;
}

static int take_setting(struct request *request, char *const words[])
{
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *setting = &settings[i];
		int taken = take(words, setting->names, setting->kind != SETTING_PLAIN,
				 &request->value.text);

		if (!taken)
			continue;
		request->setting = setting;
		request->setting_word = words[0];
		request->setting_at = request->count;
		request->settings++;
		return taken;
	}
	return 0;
}

static int take_option(struct request *request, char *const words[])
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		int taken =
			take(words, options[i].names, options[i].has_value, &request->values[i]);

		if (!taken)
			continue;
		request->words[i] = words[0];
		request->at[i] = request->count;
		return taken;
	}
	return take_setting(request, words);
}

static bool lists(enum command command)
{
	return command == COMMAND_LIST || command == COMMAND_LIST_EXCLUDED;
}

static int set_command(struct request *request, size_t which)
{
	const char *word = commands[which].name;
	size_t first = 0;

	if (request->command_word &&
	    (strcmp(request->command_word, word) == 0 ||
	     (lists(request->command) && lists(commands[which].command)))) {
		printf("ERROR: Only one command can be run at a time. Run 'nvidia-smi -h' for help.\n\n");
		return EXIT_USAGE;
	}
	if (request->command_word) {
		while (strcmp(commands[first].name, request->command_word) != 0)
			first++;
		return option_refuse(commands[first > which ? first : which].name,
				     "is not valid for this command", EXIT_USAGE);
	}
	request->command = commands[which].command;
	request->kind = commands[which].kind;
	request->command_word = word;
	return EXIT_SUCCESS;
}

static int read_word(struct request *request, const char *word)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(word, commands[i].name) == 0)
			return set_command(request, i);
	if (!request->unknown) {
		request->unknown = word;
		request->unknown_at = request->count;
	}
	return EXIT_SUCCESS;
}

#define ALLOW(option) (1u << OPTION_##option)
#define ALLOW_SETTINGS (1u << OPTION_COUNT)
#define ALLOW_SUMMARY (ALLOW(IDS) | ALLOW(FILE))
#define ALLOW_REPORT (ALLOW_SUMMARY | ALLOW(REPORT) | ALLOW(XML) | ALLOW(DISPLAY))
#define ALLOW_QUERIES                                                                          \
	(ALLOW(QUERY_GPU) | ALLOW(QUERY_CLOCKS) | ALLOW(QUERY_APPS) | ALLOW(QUERY_ACCOUNTED) | \
	 ALLOW(QUERY_PAGES) | ALLOW(QUERY_ROWS))

/* The first word that is not one of the allowed; NULL for none. */
static const char *stray(const struct request *request, unsigned int allowed)
{
	const char *first = request->unknown;
	unsigned int at = request->unknown_at;

	for (int i = 0; i < OPTION_COUNT; i++) {
		if (request->words[i] && !(allowed & 1u << i) && (!first || request->at[i] < at)) {
			first = request->words[i];
			at = request->at[i];
		}
	}
	if (request->setting && !(allowed & ALLOW_SETTINGS) && (!first || request->setting_at < at))
		first = request->setting_word;
	return first;
}

/* The option as it is called, without a value that was written into the same word. */
static const char *name_of(const char *word)
{
	static char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	return name;
}

static bool is_setting(const struct setting *setting, setting_apply *apply)
{
	return setting && setting->apply == apply;
}

static int check_setting(struct request *request)
{
	const char *wrong = stray(request, ALLOW_SETTINGS | ALLOW(IDS) | ALLOW(ERROR_ON_WARNING) |
						   ALLOW(SCOPE) | ALLOW(MODE));
	const struct setting *setting = request->setting;

	if (wrong)
		return option_refuse(wrong, "is not recognized", EXIT_OTHER);
	if (request->settings > 1) {
		printf("Invalid combination of input arguments. Only one device modification may be done at a time.\n\n");
		return EXIT_USAGE;
	}
	if (request->words[OPTION_MODE] && !is_setting(setting, lock_gpu_clocks)) {
		printf("Invalid combination of input arguments. '--mode' can only be used with '--lock-gpu-clocks'.\n\n");
		return EXIT_USAGE;
	}
	if (request->words[OPTION_SCOPE] && !is_setting(setting, set_power_limit)) {
		printf("Invalid combination of input arguments. '--scope' can only be used with '--power-limits'.\n\n");
		return EXIT_USAGE;
	}
	request->command = COMMAND_SETTING;
	return EXIT_SUCCESS;
}

/* "Option VALUE is invalid for NAME" */
static int refuse_value(const char *value, const char *word)
{
	printf("ERROR: Option %s is invalid for %s. Run 'nvidia-smi -h' for help.\n\n", value,
	       name_of(word));
	return EXIT_USAGE;
}

static int read_values(struct request *request)
{
	const struct {
		enum option option;
		long *number;
	} numbers[] = {
		{ OPTION_SCOPE, &request->value.scope },
		{ OPTION_MODE, &request->value.mode },
	};

	request->value.scope = -1;
	request->value.mode = -1;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const char *text = request->values[numbers[i].option];

		if (text && !setting_number(text, numbers[i].number))
			return refuse_value(text, request->words[numbers[i].option]);
	}
	if (request->setting && !setting_read(request->setting, &request->value))
		return refuse_value(request->value.text, request->setting_word);
	return EXIT_SUCCESS;
}

/* What -x and -d need, and what they cannot have. */
static int check_report(const struct request *request)
{
	if (request->words[OPTION_XML] && !request->words[OPTION_REPORT]) {
		printf("Invalid combination of input arguments. Specify -q/--query and -x/--xml-format to run an XML query.  Run 'nvidia-smi -h' for help.\n\n");
		return EXIT_USAGE;
	}
	if (request->words[OPTION_DISPLAY] && !request->words[OPTION_REPORT]) {
		printf("Invalid combination of input arguments. Specify -q/--query and -d/--display to run a filtered query.  Run 'nvidia-smi -h' for help.\n\n");
		return EXIT_USAGE;
	}
	if (request->words[OPTION_XML] && request->words[OPTION_DISPLAY]) {
		printf("Invalid combination of input arguments: --display/-d flags can not be combined with -x/--xml-format flags.\n");
		return EXIT_USAGE;
	}
	return report_check(request->values[OPTION_DISPLAY]);
}

/* The option of the query that is asked for; OPTION_COUNT for none. */
static enum option asked_query(const struct request *request)
{
	enum option option = OPTION_QUERY_GPU;

	while (option <= OPTION_QUERY_ROWS && !request->words[option])
		option++;
	return option <= OPTION_QUERY_ROWS ? option : OPTION_COUNT;
}

static int check_query(struct request *request, enum option option)
{
	static const struct query_kind *const kinds[OPTION_COUNT] = {
		[OPTION_QUERY_GPU] = &query_gpu,
		[OPTION_QUERY_CLOCKS] = &query_supported_clocks,
		[OPTION_QUERY_APPS] = &query_compute_apps,
		[OPTION_QUERY_ACCOUNTED] = &query_accounted_apps,
		[OPTION_QUERY_PAGES] = &query_retired_pages,
		[OPTION_QUERY_ROWS] = &query_remapped_rows,
	};
	const char *wrong = stray(request, ALLOW_QUERIES | ALLOW_SUMMARY | ALLOW(FORMAT));
	unsigned int count = 0;

	for (int i = OPTION_QUERY_GPU; i <= OPTION_QUERY_ROWS; i++)
		count += request->words[i] != NULL;
	if (count > 1) {
		printf("Only one --query-* switch can be used at a time.\n");
		return EXIT_USAGE;
	}
	if (wrong)
		return option_refuse(wrong, "is not recognized", EXIT_USAGE);
	request->command = COMMAND_QUERY;
	request->kind = kinds[option];
	request->fields = request->values[option];
	return query_check(request->kind, request->fields, request->values[OPTION_FORMAT]);
}

/* Commands of one word have no options. */
static int check_command(const struct request *request)
{
	const char *wrong = stray(request, 0);

	return wrong ? option_refuse(wrong, "is not valid for this command", EXIT_USAGE)
		     : EXIT_SUCCESS;
}

static int read_words(struct request *request, char *const words[])
{
	while (*words) {
		int taken = take_option(request, words);
		int status = EXIT_SUCCESS;

		if (taken < 0)
			return option_refuse(*words, "is missing its value", EXIT_OTHER);
		if (!taken)
			status = read_word(request, *words);
		if (status)
			return status;
		words += taken ? taken : 1;
		request->count++;
	}
	return EXIT_SUCCESS;
}

int options_read(struct request *request, char *const words[])
{
	int status = read_words(request, words);
	enum option query;
	const char *wrong;

	if (status)
		return status;
	if (request->command_word)
		return check_command(request);
	status = read_values(request);
	if (status)
		return status;
	if (request->setting)
		return check_setting(request);
	query = asked_query(request);
	if (query != OPTION_COUNT)
		return check_query(request, query);
	wrong = stray(request, ALLOW_REPORT | ALLOW(SCOPE) | ALLOW(MODE));
	if (wrong) {
		printf("ERROR: Option %s is not recognized. Run 'nvidia-smi -h'.\n\n", wrong);
		return EXIT_OTHER;
	}
	if (request->words[OPTION_SCOPE] || request->words[OPTION_MODE])
		return check_setting(request);
	request->command = request->words[OPTION_REPORT] ? COMMAND_REPORT : COMMAND_SUMMARY;
	return check_report(request);
}
