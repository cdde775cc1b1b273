/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A free nvidia-smi: what NVML says, in the layout of NVIDIA's program. Only
 * public functions of NVML are called; no byte of the vendor's is in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smi.h"

enum command {
	COMMAND_SUMMARY,
	COMMAND_LIST,
	COMMAND_QUERY,
	COMMAND_REPORT,
	COMMAND_HELP,
	COMMAND_QUERY_HELP,
	COMMAND_VERSION,
};

struct request {
	enum command command;
	const char *command_word; /* as the user wrote it */
	const char *ids;
	const char *ids_word;
	const char *fields;
	const char *format;
	const char *format_word;
	bool report, xml;
	const char *display;
	const char *unknown; /* the first word that is no option */
};

static const struct {
	const char *name;
	enum command command;
} commands[] = {
	{ "-L", COMMAND_LIST },		  { "--list-gpus", COMMAND_LIST },
	{ "-h", COMMAND_HELP },		  { "--help", COMMAND_HELP },
	{ "--version", COMMAND_VERSION }, { "--help-query-gpu", COMMAND_QUERY_HELP },
};

/*
 * "--name=value", or "--name" "value". Returns how many words it took: 0 where
 * the word is another option, -1 where the value is missing.
 */
static int read_option(char *const words[], const char *name, const char **value)
{
	size_t length = strlen(name);

	if (strncmp(words[0], name, length))
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

/* What was wrong with a word of the command line, in the vendor's form. */
static int refuse(const char *word, const char *wrong, int status)
{
	printf("ERROR: Option %s %s. Run 'nvidia-smi -h' for help.\n\n", word, wrong);
	return status;
}

static int set_command(struct request *request, enum command command, const char *word)
{
	if (request->command_word && strcmp(request->command_word, word) == 0) {
		printf("ERROR: Only one command can be run at a time. Run 'nvidia-smi -h' for help.\n\n");
		return EXIT_USAGE;
	}
	if (request->command_word)
		return refuse(request->command_word, "is not valid for this command", EXIT_USAGE);
	request->command = command;
	request->command_word = word;
	return EXIT_SUCCESS;
}

static int read_word(struct request *request, const char *word)
{
	if (!strcmp(word, "-q")) { request->report = true; return 0; }
	if (!strcmp(word, "-x")) { request->xml = true; return 0; }
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(word, commands[i].name))
			return set_command(request, commands[i].command, word);
	if (!request->unknown)
		request->unknown = word;
	return EXIT_SUCCESS;
}

/* The options that have a value. Returns as read_option() does. */
static int read_value(struct request *request, char *const words[])
{
	int taken = read_option(words, "-i", &request->ids);

	if (!taken)
		taken = read_option(words, "--id", &request->ids);
	if (taken) {
		request->ids_word = words[0];
		return taken;
	}
	taken = read_option(words, "--format", &request->format);
	if (taken) {
		request->format_word = words[0];
		return taken;
	}
	taken = read_option(words, "-d", &request->display);
	if (taken)
		return taken;
	return read_option(words, "--query-gpu", &request->fields);
}

static int read_words(struct request *request, char *const words[])
{
	while (*words) {
		int taken = read_value(request, words);
		int status = EXIT_SUCCESS;

		if (taken < 0)
			return refuse(*words, "is missing its value", EXIT_OTHER);
		if (!taken)
			status = read_word(request, *words);
		if (status)
			return status;
		words += taken ? taken : 1;
	}
	return EXIT_SUCCESS;
}

/* Which options go with which command. */
static int check(struct request *request)
{
	bool query = request->fields != NULL;
	const char *stray = request->ids_word	   ? request->ids_word
			    : request->format_word ? request->format_word
						   : request->unknown;

	if (query && request->command_word)
		stray = "--query-gpu";
	if (request->command_word && stray)
		return refuse(stray, "is not valid for this command", EXIT_USAGE);
	if (!query && request->format_word)
		return refuse(request->format_word, "is not recognized", EXIT_OTHER);
	if (request->unknown)
		return refuse(request->unknown, "is not recognized",
			      query ? EXIT_USAGE : EXIT_OTHER);
	if (request->report)
		request->command = COMMAND_REPORT;
	if (!query)
		return report_check(request->display);
	request->command = COMMAND_QUERY;
	return query_check(request->fields, request->format);
}

static int start_nvml(void)
{
	const char *reason = NULL;
	nvmlReturn_t result;

	if (!nvml_api_load(&reason)) {
		printf("NVIDIA-SMI couldn't find the NVML library: %s. Install the driver, or name the folder of libnvidia-ml.so.1 by LD_LIBRARY_PATH.\n",
		       reason);
		return NVML_ERROR_LIBRARY_NOT_FOUND;
	}
	result = nvml.Init_v2();
	if (result == NVML_ERROR_DRIVER_NOT_LOADED) {
		printf("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver: none is loaded. Mock GPUs are made by 'mock-nvml apply PROFILE'.\n\n");
		return exit_status(result);
	}
	if (result != NVML_SUCCESS)
		printf("Failed to initialize NVML: %s\n", nvml.ErrorString(result));
	return exit_status(result);
}

static int run_command(const struct request *request)
{
	struct selection selection;
	int status;

	if (request->command == COMMAND_LIST)
		return gpu_list_print();
	if (request->command == COMMAND_VERSION)
		return version_print();
	status = selection_make(&selection, request->ids);
	if (status)
		return status;
	if (request->command == COMMAND_QUERY)
		return query_print(&selection, request->fields, request->format);
	if (request->command == COMMAND_REPORT)
		return report_print(&selection, request->xml, request->display);
	return summary_print(&selection);
}

int main(int argc, char *argv[])
{
	struct request request = { .command = COMMAND_SUMMARY };
	int status = read_words(&request, argv + (argc > 0));

	if (!status)
		status = check(&request);
	if (status)
		return status;
	if (request.command == COMMAND_HELP)
		return help_print(), EXIT_SUCCESS;
	if (request.command == COMMAND_QUERY_HELP)
		return query_help_print(), EXIT_SUCCESS;
	status = start_nvml();
	if (status)
		return status;
	status = run_command(&request);
	nvml.Shutdown();
	/* A full disk or a closed pipe must not pass for success. */
	if (fflush(stdout) != 0 && !status)
		return EXIT_OTHER;
	return status;
}
