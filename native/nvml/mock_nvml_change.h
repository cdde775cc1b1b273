/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the commands that change running GPUs share: find the page, choose GPUs,
 * try the change on all of them, then make it, then say what has changed.
 */
#ifndef MIRAGE_MOCK_NVML_CHANGE_H
#define MIRAGE_MOCK_NVML_CHANGE_H

#include <limits.h>

#include "control.h"
#include "mock_nvml.h"

/* The GPUs that a command is about. */
struct targets {
	char file[PATH_MAX]; /* the page */
	const struct page *page; /* for reading */
	uint32_t slots[PROFILE_MAX_DEVICES];
	uint32_t count;
};

/* EXIT_OK, or a complaint. */
int targets_open(const struct options *options, struct targets *targets);
void targets_close(struct targets *targets);

/* A device's state as it is now, in memory of the caller. */
void targets_state(const struct targets *targets, uint32_t slot, struct running *running);

/* One device's change; called twice, the first time to try it. */
typedef enum control_result (*change_call)(const struct control *control, void *data,
					   struct control_error *error);

/* What to tell others once the change is in force. */
typedef enum state_result (*change_announce)(const struct control *control,
					     struct state_writer *writer, void *data);

/* The members of a changed device's answer beside those that all have. */
typedef void (*change_print)(struct json *json, uint32_t slot, void *data);

/* The change of what is wrong with the node as a whole, and the members of its answer. */
typedef enum control_result (*change_node)(struct running_node *node, void *data,
					   struct control_error *error);
typedef void (*change_print_node)(struct json *json, void *data);

struct change {
	const char *attempt; /* "reset" of "cannot reset GPU 0: ..." */
	change_call call; /* NULL: no GPU is changed */
	change_node node; /* NULL: the node is not changed */
	change_announce announce; /* or NULL */
	change_print print; /* or NULL */
	change_print_node print_node; /* or NULL */
	void *data;
};

/* For all GPUs that -i names. Nothing is changed where one of them refuses. */
int change_running(const struct options *options, const struct change *change);

#endif
