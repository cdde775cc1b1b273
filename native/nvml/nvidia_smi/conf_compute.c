/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi conf-compute -f: whether confidential computing is on. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int help(void)
{
	printf("nvidia-smi conf-compute -f [-i IDS]: confidential computing of the node\n\n"
	       "-f, --get-cc-feature   whether it is on\n"
	       "-i, --id=IDS           with regard to these GPUs alone\n");
	return EXIT_SUCCESS;
}

static int read_words(char *const words[], const char **ids, unsigned int *features)
{
	*features = 0;
	while (*words) {
		int taken = strcmp(*words, "-f") == 0 || strcmp(*words, "--get-cc-feature") == 0;

		*features += (unsigned int)taken;
		if (!taken)
			taken = option_value(words, "-i", ids);
		if (!taken)
			taken = option_value(words, "--id", ids);
		if (taken <= 0) {
			printf("Option \"%s\" is %s.\n", *words,
			       taken ? "missing its value" : "not recognized");
			return EXIT_USAGE;
		}
		words += taken;
	}
	if (*features < 2)
		return EXIT_SUCCESS;
	printf("One, and only one, conf-compute command allowed at a time\n");
	return EXIT_USAGE;
}

int conf_compute_check(char *const words[], bool *run)
{
	const char *ids = NULL;
	unsigned int features;
	int status;

	*run = false;
	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], "-h") == 0 || strcmp(words[i], "--help") == 0)
			return help();
	status = read_words(words, &ids, &features);
	if (status)
		return status;
	*run = features == 1;
	return *run ? EXIT_SUCCESS : help();
}

/* The first boards that can are those of Ampere, says the vendor's program. */
static int check_boards(const struct selection *selection)
{
	int status = EXIT_NO_DEVICE;
	bool capable = false;

	for (unsigned int i = 0; i < selection->count; i++) {
		nvmlDeviceArchitecture_t architecture = 0;
		nvmlReturn_t result =
			nvml.DeviceGetArchitecture(selection->devices[i], &architecture);

		if (result != NVML_SUCCESS) {
			printf("NVML: Unable to get architecture: %s\n", nvml.ErrorString(result));
			status = exit_status(result);
			capable = false;
			break;
		}
		capable = capable || architecture >= NVML_DEVICE_ARCH_AMPERE;
	}
	if (capable)
		return EXIT_SUCCESS;
	printf("No CC capable devices found.\n");
	return status;
}

int conf_compute_run(char *const words[])
{
	nvmlConfComputeSystemState_t state = { 0 };
	const char *ids = NULL;
	struct selection selection;
	unsigned int features;
	nvmlReturn_t result;
	int status = read_words(words, &ids, &features);

	if (!status)
		status = selection_make(&selection, ids);
	if (!status)
		status = check_boards(&selection);
	if (status)
		return status;
	result = nvml.SystemGetConfComputeState(&state);
	if (result == NVML_SUCCESS)
		printf("CC status: %s\n", state.ccFeature ? "ON" : "OFF");
	else
		printf("Failed to display Conf. Compute CC feature status: %s\n",
		       nvml.ErrorString(result));
	return exit_status(result);
}
