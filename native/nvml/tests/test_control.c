/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <nvml.h>

#include "control.h"
#include "testsuite.h"

static struct description description;
static struct profile_error parse_error;
static struct running running, before;
static struct control control = { .description = &description, .running = &running, .now = 1000 };
static struct control_error error;

static void use(const char *profile)
{
	char path[128];

	memset(&description, 0, sizeof(description));
	snprintf(path, sizeof(path), "../../charts/gpu-mock/profiles/%s.yaml", profile);
	CHECK_NUMBER(profile_load(path, NULL, &description, &parse_error), 0);
	running_init(&running, &description, 0);
	before = running;
}

static enum control_result fail_with(enum fault_name name,
				     void (*change)(struct running_fault *fault))
{
	struct running_fault fault, made;

	control_fault_init(&fault, name);
	if (change)
		change(&fault);
	return control_fail(&control, &fault, &made, &error);
}

static void link_2(struct running_fault *fault)
{
	fault->links = 1 << 2;
}

static void link_63(struct running_fault *fault)
{
	fault->links = (uint64_t)1 << 35;
}

static void for_a_second(struct running_fault *fault)
{
	fault->until_ms = 1000;
}

static void two(struct running_fault *fault)
{
	fault->count = 2;
}

static void the_same_fault_again_changes_nothing(void)
{
	struct running_fault cleared[STATE_MAX_FAULTS];

	use("a100");
	CHECK_NUMBER(fail_with(FAULT_NAME_LOST, NULL), CONTROL_CHANGED);
	control.now += 500;
	CHECK_NUMBER(fail_with(FAULT_NAME_LOST, NULL), CONTROL_SAME);
	CHECK_NUMBER(fail_with(FAULT_NAME_LOST, for_a_second), CONTROL_CHANGED);
	CHECK_NUMBER(fail_with(FAULT_NAME_LOST, for_a_second), CONTROL_SAME);
	CHECK_NUMBER(running.fault_count, 1);
	control.now += 1000;
	CHECK_NUMBER(fail_with(FAULT_NAME_LOST, for_a_second), CONTROL_CHANGED);
	CHECK_NUMBER(running.fault_count, 1);
	CHECK_NUMBER(fail_with(FAULT_NAME_NVLINK_DOWN, NULL), CONTROL_CHANGED);
	CHECK_NUMBER(fail_with(FAULT_NAME_NVLINK_DOWN, link_2), CONTROL_CHANGED);
	CHECK_NUMBER(running.fault_count, 3);
	CHECK_NUMBER(control_clear(&control, FAULT_NAME_NVLINK_DOWN, cleared), 2);
	CHECK_NUMBER(control_clear(&control, FAULT_NAME_NVLINK_DOWN, cleared), 0);
	CHECK_NUMBER(control_clear(&control, FAULT_NAMES, cleared), 1);
	CHECK(memcmp(&running, &before, sizeof(running)) == 0);
}

static void what_the_board_lacks_is_refused(void)
{
	use("a100");
	description.boards[0].nvlink.version = NA_U32;
	description.boards[0].row_remapper = 0;
	description.boards[0].page_retirement = 1;
	CHECK_NUMBER(fail_with(FAULT_NAME_NVLINK_DOWN, NULL), CONTROL_REFUSED);
	CHECK_STRING(error.text, "the board has no NVLink");
	CHECK_NUMBER(fail_with(FAULT_NAME_ROW_REMAP_PENDING, NULL), CONTROL_REFUSED);
	CHECK_NUMBER(fail_with(FAULT_NAME_FABRIC_UNHEALTHY, NULL), CONTROL_REFUSED);
	CHECK_NUMBER(fail_with(FAULT_NAME_PAGE_RETIREMENT_PENDING, NULL), CONTROL_CHANGED);
	use("a100");
	CHECK_NUMBER(fail_with(FAULT_NAME_NVLINK_DOWN, link_63), CONTROL_REFUSED);
	CHECK_STRING(error.text, "the board has the NVLinks 0 to 11: choose one of them");
	CHECK_NUMBER(fail_with(FAULT_NAME_PAGE_RETIREMENT_PENDING, NULL), CONTROL_REFUSED);
	running.readings.ecc.mode_current = NVML_FEATURE_DISABLED;
	CHECK_NUMBER(fail_with(FAULT_NAME_ECC_CORRECTABLE, NULL), CONTROL_REFUSED);
}

