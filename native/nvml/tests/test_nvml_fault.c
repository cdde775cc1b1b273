// SPDX-License-Identifier: GPL-3.0-or-later
#include "fault_fixture.h"

static void pause_for(long ms)
{
	struct timespec time = { 0, ms * 1000000 };

	nanosleep(&time, NULL);
}

static unsigned int last_sample(nvmlDevice_t device, nvmlSamplingType_t type)
{
	static nvmlSample_t samples[100];
	nvmlValueType_t value_type;
	unsigned int count = 100;

	CHECK_NUMBER(nvmlDeviceGetSamples(device, type, 0, &value_type, &count, samples),
		     NVML_SUCCESS);
	return samples[count - 1].sampleValue.uiVal;
}

// A quarter of what a load draws over idle, at half its clock; the samples say it too.
static void a_slow_clock_draws_less(void)
{
	static const enum fault_name slowdowns[] = { FAULT_NAME_THERMAL_SLOWDOWN,
						     FAULT_NAME_POWER_BRAKE_SLOWDOWN };
	nvmlDevice_t device = first_gpu("a100");
	const unsigned int slow = 49680 + (400000 - 49680) / 4;
	struct state_writer writer;
	unsigned int value;

	first_state(&writer)->readings.motion =
		(struct readings_motion){ .pattern = PATTERN_CONSTANT, .gpu_max = 100 };
	put_in_force(&writer);
	for (unsigned int i = 0; i < 2; i++) {
		struct running_fault fault = fault_of(slowdowns[i]);

		CHECK_NUMBER(nvmlDeviceGetPowerUsage(device, &value), NVML_SUCCESS);
		CHECK_NUMBER(value, 400000);
		make_fail(&fault);
		CHECK_NUMBER(nvmlDeviceGetClockInfo(device, NVML_CLOCK_SM, &value), NVML_SUCCESS);
		CHECK_NUMBER(value, 705);
		CHECK_NUMBER(nvmlDeviceGetPowerUsage(device, &value), NVML_SUCCESS);
		CHECK_NUMBER(value, slow);
		pause_for(250);
		CHECK_NUMBER(last_sample(device, NVML_PROCESSOR_CLK_SAMPLES), 705);
		CHECK_NUMBER(last_sample(device, NVML_TOTAL_POWER_SAMPLES), slow);
		clear();
	}
}

static void a_lost_gpu_has_no_handle_and_is_counted(void)
{
	nvmlDevice_t device = first_gpu("a100"), again;
	struct running_fault fault = fault_of(FAULT_NAME_LOST);
	char uuid[96], bus[32] = "";
	unsigned int count;
	nvmlPciInfo_t pci;

	CHECK_NUMBER(nvmlDeviceGetUUID(device, uuid, sizeof(uuid)), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetPciInfo_v3(device, &pci), NVML_SUCCESS);
	snprintf(bus, sizeof(bus), "%s", pci.busId);
	make_fail(&fault);
	CHECK_NUMBER(call(device), NVML_ERROR_GPU_IS_LOST);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(0, &again), NVML_ERROR_GPU_IS_LOST);
	CHECK_NUMBER(nvmlDeviceGetHandleByUUID(uuid, &again), NVML_ERROR_GPU_IS_LOST);
	CHECK_NUMBER(nvmlDeviceGetHandleByPciBusId_v2(bus, &again), NVML_ERROR_GPU_IS_LOST);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &again), NVML_SUCCESS);
	CHECK_NUMBER(call(again), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
	CHECK_NUMBER(count, 8);
	clear();
	CHECK_NUMBER(call(device), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(0, &again), NVML_SUCCESS);
}

