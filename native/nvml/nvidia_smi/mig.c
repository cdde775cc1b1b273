/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi mig: its command line. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static const struct {
	const char *names[2];
	mig_command *run;
	bool of_profiles; /* needs MIG, but not enabled */
	const char *help;
} commands[] = {
	{ { "-lgip", "--list-gpu-instance-profiles" },
	  mig_list_gpu_profiles,
	  true,
	  "profiles of GPU instances" },
	{ { "-lgipp", "--list-gpu-instance-possible-placements" },
	  mig_list_gpu_placements,
	  true,
	  "where they can lie" },
	{ { "-lgi", "--list-gpu-instances" }, mig_list_gpu_instances, false, "GPU instances" },
	{ { "-lcip", "--list-compute-instance-profiles" },
	  mig_list_compute_profiles,
	  false,
	  "profiles of compute instances" },
	{ { "-lcipp", "--list-compute-instance-possible-placements" },
	  mig_list_compute_placements,
	  false,
	  "where they can lie" },
	{ { "-lci", "--list-compute-instances" },
	  mig_list_compute_instances,
	  false,
	  "compute instances" },
	{ { "-dgi", "--destroy-gpu-instance" },
	  mig_destroy_gpu_instances,
	  false,
	  "unmake GPU instances" },
	{ { "-dci", "--destroy-compute-instance" },
	  mig_destroy_compute_instances,
	  false,
	  "unmake compute instances" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct mig_options {
	struct mig_request request;
	mig_command *run;
	bool of_profiles;
	bool help;
};

static int help(void)
{
	printf("nvidia-smi mig COMMAND [-i IDS] [-gi IDS] [-ci IDS]: instances of GPUs\n\n");
	printf("%-6s %-46s %s\n", "-cgi", "--create-gpu-instance PROFILE[:START],...",
	       "make GPU instances");
	printf("%-6s %-46s %s\n", "-C", "--default-compute-instance",
	       "with a compute instance in each");
	printf("%-6s %-46s %s\n", "-cci", "--create-compute-instance [PROFILE[:START],...]",
	       "make compute instances");
	for (size_t i = 0; i < COUNT(commands); i++)
		printf("%-6s %-46s %s\n", commands[i].names[0], commands[i].names[1],
		       commands[i].help);
	printf("\nA profile is named or numbered as -lgip and -lcip show it.\n"
	       "-i takes GPUs as everywhere, -gi GPU instances, -ci compute instances.\n");
	return EXIT_SUCCESS;
}

/* Either name. Returns as option_value() does. */
static int take(char *const words[], const char *name, const char *long_name, const char **value)
{
	int taken = option_value(words, name, value);

	return taken ? taken : option_value(words, long_name, value);
}

static int take_value(struct mig_options *options, char *const words[])
{
	struct mig_request *request = &options->request;
	int taken = take(words, "-i", "--id", &request->ids);

	if (!taken)
		taken = take(words, "-gi", "--gpu-instance-id", &request->gpu_instances);
	if (!taken)
		taken = take(words, "-ci", "--compute-instance-id", &request->compute_instances);
	if (taken)
		return taken;
	taken = take(words, "-cgi", "--create-gpu-instance", &request->profiles);
	if (taken)
		options->run = mig_create_gpu_instances;
	return taken;
}

/* -cci may have a value. */
static int take_create_compute(struct mig_options *options, char *const words[])
{
	const char *profiles = NULL;
	int taken = take(words, "-cci", "--create-compute-instance", &profiles);

	if (!taken)
		return 0;
	options->run = mig_create_compute_instances;
	options->request.profiles = taken > 0 ? profiles : NULL;
	return taken > 0 ? taken : 1;
}

static bool take_command(struct mig_options *options, const char *word)
{
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (strcmp(word, commands[i].names[0]) != 0 &&
		    strcmp(word, commands[i].names[1]) != 0)
			continue;
		if (!options->run) {
			options->run = commands[i].run;
			options->of_profiles = commands[i].of_profiles;
		}
		return true;
	}
	if (strcmp(word, "-C") == 0 || strcmp(word, "--default-compute-instance") == 0)
		options->request.with_compute = true;
	else if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
		options->help = true;
	else
		return false;
	return true;
}

static int read_words(struct mig_options *options, char *const words[])
{
	while (*words) {
		int taken = take_create_compute(options, words);

		if (!taken)
			taken = take_value(options, words);
		if (!taken)
			taken = take_command(options, *words);
		if (taken > 0) {
			words += taken;
			continue;
		}
		printf("Option \"%s\" is %s.\n", *words,
		       taken ? "missing its value" : "not recognized");
		return EXIT_USAGE;
	}
	return EXIT_SUCCESS;
}

/* Leaves those GPUs that can be divided; where @enabled, those that are. */
static void keep_capable(struct selection *selection, bool enabled)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < selection->count; i++) {
		unsigned int current = 0, pending;
		nvmlReturn_t result =
			nvml.DeviceGetMigMode(selection->devices[i], &current, &pending);

		if (result == NVML_SUCCESS && (!enabled || current == NVML_DEVICE_MIG_ENABLE))
			selection->devices[kept++] = selection->devices[i];
	}
	selection->count = kept;
}

int mig_check(char *const words[], bool *run)
{
	struct mig_options options = { 0 };
	int status = read_words(&options, words);

	*run = !status && !options.help && options.run;
	if (!status && (options.help || (!options.run && !options.request.with_compute)))
		return help();
	return status;
}

int mig_run(char *const words[])
{
	struct mig_options options = { 0 };
	struct selection selection;
	int status = read_words(&options, words);

	if (!status)
		status = selection_make(&selection, options.request.ids);
	if (status)
		return status;
	keep_capable(&selection, false);
	if (!selection.count) {
		printf("No MIG-supported devices found.\n");
		return EXIT_NO_DEVICE;
	}
	if (!options.of_profiles)
		keep_capable(&selection, true);
	if (!selection.count) {
		printf("No MIG-enabled devices found.\n");
		return EXIT_SUCCESS;
	}
	return options.run(&selection, &options.request);
}