static void there_is_room_for_a_number_of_faults(void)
{
	struct running_fault fault, made;

	use("a100");
	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		control_fault_init(&fault, FAULT_NAME_NVLINK_ERRORS);
		fault.links = i + 1;
		CHECK_NUMBER(control_fail(&control, &fault, &made, &error), CONTROL_CHANGED);
	}
	CHECK_NUMBER(fail_with(FAULT_NAME_LOST, NULL), CONTROL_REFUSED);
	CHECK(strstr(error.text, "clear one") != NULL);
	CHECK_NUMBER(fail_with(FAULT_NAME_NVLINK_ERRORS, link_2), CONTROL_SAME);
}

static void set_words(const char *first, const char *second)
{
	const char *words[] = { first, second };

	CHECK(control_set(&control, words, second ? 2 : 1, &error) != CONTROL_REFUSED);
}

static void what_is_set_takes_what_follows_along(void)
{
	use("h100");
	set_words("utilization.gpu=99", "thermal.temperature_gpu_c=85");
	CHECK_NUMBER(running.readings.tlimit_c,
		     before.readings.tlimit_c - 85 + before.readings.temperature_c);
	CHECK_NUMBER(running.readings.event_reasons & nvmlClocksEventReasonGpuIdle, 0);
	set_words("utilization.gpu=0", NULL);
	CHECK_NUMBER(running.readings.event_reasons, before.readings.event_reasons);
	// Unless somebody says otherwise.
	set_words("utilization.gpu=50", "clocks_throttle_reasons.gpu_idle=true");
	CHECK_NUMBER(running.readings.event_reasons & nvmlClocksEventReasonGpuIdle, 1);
	set_words("thermal.tlimit.current_c=7", "thermal.temperature_gpu_c=40");
	CHECK_NUMBER(running.readings.tlimit_c, 7);
	use("gb200");
	set_words("power.module.requested_limit_mw=700000", NULL);
	CHECK_NUMBER(running.readings.module_enforced_limit_mw, 700000);
}

static void every_fault_of_readings_changes_readings(void)
{
	use("a100");
	for (unsigned int i = 0; i < FAULT_NAMES; i++) {
		const struct board *board =
			description_board(&description, &description.devices[0]);
		struct running_fault fault, made;

		if (fault_kinds[i].effect != FAULT_READINGS || i == FAULT_NAME_FABRIC_UNHEALTHY ||
		    i == FAULT_NAME_PAGE_RETIREMENT_PENDING)
			continue;
		running = before;
		control_fault_init(&fault, (enum fault_name)i);
		CHECK_NUMBER(control_fail(&control, &fault, &made, &error), CONTROL_CHANGED);
		CHECK(memcmp(&running.readings, &before.readings, sizeof(before.readings)) == 0);
		fault_apply(&running.readings, &made, board, &description.devices[0].readings,
			    control.now + 1);
		CHECK(memcmp(&running.readings, &before.readings, sizeof(before.readings)) != 0);
	}
}

static void events_are_those_the_board_knows(void)
{
	struct state_event events[2];
	struct running_fault fault;

	use("a100");
	control_fault_init(&fault, FAULT_NAME_ECC_UNCORRECTABLE);
	CHECK_NUMBER(control_fault_events(&control, &fault, events), 2);
	CHECK_NUMBER(events[0].data, 48);
	CHECK_NUMBER(events[1].type, nvmlEventTypeDoubleBitEccError);
	description.boards[0].event_types_supported &= ~(uint64_t)nvmlEventTypeXidCriticalError;
	CHECK_NUMBER(control_fault_events(&control, &fault, events), 1);
	CHECK_NUMBER(events[0].type, nvmlEventTypeDoubleBitEccError);
	fault.probability = 1;
	CHECK_NUMBER(control_fault_events(&control, &fault, events), 0);
}

static void the_node_has_one_fault(void)
{
	struct running_node node = { .nvlink_bandwidth_mode = 3 };
	struct running_fault fault;

	control_fault_init(&fault, FAULT_NAME_INIT_ERROR);
	CHECK_NUMBER(control_fail_node(&node, &fault, 1000, &error), CONTROL_CHANGED);
	CHECK_NUMBER(control_fail_node(&node, &fault, 2000, &error), CONTROL_SAME);
	control_fault_init(&fault, FAULT_NAME_INIT_HANG);
	CHECK_NUMBER(control_fail_node(&node, &fault, 2000, &error), CONTROL_REFUSED);
	CHECK(!control_clear_node(&node, FAULT_NAME_LOST));
	CHECK(control_clear_node(&node, FAULT_NAMES));
	CHECK(!control_clear_node(&node, FAULT_NAMES));
	CHECK_NUMBER(node.nvlink_bandwidth_mode, 3);
}

static enum control_result set(const char *assignment)
{
	return control_set(&control, &assignment, 1, &error);
}

