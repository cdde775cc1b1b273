// SPDX-License-Identifier: GPL-3.0-or-later
// What calls answer that a change overtakes while they read.
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "fault.h"
#include "liveness.h"
#include "mig_fixture.h"
#include "page_file.h"
#include "power.h"
#include "state_settle.h"

static const struct readings_motion full = { .pattern = PATTERN_CONSTANT, .gpu_max = 100 };
static const struct readings_motion half = { .pattern = PATTERN_CONSTANT, .gpu_max = 50 };

static void move_second(struct readings_motion motion)
{
	struct state_writer writer;

	CHECK_NUMBER(state_begin(&writer, &handle_source), STATE_OK);
	state_edit(&writer, 1)->readings.motion = motion;
	put_in_force(&writer);
}

// A writer that dies before what it has made of the second GPU is in force.
static void die_while_moving_second(struct readings_motion motion)
{
	const struct motion_room *room = &handle_source.page->motion[1];
	const struct running *before = page_running(handle_source.page, 1);
	struct state_writer writer;

	CHECK_NUMBER(state_begin(&writer, &handle_source), STATE_OK);
	state_edit(&writer, 1)->readings.motion = motion;
	CHECK_NUMBER(state_move_on(&writer, before, &room->tables[before->motion.table & 1],
				   motion_now()),
		     0);
	state_end(&writer);
}

// Readers ask for the time while they read: here something else may happen then.
static unsigned int asked, happens_at;

int clock_gettime(clockid_t clock, struct timespec *time)
{
	if (++asked == happens_at) {
		move_second(half);
		die_while_moving_second((struct readings_motion){ .pattern = PATTERN_CONSTANT });
	}
	return (int)syscall(SYS_clock_gettime, clock, time);
}

// Neither what was of the second GPU before the call had ended, nor what never came in force.
static void another_gpu_that_changes_is_looked_at_again(void)
{
	uint64_t moment = motion_now() + 1000;
	uint32_t at_rest, at_half;
	struct gpu gpu;

	first_gpu("gb200");
	CHECK(handle_gpu(0, &gpu));
	at_rest = module_past_power(&gpu, moment);
	move_second(half);
	at_half = module_past_power(&gpu, moment);
	CHECK(at_half > at_rest);
	move_second(full);
	asked = 0;
	CHECK(module_past_power(&gpu, moment) > at_half);
	happens_at = asked;
	asked = 0;
	CHECK_NUMBER(module_past_power(&gpu, moment), at_half);
	CHECK(asked > happens_at);
}

// The call that came before goes on with the description that it found.
static void another_description_is_none_of_this_module(void)
{
	struct page *page;
	uint32_t before;
	struct gpu gpu;

	first_gpu("gb200");
	page = (struct page *)handle_source.page;
	move_second(full);
	CHECK(handle_gpu(0, &gpu));
	before = module_power(&gpu);
	CHECK(before > gpu.device->readings.module_power_mw);
	page->areas[1].description = page->areas[0].description;
	atomic_fetch_add(&page->header.generation, 1);
	CHECK(page_description(page) != gpu.description);
	CHECK_NUMBER(module_power(&gpu), before);
}

// A moment of a course that is over, which the table before the present one has.
static uint64_t make_a_past(void)
{
	uint64_t moment;

	move_second(full);
	moment = motion_now();
	pause_ms(20);
	move_second(half);
	return moment;
}

// A writer that died has put its table where that of the past lies.
static void a_table_that_never_came_in_force_is_not_the_past(void)
{
	uint64_t moment;
	struct readings past;
	struct gpu gpu;

	first_gpu("gb200");
	moment = make_a_past();
	die_while_moving_second((struct readings_motion){ .pattern = PATTERN_CONSTANT });
	CHECK(gpu_at(1, &gpu));
	gpu_past(&gpu, moment, &past);
	CHECK_NUMBER(past.gpu_util, 100);
}

// Tables that come with a description start with the boot, as those of the one before did.
static void while_a_description_is_written_its_table_is_not_the_past(void)
{
	struct readings past;
	struct page *page;
	uint64_t moment;
	struct gpu gpu;

	first_gpu("gb200");
	moment = make_a_past();
	CHECK(gpu_at(1, &gpu));
	page = (struct page *)handle_source.page;
	for (uint32_t i = 0; i <= MOTION_MAX_ROWS; i++)
		page->motion[1].tables[(gpu.running->motion.table & 1) ^ 1].rows[i].gpu = 7;
	gpu_past(&gpu, moment, &past);
	CHECK_NUMBER(past.gpu_util, 7);
	atomic_fetch_or(&page->header.sequence, 1);
	gpu_past(&gpu, moment, &past);
	CHECK_NUMBER(past.gpu_util, 100);
}

// --- memory of a MIG device ---

static uint32_t wider;

// Whether a process is there is asked while its memory is counted.
int kill(pid_t pid, int signal)
{
	if (wider) {
		uint8_t profile = (uint8_t)wider;
		struct state_writer writer;
		struct running *running;

		/* Writers ask too. */
		wider = 0;
		running = first_state(&writer);
		for (uint32_t i = 0; i < STATE_MAX_GPU_INSTANCES; i++)
			if (running->gpu_instances[i].used)
				running->gpu_instances[i].profile = profile;
		running->processes[0].process.used_memory = 2ull << 30;
		put_in_force(&writer);
	}
	return (int)syscall(SYS_kill, pid, signal);
}

// Instance and processes are of one state.
static void memory_of_a_mig_device_is_of_one_state(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100"), mig;
	nvmlMemory_t before, now, again;
	struct state_writer writer;
	struct running *running;
	struct gpu gpu;

	make_compute_instance(make_gpu_instance(device, P_3G), 0);
	mig = mig_device(device, 0);
	run_process((uint32_t)getpid(), 2, 0, 1ull << 30);
	running = first_state(&writer);
	running->processes[0].process.type |= liveness_namespace();
	put_in_force(&writer);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo(mig, &before), NVML_SUCCESS);
	CHECK(handle_gpu(0, &gpu));
	for (uint32_t i = 0; i < PROFILE_MAX_GPU_INSTANCE_PROFILES; i++)
		if (gpu.board->mig.profiles[i].memory_mib > before.total >> 20)
			wider = i;
	CHECK(wider);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo(mig, &now), NVML_SUCCESS);
	CHECK(!wider);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo(mig, &again), NVML_SUCCESS);
	CHECK(again.total > before.total && again.used > before.used);
	CHECK_NUMBER(now.total, again.total);
	CHECK_NUMBER(now.used, again.used);
}

TESTSUITE(TEST(memory_of_a_mig_device_is_of_one_state),
	  TEST(while_a_description_is_written_its_table_is_not_the_past),
	  TEST(another_gpu_that_changes_is_looked_at_again),
	  TEST(another_description_is_none_of_this_module),
	  TEST(a_table_that_never_came_in_force_is_not_the_past))
