// SPDX-License-Identifier: GPL-3.0-or-later
#include <time.h>

#include "fault_kind.h"
#include "mig_fixture.h"

static nvmlGpmMetricsGet_t request; // large

static void take_two(nvmlDevice_t device)
{
	memset(&request, 0, sizeof(request));
	request.version = NVML_GPM_METRICS_GET_VERSION;
	CHECK_NUMBER(nvmlGpmSampleAlloc(&request.sample1), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmSampleAlloc(&request.sample2), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmSampleGet(device, request.sample1), NVML_SUCCESS);
	usleep(2000);
	CHECK_NUMBER(nvmlGpmSampleGet(device, request.sample2), NVML_SUCCESS);
}

static void ask_for(unsigned int metric)
{
	request.metrics[request.numMetrics++].metricId = metric;
}

static void only_hopper_and_newer_have_it(void)
{
	nvmlGpmSupport_t support = { .version = NVML_GPM_SUPPORT_VERSION };
	nvmlDevice_t device = first_gpu("a100");
	nvmlGpmSample_t sample;
	unsigned int state;

	CHECK_NUMBER(nvmlGpmQueryDeviceSupport(device, &support), NVML_SUCCESS);
	CHECK_NUMBER(support.isSupportedDevice, 0);
	CHECK_NUMBER(nvmlGpmSampleAlloc(&sample), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmSampleGet(device, sample), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlGpmQueryIfStreamingEnabled(device, &state), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlGpmSetStreamingEnabled(device, 1), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	device = first_gpu("gb200");
	CHECK_NUMBER(nvmlGpmQueryDeviceSupport(device, &support), NVML_SUCCESS);
	CHECK_NUMBER(support.isSupportedDevice, 1);
	support.version = 99;
	CHECK_NUMBER(nvmlGpmQueryDeviceSupport(device, &support),
		     NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_NUMBER(nvmlGpmSetStreamingEnabled(device, 1), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmQueryIfStreamingEnabled(device, &state), NVML_SUCCESS);
	CHECK_NUMBER(state, 1);
}

static void metrics_follow_the_readings(void)
{
	nvmlDevice_t device = first_gpu("gb200");
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->readings.gpu_util = 80;
	running->readings.memory_util = 30;
	running->readings.pcie_rx_kbps = 3 * 1024;
	put_in_force(&writer);
	take_two(device);
	ask_for(NVML_GPM_METRIC_SM_UTIL);
	ask_for(NVML_GPM_METRIC_SM_OCCUPANCY);
	ask_for(NVML_GPM_METRIC_DRAM_BW_UTIL);
	ask_for(NVML_GPM_METRIC_PCIE_RX_PER_SEC);
	ask_for(NVML_GPM_METRIC_NVLINK_L17_TX_PER_SEC);
	ask_for(NVML_GPM_METRIC_C2C_LINK5_DATA_RX_PER_SEC);
	ask_for(14);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_SUCCESS);
	CHECK_NUMBER(request.metrics[0].value, 80);
	CHECK_NUMBER(request.metrics[1].value, 40);
	CHECK_NUMBER(request.metrics[2].value, 30);
	CHECK_NUMBER(request.metrics[3].value, 3);
	CHECK_STRING(request.metrics[3].metricInfo.unit, "MiB/s");
	CHECK_NUMBER(request.metrics[4].nvmlReturn, NVML_SUCCESS);
	// Five links are there, from 0 on; and no metric has the number 14.
	CHECK_NUMBER(request.metrics[5].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(request.metrics[6].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
}

static void wrong_samples_are_seen(void)
{
	nvmlDevice_t device = first_gpu("gb200"), other;
	nvmlGpmSample_t first;

	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &other), NVML_SUCCESS);
	take_two(device);
	request.version = 2;
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	request.version = NVML_GPM_METRICS_GET_VERSION;
	first = request.sample1;
	request.sample1 = request.sample2;
	request.sample2 = first;
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpmSampleGet(other, request.sample2), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpmSampleFree(request.sample2), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmSampleFree(request.sample2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpmSampleGet(device, (nvmlGpmSample_t)&request),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpmMigSampleGet(device, 3, first), NVML_ERROR_INVALID_ARGUMENT);
}

static void a_lost_gpu_has_no_metrics(void)
{
	nvmlDevice_t device = first_gpu("gb200");
	struct state_writer writer;
	struct running *running;

	take_two(device);
	ask_for(NVML_GPM_METRIC_SM_UTIL);
	running = first_state(&writer);
	running->faults[0] = (struct running_fault){
		.effect = FAULT_ERROR,
		.name = FAULT_NAME_LOST,
		.code = NVML_ERROR_GPU_IS_LOST,
		.number = 1,
	};
	running->fault_count = 1;
	put_in_force(&writer);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_ERROR_GPU_IS_LOST);
}

// --- MIG ---

static unsigned int id_of(nvmlGpuInstance_t instance)
{
	nvmlGpuInstanceInfo_t info;

	CHECK_NUMBER(nvmlGpuInstanceGetInfo(instance, &info), NVML_SUCCESS);
	return info.id;
}

static void take_two_of(nvmlDevice_t device, unsigned int gpu_instance)
{
	memset(&request, 0, sizeof(request));
	request.version = NVML_GPM_METRICS_GET_VERSION;
	CHECK_NUMBER(nvmlGpmSampleAlloc(&request.sample1), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmSampleAlloc(&request.sample2), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmMigSampleGet(device, gpu_instance, request.sample1), NVML_SUCCESS);
	usleep(2000);
	CHECK_NUMBER(nvmlGpmMigSampleGet(device, gpu_instance, request.sample2), NVML_SUCCESS);
}

