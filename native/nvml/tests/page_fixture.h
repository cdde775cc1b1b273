/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of a page's running state share: a page of three devices, and changing it. */
#ifndef MIRAGE_PAGE_FIXTURE_H
#define MIRAGE_PAGE_FIXTURE_H

#include <fcntl.h>
#include <unistd.h>

#include "boot.h"
#include "state_write.h"
#include "testsuite.h"

static struct description description;
static struct profile_error error;
static char file[512];
static const struct page *page;

static inline void make_page(void)
{
	snprintf(file, sizeof(file), "%s/" PAGE_FILE, testsuite_folder());
	description.device_count = 3;
	description.board_count = 1;
	description.boards[0].persistence_mode = 0;
	for (uint32_t i = 0; i < 3; i++) {
		description.devices[i].readings.power_limit_mw = 300000 + i;
		description.devices[i].processes.count = i;
	}
	CHECK_NUMBER(page_write(file, &description, false, false, &error), PAGE_CHANGED);
	page = page_open(file, &error);
	CHECK(page != NULL);
}

/* As if the machine had been booted anew since. */
static inline void pretend_to_boot(void)
{
	uint64_t other = boot_of(atomic_load(&page->header.boot) + (1ull << 32));
	int fd = open(file, O_WRONLY);

	CHECK(fd >= 0 && pwrite(fd, &other, sizeof(other), offsetof(struct page_header, boot)) ==
				 sizeof(other));
	close(fd);
}

/* A byte of the second device's state, as no writer leaves it. */
static inline void damage_second(void)
{
	int fd = open(file, O_RDWR);

	CHECK(fd >= 0 &&
	      pwrite(fd, "x", 1,
		     offsetof(struct page,
			      areas[1].state.devices[1].running[0].readings.power_limit_mw)) == 1);
	close(fd);
}

static inline const struct running *now(uint32_t slot)
{
	const struct state_device *device = &page_area(page)->state.devices[slot];

	return state_running(device, atomic_load(&device->sequence));
}

static inline void set_limit(uint32_t slot, uint32_t limit)
{
	struct state_writer writer;
	struct running *running;

	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	running = state_edit(&writer, slot);
	CHECK(running != NULL);
	running->readings.power_limit_mw = limit;
	CHECK_NUMBER(state_commit(&writer), STATE_OK);
	state_end(&writer);
}

#endif
