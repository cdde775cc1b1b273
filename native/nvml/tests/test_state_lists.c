// SPDX-License-Identifier: GPL-3.0-or-later
#include "state_write.h"

#include <sys/stat.h>

#include "testsuite.h"

#define GPUS 8

static struct description description;
static char file[512];
static const struct page *page;

static void make_page(void)
{
	struct profile_error error;

	snprintf(file, sizeof(file), "%s/" PAGE_FILE, testsuite_folder());
	description.device_count = GPUS;
	description.board_count = 1;
	CHECK_NUMBER(page_write(file, &description, false, false, &error), PAGE_CHANGED);
	page = page_open(file, &error);
	CHECK(page != NULL);
}

static const struct running *now(void)
{
	return page_running(page, 0);
}

static struct state_writer writer;

static struct running *begin(uint32_t slot)
{
	struct running *running;

	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	running = state_edit(&writer, slot);
	CHECK(running != NULL);
	return running;
}

static void end(void)
{
	CHECK_NUMBER(state_commit(&writer), STATE_OK);
	state_end(&writer);
}

static void change(uint32_t slot)
{
	begin(slot)->readings.power_limit_mw++;
	end();
}

/* Of the page that is mapped, in this process. */
static unsigned long resident_kib(void)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	bool here = false;
	unsigned long kib = 0, more;
	char line[1024];

	CHECK(maps != NULL);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long first, last;

		if (sscanf(line, "%lx-%lx ", &first, &last) == 2)
			here = first == (unsigned long)page;
		else if (here && sscanf(line, "Rss: %lu", &more) == 1)
			kib += more;
	}
	fclose(maps);
	return kib;
}

static void ask_all(void)
{
	for (uint32_t slot = 0; slot < GPUS; slot++) {
		const struct running *running = page_running(page, slot);

		CHECK_NUMBER(*(const volatile uint32_t *)&running->fault_count, 0);
		CHECK_NUMBER(*(const volatile uint32_t *)&running->settings.detached, 0);
		CHECK_NUMBER(*(const volatile uint64_t *)&running->readings.memory_used, 0);
		CHECK_NUMBER(*(const volatile uint8_t *)&running->gpu_instances[15].used, 0);
	}
}

/* The header with the events, the description (56 KiB here), and 4 KiB for a copy of each GPU. */
static void a_client_is_charged_for_what_it_asks(void)
{
	make_page();
	ask_all();
	CHECK(resident_kib() <= 128);
	for (uint32_t slot = 0; slot < GPUS; slot++) {
		change(slot);
		change(slot);
	}
	ask_all();
	CHECK(resident_kib() <= 160);
}

static void later_changes_find_their_blocks(void)
{
	struct stat before, after;
	struct running *running;

	make_page();
	CHECK(stat(file, &before) == 0);
	CHECK(before.st_blocks * 512 >= (blkcnt_t)(GPUS * sizeof(struct state_device)));
	for (int i = 0; i < 2; i++) {
		running = begin(0);
		running->process_count = STATE_MAX_PROCESSES;
		running->account_count = STATE_MAX_ACCOUNTED;
		running->fault_count = STATE_MAX_FAULTS;
		end();
	}
	CHECK(stat(file, &after) == 0);
	CHECK_NUMBER(after.st_blocks, before.st_blocks);
}

static void fill(void)
{
	struct running *running = begin(0);

	running->process_count = 3;
	running->account_count = 2;
	running->fault_count = 1;
	for (uint32_t i = 0; i < 3; i++)
		running->processes[i].process.pid = 10 + i;
	for (uint32_t i = 0; i < 2; i++)
		running->accounts[i].pid = 20 + i;
	running->faults[15].effect = FAULT_HANG;
	end();
}

static void empty(void)
{
	struct running *running = begin(0);

	running->process_count = 1;
	running->account_count = 0;
	running->fault_count = 0;
	end();
}

static void lists_are_as_long_as_their_counts(void)
{
	make_page();
	fill();
	CHECK_NUMBER(now()->processes[2].process.pid, 12);
	CHECK_NUMBER(now()->accounts[1].pid, 21);
	CHECK_NUMBER(running_fault_at(now(), 15).effect, FAULT_HANG);
	/* The other copy has them too, and then both are shorter. */
	fill();
	empty();
	CHECK_NUMBER(now()->process_count, 1);
	CHECK_NUMBER(now()->processes[0].process.pid, 10);
	CHECK_NUMBER(running_fault_at(now(), 15).effect, FAULT_NONE);
}

/* Whoever makes a list longer finds nothing of what once was there. */
static void what_was_in_a_list_does_not_come_back(void)
{
	const struct running *running;

	make_page();
	fill();
	fill();
	empty();
	running = begin(0);
	CHECK_NUMBER(running->processes[0].process.pid, 10);
	CHECK_NUMBER(running->processes[1].process.pid, 0);
	CHECK_NUMBER(running->accounts[0].pid, 0);
	CHECK_NUMBER(running->faults[15].effect, FAULT_NONE);
	state_end(&writer);
}

static void another_device_begins_with_its_own(void)
{
	const struct running *running;

	make_page();
	fill();
	begin(0);
	running = state_edit(&writer, 1);
	CHECK_NUMBER(running->process_count, 0);
	CHECK_NUMBER(running->processes[0].process.pid, 0);
	CHECK_NUMBER(running->faults[15].effect, FAULT_NONE);
	state_end(&writer);
}

TESTSUITE(TEST(a_client_is_charged_for_what_it_asks), TEST(later_changes_find_their_blocks),
	  TEST(lists_are_as_long_as_their_counts), TEST(what_was_in_a_list_does_not_come_back),
	  TEST(another_device_begins_with_its_own))