// Per cent of the instance's multiprocessors, rounded down.
static unsigned int busy(void)
{
	request.numMetrics = 0;
	ask_for(NVML_GPM_METRIC_SM_UTIL);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_SUCCESS);
	CHECK_NUMBER(request.metrics[0].nvmlReturn, NVML_SUCCESS);
	return (unsigned int)request.metrics[0].value;
}

static unsigned int busy_of(nvmlDevice_t device, unsigned int gpu_instance)
{
	unsigned int result;

	take_two_of(device, gpu_instance);
	result = busy();
	CHECK_NUMBER(nvmlGpmSampleFree(request.sample1), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmSampleFree(request.sample2), NVML_SUCCESS);
	return result;
}

static void work_in(unsigned int gpu_instance, uint32_t pid, uint32_t sm_util)
{
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->processes[running->process_count++] = (struct running_process){
		.process = { .pid = pid, .type = PROFILE_PROCESS_COMPUTE, .sm_util = sm_util },
		.gpu_instance = gpu_instance,
	};
	put_in_force(&writer);
}

static void an_instance_has_the_load_of_its_processes(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("h100");
	unsigned int large = id_of(make_gpu_instance(device, P_3G));
	unsigned int small = id_of(make_gpu_instance(device, P_1G));
	struct state_writer writer;

	first_state(&writer)->readings.gpu_util = 50;
	put_in_force(&writer);
	// Nobody says whose load it is.
	CHECK_NUMBER(busy_of(device, large), 50);
	work_in(large, 7, 40);
	work_in(large, 8, 20);
	CHECK_NUMBER(busy_of(device, large), 60);
	CHECK_NUMBER(busy_of(device, small), 0);
	work_in(small, 9, 70);
	work_in(small, 10, 70);
	CHECK_NUMBER(busy_of(device, small), 100);
	CHECK_NUMBER(busy_of(device, large), 60);
	take_two(device);
	CHECK_NUMBER(busy(), 50);
}

static void a_load_that_moves_is_divided_by_processes_and_size(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("h100");
	unsigned int large = id_of(make_gpu_instance(device, P_3G));
	unsigned int small = id_of(make_gpu_instance(device, P_1G));
	struct readings_motion *motion;
	struct state_writer writer;

	motion = &first_state(&writer)->readings.motion;
	motion->pattern = PATTERN_CONSTANT;
	motion->gpu_min = motion->gpu_max = 12;
	put_in_force(&writer);
	work_in(large, 7, 10);
	work_in(small, 8, 30);
	// Of 132 multiprocessors they have 60 and 16: 12 x 1/4 x 132/60 and 12 x 3/4 x 132/16.
	CHECK_NUMBER(busy_of(device, large), 6);
	CHECK_NUMBER(busy_of(device, small), 74);
	take_two(device);
	CHECK_NUMBER(busy(), 12);
}

static void an_instance_has_its_engines_and_no_traffic(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("h100");

	take_two_of(device, id_of(make_gpu_instance(device, P_1G)));
	ask_for(NVML_GPM_METRIC_NVDEC_0_UTIL);
	ask_for(NVML_GPM_METRIC_NVDEC_1_UTIL);
	ask_for(NVML_GPM_METRIC_NVOFA_0_UTIL);
	ask_for(NVML_GPM_METRIC_PCIE_TX_PER_SEC);
	ask_for(NVML_GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_SUCCESS);
	CHECK_NUMBER(request.metrics[0].nvmlReturn, NVML_SUCCESS);
	for (int i = 1; i < 5; i++)
		CHECK_NUMBER(request.metrics[i].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
}

static void samples_of_other_instances_do_not_belong_together(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("h100");
	nvmlGpuInstance_t instance = make_gpu_instance(device, P_3G);
	unsigned int id = id_of(instance), other = id_of(make_gpu_instance(device, P_1G));
	nvmlComputeInstance_t compute =
		make_compute_instance(instance, NVML_COMPUTE_INSTANCE_PROFILE_3_SLICE);

	take_two_of(device, id);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmMigSampleGet(device, other, request.sample2), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpmSampleGet(device, request.sample2), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_ERROR_INVALID_ARGUMENT);
	// A MIG device stands for its GPU instance.
	CHECK_NUMBER(nvmlGpmSampleGet(mig_device(device, 0), request.sample2), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmMigSampleGet(device, id + 1, request.sample2),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpmMigSampleGet(device, STATE_NO_INSTANCE, request.sample2),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlComputeInstanceDestroy(compute), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpuInstanceDestroy(instance), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_ERROR_NOT_FOUND);
}

// The client frees a sample, and nvmlShutdown does not take it from the client.
static void samples_outlive_a_restart(void)
{
	nvmlDevice_t device = first_gpu("h100");

	take_two(device);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmSampleFree(request.sample1), NVML_ERROR_UNINITIALIZED);
	CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmMetricsGet(&request), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmSampleFree(request.sample1), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpmSampleFree(request.sample2), NVML_SUCCESS);
}

TESTSUITE(TEST(an_instance_has_the_load_of_its_processes),
	  TEST(a_load_that_moves_is_divided_by_processes_and_size),
	  TEST(an_instance_has_its_engines_and_no_traffic),
	  TEST(samples_of_other_instances_do_not_belong_together), TEST(samples_outlive_a_restart),
	  TEST(only_hopper_and_newer_have_it), TEST(metrics_follow_the_readings),
	  TEST(wrong_samples_are_seen), TEST(a_lost_gpu_has_no_metrics))
