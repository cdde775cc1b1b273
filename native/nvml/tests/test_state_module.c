/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GPUs of one module say the same of it, whatever stops a writer on the way. */
#include <signal.h>
#include <sys/resource.h>

#include "page_fixture.h"
#include "state_settle.h"

static struct state_writer writer;

/* The first two are on one module. */
static void make_module(void)
{
	description.boards[0].gpus_per_module = 2;
	for (uint32_t i = 0; i < 3; i++) {
		snprintf(description.devices[i].serial, sizeof(description.devices[i].serial), "%s",
			 i < 2 ? "one" : "two");
		description.devices[i].readings.module_power_limit_mw = 1000000;
	}
	make_page();
}

static void edit_module(uint32_t limit)
{
	struct running *running;

	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	running = state_edit(&writer, 0);
	CHECK(running != NULL);
	running->readings.module_power_limit_mw = limit;
}

static enum state_result set_module(uint32_t limit)
{
	enum state_result result;

	edit_module(limit);
	result = state_commit(&writer);
	state_end(&writer);
	return result;
}

static void check_limits(uint32_t first, uint32_t second)
{
	CHECK_NUMBER(now(0)->readings.module_power_limit_mw, first);
	CHECK_NUMBER(now(1)->readings.module_power_limit_mw, second);
	CHECK_NUMBER(now(2)->readings.module_power_limit_mw, 1000000);
}

static void half_a_change_is_made_whole_by_the_next(void)
{
	make_module();
	CHECK_NUMBER(set_module(7), STATE_OK);
	check_limits(7, 7);
	edit_module(8);
	CHECK_NUMBER(state_put_in_force(&writer), STATE_OK);
	state_end(&writer);
	check_limits(8, 7);
	set_limit(0, 1);
	check_limits(8, 8);
}

/* Where the next writes would lie behind the end that a file may have. */
static void without_room_the_one_that_was_told_keeps_what_it_says(void)
{
	const struct rlimit full = { offsetof(struct page, areas[1].state.devices[1]),
				     RLIM_INFINITY };
	struct rlimit before;

	make_module();
	signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0 && setrlimit(RLIMIT_FSIZE, &full) == 0);
	CHECK_NUMBER(set_module(7), STATE_FAILED);
	CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
	check_limits(1000000, 1000000);
	CHECK_NUMBER(set_module(7), STATE_OK);
	check_limits(7, 7);
}

static void a_damaged_one_keeps_the_others_from_a_change_of_the_module(void)
{
	make_module();
	damage_second();
	CHECK_NUMBER(set_module(7), STATE_DAMAGED);
	check_limits(1000000, 1000000);
	/* What is its own is its own. */
	set_limit(0, 5);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 5);
}

TESTSUITE(TEST(half_a_change_is_made_whole_by_the_next),
	  TEST(without_room_the_one_that_was_told_keeps_what_it_says),
	  TEST(a_damaged_one_keeps_the_others_from_a_change_of_the_module))
