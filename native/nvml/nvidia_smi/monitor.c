/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "setting.h"

static void help(const struct monitor *monitor)
{
	printf("\nnvidia-smi %s [options]: values that are shown again and again\n\n"
	       "-i, --id=IDS        only these GPUs\n"
	       "-d, --delay=SEC     seconds between two rounds (1)\n"
	       "-c, --count=N       so many rounds, then the end\n"
	       "-s, --select=%-6s what is shown: some of these letters\n"
	       "-o, --options=DT    with the date, the time\n",
	       monitor->name, monitor->groups);
}

static int refuse(const struct monitor *monitor)
{
	help(monitor);
	return EXIT_USAGE;
}

/* Returns as option_value() does. */
static int take(char *const words[], const char *name, const char *long_name, const char **value)
{
	int taken = option_value(words, name, value);

	return taken ? taken : option_value(words, long_name, value);
}

static bool only_of(const char *text, const char *letters)
{
	return text[strspn(text, letters)] == '\0';
}

static bool positive(const char *text, long *number)
{
	return setting_number(text, number) && *number > 0;
}

struct values {
	const char *delay, *count, *select, *options;
};

static int read_values(struct monitor *monitor, const struct values *values)
{
	if (values->delay && !positive(values->delay, &monitor->delay)) {
		printf("Invalid value for delay\n");
		return refuse(monitor);
	}
	if (values->count && !positive(values->count, &monitor->count)) {
		printf("Invalid value for number of samples to be displayed\n");
		return refuse(monitor);
	}
	if (values->select && !only_of(values->select, monitor->groups)) {
		printf("Invalid value for metrics to be displayed\n");
		return refuse(monitor);
	}
	if (values->options && !only_of(values->options, "DT")) {
		printf("Invalid value for options\n");
		return refuse(monitor);
	}
	if (values->select)
		monitor->selected = values->select;
	monitor->date = values->options && strchr(values->options, 'D');
	monitor->time = values->options && strchr(values->options, 'T');
	return EXIT_SUCCESS;
}

static int read_words(struct monitor *monitor, char *const words[], bool *run)
{
	struct values values = { NULL, NULL, NULL, NULL };
	int status;

	*run = false;
	while (*words) {
		int taken = take(words, "-i", "--id", &monitor->ids);

		if (strcmp(*words, "-h") == 0 || strcmp(*words, "--help") == 0) {
			help(monitor);
			return EXIT_SUCCESS;
		}
		if (!taken)
			taken = take(words, "-d", "--delay", &values.delay);
		if (!taken)
			taken = take(words, "-c", "--count", &values.count);
		if (!taken)
			taken = take(words, "-s", "--select", &values.select);
		if (!taken)
			taken = take(words, "-o", "--options", &values.options);
		if (taken <= 0) {
			printf("Option \"%s\" is %s.\n", *words,
			       taken ? "missing its value" : "not recognized");
			return refuse(monitor);
		}
		words += taken;
	}
	status = read_values(monitor, &values);
	*run = !status;
	return status;
}

#define MAX_WATCHED 16

static int select_gpus(const struct monitor *monitor, struct selection *selection)
{
	int status = selection_make(selection, monitor->ids);

	if (selection->count > MAX_WATCHED)
		selection->count = MAX_WATCHED;
	return status;
}

void monitor_head(const struct monitor *monitor, bool second)
{
	printf("#");
	if (monitor->date)
		printf("%-12s", second ? "YYYYMMDD" : "Date");
	if (monitor->time)
		printf("%-12s", second ? "HH:MM:SS" : "Time");
	printf(" %s", second ? "Idx" : "gpu");
}

void monitor_line(const struct monitor *monitor, nvmlDevice_t device)
{
	time_t now = time(NULL);
	struct tm local;
	char text[32];
	unsigned int index = 0;

	localtime_r(&now, &local);
	if (monitor->date) {
		strftime(text, sizeof(text), "%Y%m%d", &local);
		printf(" %-11s", text);
	}
	if (monitor->time) {
		strftime(text, sizeof(text), "%H:%M:%S", &local);
		printf(" %-8s   ", text);
	}
	nvml.DeviceGetIndex(device, &index);
	printf("%5u", index);
}

static void repeat(const struct monitor *monitor, const struct selection *selection)
{
	for (long i = 0; !monitor->count || i < monitor->count; i++) {
		if (i)
			sleep((unsigned int)monitor->delay);
		monitor->round(monitor, selection);
		/* Whoever reads a pipe wants to see it now; with no reader it ends. */
		if (fflush(stdout) != 0)
			return;
	}
}

int monitor_check(const struct monitor *monitor, char *const words[], bool *run)
{
	struct monitor asked = *monitor;

	return read_words(&asked, words, run);
}

int monitor_run(const struct monitor *monitor, char *const words[])
{
	struct monitor asked = *monitor;
	struct selection selection;
	bool run;
	int status = read_words(&asked, words, &run);

	if (!status)
		status = select_gpus(&asked, &selection);
	if (status)
		return status;
	asked.head(&asked, false);
	asked.head(&asked, true);
	repeat(&asked, &selection);
	return EXIT_SUCCESS;
}
