/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What dmon and pmon share: their options, their first two lines, their clock. */
#ifndef SMI_MONITOR_H
#define SMI_MONITOR_H

#include "smi.h"

struct monitor {
	const char *name; /* the command */
	const char *groups; /* the letters that -s knows */
	const char *selected; /* those that are shown */
	const char *ids;
	long delay, count; /* seconds, and how often: 0 for ever */
	bool date, time;
	void (*head)(const struct monitor *monitor, bool second);
	void (*round)(const struct monitor *monitor, const struct selection *selection);
};

/* Reads the words after the command; prints what is wrong and how it would be right. */
int monitor_check(const struct monitor *monitor, char *const words[], bool *run);

/*
 * The same, then the two lines of the heading, then the rounds, with the delay in
 * between. Watched are the first sixteen GPUs, as in the vendor's program.
 */
int monitor_run(const struct monitor *monitor, char *const words[]);

/* Begins a line of the heading: @second is the one with the units. */
void monitor_head(const struct monitor *monitor, bool second);

/* Begins a line of values. */
void monitor_line(const struct monitor *monitor, nvmlDevice_t device);

#endif
