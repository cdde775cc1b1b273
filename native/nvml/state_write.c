/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "boot.h"
#include "capability.h"
#include "checksum.h"
#include "liveness.h"
#include "lock.h"
#include "motion.h"
#include "page_file.h"
#include "state_account.h"
#include "state_boot.h"
#include "state_module.h"
#include "state_settle.h"

/* The lock of pages that are this process's own. */
static struct lock private_lock;

const char *state_reason(enum state_result result)
{
	switch (result) {
	case STATE_OK:
		return "done";
	case STATE_READ_ONLY:
		return "the device page is read-only here: change it on the host, as root";
	case STATE_DENIED:
		return "this user may not write the device page: root may";
	case STATE_BUSY:
		return "another program holds the device page's lock";
	case STATE_GONE:
		return "there is no such device";
	case STATE_DAMAGED:
		return "the running state in it is damaged: run mock-nvml apply again";
	case STATE_FAILED:
		break;
	}
	return strerror(errno);
}

/* A page is checked whole when it is opened for reading; this is what a writer steps on. */
static bool is_sound(const struct page_area *area, uint64_t generation)
{
	return area->generation == generation &&
	       area->description.device_count <= PROFILE_MAX_DEVICES;
}

/* The header as the lock keeps it: to read it takes less time than to map it. */
static enum state_result map(struct state_writer *writer)
{
	off_t size = lseek(writer->fd, 0, SEEK_END);
	struct page_header header;
	uint64_t generation;
	struct page *page;

	if (size < (off_t)sizeof(*page) ||
	    pread(writer->fd, &header, sizeof(header), 0) != sizeof(header) ||
	    page_reason(&header, (uint64_t)size))
		return STATE_GONE;
	generation = atomic_load(&header.generation);
	if (!generation)
		return STATE_GONE;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, writer->fd, 0);
	if (page == MAP_FAILED)
		return STATE_FAILED;
	writer->past = page_is_past(&header, boot_now());
	/* What is read ahead when nothing is in memory yet would count as every reader's. */
	if (writer->past)
		madvise(page, sizeof(*page), MADV_RANDOM);
	if (!is_sound(&page->areas[generation & 1], generation)) {
		munmap(page, sizeof(*page));
		return STATE_GONE;
	}
	/* After another boot the description is what all is made anew from. */
	if (!boot_is_sound(atomic_load(&header.boot)) ||
	    (writer->past ? page_area_reason(page, generation) != NULL
			  : !page_node_is_sound(page, generation) ||
				    !page_events_are_sound(&header, writer->fd))) {
		munmap(page, sizeof(*page));
		return STATE_DAMAGED;
	}
	writer->page = page;
	writer->area = &page->areas[generation & 1];
	return STATE_OK;
}

static struct state_device *device_of(const struct state_writer *writer)
{
	return &writer->area->state.devices[writer->slot];
}

/* What this process alone can write needs no checksum. */
bool state_is_sound(const struct state_writer *writer, uint32_t slot)
{
	const struct state_device *device = &writer->area->state.devices[slot];
	uint64_t sequence = atomic_load(&device->sequence);

	return writer->fd < 0 || running_is_sound(state_running(device, sequence), sequence);
}

struct running *state_room(struct state_writer *writer, uint32_t slot)
{
	writer->failure = STATE_FAILED;
	if (!writer->edited)
		writer->edited = malloc(sizeof(*writer->edited));
	if (!writer->edited)
		return NULL;
	/* Now alone, so that what is edited is always of this one. */
	writer->slot = slot;
	return writer->edited;
}

struct running *state_edit(struct state_writer *writer, uint32_t slot)
{
	const struct state_device *device;

	writer->failure = STATE_GONE;
	if (slot >= writer->area->description.device_count)
		return NULL;
	writer->failure = STATE_DAMAGED;
	if (!state_is_sound(writer, slot) || !state_room(writer, slot))
		return NULL;
	device = device_of(writer);
	running_copy(writer->edited, state_running(device, atomic_load(&device->sequence)));
	running_limit(writer->edited);
	liveness_bury(writer->edited);
	return writer->edited;
}

/* What is being edited, which nobody looks at before the number is raised. */
enum state_result state_put_in_force(struct state_writer *writer)
{
	struct state_device *device = device_of(writer);
	uint64_t next = atomic_load(&device->sequence) + 1;
	char *target = (char *)&device->running[next & 1];
	struct running_part parts[RUNNING_PARTS];
	uint32_t count = running_parts(writer->edited, parts);

	if (writer->fd >= 0)
		writer->edited->checksum = running_checksum(writer->edited, next);
	/* Who still reads the older copy must see the last number before the copy changes. */
	atomic_thread_fence(memory_order_release);
	for (uint32_t i = 0; i < count; i++)
		if (state_put(writer, target + parts[i].offset,
			      (const char *)writer->edited + parts[i].offset, parts[i].size) != 0)
			return STATE_FAILED;
	atomic_store(&device->sequence, next);
	return STATE_OK;
}

enum state_result state_commit(struct state_writer *writer)
{
	const struct state_device *device = device_of(writer);
	const struct running *before = state_running(device, atomic_load(&device->sequence));
	enum state_result result = state_settle(writer, before);

