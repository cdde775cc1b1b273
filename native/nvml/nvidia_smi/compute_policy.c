/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nvidia-smi compute-policy -l. The public interface of NVML has no function that
 * tells a policy, so the answer is what the vendor's program says of a board that
 * has none.
 */
#include "mig.h"
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int help(void)
{
	printf("nvidia-smi compute-policy -l [-i IDS]: how GPUs share their time\n\n"
	       "-l, --list     the policy of each GPU\n"
	       "-i, --id=IDS   only these GPUs\n");
	return EXIT_SUCCESS;
}

static int read_words(char *const words[], const char **ids, bool *list)
{
	while (*words) {
		int taken = option_value(words, "-i", ids);

		if (!taken)
			taken = option_value(words, "--id", ids);
		if (taken > 0) {
			words += taken;
			continue;
		}
		if (strcmp(*words, "-l") != 0 && strcmp(*words, "--list") != 0) {
			printf("Option \"%s\" is %s.\n", *words,
			       taken ? "missing its value" : "not recognized");
			return EXIT_USAGE;
		}
		*list = true;
		words++;
	}
	return EXIT_SUCCESS;
}

int compute_policy_check(char *const words[], bool *run)
{
	const char *ids = NULL;
	int status;

	if (*words && (strcmp(*words, "-h") == 0 || strcmp(*words, "--help") == 0))
		return help();
	status = read_words(words, &ids, run);
	if (status)
		*run = false;
	return status || *run ? status : help();
}

int compute_policy_run(char *const words[])
{
	const char *why = nvml.ErrorString(NVML_ERROR_NOT_SUPPORTED);
	const char *ids = NULL;
	struct selection selection;
	bool list;
	int status = read_words(words, &ids, &list);

	if (!status)
		status = selection_make(&selection, ids);
	if (status)
		return status;
	printf("+-------------------------------------+\n"
	       "| GPU compute policies:               |\n"
	       "| GPU     Name           Value        |\n"
	       "|=====================================|\n"
	       "Failed to get compute policies for GPU %u : %s\n"
	       "Failed to retrieve compute policies for requested devices : %s\n",
	       gpu_index(selection.devices[0]), why, why);
	return exit_status(NVML_ERROR_NOT_SUPPORTED);
}
