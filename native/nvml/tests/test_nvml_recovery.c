// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a GPU says that it must be reset, or its node booted.
#include "recovery.h"

#include "export_reset.h"
#include "nvml_fixture.h"
#include "page_file.h"

static unsigned int ask(nvmlDevice_t device, unsigned int id)
{
	nvmlFieldValue_t field = { .fieldId = id };

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 1, &field), NVML_SUCCESS);
	CHECK_NUMBER(field.nvmlReturn, NVML_SUCCESS);
	return field.value.uiVal;
}

static void check(nvmlDevice_t device, unsigned int action, unsigned int reset, unsigned int drain)
{
	CHECK_NUMBER(ask(device, NVML_FI_DEV_GET_GPU_RECOVERY_ACTION), action);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_RESET_STATUS), reset);
	CHECK_NUMBER(ask(device, NVML_FI_DEV_DRAIN_AND_RESET_STATUS), drain);
}

static void check_nothing_due(nvmlDevice_t device)
{
	check(device, NVML_GPU_RECOVERY_ACTION_NONE, 0, 0);
}

static void reset(nvmlDevice_t device)
{
	nvmlReturn_t result;

	CHECK_NUMBER(slot_reset(1, &device, &result), NVML_SUCCESS);
}

static struct running_fault *put_fault(struct running *running, enum fault_name name)
{
	struct running_fault *fault = &running->faults[running->fault_count++];

	*fault = (struct running_fault){
		.effect = fault_kinds[name].effect,
		.name = name,
		.count = 1,
		.location = NVML_MEMORY_LOCATION_DRAM,
		.links = 1,
		.from_ms = motion_now(),
		.number = running->fault_count,
	};
	return fault;
}

// The last two stay as they are after a reset: it is all that can be done for them here.
static void faults_ask_for_what_mends_them(void)
{
	static const struct {
		enum fault_name name;
		unsigned int action, reset, drain;
	} cases[] = {
		{ FAULT_NAME_ECC_CORRECTABLE, NVML_GPU_RECOVERY_ACTION_NONE, 0, 0 },
		{ FAULT_NAME_THERMAL_SLOWDOWN, NVML_GPU_RECOVERY_ACTION_NONE, 0, 0 },
		{ FAULT_NAME_ROW_REMAP_PENDING, NVML_GPU_RECOVERY_ACTION_DRAIN_AND_RESET, 0, 1 },
		{ FAULT_NAME_ECC_UNCORRECTABLE, NVML_GPU_RECOVERY_ACTION_GPU_RESET, 1, 0 },
		{ FAULT_NAME_NVLINK_DOWN, NVML_GPU_RECOVERY_ACTION_GPU_RESET, 1, 0 },
		{ FAULT_NAME_ROW_REMAP_FAILURE, NVML_GPU_RECOVERY_ACTION_GPU_RESET, 1, 0 },
	};
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;

	check_nothing_due(device);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_fault(first_state(&writer), cases[i].name);
		put_in_force(&writer);
		check(device, cases[i].action, cases[i].reset, cases[i].drain);
		pause_ms(2);
		reset(device);
		check_nothing_due(device);
	}
}

static void a_fault_to_come_and_one_that_is_over_ask_for_nothing(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;
	struct running *running = first_state(&writer);

	put_fault(running, FAULT_NAME_ECC_UNCORRECTABLE)->from_ms += 60000;
	put_fault(running, FAULT_NAME_NVLINK_DOWN)->until_ms = 1;
	put_fault(running, FAULT_NAME_ROW_REMAP_FAILURE)->after_calls = 1000000;
	put_in_force(&writer);
	check_nothing_due(device);
}

// Clearing the counters does not mend what was counted.
static void what_an_error_asked_for_outlives_its_counter(void)
{
	nvmlDevice_t device = first_gpu("a100");
	unsigned long long errors;
	struct state_writer writer;

	put_fault(first_state(&writer), FAULT_NAME_ECC_UNCORRECTABLE);
	put_in_force(&writer);
	CHECK_NUMBER(nvmlDeviceClearEccErrorCounts(device, NVML_VOLATILE_ECC), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetTotalEccErrors(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						 NVML_VOLATILE_ECC, &errors),
		     NVML_SUCCESS);
	CHECK_NUMBER(errors, 0);
	check(device, NVML_GPU_RECOVERY_ACTION_GPU_RESET, 1, 0);
	reset(device);
	check_nothing_due(device);
}

