// SPDX-License-Identifier: GPL-3.0-or-later
#include <time.h>

#include "fault_kind.h"
#include "nvml_fixture.h"

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

TESTSUITE(TEST(only_hopper_and_newer_have_it), TEST(metrics_follow_the_readings),
	  TEST(wrong_samples_are_seen), TEST(a_lost_gpu_has_no_metrics))
