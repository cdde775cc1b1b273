// SPDX-License-Identifier: GPL-3.0-or-later
// What a boot of the machine leaves of the running state, and what follows it.
#include <nvml.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "boot.h"
#include "capability.h"
#include "page_file.h"
#include "page_fixture.h"

#define PAST_MS ((uint64_t)1 << 40)

static void leave_something(void)
{
	struct state_writer writer;
	struct state_event event = { .type = 8, .slot = 2, .due_ms = PAST_MS, .fault = 1 };
	struct running_node node = { .init = { .effect = FAULT_HANG, .number = 1 } };
	struct running *running;

	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	CHECK_NUMBER(state_commit_node(&writer, &node), STATE_OK);
	running = state_edit(&writer, 2);
	running->faults[3] = (struct running_fault){ .effect = FAULT_ERROR, .from_ms = PAST_MS };
	running->fault_count = 1;
	running->processes[2].process = (struct readings_process){ .pid = 7, .used_memory = 500 };
	running->process_count = 3;
	running->readings.memory_used = 500;
	running->readings.power_limit_mw = 9;
	running->accounts[0] = (struct running_account){ .pid = 7, .running = 1 };
	running->account_count = 1;
	running->up_since_ms = PAST_MS;
	running->readings.ecc.mode_pending = 1;
	running->readings.mig_pending = 1;
	running->gpu_instances[0].used = 1;
	running->settings.accounting_mode = 1;
	running->settings.detached = 1;
	running->settings.draining = 1;
	CHECK_NUMBER(state_commit(&writer), STATE_OK);
	/* What is counted was counted until then. */
	running->energy_ms = PAST_MS;
	running->energy_mj = 1000;
	CHECK_NUMBER(state_commit(&writer), STATE_OK);
	CHECK_NUMBER(state_announce(&writer, &event), STATE_OK);
	state_end(&writer);
}

static void a_boot_ends_what_cannot_outlive_it(void)
{
	const struct running_node *node;

	make_page();
	leave_something();
	state_follow_boot(file);
	CHECK_NUMBER(now(2)->fault_count, 1);
	pretend_to_boot();
	state_follow_boot(file);
	CHECK_NUMBER(atomic_load(&page->header.boot), boot_now());
	CHECK_NUMBER(now(2)->fault_count, 0);
	CHECK_NUMBER(running_fault_at(now(2), 3).effect, FAULT_NONE);
	CHECK_NUMBER(now(2)->process_count, 2);
	CHECK_NUMBER(now(2)->readings.memory_used, 0);
	CHECK_NUMBER(now(2)->account_count, 0);
	CHECK_NUMBER(now(2)->up_since_ms, 0);
	CHECK_NUMBER(now(2)->readings.ecc.mode_current, 1);
	CHECK_NUMBER(now(2)->readings.mig_current, 1);
	CHECK_NUMBER(now(2)->gpu_instances[0].used, 0);
	CHECK_NUMBER(now(2)->settings.accounting_mode, 0);
	CHECK_NUMBER(now(2)->settings.detached + now(2)->settings.draining, 0);
	CHECK_NUMBER(now(2)->energy_ms, 0);
	CHECK_NUMBER(now(2)->energy_mj, 1000);
	CHECK_NUMBER(now(2)->readings.power_limit_mw, 9);
	CHECK_NUMBER(page->events[1].type, 0);
	node = &page_area(page)
			->state.node
			.running[atomic_load(&page_area(page)->state.node.sequence) & 1];
	CHECK_NUMBER(node->init.effect, FAULT_NONE);
}

static void the_first_writer_after_a_boot_ends_it_too(void)
{
	make_page();
	leave_something();
	pretend_to_boot();
	set_limit(0, 11);
	CHECK_NUMBER(now(2)->fault_count, 0);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 11);
	CHECK_NUMBER(atomic_load(&page->header.boot), boot_now());
}

/* Not for each change: with no file to be had it is known still. */
static void the_boot_is_looked_up_once(void)
{
	uint64_t boot = boot_now(), again;
	struct rlimit before, none;

	CHECK(boot != 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = (struct rlimit){ 0, before.rlim_max };
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	again = boot_now();
	/* The sanitizer looks into files at the end. */
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
	CHECK(again == boot);
}

/* Up to Ampere the board keeps MIG's mode; since Hopper a boot begins with the described one. */
static void mig_mode_outlives_a_boot_where_the_board_keeps_it(void)
{
	static const struct {
		uint32_t architecture, described, after;
	} cases[] = {
		{ NVML_DEVICE_ARCH_AMPERE, 0, 1 },
		{ NVML_DEVICE_ARCH_HOPPER, 0, 0 },
		{ NVML_DEVICE_ARCH_BLACKWELL, 0, 0 },
		{ NVML_DEVICE_ARCH_BLACKWELL, 1, 1 },
	};
	static struct running running;

	description.device_count = 1;
	description.board_count = 1;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		description.boards[0].architecture = cases[i].architecture;
		description.devices[0].readings.mig_current = cases[i].described;
		running.readings.mig_current = 1;
		running.readings.mig_pending = 1;
		running.gpu_instances[3].used = 1;
		running.gpu_instances[3].compute[0].used = 1;
		running_boot(&running, &description, 0);
		CHECK_NUMBER(running.readings.mig_current, cases[i].after);
		CHECK_NUMBER(running.readings.mig_pending, cases[i].after);
		CHECK_NUMBER(running.gpu_instances[3].used, 0);
		CHECK_NUMBER(running.gpu_instances[3].compute[0].used, 0);
	}
}