static void values_are_set_by_the_keys_of_a_profile(void)
{
	use("a100");
	CHECK_NUMBER(set("thermal.temperature_gpu_c=85"), CONTROL_CHANGED);
	CHECK_NUMBER(running.readings.temperature_c, 85);
	CHECK_NUMBER(set("thermal.temperature_gpu_c=85"), CONTROL_SAME);
	CHECK_NUMBER(set("persistence_mode=disabled"), CONTROL_CHANGED);
	CHECK_NUMBER(running.settings.persistence_mode, 0);
	CHECK_NUMBER(set("clocks_throttle_reasons.hw_slowdown=true"), CONTROL_CHANGED);
	CHECK_NUMBER(running.readings.event_reasons & 8, 8);
	CHECK_NUMBER(set("performance_state=P8"), CONTROL_CHANGED);
	CHECK_NUMBER(running.readings.performance_state, 8);
	CHECK_NUMBER(set("utilization.gpu=N/A"), CONTROL_CHANGED);
	CHECK_NUMBER(running.readings.gpu_util, NA_U32);
	CHECK_NUMBER(set("power.requested_limit_mw=250000"), CONTROL_CHANGED);
	CHECK_NUMBER(running.readings.enforced_limit_mw, 250000);
}

static void a_value_that_is_set_stands_still(void)
{
	use("a100");
	running.readings.motion.temperature = 1;
	running.readings.motion.pattern = 2;
	CHECK_NUMBER(set("thermal.temperature_gpu_c=33"), CONTROL_CHANGED);
	CHECK_NUMBER(running.readings.motion.temperature, 0);
	CHECK_NUMBER(running.readings.motion.pattern, 2);
	CHECK_NUMBER(set("dynamic_metrics.temperature.base_c=50"), CONTROL_CHANGED);
	CHECK_NUMBER(running.readings.motion.temperature, 1);
}

static void a_limit_that_is_named_is_not_the_other_one(void)
{
	use("h100");
	running.readings.enforced_limit_mw = 400000;
	set_words("power.enforced_limit_mw=400000", "power.requested_limit_mw=300000");
	CHECK_NUMBER(running.readings.enforced_limit_mw, 400000);
	use("gb200");
	running.readings.module_enforced_limit_mw = 800000;
	set_words("power.module.requested_limit_mw=700000",
		  "power.module.enforced_limit_mw=800000");
	CHECK_NUMBER(running.readings.module_enforced_limit_mw, 800000);
}

/* Two CUDA programs may have taken more memory than there is. */
static void what_was_wrong_before_is_not_the_users(void)
{
	use("t4");
	running.readings.memory_used = description.boards[0].memory_total;
	running.readings.bar1_used = description.boards[0].bar1_total + 1;
	CHECK_NUMBER(set("utilization.gpu=50"), CONTROL_CHANGED);
	CHECK_NUMBER(set("memory.used_bytes=16GiB"), CONTROL_REFUSED);
	CHECK(strstr(error.text, "memory.used_bytes: expected at most") != NULL);
	CHECK_NUMBER(set("clocks.sm_current=9999"), CONTROL_REFUSED);
	CHECK_STRING(error.text,
		     "clocks.sm_current: expected at most sm_max (1590), found \"9999\"");
	CHECK_NUMBER(set("fan.speed_percent=30"), CONTROL_REFUSED);
}

static void wrong_values_change_nothing(void)
{
	static const char *const wrong[] = {
		"memory.total_bytes=5",
		"uuid=GPU-62ca9c03-3f78-593a-84e2-4fa9be42e746",
		"thermal.temperature_gpu=5",
		"thermal.temperature_gpu_c=hot",
		"thermal.temperature_gpu_c=1000",
		"thermal.temperature_gpu_c",
		"=5",
		"a.b.c.d.e.f.g.h.i.j.k=1",
		"thermal={temperature_gpu_c: }}",
		"memory.used_bytes=99999999999999",
		"power.requested_limit_mw=1",
		"processes=[{pid: 3}]",
		"mig.mode_current=enabled",
		"features=1",
		"persistence_mode=perhaps",
		"thermal.temperature_gpu_c=1\n",
	};

	use("a100");
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error.text[0] = '\0';
		if (set(wrong[i]) != CONTROL_REFUSED || !error.text[0]) {
			fprintf(stderr, "not refused: %s\n", wrong[i]);
			exit(1);
		}
	}
	CHECK(memcmp(&running, &before, sizeof(running)) == 0);
}

static struct running_process process_of(uint32_t pid, uint64_t memory)
{
	struct running_process process;

	memset(&process, 0, sizeof(process));
	process.process.pid = pid;
	process.process.type = PROFILE_PROCESS_COMPUTE;
	process.process.used_memory = memory;
	process.gpu_instance = STATE_NO_INSTANCE;
	process.compute_instance = STATE_NO_INSTANCE;
	return process;
}

