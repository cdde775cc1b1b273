// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "export_reset.h"
#include "liveness.h"
#include "nvml_fixture.h"
#include "process.h"

// By the writer that setters use: the page of a YAML file is this process's own.
static void add_processes(void)
{
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->process_count = 2;
	running->processes[0] = (struct running_process){
		.process = { .pid = 4001,
			     .type = PROFILE_PROCESS_COMPUTE,
			     .used_memory = 1 << 30,
			     .sm_util = 40,
			     .name = "train" },
		.gpu_instance = STATE_NO_INSTANCE,
		.compute_instance = STATE_NO_INSTANCE,
	};
	running->processes[1] = (struct running_process){
		.process = { .pid = 4002,
			     .type = PROFILE_PROCESS_GRAPHICS,
			     .used_memory = 1 << 20,
			     .name = "render" },
		.gpu_instance = STATE_NO_INSTANCE,
		.compute_instance = STATE_NO_INSTANCE,
	};
	put_in_force(&writer);
}

static void lists_are_by_type_and_sized(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlProcessInfo_t infos[4];
	nvmlProcessInfo_v1_t first[2];
	unsigned int count = 0;

	CHECK_NUMBER(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, NULL), NVML_SUCCESS);
	CHECK_NUMBER(count, 0);
	add_processes();
	CHECK_NUMBER(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, NULL),
		     NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_NUMBER(count, 1);
	CHECK_NUMBER(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, NULL),
		     NVML_ERROR_INVALID_ARGUMENT);
	count = 4;
	CHECK_NUMBER(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, infos), NVML_SUCCESS);
	CHECK_NUMBER(count, 1);
	CHECK_NUMBER(infos[0].pid, 4001);
	CHECK_NUMBER(infos[0].gpuInstanceId, 0xffffffffu);
	count = 2;
	CHECK_NUMBER(nvmlDeviceGetGraphicsRunningProcesses(device, &count, first), NVML_SUCCESS);
	CHECK_NUMBER(first[0].pid, 4002);
	CHECK_NUMBER(first[0].usedGpuMemory, 1 << 20);
	count = 2;
	CHECK_NUMBER(nvmlDeviceGetMPSComputeRunningProcesses_v2(device, &count, infos),
		     NVML_SUCCESS);
	CHECK_NUMBER(count, 0);
}

static void names_come_from_description_or_system(void)
{
	char name[64], cut[3];

	first_gpu("a100");
	add_processes();
	CHECK_NUMBER(nvmlSystemGetProcessName(4001, name, sizeof(name)), NVML_SUCCESS);
	CHECK_STRING(name, "train");
	CHECK_NUMBER(nvmlSystemGetProcessName(4001, cut, sizeof(cut)), NVML_SUCCESS);
	CHECK_STRING(cut, "tr");
	CHECK_NUMBER(nvmlSystemGetProcessName((unsigned int)getpid(), name, sizeof(name)),
		     NVML_SUCCESS);
	CHECK(strstr(name, "test_nvml_process") != NULL);
	CHECK_NUMBER(nvmlSystemGetProcessName(0x7ffffff0, name, sizeof(name)),
		     NVML_ERROR_NOT_FOUND);
	CHECK_NUMBER(nvmlSystemGetProcessName(4001, NULL, 5), NVML_ERROR_INVALID_ARGUMENT);
}