/* A page below a driver root, where the files of MIG's capabilities lie. */
static void make_driver_root(char *root, size_t size)
{
	snprintf(root, size, "%s/driver", testsuite_folder());
	snprintf(file, sizeof(file), "%s/lib/firmware/nvidia/1.2/" PAGE_FILE, root);
	CHECK_NUMBER(make_parents(file), 0);
	description.device_count = 2;
	description.board_count = 1;
	description.boards[0].architecture = NVML_DEVICE_ARCH_AMPERE;
	description.devices[1].minor = 1;
	CHECK_NUMBER(page_write(file, &description, false, false, &error), PAGE_CHANGED);
	page = page_open(file, &error);
	CHECK(page != NULL);
}

static bool has_capability(const char *root)
{
	char path[600];

	snprintf(path, sizeof(path), "%s" CAPABILITY_FOLDER "/gpu1/mig/gi3/access", root);
	return access(path, F_OK) == 0;
}

/* As one does that cannot write below the driver root, or dies before it could. */
static void make_instance(void)
{
	struct state_writer writer;

	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	state_edit(&writer, 1)->gpu_instances[3].used = 1;
	CHECK_NUMBER(state_commit(&writer), STATE_OK);
	state_end(&writer);
}

static void the_next_writer_has_capability_files_agree(void)
{
	char root[512];

	make_driver_root(root, sizeof(root));
	make_instance();
	CHECK(!has_capability(root));
	set_limit(0, 5);
	CHECK(has_capability(root));
}

static void a_boot_takes_instances_and_their_files(void)
{
	char root[512];

	make_driver_root(root, sizeof(root));
	make_instance();
	set_limit(0, 5);
	CHECK(has_capability(root));
	pretend_to_boot();
	state_follow_boot(file);
	CHECK_NUMBER(now(1)->gpu_instances[3].used, 0);
	CHECK(!has_capability(root));
}

/* A file where a folder should be: nobody can write below it, whoever it is. */
static void files_that_cannot_be_written_keep_nobody_from_the_page(void)
{
	char root[512], path[600];
	int fd;

	make_driver_root(root, sizeof(root));
	snprintf(path, sizeof(path), "%s/proc", root);
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	CHECK(fd >= 0);
	close(fd);
	make_instance();
	set_limit(0, 5);
	CHECK_NUMBER(now(0)->readings.power_limit_mw, 5);
	CHECK(!has_capability(root));
	CHECK_NUMBER(unlink(path), 0);
	set_limit(0, 6);
	CHECK(has_capability(root));
}

/* What cannot be written for one GPU keeps nobody from another's, and is tried again. */
static void one_gpu_s_files_do_not_hold_up_another_s(void)
{
	struct state_writer writer;
	char root[512], path[600];
	int fd;

	make_driver_root(root, sizeof(root));
	snprintf(path, sizeof(path), "%s" CAPABILITY_FOLDER "/gpu0", root);
	CHECK_NUMBER(make_parents(path), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	CHECK(fd >= 0);
	close(fd);
	CHECK_NUMBER(state_begin_file(&writer, file), STATE_OK);
	state_edit(&writer, 0)->gpu_instances[1].used = 1;
	CHECK_NUMBER(state_commit(&writer), STATE_OK);
	state_end(&writer);
	make_instance();
	set_limit(0, 5);
	CHECK(has_capability(root));
	CHECK_NUMBER(atomic_load(&page->header.capabilities_due), 1);
	CHECK_NUMBER(unlink(path), 0);
	set_limit(0, 6);
	CHECK_NUMBER(atomic_load(&page->header.capabilities_due), 0);
}

/* Nor are files made of what nobody may believe. */
static void a_damaged_gpu_s_files_stay(void)
{
	struct running *running;
	char root[512];

	make_driver_root(root, sizeof(root));
	make_instance();
	running = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED,
		       open(file, O_RDWR), 0);
	CHECK(running != MAP_FAILED);
	running = (struct running *)((char *)running + ((const char *)now(1) - (const char *)page));
	running->readings.power_limit_mw ^= 1;
	set_limit(0, 5);
	CHECK(!has_capability(root));
	running->readings.power_limit_mw ^= 1;
	set_limit(0, 6);
	CHECK(has_capability(root));
}

TESTSUITE(TEST(one_gpu_s_files_do_not_hold_up_another_s), TEST(a_damaged_gpu_s_files_stay),
	  TEST(the_boot_is_looked_up_once), TEST(a_boot_ends_what_cannot_outlive_it),
	  TEST(the_first_writer_after_a_boot_ends_it_too),
	  TEST(mig_mode_outlives_a_boot_where_the_board_keeps_it),
	  TEST(the_next_writer_has_capability_files_agree),
	  TEST(a_boot_takes_instances_and_their_files),
	  TEST(files_that_cannot_be_written_keep_nobody_from_the_page))
