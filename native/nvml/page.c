/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot.h"
#include "checksum.h"
#include "motion.h"

#define ENDIAN_MARK 0x01020304u

uint64_t description_checksum(const struct description *description)
{
	uint32_t devices = description->device_count;
	uint32_t boards = description->board_count;
	uint64_t sum = CHECKSUM_START;

	if (devices > PROFILE_MAX_DEVICES || boards > PROFILE_MAX_DEVICES)
		return 0;
	sum = checksum(sum, description, offsetof(struct description, devices));
	sum = checksum(sum, description->devices, devices * sizeof(struct device));
	return checksum(sum, description->boards, boards * sizeof(struct board));
}

const char *page_reason(const struct page_header *header, uint64_t file_size)
{
	if (file_size < sizeof(struct page_header) || memcmp(header->magic, PAGE_MAGIC, 8) != 0)
		return "it is not a device page";
	if (header->endian != ENDIAN_MARK)
		return "it was written by a machine of the other byte order";
	if (header->format > PAGE_FORMAT)
		return "its format is newer than this library: use the library that came with it";
	if (header->format < PAGE_FORMAT)
		return "its format is older than this library: run mock-nvml apply again";
	if (file_size < header->file_size || header->file_size != sizeof(struct page))
		return "it is truncated: run mock-nvml apply again";
	if (header->area_offset[0] != offsetof(struct page, areas[0]) ||
	    header->area_offset[1] != offsetof(struct page, areas[1]) ||
	    header->area_size != sizeof(struct page_area) ||
	    header->events_offset != offsetof(struct page, events) ||
	    header->events_count != STATE_MAX_EVENTS)
		return "its header is damaged: run mock-nvml apply again";
	return NULL;
}

const char *page_area_reason(const struct page *page, uint64_t generation)
{
	const struct page_area *area = &page->areas[generation & 1];
	const struct description *description = &area->description;

	if (generation == 0)
		return "it was never filled: run mock-nvml apply again";
	if (area->generation != generation || description->device_count < 1 ||
	    description->device_count > PROFILE_MAX_DEVICES || description->board_count < 1 ||
	    description->board_count > PROFILE_MAX_DEVICES ||
	    description_checksum(description) != area->checksum)
		return "its checksum is wrong: run mock-nvml apply again";
	return NULL;
}

/* A writer may switch areas while the checksum is taken; then look again. */
static const char *page_check(const struct page *page, int fd, uint64_t size,
			      struct profile_error *room)
{
	const char *reason = page_reason(&page->header, size);
	uint64_t generation;

	if (reason)
		return reason;
	do {
		generation = page_read_begin(page);
		reason = page_area_reason(page, generation);
		if (!reason)
			reason = page_state_reason(page, fd, generation, room);
	} while (page_read_retry(page, generation));
	return reason;
}

const struct page *page_open(const char *file, struct profile_error *error)
{
	struct profile_error room;
	const struct page *page;
	const char *reason;
	off_t size;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		snprintf(error->text, sizeof(error->text), "cannot open device page %s: %s", file,
			 strerror(errno));
		return NULL;
	}
	size = lseek(fd, 0, SEEK_END);
	if (size < (off_t)sizeof(struct page)) {
		struct page_header header = { 0 };
		ssize_t got = pread(fd, &header, sizeof(header), 0);

		reason = page_reason(&header, got < 0 ? 0 : (uint64_t)size);
		snprintf(error->text, sizeof(error->text), "cannot use device page %s: %s", file,
			 reason ? reason : "it is truncated: run mock-nvml apply again");
		close(fd);
		return NULL;
	}
	page = mmap(NULL, sizeof(struct page), PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		snprintf(error->text, sizeof(error->text), "cannot map device page %s: %s", file,
			 strerror(errno));
		close(fd);
		return NULL;
	}
	/* What nobody reads shall not count as this process's memory. */
	madvise((void *)page, sizeof(struct page), MADV_RANDOM);
	reason = page_check(page, fd, (uint64_t)size, &room);
	close(fd);
	if (reason) {
		snprintf(error->text, sizeof(error->text), "cannot use device page %s: %s", file,
			 reason);
		page_close(page);
		return NULL;
	}
	return page;
}

void page_close(const struct page *page)
{
	if (page)
		munmap((void *)page, sizeof(struct page));
}

void page_header_init(struct page_header *header)
{
	memset(header, 0, sizeof(*header));
	memcpy(header->magic, PAGE_MAGIC, 8);
	header->format = PAGE_FORMAT;
	header->endian = ENDIAN_MARK;
	header->file_size = sizeof(struct page);
	header->area_offset[0] = offsetof(struct page, areas[0]);
	header->area_offset[1] = offsetof(struct page, areas[1]);
	header->area_size = sizeof(struct page_area);
	header->events_offset = offsetof(struct page, events);
	header->events_count = STATE_MAX_EVENTS;
	header->boot = boot_now();
}

/* Memory that is never touched is never there: the room for 128 GPUs is free. */
struct page *page_private(void)
{
	struct page *page = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	page_header_init(&page->header);
	return page;
}

void page_init_state(struct page *page)
{
	struct page_area *area = &page->areas[0];
	const struct description *description = &area->description;

	for (uint32_t slot = 0; slot < description->device_count; slot++) {
		struct running *running = &area->state.devices[slot].running[0];

		running_init(running, description, slot);
		if (running->moves)
			motion_build_from_boot(&page->motion[slot].tables[0], description, slot,
					       running);
		/* No checksum: nobody else writes memory of this process. */
	}
}
