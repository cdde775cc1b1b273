/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changing the running state, for mock-nvml and for NVML's own setters alike:
 *
 *	result = state_begin(&writer, &source);
 *	if (result == STATE_OK) {
 *		running = state_edit(&writer, slot);
 *		... change *running ...
 *		result = state_commit(&writer);
 *		state_end(&writer);
 *	}
 *
 * Between begin and end no other writer changes anything. What is not committed
 * is dropped. Several devices are changed one after the other.
 */
#ifndef MIRAGE_STATE_WRITE_H
#define MIRAGE_STATE_WRITE_H

#include "source.h"

enum state_result {
	STATE_OK = 0,
	STATE_READ_ONLY, /* a read-only mount */
	STATE_DENIED, /* not this user's to write */
	STATE_BUSY, /* another writer held the lock for ten seconds */
	STATE_GONE, /* no such device any more, or no page */
	STATE_DAMAGED, /* what is in force is not what a writer left: it is not changed */
	STATE_FAILED, /* errno says why, such as ENOSPC */
};

struct state_writer {
	struct page *page; /* mapped for writing */
	struct page_area *area; /* in force */
	int fd; /* -1: the page is this process's own */
	uint32_t slot;
	bool past; /* the page's times are of another boot */
	bool wake; /* there are new events */
	struct running *edited; /* the copy that is being changed */
	enum state_result failure; /* why state_edit() gave none */
};

/* In words, for messages. */
const char *state_reason(enum state_result result);

enum state_result state_begin(struct state_writer *writer, const struct source *source);

/* The same for a page by its file, which mock-nvml names. */
enum state_result state_begin_file(struct state_writer *writer, const char *file);

/*
 * Whoever changes anything first after a boot ends what ended with the one before, and
 * makes anew what a power loss has torn. A page that is only read may wait for that
 * long: this does it now, if it can. Before page_open(), which refuses what is torn.
 */
void state_follow_boot(const char *file);

/* A copy of the device's state, without who has died, to be changed; NULL and failure where there is none. */
struct running *state_edit(struct state_writer *writer, uint32_t slot);

/* Whether state_edit() would take the device's state for undamaged. */
bool state_is_sound(const struct state_writer *writer, uint32_t slot);

/* Room for a copy of the device's state, to be filled and changed; NULL and failure without memory. */
struct running *state_room(struct state_writer *writer, uint32_t slot);

/*
 * Have the device that is being edited say what the trace says, from now on. It
 * is written where no reader looks, and in force with state_commit().
 */
enum state_result state_put_trace(struct state_writer *writer, const struct trace *trace,
				  uint64_t now);

/* Put what state_edit() gave in force, and count energy and the like until now. */
enum state_result state_commit(struct state_writer *writer);

/* What is in force for the node, and putting something else in force. */
struct running_node state_node(const struct state_writer *writer);
enum state_result state_commit_node(struct state_writer *writer, const struct running_node *node);

/* Tell the waiters of all processes; number is given here. */
enum state_result state_announce(struct state_writer *writer, const struct state_event *event);

#define STATE_ANY_FAULT UINT64_MAX

/* Tell nobody any more what the device's fault of that number announced for later. */
enum state_result state_withdraw(struct state_writer *writer, uint32_t slot, uint64_t fault,
				 uint64_t now);

/* Have all that sleeps in any process look again, once this writer has ended. */
void state_wake(struct state_writer *writer);

void state_end(struct state_writer *writer);

#endif
