/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in force of the running state is refused once it is not what a writer left there. */
#include "page_fixture.h"

/* Where the state in force of a GPU lies, in a page that was just made. */
#define COPY(slot, member) offsetof(struct page, areas[1].state.devices[slot].running[0].member)

/* The lowest bit of the byte there is the other one. */
static void damage(size_t offset)
{
	int fd = open(file, O_RDWR);
	char byte;

	CHECK(fd >= 0 && pread(fd, &byte, 1, (off_t)offset) == 1);
	byte ^= 1;
	CHECK(pwrite(fd, &byte, 1, (off_t)offset) == 1);
	close(fd);
}

static void check_refused(const char *reason)
{
	char expected[1024];

	CHECK(page_open(file, &error) == NULL);
	snprintf(expected, sizeof(expected),
		 "cannot use device page %s: %s: run mock-nvml apply again", file, reason);
	CHECK_STRING(error.text, expected);
}

/* Applying the same description again makes the page anew, and only that does. */
static void check_mended(void)
{
	CHECK_NUMBER(page_write(file, &description, false, true, &error), PAGE_CHANGED);
	CHECK_NUMBER(page_write(file, &description, false, false, &error), PAGE_CHANGED);
	page_close(page);
	page = page_open(file, &error);
	CHECK(page != NULL);
	CHECK_NUMBER(now(1)->readings.power_limit_mw, 300001);
	CHECK_NUMBER(page_write(file, &description, false, false, &error), PAGE_SAME);
	set_limit(1, 7);
	page_close(page);
	page = page_open(file, &error);
	CHECK(page != NULL);
}

static void check_damage(size_t offset, const char *reason)
{
	make_page();
	damage(offset);
	check_refused(reason);
	check_mended();
	page_close(page);
	CHECK(unlink(file) == 0);
}

static void a_device_s_state(void)
{
	const char *reason = "the running state of GPU 2 is damaged";

	check_damage(COPY(2, readings.power_limit_mw), reason);
	check_damage(COPY(2, settings.detached), reason);
	check_damage(COPY(2, process_count), reason);
	check_damage(COPY(2, fault_count), reason);
	check_damage(COPY(2, checksum), reason);
	check_damage(COPY(2, motion.table), reason);
	/* It has two. */
	check_damage(COPY(2, processes[1].process.name), reason);
	check_damage(offsetof(struct page, areas[1].state.devices[2].sequence), reason);
	check_damage(offsetof(struct page, areas[1].state.devices[2].sequence) + 5, reason);
}

static void the_rest_of_the_state(void)
{
	check_damage(offsetof(struct page, areas[1].state.node.running[0].init.effect),
		     "the running state of the node is damaged");
	check_damage(offsetof(struct page, areas[1].state.node.sequence),
		     "the running state of the node is damaged");
	check_damage(offsetof(struct page, events[0].number), "its list of events is damaged");
	check_damage(offsetof(struct page_header, event_sequence), "its list of events is damaged");
	check_damage(offsetof(struct page_header, boot) + 3, "its header is damaged");
	check_damage(offsetof(struct page_header, boot) + 5, "its header is damaged");
	check_damage(offsetof(struct page_header, capabilities_due) + 1, "its header is damaged");
	check_damage(offsetof(struct page_header, area_size), "its header is damaged");
	check_damage(offsetof(struct page_header, events_count), "its header is damaged");
}

/* The same after changes, where the other copy is in force and the lists have grown. */
static void a_changed_state(void)
{
	make_page();
	set_limit(0, 5);
	damage(COPY(0, readings.power_limit_mw));
	page_close(page);
	page = page_open(file, &error);
	CHECK(page != NULL);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 5);
	damage(offsetof(struct page, areas[1].state.devices[0].running[1].readings.power_limit_mw));
	check_refused("the running state of GPU 0 is damaged");
	check_mended();
}

static void how_readings_move(void)
{
	description.devices[1].readings.motion =
		(struct readings_motion){ .pattern = PATTERN_SINE, .gpu_max = 100 };
	check_damage(offsetof(struct page, motion[1].tables[0].rows[0].power_mw),
		     "the table of how the readings move of GPU 1 is damaged");
	check_damage(offsetof(struct page, motion[1].tables[0].count) + 3,
		     "the table of how the readings move of GPU 1 is damaged");
	check_damage(offsetof(struct page, motion[1].tables[0].loop_first),
		     "the table of how the readings move of GPU 1 is damaged");
	/* Nobody looks at that one. */
	make_page();
	damage(offsetof(struct page, motion[1].tables[1].rows[0].power_mw));
	page_close(page);
	page = page_open(file, &error);
	CHECK(page != NULL);
}

/* What nobody reads may be anything. */
static void what_has_no_meaning(void)
{
	make_page();
	damage(COPY(2, processes[2].process.name));
	damage(COPY(0, faults[0].effect));
	damage(offsetof(struct page, areas[0].state.devices[0].running[0].readings));
	page_close(page);
	page = page_open(file, &error);
	CHECK(page != NULL);
}