static void utilization_is_asked_again_for_news(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlProcessUtilizationSample_t samples[4];
	unsigned int count = 4;

	CHECK_NUMBER(nvmlDeviceGetProcessUtilization(device, samples, &count, 0),
		     NVML_ERROR_NOT_FOUND);
	add_processes();
	CHECK_NUMBER(nvmlDeviceGetProcessUtilization(device, NULL, &count, 0),
		     NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_NUMBER(count, 2);
	CHECK_NUMBER(nvmlDeviceGetProcessUtilization(device, samples, &count, 0), NVML_SUCCESS);
	CHECK_NUMBER(samples[0].pid, 4001);
	CHECK_NUMBER(samples[0].smUtil, 40);
	CHECK_NUMBER(nvmlDeviceGetProcessUtilization(device, samples, &count,
						     samples[0].timeStamp + 60000000),
		     NVML_ERROR_NOT_FOUND);
}

static pid_t start_child(void)
{
	pid_t child = fork();

	if (child)
		return child;
	for (;;)
		pause();
}

// It has ended, and still has its number until it is waited for.
static void kill_child(pid_t child)
{
	siginfo_t info;

	CHECK_NUMBER(kill(child, SIGKILL), 0);
	CHECK_NUMBER(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
}

// As libcuda does it.
static void record(uint32_t pid, uint32_t namespace, uint64_t started_ms)
{
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->processes[running->process_count++] = (struct running_process){
		.process = { .pid = pid,
			     .type = PROFILE_PROCESS_COMPUTE | namespace,
			     .used_memory = 1 << 30 },
		.gpu_instance = STATE_NO_INSTANCE,
		.compute_instance = STATE_NO_INSTANCE,
		.started_ms = started_ms,
	};
	running->readings.memory_used += 1 << 30;
	put_in_force(&writer);
}

static unsigned int processes_of(nvmlDevice_t device)
{
	nvmlProcessInfo_t infos[8];
	unsigned int count = 8;

	CHECK_NUMBER(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, infos), NVML_SUCCESS);
	return count;
}

static uint64_t used_memory(nvmlDevice_t device)
{
	nvmlMemory_v2_t memory = { .version = nvmlMemory_v2 };

	CHECK_NUMBER(nvmlDeviceGetMemoryInfo_v2(device, &memory), NVML_SUCCESS);
	return memory.used;
}

static nvmlReturn_t reset(nvmlDevice_t device)
{
	nvmlReturn_t result;

	slot_reset(1, &device, &result);
	return result;
}

static void who_was_killed_is_not_there(void)
{
	nvmlDevice_t device = first_gpu("a100");
	pid_t child = start_child();
	uint64_t used = used_memory(device);
	char name[64];

	record((uint32_t)child, liveness_namespace(), 0);
	CHECK_NUMBER(processes_of(device), 1);
	CHECK_NUMBER(used_memory(device), used + (1 << 30));
	CHECK_NUMBER(reset(device), NVML_ERROR_IN_USE);
	kill_child(child);
	CHECK_NUMBER(processes_of(device), 0);
	CHECK_NUMBER(used_memory(device), used);
	CHECK_NUMBER(waitpid(child, NULL, 0), child);
	CHECK_NUMBER(processes_of(device), 0);
	CHECK_NUMBER(used_memory(device), used);
	CHECK_NUMBER(nvmlSystemGetProcessName((unsigned int)child, name, sizeof(name)),
		     NVML_ERROR_NOT_FOUND);
}

static void who_was_killed_uses_no_gpu(void)
{
	nvmlDevice_t device = first_gpu("a100");
	pid_t child = start_child();
	nvmlReturn_t activation;
	struct gpu gpu;

	record((uint32_t)child, liveness_namespace(), 0);
	CHECK_NUMBER(nvmlDeviceSetMigMode(device, 1, &activation), NVML_SUCCESS);
	CHECK_NUMBER(activation, NVML_ERROR_IN_USE);
	kill_child(child);
	CHECK_NUMBER(nvmlDeviceSetMigMode(device, 1, &activation), NVML_SUCCESS);
	CHECK_NUMBER(activation, NVML_SUCCESS);
	CHECK(handle_gpu(0, &gpu));
	CHECK_NUMBER(gpu.running->process_count, 0);
	record((uint32_t)child, liveness_namespace(), 0);
	CHECK_NUMBER(reset(device), NVML_SUCCESS);
}

// Who looks at a list asks once who it is itself, however long the list.
static unsigned int links_read;

ssize_t readlink(const char *path, char *buffer, size_t size)
{
	links_read++;
	return readlinkat(AT_FDCWD, path, buffer, size);
}

static void a_long_list_is_looked_at_by_one(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;

	record((uint32_t)getpid(), 0, 0);
	CHECK_NUMBER(state_begin(&writer, &handle_source), STATE_OK);
	links_read = 0;
	CHECK(state_edit(&writer, 0) != NULL);
	CHECK_NUMBER(links_read, 0);
	state_end(&writer);
	for (int i = 0; i < 5; i++)
		record((uint32_t)getpid(), liveness_namespace(), liveness_started());
	CHECK_NUMBER(state_begin(&writer, &handle_source), STATE_OK);
	links_read = 0;
	CHECK(state_edit(&writer, 0) != NULL);
	CHECK_NUMBER(links_read, 2);
	state_end(&writer);
	CHECK_NUMBER(processes_of(device), 6);
}

// The number alone says little: another process may have got it, or it is of somewhere else.
static void who_cannot_be_told_dead_stays(void)
{
	nvmlDevice_t device = first_gpu("a100");
	uint32_t self = (uint32_t)getpid();
	pid_t child = start_child();

	kill_child(child);
	record((uint32_t)child, 0, 0);
	CHECK_NUMBER(processes_of(device), 1);
	record((uint32_t)child, liveness_namespace() ^ 0x100, 0);
	CHECK_NUMBER(processes_of(device), 2);
	record(self, liveness_namespace(), liveness_started());
	CHECK_NUMBER(processes_of(device), 3);
	record(self, liveness_namespace(), liveness_started() + 10);
	CHECK_NUMBER(processes_of(device), 3);
	CHECK_NUMBER(reset(device), NVML_ERROR_IN_USE);
}

static void an_account_ends_with_its_process(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlAccountingStats_t stats;
	pid_t child = start_child();

	CHECK_NUMBER(nvmlDeviceSetAccountingMode(device, NVML_FEATURE_ENABLED), NVML_SUCCESS);
	record((uint32_t)child, liveness_namespace(), 0);
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, (unsigned int)child, &stats),
		     NVML_SUCCESS);
	CHECK_NUMBER(stats.isRunning, 1);
	kill_child(child);
	CHECK_NUMBER(nvmlDeviceGetAccountingStats(device, (unsigned int)child, &stats),
		     NVML_SUCCESS);
	CHECK_NUMBER(stats.isRunning, 0);
	CHECK_NUMBER(stats.maxMemoryUsage, 1 << 30);
}

TESTSUITE(TEST(lists_are_by_type_and_sized), TEST(names_come_from_description_or_system),
	  TEST(utilization_is_asked_again_for_news), TEST(who_was_killed_is_not_there),
	  TEST(who_was_killed_uses_no_gpu), TEST(who_cannot_be_told_dead_stays),
	  TEST(a_long_list_is_looked_at_by_one), TEST(an_account_ends_with_its_process))