	/* The others first: who is stopped on the way, and then does it again, changes them all. */
	if (result == STATE_OK)
		result = module_share(writer, before);
	if (result != STATE_OK)
		return result;
	account_follow(before, writer->edited);
	if (memcmp(before->gpu_instances, writer->edited->gpu_instances,
		   sizeof(before->gpu_instances)) != 0)
		atomic_store(&writer->page->header.capabilities_due, 1);
	return state_put_in_force(writer);
}

struct running_node state_node(const struct state_writer *writer)
{
	const struct state_node *node = &writer->area->state.node;

	return node->running[atomic_load(&node->sequence) & 1];
}

enum state_result state_put_trace(struct state_writer *writer, const struct trace *trace,
				  uint64_t now)
{
	struct motion_room *room = &writer->page->motion[writer->slot];
	struct running *running = writer->edited;

	running->motion.trace = (running->motion.trace & 1) ^ 1;
	running->motion.trace_checksum = checksum_of_pieces(trace, trace_size(trace));
	running->motion.origin_ms = now;
	running->readings.motion.pattern = PATTERN_TRACE;
	running->readings.motion.power = 0;
	running->readings.motion.temperature = 0;
	return state_put(writer, &room->traces[running->motion.trace], trace, trace_size(trace)) ==
			       0
		       ? STATE_OK
		       : STATE_FAILED;
}

enum state_result state_commit_node(struct state_writer *writer, const struct running_node *running)
{
	struct state_node *node = &writer->area->state.node;
	uint64_t next = atomic_load(&node->sequence) + 1;
	struct running_node copy = *running;

	copy.checksum = running_node_checksum(&copy, next);
	atomic_thread_fence(memory_order_release);
	if (state_put(writer, &node->running[next & 1], &copy, sizeof(copy)) != 0)
		return STATE_FAILED;
	atomic_store(&node->sequence, next);
	return STATE_OK;
}

enum state_result state_announce(struct state_writer *writer, const struct state_event *event)
{
	struct page_header *header = &writer->page->header;
	struct state_event numbered = *event;

	numbered.number = atomic_load(&header->event_sequence) + 1;
	if (state_put(writer, &writer->page->events[numbered.number % STATE_MAX_EVENTS], &numbered,
		      sizeof(numbered)) != 0)
		return STATE_FAILED;
	atomic_store(&header->event_sequence, numbered.number);
	state_wake(writer);
	return STATE_OK;
}

void state_wake(struct state_writer *writer)
{
	atomic_fetch_add(&writer->page->header.event_futex, 1);
	writer->wake = true;
}

/* Without a type nobody wants it; its number and its place in the order stay. */
enum state_result state_withdraw(struct state_writer *writer, uint32_t slot, uint64_t fault,
				 uint64_t now)
{
	for (uint32_t i = 0; i < STATE_MAX_EVENTS; i++) {
		struct state_event *event = &writer->page->events[i];
		uint64_t type = 0;

		if ((fault != STATE_ANY_FAULT && event->fault != fault) || event->slot != slot ||
		    !event->type || event->due_ms <= now || event->system)
			continue;
		if (state_put(writer, &event->type, &type, sizeof(type)) != 0)
			return STATE_FAILED;
	}
	return STATE_OK;
}

/* --- beginning and ending --- */

/* Waiters are woken once all is in force and the lock is free for them. */
void state_end(struct state_writer *writer)
{
	int saved = errno;
	bool private = writer->fd < 0;

	free(writer->edited);
	if (private)
		lock_leave(&private_lock);
	else
		page_file_close(writer->fd);
	if (writer->wake)
		syscall(SYS_futex, &writer->page->header.event_futex, FUTEX_WAKE, INT_MAX, NULL,
			NULL, 0);
	if (!private)
		munmap(writer->page, sizeof(*writer->page));
	errno = saved;
}

enum state_result state_begin_file(struct state_writer *writer, const char *file)
{
	enum state_result result;

	*writer = (struct state_writer){ .fd = open(file, O_RDWR | O_CLOEXEC) };
	if (writer->fd < 0)
		return errno == EROFS			   ? STATE_READ_ONLY
		       : errno == EACCES || errno == EPERM ? STATE_DENIED
		       : errno == ENOENT		   ? STATE_GONE
							   : STATE_FAILED;
	result = page_file_lock(writer->fd) == 0 ? map(writer)
		 : errno == EBUSY		 ? STATE_BUSY
						 : STATE_FAILED;
	if (result != STATE_OK) {
		page_file_close(writer->fd);
		return result;
	}
	result = state_end_past(writer);
	if (result == STATE_OK)
		capability_settle(writer->page, file);
	else
		state_end(writer);
	return result;
}

static bool is_past(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct page_header header;
	bool past = false;

	if (fd < 0)
		return false;
	if (pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	    !page_reason(&header, (uint64_t)lseek(fd, 0, SEEK_END)))
		past = page_is_past(&header, boot_now());
	close(fd);
	return past;
}

void state_follow_boot(const char *file)
{
	int saved = errno;
	struct state_writer writer;

	if (is_past(file) && state_begin_file(&writer, file) == STATE_OK)
		state_end(&writer);
	errno = saved;
}

enum state_result state_begin(struct state_writer *writer, const struct source *source)
{
	if (!source->private)
		return state_begin_file(writer, source->path);
	lock_take(&private_lock);
	/* A private page is mapped for writing from the start. */
	*writer = (struct state_writer){ .fd = -1, .page = (struct page *)source->page };
	writer->area = &writer->page->areas[page_read_begin(writer->page) & 1];
	return STATE_OK;
}
