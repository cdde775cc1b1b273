/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "checksum.h"
#include "motion.h"
#include "page.h"
#include "page_file.h"

static enum page_change fail(struct profile_error *error, const char *file, const char *reason)
{
	snprintf(error->text, sizeof(error->text), "cannot write device page %s: %s", file, reason);
	return PAGE_ERROR;
}

static int write_table(int fd, const struct motion_table *table, uint64_t offset)
{
	struct motion_piece pieces[MOTION_TABLE_PIECES];

	motion_table_pieces(table, pieces);
	for (uint32_t i = 0; i < MOTION_TABLE_PIECES; i++)
		if (page_file_write(fd, pieces[i].data, pieces[i].size,
				    offset + pieces[i].offset) != 0)
			return -1;
	return 0;
}

/* How the device moves, in the table that readers of the old description know the past from at most. */
static int write_motion(int fd, const struct description *description, uint32_t slot,
			const struct page *old, struct running *running)
{
	struct motion_table *table = malloc(sizeof(*table));
	int result = -1;

	if (old)
		running->motion.table = (page_running(old, slot)->motion.table & 1) ^ 1;
	if (table) {
		motion_build_from_boot(table, description, slot, running);
		running->motion.table_checksum =
			checksum_of_pieces(table, motion_table_size(table));
		result = write_table(fd, table,
				     offsetof(struct page, motion) +
					     slot * sizeof(struct motion_room) +
					     running->motion.table * sizeof(*table));
	}
	free(table);
	return result;
}

/* Blocks on the disk, without memory: a file system that cannot do that gets zeros. */
static int reserve(int fd, uint64_t offset, const struct state_device *zeros)
{
	int result;

	do
		result = fallocate(fd, 0, (off_t)offset, sizeof(*zeros));
	while (result != 0 && errno == EINTR);
	if (result != 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
		result = page_file_write(fd, zeros, sizeof(*zeros), offset);
	return result;
}

static int write_running(int fd, const struct running *running, uint64_t offset)
{
	struct running_part parts[RUNNING_PARTS];
	uint32_t count = running_parts(running, parts);

	for (uint32_t i = 0; i < count; i++)
		if (page_file_write(fd, (const char *)running + parts[i].offset, parts[i].size,
				    offset + parts[i].offset) != 0)
			return -1;
	return 0;
}

/* One copy of each device, and room for all of both: later changes find their blocks on the disk. */
static int write_state(int fd, const struct description *description, const struct page *old,
		       uint64_t offset)
{
	static const struct state_device fresh;
	struct running *running = malloc(sizeof(*running));
	struct state_node node = { .sequence = 0 };
	int result;

	node.running[0].checksum = running_node_checksum(&node.running[0], 0);
	result = running ? page_file_write(fd, &node, sizeof(node), offset) : -1;
	offset += offsetof(struct state, devices);
	for (uint32_t slot = 0; result == 0 && slot < description->device_count; slot++) {
		running_init(running, description, slot);
		if (reserve(fd, offset, &fresh) != 0 ||
		    (running->moves && write_motion(fd, description, slot, old, running) != 0))
			result = -1;
		running->checksum = running_checksum(running, 0);
		if (result != 0 ||
		    page_file_write(fd, &fresh, offsetof(struct state_device, running), offset) !=
			    0 ||
		    write_running(fd, running, offset + offsetof(struct state_device, running)) !=
			    0)
			result = -1;
		offset += sizeof(struct state_device);
	}
	free(running);
	return result;
}

/*
 * By pwrite(), not through a mapping: a full disk is then an error that can be
 * reported and not a SIGBUS. Only what is in use is written. old: the page as
 * it is mapped, where it has a description.
 */
static int write_area(int fd, const struct description *description, const struct page *old,
		      uint64_t generation)
{
	uint64_t area = offsetof(struct page, areas) + (generation & 1) * sizeof(struct page_area);
	uint64_t start = area + offsetof(struct page_area, description);
	struct page_area head;

	memset(&head, 0, offsetof(struct page_area, description));
	head.generation = generation;
	head.checksum = description_checksum(description);
	if (page_file_write(fd, &head, offsetof(struct page_area, description), area) != 0 ||
	    page_file_write(fd, description, offsetof(struct description, devices), start) != 0 ||
	    page_file_write(fd, description->devices,
			    description->device_count * sizeof(struct device),
			    start + offsetof(struct description, devices)) != 0 ||
	    page_file_write(fd, description->boards,
			    description->board_count * sizeof(struct board),
			    start + offsetof(struct description, boards)) != 0 ||
	    write_state(fd, description, old, area + offsetof(struct page_area, state)) != 0)
		return -1;
	return fdatasync(fd);
}

static bool same_description(const struct description *a, const struct description *b)
{
	return memcmp(a, b, offsetof(struct description, devices)) == 0 &&
	       memcmp(a->devices, b->devices, b->device_count * sizeof(struct device)) == 0 &&
	       memcmp(a->boards, b->boards, b->board_count * sizeof(struct board)) == 0;
}

static int write_new(int fd, const struct description *description)
{
	static const struct state_event events[STATE_MAX_EVENTS];
	struct page_header header;

	page_header_init(&header);
	atomic_store_explicit(&header.generation, 1, memory_order_relaxed);
	/* Never made shorter: a process may still have it mapped. */
	if ((lseek(fd, 0, SEEK_END) < (off_t)sizeof(struct page) &&
	     ftruncate(fd, sizeof(struct page)) != 0) ||
	    write_area(fd, description, NULL, 1) != 0 ||
	    page_file_write(fd, events, sizeof(events), offsetof(struct page, events)) != 0 ||
	    page_file_write(fd, &header, sizeof(header), 0) != 0)
		return -1;
	return fsync(fd);
}

/* Under the folder's lock, so that of two makers one finds the other's page. */
static enum page_change create(const char *file, const struct description *description,
			       struct profile_error *error)
{
	char copy[PATH_MAX], temporary[PATH_MAX];
	const char *folder;
	int folder_fd, fd, saved;

	snprintf(copy, sizeof(copy), "%s", file);
	folder = dirname(copy);
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0 || page_file_lock(folder_fd) != 0) {
		saved = errno;
		if (folder_fd >= 0)
			close(folder_fd);
		return fail(error, file, strerror(saved));
	}
	if (access(file, F_OK) == 0) {
		page_file_close(folder_fd);
		return page_write(file, description, false, false, error);
	}
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", file);
	fd = mkstemp(temporary);
	if (fd < 0 || fchmod(fd, 0644) != 0 || write_new(fd, description) != 0 ||
	    rename(temporary, file) != 0) {
		saved = errno;
		if (fd >= 0) {
			close(fd);
			unlink(temporary);
		}
		page_file_close(folder_fd);
		return fail(error, file, strerror(saved));
	}
	fsync(folder_fd);
	close(fd);
	page_file_close(folder_fd);
	return PAGE_CHANGED;
}

