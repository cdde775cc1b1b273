// SPDX-License-Identifier: GPL-3.0-or-later
#include <time.h>

#include "settings_fixture.h"

static void start_process(uint32_t pid, uint64_t memory)
{
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->processes[running->process_count++] = (struct running_process){
		.process = {
			.pid = pid,
			.type = PROFILE_PROCESS_COMPUTE,
			.used_memory = memory,
			.sm_util = 40,
			.memory_util = 20,
			.name = "train",
		},
		.gpu_instance = STATE_NO_INSTANCE,
		.compute_instance = STATE_NO_INSTANCE,
	};
	put_in_force(&writer);
}

static void change_memory(uint64_t memory)
{
	struct state_writer writer;

	first_state(&writer)->processes[0].process.used_memory = memory;
	put_in_force(&writer);
}

static void end_processes(void)
{
	struct state_writer writer;

	first_state(&writer)->process_count = 0;
	put_in_force(&writer);
}

static unsigned int count_pids(nvmlDevice_t device)
{
	unsigned int count = 0;
	nvmlReturn_t ret = nvmlDeviceGetAccountingPids(device, &count, NULL);

	CHECK(ret == NVML_SUCCESS || ret == NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK((ret == NVML_SUCCESS) == (count == 0));
	return count;
}

static nvmlDevice_t accounting_gpu(void)
{
	nvmlDevice_t device = first_gpu("a100");

	CHECK_NUMBER(nvmlDeviceSetAccountingMode(device, NVML_FEATURE_ENABLED), NVML_SUCCESS);
	return device;
}

static void a_process_is_counted_while_it_runs_and_after(void)
{
	nvmlDevice_t device = accounting_gpu();
	nvmlAccountingStats_t stats;
	unsigned int pids[2] = { 0, 0 }, count = 2;

	start_process(100, 1000);
	change_memory(5000);
	change_memory(2000);
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, 100, &stats), NVML_SUCCESS);
	CHECK_NUMBER(stats.isRunning, 1);
	CHECK_NUMBER(stats.time, 0);
	CHECK_NUMBER(stats.maxMemoryUsage, 5000);
	CHECK(stats.startTime / 1000000 + 5 > (unsigned long long)time(NULL));
	usleep(30000);
	end_processes();
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, 100, &stats), NVML_SUCCESS);
	CHECK_NUMBER(stats.isRunning, 0);
	CHECK(stats.time >= 30);
	CHECK_NUMBER(stats.gpuUtilization, 40);
	CHECK_NUMBER(stats.memoryUtilization, 20);
	CHECK_NUMBER(nvmlDeviceGetAccountingPids(device, &count, pids), NVML_SUCCESS);
	CHECK_NUMBER(count, 1);
	CHECK_NUMBER(pids[0], 100);
}

static void utilization_is_that_of_the_whole_life(void)
{
	nvmlDevice_t device = accounting_gpu();
	nvmlAccountingStats_t stats;
	struct state_writer writer;

	start_process(100, 1000);
	usleep(100000);
	first_state(&writer)->processes[0].process.sm_util = 0;
	put_in_force(&writer);
	usleep(100000);
	end_processes();
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, 100, &stats), NVML_SUCCESS);
	CHECK(stats.gpuUtilization > 0 && stats.gpuUtilization < 40);
	CHECK_NUMBER(stats.memoryUtilization, 20);
}

static void what_ran_before_is_not_counted(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlAccountingStats_t stats;

	start_process(100, 1000);
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, 100, &stats), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetAccountingMode(device, NVML_FEATURE_ENABLED), NVML_SUCCESS);
	CHECK_NUMBER(count_pids(device), 0);
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, 100, &stats), NVML_ERROR_NOT_FOUND);
	start_process(101, 1000);
	CHECK_NUMBER(count_pids(device), 1);
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, 101, &stats), NVML_SUCCESS);
}

