/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A free nvidia-smi: what NVML says, in the layout of NVIDIA's program. Only
 * public functions of NVML are called; no byte of the vendor's is in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "query_field.h"

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
	const char *ids = request->values[OPTION_IDS];
	struct selection selection;
	int status;

	if (request->command == COMMAND_LIST)
		return gpu_list_print();
	if (request->command == COMMAND_LIST_EXCLUDED)
		return excluded_list_print();
	if (request->command == COMMAND_VERSION)
		return version_print();
	status = selection_make(&selection, ids);
	if (status)
		return status;
	switch (request->command) {
	case COMMAND_QUERY:
		return query_print(&selection, request->kind, request->fields,
				   request->values[OPTION_FORMAT]);
	case COMMAND_REPORT:
		return report_print(&selection, request->words[OPTION_XML] != NULL,
				    request->values[OPTION_DISPLAY]);
	case COMMAND_SETTING:
		return setting_run(&selection, request->setting, &request->value,
				   request->words[OPTION_ERROR_ON_WARNING] != NULL);
	default:
		return summary_print(&selection);
	}
}

/* What needs no library. False where the command is another. */
static bool print_help(const struct request *request)
{
	switch (request->command) {
	case COMMAND_HELP:
		help_print();
		return true;
	case COMMAND_QUERY_HELP:
		query_help_print(request->kind);
		return true;
	default:
		return false;
	}
}

/* Where -f names a file, all that is printed from here on goes there. */
static bool open_output(const char *path)
{
	FILE *file = path ? fopen(path, "w") : NULL;
	bool opened = !path;

	if (file) {
		opened = dup2(fileno(file), STDOUT_FILENO) >= 0;
		fclose(file);
	}
	if (!opened)
		printf("Failed to create the log file %s: %s\n", path, strerror(errno));
	return opened;
}

/* The commands that are words and have options of their own. */
static const struct subcommand {
	const char *name;
	int (*check)(char *const words[], bool *run);
	int (*run)(char *const words[]);
} subcommands[] = {
	{ "mig", mig_check, mig_run },
	{ "topo", topology_check, topology_run },
	{ "compute-policy", compute_policy_check, compute_policy_run },
	{ "nvlink", nvlink_check, nvlink_run },
	{ "conf-compute", conf_compute_check, conf_compute_run },
	{ "dmon", device_monitor_check, device_monitor_run },
	{ "pmon", process_monitor_check, process_monitor_run },
};

static const struct subcommand *find_subcommand(const char *word)
{
	for (size_t i = 0; word && i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strcmp(word, subcommands[i].name) == 0)
			return &subcommands[i];
	return NULL;
}

/* A full disk or a closed pipe must not pass for success. */
static int finish(int status)
{
	nvml.Shutdown();
	return fflush(stdout) != 0 && !status ? EXIT_OTHER : status;
}

static int run_subcommand(const struct subcommand *subcommand, char *const words[])
{
	bool run = false;
	int status = subcommand->check(words, &run);

	if (!run)
		return status;
	status = start_nvml();
	return status ? status : finish(subcommand->run(words));
}

static int run_options(char *const words[])
{
	struct request request = { .command = COMMAND_SUMMARY };
	int status = options_read(&request, words);

	if (status)
		return status;
	if (print_help(&request))
		return EXIT_SUCCESS;
	status = start_nvml();
	if (status)
		return status;
	return finish(open_output(request.values[OPTION_FILE]) ? run_command(&request)
							       : EXIT_OTHER);
}

int main(int argc, char *argv[])
{
	char *const *words = argv + (argc > 0);
	const struct subcommand *subcommand = find_subcommand(*words);

	return subcommand ? run_subcommand(subcommand, words + 1) : run_options(words);
}
