/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings of clocks. The messages are the vendor's. */
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct outcome done = { .kind = OUTCOME_DONE };

/* Which of NVML's functions, and how it is spoken of. */
struct clocks {
	const char *feature; /* "Setting FEATURE is not supported for GPU" */
	const char *what; /* "Unable to set WHAT", or to reset it */
	const char
		*refused; /* the numbers, as they are shown to be no combination of the board's */
	const char *failed; /* the same when it failed for another reason */
};

/* Two numbers, or one for both. Digits only, so that "-5" is none. */
static bool read_number(const char *text, unsigned int *number)
{
	char *end;

	*number = (unsigned int)strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0';
}

/* Cuts @text at its comma; NULL for the second where there is none. */
static void cut(char *text, char **first, char **second)
{
	char *comma = strchr(text, ',');

	*first = text;
	*second = NULL;
	if (!comma)
		return;
	*comma = '\0';
	*second = comma + 1;
}

static struct outcome answer(const struct clocks *clocks, const char *bus_id, nvmlReturn_t result)
{
	switch (result) {
	case NVML_SUCCESS:
		return done;
	case NVML_ERROR_NOT_SUPPORTED:
		printf("Setting %s is not supported for GPU %s.\n", clocks->feature, bus_id);
		return outcome_of(result);
	case NVML_ERROR_NO_PERMISSION:
		printf("The current user does not have permission to change clocks for GPU %s.\n",
		       bus_id);
		return outcome_of(result);
	case NVML_ERROR_INVALID_ARGUMENT:
		if (!clocks->refused)
			break;
		printf("Specified clock combination \"%s\" is not supported for GPU %s. Run 'nvidia-smi -q -d SUPPORTED_CLOCKS' to see list of supported clock combinations\n",
		       clocks->refused, bus_id);
		return (struct outcome){ .kind = OUTCOME_WARNING, .result = result };
	default:
		break;
	}
	if (clocks->failed)
		printf("Unable to set %s \"%s\" for GPU %s: %s\n", clocks->what, clocks->failed,
		       bus_id, nvml.ErrorString(result));
	else
		printf("Unable to reset %s for GPU %s: %s\n", clocks->what, bus_id,
		       nvml.ErrorString(result));
	return outcome_of(result);
}

static struct outcome malformed(const char *text, const char *format)
{
	printf("Specified clocks \"%s\" are not valid. Please format input as %s\n", text, format);
	return (struct outcome){ .kind = OUTCOME_ERROR, .result = NVML_ERROR_INVALID_ARGUMENT };
}

/* Two words stand for limits that the board knows itself. */
static bool read_limit(const char *text, unsigned int *number)
{
	if (strcmp(text, "tdp") == 0)
		*number = NVML_CLOCK_LIMIT_ID_TDP;
	else if (strcmp(text, "unlimited") == 0)
		*number = NVML_CLOCK_LIMIT_ID_UNLIMITED;
	else
		return false;
	return true;
}

/* Numbers or words, not one of each. */
static bool read_gpu_clocks(char *text, char pair[2][32], unsigned int numbers[2])
{
	char *first, *second;
	bool words;

	cut(text, &first, &second);
	if (!second)
		second = first;
	words = read_limit(first, &numbers[0]);
	if (words ? !read_limit(second, &numbers[1])
		  : !read_number(first, &numbers[0]) || !read_number(second, &numbers[1]))
		return false;
	snprintf(pair[0], 32, words ? "%s" : "%.0s%u", first, numbers[0]);
	snprintf(pair[1], 32, words ? "%s" : "%.0s%u", second, numbers[1]);
	return true;
}

