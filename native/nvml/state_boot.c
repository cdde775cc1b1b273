/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_boot.h"

#include <string.h>

#include "boot.h"
#include "state_settle.h"

/* A copy to be changed: of what is there or, where that is damaged, what the profile says. */
static struct running *edit(struct state_writer *writer, uint32_t slot)
{
	struct running *running = state_edit(writer, slot);

	if (running || writer->failure != STATE_DAMAGED)
		return running;
	running = state_room(writer, slot);
	if (running)
		running_init(running, &writer->area->description, slot);
	return running;
}

/* Its course begins with the boot, at rest: the table before and a trace are looked at no more. */
static enum state_result end_device(struct state_writer *writer, uint32_t slot)
{
	struct running *running = edit(writer, slot);
	const struct running *before;

	if (!running)
		return writer->failure;
	before = page_running(writer->page, slot);
	running_boot(running, &writer->area->description, slot);
	if (running->moves && state_move_on(writer, before, NULL, 0) != 0)
		return STATE_FAILED;
	return state_put_in_force(writer);
}

static enum state_result end_node(struct state_writer *writer, uint64_t generation)
{
	struct running_node node = { .nvlink_bandwidth_mode = 0 };

	if (page_node_is_sound(writer->page, generation))
		node = state_node(writer);
	memset(&node.init, 0, sizeof(node.init));
	return state_commit_node(writer, &node);
}

static enum state_result mend_events(const struct state_writer *writer)
{
	if (page_events_are_sound(&writer->page->header, writer->fd) ||
	    page_mend_events(writer->page, writer->fd) == 0)
		return STATE_OK;
	return STATE_FAILED;
}

/* A writer that dies on the way leaves it to the next one. */
enum state_result state_end_past(struct state_writer *writer)
{
	struct page_header *header = &writer->page->header;
	uint32_t devices = writer->area->description.device_count;
	enum state_result result;

	if (!writer->past)
		return STATE_OK;
	result = mend_events(writer);
	if (result == STATE_OK)
		result = end_node(writer, atomic_load(&header->generation));
	for (uint32_t slot = 0; slot < devices && result == STATE_OK; slot++) {
		result = end_device(writer, slot);
		if (result == STATE_OK)
			result = state_withdraw(writer, slot, STATE_ANY_FAULT, 0);
	}
	if (result != STATE_OK)
		return result;
	atomic_store(&header->capabilities_due, 1);
	atomic_store(&header->boot, boot_now());
	state_wake(writer);
	return STATE_OK;
}