static void who_has_the_handle_of_a_lost_gpu_is_told_its_uuid(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault lost = fault_of(FAULT_NAME_FALLEN_OFF_BUS);
	struct running_fault error = fault_of(FAULT_NAME_ERROR);
	char before[96], uuid[96] = "";

	error.code = NVML_ERROR_GPU_IS_LOST;
	CHECK_NUMBER(nvmlDeviceGetUUID(device, before, sizeof(before)), NVML_SUCCESS);
	make_fail(&lost);
	CHECK_NUMBER(nvmlDeviceGetUUID(device, uuid, 8), NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_NUMBER(nvmlDeviceGetUUID(device, uuid, sizeof(uuid)), NVML_SUCCESS);
	CHECK_STRING(uuid, before);
	clear();
	make_fail(&error);
	CHECK_NUMBER(nvmlDeviceGetUUID(device, uuid, sizeof(uuid)), NVML_ERROR_GPU_IS_LOST);
}

static void wrong_arguments_come_before_faults(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault fault = fault_of(FAULT_NAME_LOST);

	make_fail(&fault);
	CHECK_NUMBER(nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, NULL),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(call(device), NVML_ERROR_UNINITIALIZED);
}

static void calls_are_counted(void)
{
	nvmlDevice_t device = first_gpu("a100"), again;
	struct running_fault fault = fault_of(FAULT_NAME_LOST);

	fault.after_calls = 3;
	make_fail(&fault);
	for (int i = 0; i < 3; i++) {
		CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(0, &again), NVML_SUCCESS);
		CHECK_NUMBER(call(device), NVML_SUCCESS);
	}
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(0, &again), NVML_ERROR_GPU_IS_LOST);
	CHECK_NUMBER(call(device), NVML_ERROR_GPU_IS_LOST);
	clear();
	make_fail(&fault);
	CHECK_NUMBER(call(device), NVML_SUCCESS);
}

static unsigned int failures(nvmlDevice_t device, unsigned char *which)
{
	unsigned int failed = 0;

	for (unsigned int i = 0; i < 1000; i++) {
		which[i] = call(device) == NVML_ERROR_TIMEOUT;
		failed += which[i];
	}
	return failed;
}

static void a_probability_is_kept_and_its_seed_repeats_it(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault fault = fault_of(FAULT_NAME_ERROR);
	unsigned char first[1000], second[1000];
	unsigned int failed;

	fault.code = NVML_ERROR_TIMEOUT;
	fault.probability = 300000;
	fault.seed = 7;
	make_fail(&fault);
	failed = failures(device, first);
	CHECK(failed > 250 && failed < 350);
	clear();
	make_fail(&fault);
	CHECK_NUMBER(failures(device, second), failed);
	CHECK(memcmp(first, second, sizeof(first)) == 0);
	clear();
	fault.seed = 8;
	make_fail(&fault);
	failures(device, second);
	CHECK(memcmp(first, second, sizeof(first)) != 0);
}

static void a_fault_comes_after_its_time_and_ends(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault fault = fault_of(FAULT_NAME_LOST);
	double began = seconds();

	fault.from_ms = 200;
	fault.until_ms = 200;
	make_fail(&fault);
	CHECK_NUMBER(call(device), NVML_SUCCESS);
	while (call(device) == NVML_SUCCESS)
		CHECK(seconds() - began < 20);
	CHECK(seconds() - began >= 0.19);
	while (call(device) == NVML_ERROR_GPU_IS_LOST)
		CHECK(seconds() - began < 20);
	CHECK(seconds() - began >= 0.39);
}