/* A process that has had the page open does not know, but changes nothing. */
static void writers_do_not_make_it_good(void)
{
	struct state_writer writer;

	make_page();
	damage(COPY(1, readings.power_limit_mw));
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	CHECK(!state_edit(&writer, 1));
	CHECK_NUMBER(writer.failure, STATE_DAMAGED);
	CHECK(state_edit(&writer, 0) != NULL);
	CHECK(!state_edit(&writer, 3));
	CHECK_NUMBER(writer.failure, STATE_GONE);
	state_end(&writer);
	check_refused("the running state of GPU 1 is damaged");
	check_mended();
	damage(offsetof(struct page, areas[0].state.node.running[0].nvlink_bandwidth_mode));
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_DAMAGED);
	check_refused("the running state of the node is damaged");
}

static void writers_do_not_count_by_a_damaged_table(void)
{
	struct state_writer writer;

	description.devices[1].readings.motion =
		(struct readings_motion){ .pattern = PATTERN_SINE, .gpu_max = 100 };
	make_page();
	set_limit(1, 7);
	damage(offsetof(struct page, motion[1].tables[1].rows[0].power_mw));
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	state_edit(&writer, 1)->readings.power_limit_mw = 8;
	CHECK_NUMBER(state_commit(&writer), STATE_DAMAGED);
	state_end(&writer);
	check_refused("the table of how the readings move of GPU 1 is damaged");
}

/* Waiters know how many events there have been, and must not miss the next one. */
static void mended_events_keep_their_order(void)
{
	struct state_event event = { .type = 8, .data = 13 };
	struct state_writer writer;

	make_page();
	for (int i = 0; i < 3; i++) {
		CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
		CHECK_NUMBER(state_announce(&writer, &event), STATE_OK);
		state_end(&writer);
	}
	damage(offsetof(struct page, events[3].number));
	check_refused("its list of events is damaged");
	check_mended();
	CHECK_NUMBER(atomic_load(&page->header.event_sequence), 3);
	CHECK(page_event(page, 3, &event));
	CHECK_NUMBER(event.type, 0);
}

/* As a power loss does it, before which nobody waits for the disk. */
static void tear(void)
{
	struct state_event event = { .type = 8, .data = 13 };
	struct state_writer writer;

	description.devices[1].readings.motion =
		(struct readings_motion){ .pattern = PATTERN_SINE, .gpu_max = 100 };
	make_page();
	set_limit(0, 5);
	set_limit(2, 7);
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	CHECK_NUMBER(state_announce(&writer, &event), STATE_OK);
	state_end(&writer);
	damage(offsetof(struct page, areas[1].state.devices[0].running[1].readings.power_limit_mw));
	damage(offsetof(struct page, motion[1].tables[0].rows[0].power_mw));
	damage(offsetof(struct page, areas[1].state.node.running[0].nvlink_bandwidth_mode));
	damage(offsetof(struct page, events[1].number));
	check_refused("its list of events is damaged");
}

/* What is torn begins as the profile says, and the rest goes on. */
static void check_made_anew(void)
{
	page_close(page);
	page = page_open(file, &error);
	CHECK(page != NULL);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 300000);
	CHECK_NUMBER(now(1)->readings.power_limit_mw, 300001);
	CHECK_NUMBER(now(2)->readings.power_limit_mw, 7);
	CHECK_NUMBER(page_area(page)->state.node.running[1].nvlink_bandwidth_mode, 0);
	CHECK_NUMBER(atomic_load(&page->header.event_sequence), 1);
	CHECK_NUMBER(page->events[1].number, 1);
	CHECK_NUMBER(page->events[1].type, 0);
	set_limit(0, 9);
	CHECK_NUMBER(page_write(file, &description, false, false, &error), PAGE_SAME);
}

static void a_boot_makes_anew_what_is_torn(void)
{
	tear();
	state_follow_boot(file);
	check_refused("its list of events is damaged");
	pretend_to_boot();
	check_refused("its list of events is damaged");
	state_follow_boot(file);
	check_made_anew();
}

static void the_first_writer_makes_anew_what_is_torn(void)
{
	struct state_writer writer;

	tear();
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_DAMAGED);
	pretend_to_boot();
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	state_end(&writer);
	check_made_anew();
}

/* Of a description that is damaged nothing is made. */
static void nothing_is_made_of_a_damaged_description(void)
{
	struct state_writer writer;

	make_page();
	pretend_to_boot();
	damage(offsetof(struct page, areas[1].description.devices[0].board) + 1);
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_DAMAGED);
}

static void other_boots_are_told_from_damage(void)
{
	CHECK(boot_is_sound(boot_now()) && boot_is_sound(0));
	CHECK(!boot_is_sound(boot_now() ^ 1) && !boot_is_sound(boot_now() ^ 1ull << 40));
	CHECK(boot_of(1ull << 40) != boot_of(1ull << 41) && boot_of(1ull << 40) != 0);
}

TESTSUITE(TEST(a_device_s_state), TEST(the_rest_of_the_state), TEST(a_changed_state),
	  TEST(how_readings_move), TEST(what_has_no_meaning), TEST(writers_do_not_make_it_good),
	  TEST(writers_do_not_count_by_a_damaged_table), TEST(mended_events_keep_their_order),
	  TEST(a_boot_makes_anew_what_is_torn), TEST(the_first_writer_makes_anew_what_is_torn),
	  TEST(nothing_is_made_of_a_damaged_description), TEST(other_boots_are_told_from_damage))