/* Whether what lies there may be rebuilt; with force everything may. */
static const char *refusal(const struct page_header *header, uint64_t size, bool force)
{
	if (force || size == 0)
		return NULL;
	if (size < sizeof(*header) || memcmp(header->magic, PAGE_MAGIC, 8) != 0)
		return "there is a file that is not a device page; --force replaces its content";
	if (header->format > PAGE_FORMAT)
		return "there is a page of a newer format; use the mock-nvml that came with it, "
		       "or --force";
	return NULL;
}

/*
 * What was announced for later was of the old GPUs, and does not come any more: no
 * fault of theirs is left. Without a type nobody wants an event; its number stays.
 */
static void withdraw_events(struct page *page)
{
	uint64_t now = motion_now();

	for (uint32_t i = 0; i < STATE_MAX_EVENTS; i++)
		if (page->events[i].due_ms > now)
			page->events[i].type = 0;
}

/* Header and switch are made through a mapping: whole words, seen at once. */
static int switch_over(int fd, struct page *page, const struct description *description)
{
	struct page_header *header = &page->header;
	uint64_t generation = atomic_load(&header->generation) + 1;

	atomic_fetch_or(&header->sequence, 1);
	if ((!page_events_are_sound(header, fd) && page_mend_events(page, fd) != 0) ||
	    write_area(fd, description, page, generation) != 0) {
		atomic_fetch_add(&header->sequence, 1);
		return -1;
	}
	atomic_store(&header->boot, boot_now());
	atomic_store(&header->capabilities_due, 1);
	atomic_store(&header->generation, generation);
	withdraw_events(page);
	atomic_fetch_add(&header->sequence, 1);
	/* Readers of the old area have this long before the next one writes it. */
	pause_ms(PAGE_GRACE_MS);
	return 0;
}

static enum page_change update(int fd, const char *file, const struct description *description,
			       bool force, bool dry_run, struct profile_error *error)
{
	struct page_header header = { 0 };
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t got = pread(fd, &header, sizeof(header), 0);
	uint64_t generation;
	const char *reason;
	struct page *page;
	int result;

	if (size < 0 || got < 0)
		return fail(error, file, strerror(errno));
	reason = refusal(&header, (uint64_t)size, force);
	if (reason)
		return fail(error, file, reason);
	if (page_reason(&header, (uint64_t)size)) {
		if (dry_run)
			return PAGE_CHANGED;
		if (write_new(fd, description) != 0)
			return fail(error, file, strerror(errno));
		return PAGE_CHANGED;
	}
	page = mmap(NULL, sizeof(*page), dry_run ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	if (page == MAP_FAILED)
		return fail(error, file, strerror(errno));
	generation = atomic_load(&page->header.generation);
	if (!page_area_reason(page, generation) &&
	    !page_state_reason(page, fd, generation, error) &&
	    same_description(page_description(page), description)) {
		munmap(page, sizeof(*page));
		return PAGE_SAME;
	}
	result = dry_run ? 0 : switch_over(fd, page, description);
	munmap(page, sizeof(*page));
	return result == 0 ? PAGE_CHANGED : fail(error, file, strerror(errno));
}

enum page_change page_write(const char *file, const struct description *description, bool force,
			    bool dry_run, struct profile_error *error)
{
	int fd = open(file, (dry_run ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	enum page_change change;

	if (fd < 0 && errno == ENOENT)
		return dry_run ? PAGE_CHANGED : create(file, description, error);
	if (fd < 0 && (errno == EROFS || errno == EACCES)) {
		int saved = errno;

		/* Nothing to write is no error where nothing can be written. */
		change = page_write(file, description, force, true, error);
		return change == PAGE_CHANGED ? fail(error, file, strerror(saved)) : change;
	}
	if (fd < 0 || (!dry_run && page_file_lock(fd) != 0)) {
		int saved = errno;

		if (fd >= 0)
			close(fd);
		return fail(error, file, strerror(saved));
	}
	change = update(fd, file, description, force, dry_run, error);
	page_file_close(fd);
	return change;
}