static void readings_faults_fold_and_clearing_restores(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault heat = fault_of(FAULT_NAME_THERMAL_SLOWDOWN);
	struct running_fault ecc = fault_of(FAULT_NAME_ECC_UNCORRECTABLE);
	struct state_writer writer;
	unsigned int temperature, before;
	unsigned long long errors, reasons;

	CHECK_NUMBER(nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &before), NVML_SUCCESS);
	heat.temperature_c = 91;
	ecc.count = 3;
	make_fail(&heat);
	make_fail(&ecc);
	CHECK_NUMBER(nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &temperature),
		     NVML_SUCCESS);
	CHECK_NUMBER(temperature, 91);
	CHECK_NUMBER(nvmlDeviceGetCurrentClocksEventReasons(device, &reasons), NVML_SUCCESS);
	CHECK_NUMBER(reasons, 0x48);
	CHECK_NUMBER(nvmlDeviceGetTotalEccErrors(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						 NVML_VOLATILE_ECC, &errors),
		     NVML_SUCCESS);
	CHECK_NUMBER(errors, 3);
	/* What others change meanwhile is seen, and stays. */
	first_state(&writer)->readings.power_limit_mw = 123000;
	writer.edited->readings.ecc.total[1][0] = 10;
	put_in_force(&writer);
	CHECK_NUMBER(nvmlDeviceGetTotalEccErrors(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						 NVML_VOLATILE_ECC, &errors),
		     NVML_SUCCESS);
	CHECK_NUMBER(errors, 13);
	clear();
	CHECK_NUMBER(nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &temperature),
		     NVML_SUCCESS);
	CHECK_NUMBER(temperature, before);
	CHECK_NUMBER(nvmlDeviceGetTotalEccErrors(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						 NVML_VOLATILE_ECC, &errors),
		     NVML_SUCCESS);
	CHECK_NUMBER(errors, 10);
	CHECK_NUMBER(nvmlDeviceGetPowerManagementLimit(device, &temperature), NVML_SUCCESS);
	CHECK_NUMBER(temperature, 123000);
}

static void links_go_down_and_count(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault down = fault_of(FAULT_NAME_NVLINK_DOWN);
	struct running_fault errors = fault_of(FAULT_NAME_NVLINK_ERRORS);
	unsigned long long counted;
	nvmlEnableState_t active;

	down.links = 1 << 3;
	errors.count = 5;
	make_fail(&down);
	make_fail(&errors);
	CHECK_NUMBER(nvmlDeviceGetNvLinkState(device, 3, &active), NVML_SUCCESS);
	CHECK_NUMBER(active, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(nvmlDeviceGetNvLinkState(device, 2, &active), NVML_SUCCESS);
	CHECK_NUMBER(active, NVML_FEATURE_ENABLED);
	CHECK_NUMBER(
		nvmlDeviceGetNvLinkErrorCounter(device, 2, NVML_NVLINK_ERROR_DL_REPLAY, &counted),
		NVML_SUCCESS);
	CHECK_NUMBER(counted, 5);
}

static void the_fabric_is_unhealthy(void)
{
	nvmlDevice_t device = first_gpu("gb200");
	struct running_fault fault = fault_of(FAULT_NAME_FABRIC_UNHEALTHY);
	nvmlGpuFabricInfoV_t info = { .version = nvmlGpuFabricInfo_v3 };

	CHECK_NUMBER(nvmlDeviceGetGpuFabricInfoV(device, &info), NVML_SUCCESS);
	CHECK_NUMBER(info.healthMask >> 4 & 3, 2);
	make_fail(&fault);
	CHECK_NUMBER(nvmlDeviceGetGpuFabricInfoV(device, &info), NVML_SUCCESS);
	CHECK_NUMBER(info.healthMask >> 4 & 3, 1);
	CHECK_NUMBER(info.healthMask & 3, 2);
	CHECK_NUMBER(info.healthSummary, NVML_GPU_FABRIC_HEALTH_SUMMARY_UNHEALTHY);
}

static void a_slow_call_takes_longer(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct running_fault fault = fault_of(FAULT_NAME_SLOW);
	double began;

	fault.latency_ms = 150;
	make_fail(&fault);
	began = seconds();
	CHECK_NUMBER(call(device), NVML_SUCCESS);
	CHECK(seconds() - began >= 0.15);
}

TESTSUITE(TEST(a_slow_clock_draws_less), TEST(a_lost_gpu_has_no_handle_and_is_counted),
	  TEST(who_has_the_handle_of_a_lost_gpu_is_told_its_uuid),
	  TEST(wrong_arguments_come_before_faults), TEST(calls_are_counted),
	  TEST(a_probability_is_kept_and_its_seed_repeats_it),
	  TEST(a_fault_comes_after_its_time_and_ends),
	  TEST(readings_faults_fold_and_clearing_restores), TEST(links_go_down_and_count),
	  TEST(the_fabric_is_unhealthy), TEST(a_slow_call_takes_longer))
