/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a user does to running GPUs: faults, values, processes. Each function
 * changes a copy of a device's state that a writer puts in force, checks first
 * against the board, and says whether anything is different now. mock-nvml is
 * the front end; whatever else controls GPUs uses these functions too.
 */
#ifndef MIRAGE_CONTROL_H
#define MIRAGE_CONTROL_H

#include "fault_kind.h"
#include "state_write.h"

enum control_result {
	CONTROL_SAME = 0,
	CONTROL_CHANGED = 1,
	CONTROL_REFUSED = -1, /* error says why */
};

struct control_error {
	char text[400]; /* why, and what to do */
};

/* A device's state that is being changed. */
struct control {
	const struct description *description;
	uint32_t slot;
	struct running *running;
	uint64_t now; /* ms since boot */
};

/* --- control_fault.c --- */

/*
 * A fault as it is asked for: from_ms and until_ms count from now, and what is
 * not given stands as control_fault_init() has it.
 */
void control_fault_init(struct running_fault *fault, enum fault_name name);

/*
 * The same fault again changes nothing; one of the kind, location and links that
 * differs in anything else takes its place. made gets what is in force then.
 */
enum control_result control_fail(const struct control *control, const struct running_fault *wanted,
				 struct running_fault *made, struct control_error *error);

/* For the node as a whole: what nvmlInit meets. */
enum control_result control_fail_node(struct running_node *node, const struct running_fault *wanted,
				      uint64_t now, struct control_error *error);

/* End all faults of a kind, or all (FAULT_NAMES) and what past ones asked for. cleared has room for all; returns how many. */
unsigned int control_clear(const struct control *control, enum fault_name name,
			   struct running_fault *cleared);
bool control_clear_node(struct running_node *node, enum fault_name name);

/* Events of a fault that the board knows; at most two. Returns how many. */
unsigned int control_fault_events(const struct control *control, const struct running_fault *fault,
				  struct state_event *events);
struct state_event control_xid(uint32_t slot, uint64_t xid, uint64_t due_ms);

/* --- control_process.c --- */

/* memory counts into the used memory of the GPU. The same again changes nothing. */
enum control_result control_process_add(const struct control *control,
					const struct running_process *process,
					struct control_error *error);
enum control_result control_process_remove(const struct control *control, uint32_t pid);

/* --- control_value.c --- */

/* Values by the keys of a profile, such as thermal.temperature_gpu_c=85. */
enum control_result control_set(const struct control *control, const char *const *assignments,
				unsigned int count, struct control_error *error);

/* Each value that can be set, by its key. text is one of YAML's; NULL: N/A. number: no quotes. */
typedef void (*control_value_call)(void *data, const char *key, const char *text, bool number);
void control_values(const struct control *control, control_value_call call, void *data);

/* --- control_follow.c --- */

/* Assignments, such as thermal.temperature_gpu_c=85. */
struct control_words {
	const char *const *list;
	unsigned int count;
};

/* Change what follows from the values that were set and was not set itself. rest: those of the description. */
void control_follow(const struct control_words *words, const struct readings *rest,
		    const struct readings *before, struct readings *after);

/* --- control.c --- */

/* All as the description says. */
enum control_result control_reset(const struct control *control, struct control_error *error);

int control_refuse(struct control_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
