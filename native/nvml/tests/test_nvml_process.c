// SPDX-License-Identifier: GPL-3.0-or-later
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

TESTSUITE(TEST(lists_are_by_type_and_sized), TEST(names_come_from_description_or_system),
	  TEST(utilization_is_asked_again_for_news))
