// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "page_fixture.h"

static void starts_from_the_description(void)
{
	make_page();
	CHECK_NUMBER(now(1)->readings.power_limit_mw, 300001);
	CHECK_NUMBER(now(2)->process_count, 2);
	CHECK_NUMBER(now(2)->processes[1].gpu_instance, STATE_NO_INSTANCE);
	CHECK_NUMBER(now(0)->settings.persistence_mode, 0);
}

static void a_change_is_seen_in_an_old_mapping_and_is_of_one_device(void)
{
	make_page();
	for (uint32_t i = 1; i <= 5; i++) {
		set_limit(1, i);
		CHECK_NUMBER(now(1)->readings.power_limit_mw, i);
	}
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 300000);
	CHECK_NUMBER(now(2)->readings.power_limit_mw, 300002);
}

static void what_is_not_committed_is_dropped(void)
{
	struct state_writer writer;

	make_page();
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	state_edit(&writer, 0)->readings.power_limit_mw = 1;
	state_end(&writer);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 300000);
	CHECK(state_begin_file(&writer, file) == STATE_OK && !state_edit(&writer, 3));
	state_end(&writer);
}

/* The same description changes nothing, another one starts anew. */
static void apply_keeps_or_starts_anew(void)
{
	make_page();
	set_limit(0, 7);
	CHECK_NUMBER(page_write(file, &description, false, false, &error), PAGE_SAME);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 7);
	description.device_count = 2;
	CHECK_NUMBER(page_write(file, &description, false, false, &error), PAGE_CHANGED);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 300000);
	set_limit(1, 8);
	CHECK_NUMBER(now(1)->readings.power_limit_mw, 8);
}

static void foreign_and_missing_files_are_refused(void)
{
	struct state_writer writer;
	int fd;

	make_page();
	CHECK_NUMBER(state_begin_file(&writer, "/nonexistent/page"), STATE_GONE);
	fd = open(file, O_WRONLY);
	CHECK(pwrite(fd, "FOREIGN!", 8, 0) == 8);
	close(fd);
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_GONE);
}

/* A child of fork() that never calls exec() has the writer's file too. */
static void a_child_keeps_no_lock(void)
{
	struct state_writer writer;
	pid_t child;

	make_page();
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	child = fork();
	if (child == 0)
		_exit(sleep(60) == 0);
	state_end(&writer);
	alarm(5);
	set_limit(0, 9);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 9);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Even with a checksum that is right; a copy of them has no more than there is room for. */
static void wild_counts_are_refused_for_writers(void)
{
	struct state_writer writer;
	struct running *running;

	make_page();
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	running = state_edit(&writer, 2);
	running->process_count = UINT32_MAX;
	running->fault_count = 1u << 20;
	running->account_count = STATE_MAX_ACCOUNTED + 1;
	memset(running->processes[3].process.name, 'x', sizeof(running->processes[3].process.name));
	CHECK_NUMBER(state_commit(&writer), STATE_OK);
	CHECK(!state_edit(&writer, 2));
	CHECK_NUMBER(writer.failure, STATE_DAMAGED);
	running_limit(running);
	CHECK_NUMBER(running->process_count, STATE_MAX_PROCESSES);
	CHECK_NUMBER(running->fault_count, STATE_MAX_FAULTS);
	CHECK_NUMBER(running->account_count, STATE_MAX_ACCOUNTED);
	CHECK_NUMBER(strlen(running->processes[3].process.name),
		     sizeof(running->processes[3].process.name) - 1);
	state_end(&writer);
}

/* What was being edited belongs to the device that it was made of. */
static void a_device_that_cannot_be_edited_leaves_the_one_before(void)
{
	struct state_writer writer;

	make_page();
	damage_second();
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	state_edit(&writer, 0)->readings.power_limit_mw = 9;
	CHECK(!state_edit(&writer, 1));
	CHECK_NUMBER(state_commit(&writer), STATE_OK);
	state_end(&writer);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 9);
	CHECK(now(1)->readings.power_limit_mw != 9);
}

/* The checksum of a writer that counts wrong is right. */
static void each_wild_count_is_damage(void)
{
	static struct running running;

	running.checksum = running_checksum(&running, 1);
	CHECK(running_is_sound(&running, 1));
	running.motion.past_count = STATE_MAX_PAST + 1;
	running.checksum = running_checksum(&running, 1);
	CHECK(!running_is_sound(&running, 1));
}

/* Whoever writes 100,000 times never lets a reader see half of a change. */
#define CHANGES 20000

static int write_pairs(void)
{
	for (uint32_t i = 1; i <= CHANGES; i++) {
		struct state_writer writer;
		struct running *running;

		if (state_begin_file(&writer, file) != STATE_OK)
			return 1;
		running = state_edit(&writer, 0);
		running->readings.power_limit_mw = i;
		running->energy_mj = i;
		running->account_next = i;
		if (state_commit(&writer) != STATE_OK)
			return 1;
		state_end(&writer);
	}
	return 0;
}

static bool read_whole(uint32_t *last)
{
	const struct state_device *device = &page_area(page)->state.devices[0];
	const struct running *running;
	uint64_t sequence, energy;
	uint32_t limit, next;

	do {
		sequence = atomic_load_explicit(&device->sequence, memory_order_acquire);
		running = state_running(device, sequence);
		limit = *(volatile const uint32_t *)&running->readings.power_limit_mw;
		energy = *(volatile const uint64_t *)&running->energy_mj;
		next = *(volatile const uint32_t *)&running->account_next;
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&device->sequence, memory_order_relaxed) != sequence);
	if (limit == 300000)
		return true;
	if (energy != limit || next != limit || limit < *last)
		return false;
	*last = limit;
	return true;
}

static void no_reader_sees_half_of_a_change(void)
{
	uint32_t last = 0;
	pid_t writer;
	int status;

	make_page();
	writer = fork();
	if (writer == 0)
		_exit(write_pairs());
	while (last < CHANGES && waitpid(writer, &status, WNOHANG) == 0)
		CHECK(read_whole(&last));
	CHECK(read_whole(&last));
	if (last < CHANGES)
		CHECK(waitpid(writer, &status, 0) < 0 || status == 0);
	CHECK(read_whole(&last) && last == CHANGES);
}

static void a_killed_writer_leaves_a_usable_page(void)
{
	uint32_t last = 0;

	make_page();
	for (int i = 0; i < 100; i++) {
		pid_t writer = fork();

		if (writer == 0)
			_exit(write_pairs());
		usleep((useconds_t)(i * 97 % 1500));
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
		last = 0;
		CHECK(read_whole(&last));
		set_limit(1, (uint32_t)i);
		CHECK_NUMBER(now(1)->readings.power_limit_mw, i);
	}
}

TESTSUITE(TEST(starts_from_the_description),
	  TEST(a_change_is_seen_in_an_old_mapping_and_is_of_one_device),
	  TEST(what_is_not_committed_is_dropped), TEST(apply_keeps_or_starts_anew),
	  TEST(foreign_and_missing_files_are_refused), TEST(a_child_keeps_no_lock),
	  TEST(wild_counts_are_refused_for_writers), TEST(each_wild_count_is_damage),
	  TEST(a_device_that_cannot_be_edited_leaves_the_one_before),
	  TEST(no_reader_sees_half_of_a_change), TEST(a_killed_writer_leaves_a_usable_page))