static void ask_for(uint64_t xid, uint64_t from_ms)
{
	struct state_writer writer;

	recovery_ask(first_state(&writer), recovery_of_xid(xid), from_ms);
	put_in_force(&writer);
}

static void the_worst_xid_counts_from_when_it_is_told(void)
{
	nvmlDevice_t device = first_gpu("a100");

	ask_for(13, 0);
	check_nothing_due(device);
	ask_for(94, 0);
	check(device, NVML_GPU_RECOVERY_ACTION_DRAIN_AND_RESET, 0, 1);
	ask_for(95, 0);
	ask_for(94, 0);
	check(device, NVML_GPU_RECOVERY_ACTION_GPU_RESET, 1, 0);
	reset(device);
	ask_for(95, motion_now() + 60000);
	check_nothing_due(device);
}

static enum recovery due_at(uint64_t moment_ms)
{
	struct gpu gpu;

	CHECK(handle_gpu(0, &gpu));
	return recovery_due(gpu.running, &gpu.running->readings, moment_ms);
}

// What is due is not hidden by what is to come, and what is to come comes after a reset.
static void each_request_has_a_time_of_its_own(void)
{
	nvmlDevice_t device = first_gpu("a100");
	uint64_t later = motion_now() + 60000, last = later + 60000;

	ask_for(95, 0);
	ask_for(79, last);
	ask_for(94, later);
	check(device, NVML_GPU_RECOVERY_ACTION_GPU_RESET, 1, 0);
	CHECK_NUMBER(due_at(later), RECOVERY_RESET);
	reset(device);
	check_nothing_due(device);
	CHECK_NUMBER(due_at(later), RECOVERY_DRAIN_AND_RESET);
	CHECK_NUMBER(due_at(last), RECOVERY_REBOOT);
}

static void a_lesser_request_is_due_before_a_worse_one(void)
{
	nvmlDevice_t device = first_gpu("a100");

	ask_for(79, motion_now() + 3600000);
	ask_for(95, 0);
	check(device, NVML_GPU_RECOVERY_ACTION_GPU_RESET, 1, 0);
}

static void a_reset_is_no_reboot(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;
	struct running *running;
	struct gpu gpu;

	ask_for(79, 0);
	check(device, NVML_GPU_RECOVERY_ACTION_NODE_REBOOT, 1, 0);
	reset(device);
	check(device, NVML_GPU_RECOVERY_ACTION_NODE_REBOOT, 1, 0);
	CHECK(handle_gpu(0, &gpu));
	running = first_state(&writer);
	running_boot(running, gpu.description, 0);
	put_in_force(&writer);
	check_nothing_due(device);
}

// They wait for a reset, which mends nothing: the recovery action is for what has gone wrong.
static void modes_that_wait_need_a_reset(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;

	CHECK_NUMBER(nvmlDeviceSetEccMode(device, NVML_FEATURE_DISABLED), NVML_SUCCESS);
	check(device, NVML_GPU_RECOVERY_ACTION_NONE, 1, 0);
	reset(device);
	check_nothing_due(device);
	first_state(&writer)->readings.mig_pending = 1;
	put_in_force(&writer);
	check(device, NVML_GPU_RECOVERY_ACTION_NONE, 1, 0);
	reset(device);
	check_nothing_due(device);
}

TESTSUITE(TEST(faults_ask_for_what_mends_them),
	  TEST(a_fault_to_come_and_one_that_is_over_ask_for_nothing),
	  TEST(what_an_error_asked_for_outlives_its_counter),
	  TEST(the_worst_xid_counts_from_when_it_is_told), TEST(a_reset_is_no_reboot),
	  TEST(each_request_has_a_time_of_its_own),
	  TEST(a_lesser_request_is_due_before_a_worse_one), TEST(modes_that_wait_need_a_reset))