struct outcome lock_gpu_clocks(nvmlDevice_t device, const char *bus_id,
			       const struct setting_value *value)
{
	char text[64], pair[96], refused[96], failed[96], words[2][32];
	const struct clocks clocks = { "locked GPU clocks", "GPU locked clocks", refused, failed };
	unsigned int numbers[2];
	struct outcome outcome;

	snprintf(text, sizeof(text), "%s", value->text);
	if (!read_gpu_clocks(text, words, numbers))
		return malformed(
			*text ? text : value->text,
			"'gpuClkMin,gpuClkMax' or 'gpuClkVal' e.g. '--lock-gpu-clocks=1500,1500', '--lock-gpu-clocks=1500', or '--lock-gpu-clocks=tdp,unlimited'");
	snprintf(pair, sizeof(pair), "(gpuClkMin %s, gpuClkMax %s)", words[0], words[1]);
	snprintf(refused, sizeof(refused), "(gpuClkMin %u, gpuClkMax %u)", numbers[0], numbers[1]);
	snprintf(failed, sizeof(failed), "(gpuClockMin %s, gpuClockMax %s)", words[0], words[1]);
	outcome = answer(&clocks, bus_id,
			 nvml.DeviceSetGpuLockedClocks(device, numbers[0], numbers[1]));
	if (outcome.kind == OUTCOME_DONE) {
		printf("GPU clocks set to \"%s\" for GPU %s\n", pair, bus_id);
		outcome.with_driver = true;
	}
	return outcome;
}

struct outcome lock_memory_clocks(nvmlDevice_t device, const char *bus_id,
				  const struct setting_value *value)
{
	char text[64], pair[96], failed[96];
	const struct clocks clocks = { "locked Memory clocks", "Memory locked clocks", pair,
				       failed };
	char *first, *second;
	unsigned int low, high;
	struct outcome outcome;

	snprintf(text, sizeof(text), "%s", value->text);
	cut(text, &first, &second);
	if (!read_number(first, &low) || !read_number(second ? second : first, &high))
		return malformed(
			value->text,
			"'memClkMin,memClkMax' or 'memClkVal' e.g. --lock-memory-clocks=5100,5100 or --lock-memory-clocks=5100");
	snprintf(pair, sizeof(pair), "(memClkMin %u, memClkMax %u)", low, high);
	snprintf(failed, sizeof(failed), "(memClockMin %u, memClockMax %u)", low, high);
	outcome = answer(&clocks, bus_id, nvml.DeviceSetMemoryLockedClocks(device, low, high));
	if (outcome.kind == OUTCOME_DONE) {
		printf("Memory clocks set to \"%s\" for GPU %s\n", pair, bus_id);
		outcome.with_driver = true;
	}
	return outcome;
}

struct outcome set_applications_clocks(nvmlDevice_t device, const char *bus_id,
				       const struct setting_value *value)
{
	char text[64], pair[96];
	const struct clocks clocks = { "applications clocks", "applications clocks", pair, pair };
	char *first, *second;
	unsigned int memory, graphics;
	struct outcome outcome;

	snprintf(text, sizeof(text), "%s", value->text);
	cut(text, &first, &second);
	if (!second || !read_number(first, &memory) || !read_number(second, &graphics))
		return malformed(value->text, "memClk,smClk e.g. --applications-clocks=2000,300");
	snprintf(pair, sizeof(pair), "(MEM %u, SM %u)", memory, graphics);
	outcome =
		answer(&clocks, bus_id, nvml.DeviceSetApplicationsClocks(device, memory, graphics));
	if (outcome.kind == OUTCOME_DONE) {
		printf("Applications clocks set to \"%s\" for GPU %s\n", pair, bus_id);
		outcome.with_driver = true;
	}
	return outcome;
}

struct outcome unlock_gpu_clocks(nvmlDevice_t device, const char *bus_id,
				 const struct setting_value *value)
{
	static const struct clocks clocks = { .feature = "locked gpu clocks",
					      .what = "locked gpu clocks" };

	(void)value;
	return answer(&clocks, bus_id, nvml.DeviceResetGpuLockedClocks(device));
}

struct outcome unlock_memory_clocks(nvmlDevice_t device, const char *bus_id,
				    const struct setting_value *value)
{
	static const struct clocks clocks = { .feature = "locked Memory clocks",
					      .what = "locked Memory clocks" };

	(void)value;
	return answer(&clocks, bus_id, nvml.DeviceResetMemoryLockedClocks(device));
}

struct outcome reset_applications_clocks(nvmlDevice_t device, const char *bus_id,
					 const struct setting_value *value)
{
	static const struct clocks clocks = { .feature = "applications clocks",
					      .what = "applications clocks" };

	(void)value;
	return answer(&clocks, bus_id, nvml.DeviceResetApplicationsClocks(device));
}