static void processes_take_memory_and_give_it_back(void)
{
	struct running_process process = process_of(7, 1000);
	uint64_t used;

	use("a100");
	used = running.readings.memory_used;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_CHANGED);
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_SAME);
	CHECK_NUMBER(running.readings.memory_used, used + 1000);
	process.process.used_memory = 3000;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_CHANGED);
	CHECK_NUMBER(running.readings.memory_used, used + 3000);
	CHECK_NUMBER(running.process_count, 1);
	process = process_of(8, (uint64_t)1 << 50);
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_REFUSED);
	process = process_of(8, 0);
	process.gpu_instance = 3;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_REFUSED);
	CHECK_NUMBER(control_process_remove(&control, 8), CONTROL_SAME);
	CHECK_NUMBER(control_process_remove(&control, 7), CONTROL_CHANGED);
	CHECK(memcmp(&running, &before, sizeof(running)) == 0);
}

/* More can be used than there is: a writer of an older kind, or a damaged page, may say so. */
static void memory_that_is_overdrawn_is_not_free(void)
{
	struct running_process process = process_of(7, 1 << 20);

	use("a100");
	running.readings.memory_used = description.boards[0].memory_total;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_REFUSED);
	CHECK(strcmp(error.text, "of its memory 0 MiB are free, process 7 needs 1") == 0);
	process.process.used_memory = 0;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_CHANGED);
	process.process.used_memory = NA_U64 - 1;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_REFUSED);
	CHECK_NUMBER(running.readings.memory_used, description.boards[0].memory_total);
}

static void a_gpu_instance_has_the_memory_of_its_profile(void)
{
	const struct profile_gpu_instance *profile;
	struct running_process process;
	uint64_t half;

	use("a100");
	profile = &description.boards[0].mig.profiles[0];
	half = (profile->memory_mib << 20) / 2;
	running.gpu_instances[7] = (struct running_gpu_instance){ .used = 1 };
	process = process_of(7, half + 1);
	process.gpu_instance = 7;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_CHANGED);
	process.process.pid = 8;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_REFUSED);
	CHECK(strstr(error.text, "of the memory of its GPU instance 7 ") == error.text);
	/* What is elsewhere counts there, and one that comes again does not count twice. */
	process.gpu_instance = STATE_NO_INSTANCE;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_CHANGED);
	process = process_of(7, 2 * half);
	process.gpu_instance = 7;
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_CHANGED);
}

static void there_is_room_for_a_number_of_processes(void)
{
	struct running_process process;

	use("a100");
	for (uint32_t i = 1; i <= STATE_MAX_PROCESSES; i++) {
		process = process_of(i, 0);
		CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_CHANGED);
	}
	process = process_of(UINT32_MAX, 0);
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_REFUSED);
	CHECK(strstr(error.text, "room for no more") != NULL);
	process = process_of(1, 4096);
	CHECK_NUMBER(control_process_add(&control, &process, &error), CONTROL_CHANGED);
	CHECK_NUMBER(running.process_count, STATE_MAX_PROCESSES);
}

static void reset_makes_all_as_described(void)
{
	use("a100");
	CHECK_NUMBER(control_reset(&control, &error), CONTROL_SAME);
	CHECK_NUMBER(set("utilization.gpu=50"), CONTROL_CHANGED);
	CHECK_NUMBER(fail_with(FAULT_NAME_PCIE_REPLAY, two), CONTROL_CHANGED);
	CHECK_NUMBER(control_reset(&control, &error), CONTROL_CHANGED);
	CHECK(memcmp(&running, &before, sizeof(running)) == 0);
}

TESTSUITE(TEST(what_is_set_takes_what_follows_along), TEST(the_same_fault_again_changes_nothing),
	  TEST(what_the_board_lacks_is_refused), TEST(there_is_room_for_a_number_of_faults),
	  TEST(every_fault_of_readings_changes_readings), TEST(events_are_those_the_board_knows),
	  TEST(the_node_has_one_fault), TEST(values_are_set_by_the_keys_of_a_profile),
	  TEST(a_value_that_is_set_stands_still), TEST(a_limit_that_is_named_is_not_the_other_one),
	  TEST(what_was_wrong_before_is_not_the_users), TEST(wrong_values_change_nothing),
	  TEST(processes_take_memory_and_give_it_back), TEST(memory_that_is_overdrawn_is_not_free),
	  TEST(a_gpu_instance_has_the_memory_of_its_profile),
	  TEST(there_is_room_for_a_number_of_processes), TEST(reset_makes_all_as_described))