static void the_second_version_tells_its_samples(void)
{
	nvmlDevice_t device = accounting_gpu();
	nvmlAccountingStats_v2_t stats = { .pid = 100 };

	start_process(100, NA_U64);
	CHECK_NUMBER(nvmlDeviceGetAccountingStats_v2(device, &stats), NVML_SUCCESS);
	CHECK_NUMBER(stats.isRunning, 1);
	CHECK_NUMBER(stats.gpuUtilization, 40);
	CHECK_NUMBER(stats.sumGpuUtil, stats.sampleCount * 40 * 100);
	CHECK_NUMBER(stats.maxMemoryUsage, (unsigned long long)NVML_VALUE_NOT_AVAILABLE);
	stats.pid = 101;
	CHECK_NUMBER(nvmlDeviceGetAccountingStats_v2(device, &stats), NVML_ERROR_NOT_FOUND);
}

static void clearing_forgets_who_has_ended(void)
{
	nvmlDevice_t device = accounting_gpu();
	unsigned int pids[4], count = 4;

	start_process(100, 1000);
	end_processes();
	start_process(101, 1000);
	CHECK_NUMBER(count_pids(device), 2);
	CHECK_NUMBER(nvmlDeviceClearAccountingPids(device), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetAccountingPids(device, &count, pids), NVML_SUCCESS);
	CHECK_NUMBER(count, 1);
	CHECK_NUMBER(pids[0], 101);
	CHECK_NUMBER(nvmlDeviceSetAccountingMode(device, NVML_FEATURE_DISABLED), NVML_SUCCESS);
	CHECK_NUMBER(count_pids(device), 0);
}

static void the_newest_replace_the_oldest(void)
{
	nvmlDevice_t device = accounting_gpu();
	unsigned int pids[STATE_MAX_ACCOUNTED], count = STATE_MAX_ACCOUNTED;
	nvmlAccountingStats_t stats;

	for (uint32_t pid = 1; pid <= STATE_MAX_ACCOUNTED + 3; pid++) {
		start_process(pid, pid);
		end_processes();
	}
	CHECK_NUMBER(nvmlDeviceGetAccountingPids(device, &count, pids), NVML_SUCCESS);
	CHECK_NUMBER(count, STATE_MAX_ACCOUNTED);
	CHECK_NUMBER(pids[0], 4);
	CHECK_NUMBER(pids[count - 1], STATE_MAX_ACCOUNTED + 3);
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, 3, &stats), NVML_ERROR_NOT_FOUND);
	// The same pid again: the latest is meant.
	start_process(10, 77);
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, 10, &stats), NVML_SUCCESS);
	CHECK_NUMBER(stats.maxMemoryUsage, 77);
	count = STATE_MAX_ACCOUNTED - 1;
	CHECK_NUMBER(nvmlDeviceGetAccountingPids(device, &count, pids),
		     NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_NUMBER(count, STATE_MAX_ACCOUNTED);
}

static void mig_turns_it_off(void)
{
	nvmlDevice_t device = accounting_gpu();
	nvmlReturn_t status;
	nvmlEnableState_t mode;

	start_process(100, 1000);
	end_processes();
	CHECK_NUMBER(nvmlDeviceSetMigMode(device, NVML_DEVICE_MIG_ENABLE, &status), NVML_SUCCESS);
	CHECK_NUMBER(status, NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetAccountingMode(device, &mode), NVML_SUCCESS);
	CHECK_NUMBER(mode, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(count_pids(device), 0);
	CHECK_NUMBER(nvmlDeviceSetAccountingMode(device, 1), NVML_ERROR_NOT_SUPPORTED);
}

static void what_is_wrong_changes_nothing(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEnableState_t mode;
	struct state_writer writer;

	CHECK_NUMBER(nvmlDeviceSetAccountingMode(device, 2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetAccountingMode(device, 1)), NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceClearAccountingPids(device)), NVML_ERROR_NO_PERMISSION);
	first_state(&writer)->readings.mig_current = 1;
	put_in_force(&writer);
	CHECK_NUMBER(nvmlDeviceSetAccountingMode(device, 1), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetAccountingMode(device, &mode), NVML_SUCCESS);
	CHECK_NUMBER(mode, NVML_FEATURE_DISABLED);
}

TESTSUITE(TEST(a_process_is_counted_while_it_runs_and_after),
	  TEST(utilization_is_that_of_the_whole_life), TEST(what_ran_before_is_not_counted),
	  TEST(the_second_version_tells_its_samples), TEST(clearing_forgets_who_has_ended),
	  TEST(the_newest_replace_the_oldest), TEST(mig_turns_it_off),
	  TEST(what_is_wrong_changes_nothing))
