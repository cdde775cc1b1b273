// SPDX-License-Identifier: GPL-3.0-or-later
// What moves, as programs see it: values that belong together, setters, counters, samples.
#include <pthread.h>
#include <time.h>

#include "nvml_fixture.h"

static void move(struct readings_motion motion)
{
	struct state_writer writer;

	first_state(&writer)->readings.motion = motion;
	put_in_force(&writer);
}

static const struct readings_motion full = { .pattern = PATTERN_CONSTANT,
					     .gpu_max = 100,
					     .memory_max = 60,
					     .encoder_max = 30,
					     .decoder_max = 20,
					     .memory_used_min = 1ull << 30,
					     .memory_used_max = 10ull << 30,
					     .pcie_percent = 50,
					     .nvlink_percent = 40 };

static uint32_t power(nvmlDevice_t device)
{
	unsigned int value;

	CHECK_NUMBER(nvmlDeviceGetPowerUsage(device, &value), NVML_SUCCESS);
	return value;
}

static unsigned long long energy(nvmlDevice_t device)
{
	unsigned long long value;

	CHECK_NUMBER(nvmlDeviceGetTotalEnergyConsumption(device, &value), NVML_SUCCESS);
	return value;
}

static uint64_t field(nvmlDevice_t device, unsigned int id, unsigned int scope)
{
	nvmlFieldValue_t value = { .fieldId = id, .scopeId = scope };

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 1, &value), NVML_SUCCESS);
	CHECK_NUMBER(value.nvmlReturn, NVML_SUCCESS);
	return value.valueType == NVML_VALUE_TYPE_UNSIGNED_INT ? value.value.uiVal
							       : value.value.ullVal;
}

static void wait_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void everything_follows_the_load(void)
{
	nvmlDevice_t device = first_gpu("a100"), other;
	unsigned long long reasons;
	unsigned int value, period;
	nvmlUtilization_t rates;
	nvmlMemory_v2_t memory = { .version = nvmlMemory_v2 };
	nvmlPstates_t state;

	move(full);
	CHECK_NUMBER(nvmlDeviceGetUtilizationRates(device, &rates), NVML_SUCCESS);
	CHECK_NUMBER(rates.gpu, 100);
	CHECK_NUMBER(rates.memory, 60);
	CHECK_NUMBER(nvmlDeviceGetEncoderUtilization(device, &value, &period), NVML_SUCCESS);
	CHECK_NUMBER(value, 30);
	CHECK_NUMBER(nvmlDeviceGetDecoderUtilization(device, &value, &period), NVML_SUCCESS);
	CHECK_NUMBER(value, 20);
	CHECK_NUMBER(power(device), 400000);
	CHECK_NUMBER(nvmlDeviceGetClockInfo(device, NVML_CLOCK_SM, &value), NVML_SUCCESS);
	CHECK_NUMBER(value, 1410);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo_v2(device, &memory), NVML_SUCCESS);
	CHECK_NUMBER(memory.used, 10ull << 30);
	CHECK_NUMBER(memory.used + memory.free + memory.reserved, memory.total);
	CHECK_NUMBER(nvmlDeviceGetPerformanceState(device, &state), NVML_SUCCESS);
	CHECK_NUMBER(state, NVML_PSTATE_0);
	CHECK_NUMBER(nvmlDeviceGetCurrentClocksEventReasons(device, &reasons), NVML_SUCCESS);
	CHECK_NUMBER(reasons, 0);
	// Half of the fourth generation's 16 lanes.
	CHECK_NUMBER(nvmlDeviceGetPcieThroughput(device, NVML_PCIE_UTIL_TX_BYTES, &value),
		     NVML_SUCCESS);
	CHECK_NUMBER(value, 1969 * 16 * 1000 / 2);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &other), NVML_SUCCESS);
	CHECK_NUMBER(power(other), 49680);
}

static void a_power_limit_is_kept_at_once(void)
{
	nvmlDevice_t device = first_gpu("a100");
	unsigned long long reasons, before;
	struct state_writer writer;
	unsigned int clock;

	move(full);
	wait_ms(50);
	before = energy(device);
	first_state(&writer)->readings.power_limit_mw = 200000;
	put_in_force(&writer);
	CHECK(power(device) <= 200000 && power(device) > 180000);
	CHECK_NUMBER(nvmlDeviceGetCurrentClocksEventReasons(device, &reasons), NVML_SUCCESS);
	CHECK_NUMBER(reasons, nvmlClocksEventReasonSwPowerCap);
	CHECK_NUMBER(nvmlDeviceGetClockInfo(device, NVML_CLOCK_GRAPHICS, &clock), NVML_SUCCESS);
	CHECK(clock < 1410 && clock > 210);
	CHECK(energy(device) >= before && energy(device) < before + 200000);
}

static void times_of_held_clocks_grow(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlViolationTime_t first, second;
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->readings.motion = full;
	running->readings.power_limit_mw = 200000;
	running->readings.throttle_power_us = 0;
	put_in_force(&writer);
	wait_ms(30);
	CHECK_NUMBER(nvmlDeviceGetViolationStatus(device, NVML_PERF_POLICY_POWER, &first),
		     NVML_SUCCESS);
	CHECK(first.violationTime >= 29000000 && first.violationTime < 2000000000);
	CHECK(field(device, NVML_FI_DEV_PERF_POLICY_POWER, 0) >= first.violationTime);
	wait_ms(30);
	CHECK_NUMBER(nvmlDeviceGetViolationStatus(device, NVML_PERF_POLICY_POWER, &second),
		     NVML_SUCCESS);
	CHECK(second.violationTime >= first.violationTime + 29000000);
	move((struct readings_motion){ 0 });
	CHECK_NUMBER(nvmlDeviceGetViolationStatus(device, NVML_PERF_POLICY_POWER, &first),
		     NVML_SUCCESS);
	CHECK(first.violationTime >= second.violationTime);
}

static void energy_counts_what_is_drawn(void)
{
	nvmlDevice_t device = first_gpu("a100");
	unsigned long long before, after;
	uint64_t began, ended;

	move(full);
	began = motion_now();
	before = energy(device);
	wait_ms(500);
	after = energy(device);
	ended = motion_now();
	// 400 W are 400 mJ in a millisecond.
	CHECK(after - before <= 400 * (ended - began + 2));
	CHECK(after - before >= 400 * (ended - began - 20));
	CHECK(field(device, NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, 0) >= after);
	move((struct readings_motion){ 0 });
	CHECK_NUMBER(power(device), 49680);
	CHECK(energy(device) >= after);
}

static void traffic_is_counted(void)
{
	nvmlDevice_t device = first_gpu("a100");
	uint64_t link, all, sent, received, began = motion_now(), passed;

	CHECK_NUMBER(field(device, NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, 0), 0);
	CHECK_NUMBER(field(device, NVML_FI_DEV_PCIE_COUNT_TX_BYTES, 0), 0);
	move(full);
	wait_ms(100);
	received = field(device, NVML_FI_DEV_PCIE_COUNT_RX_BYTES, 0);
	sent = field(device, NVML_FI_DEV_PCIE_COUNT_TX_BYTES, 0);
	passed = motion_now() - began;
	CHECK(received >= 1969ull * 8 * 1000 * 95);
	CHECK(sent >= 1969ull * 8 * 1000 * 95);
	// Half of sixteen lanes' 1,969 MB/s, and not more in the time that has passed.
	CHECK(received <= 1969ull * 8 * 1000 * (passed + 2));
	CHECK(sent <= 1969ull * 8 * 1000 * (passed + 2));
	link = field(device, NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX, 3);
	// 40 % of 25 GB/s for a tenth of a second, in KiB.
	CHECK(link >= 10000000000ull / 1024 / 10 * 95 / 100);
	all = field(device, NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX, UINT32_MAX);
	CHECK(all >= 12 * link);
	CHECK(field(device, NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX, 3) >= link / 16 * 18);
	move((struct readings_motion){ 0 });
	all = field(device, NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, 0);
	CHECK(all >= link);
	wait_ms(20);
	CHECK_NUMBER(field(device, NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, 0), all);
}

static void samples_are_what_was_shown(void)
{
	static nvmlSample_t samples[100];
	nvmlDevice_t device = first_gpu("a100");
	unsigned int count = 100;
	nvmlValueType_t type;

	move((struct readings_motion){
		.pattern = PATTERN_RAMP, .gpu_max = 100, .period_s = 100000 });
	CHECK_NUMBER(nvmlDeviceGetSamples(device, NVML_GPU_UTILIZATION_SAMPLES, 0, &type, &count,
					  samples),
		     NVML_SUCCESS);
	for (unsigned int i = 1; i < count; i++)
		CHECK(samples[i].sampleValue.uiVal >= samples[i - 1].sampleValue.uiVal ||
		      samples[i].sampleValue.uiVal == 0);
	move(full);
	wait_ms(250);
	count = 100;
	CHECK_NUMBER(
		nvmlDeviceGetSamples(device, NVML_TOTAL_POWER_SAMPLES, 0, &type, &count, samples),
		NVML_SUCCESS);
	CHECK_NUMBER(samples[count - 1].sampleValue.uiVal, 400000);
}

// All samples from the given one on; from 0 on, those before the last second.
static void check_samples(nvmlDevice_t device, nvmlSamplingType_t type, unsigned int first,
			  uint32_t value)
{
	static nvmlSample_t samples[100];
	nvmlValueType_t value_type;
	unsigned int count = 100;

	CHECK_NUMBER(nvmlDeviceGetSamples(device, type, 0, &value_type, &count, samples),
		     NVML_SUCCESS);
	CHECK_NUMBER(count, 100);
	for (unsigned int i = first; i < (first ? 100 : 95); i++)
		CHECK_NUMBER(samples[i].sampleValue.uiVal, value);
}

#define AT_REST_MW 165930u
#define WORKING_MW 1200000u

// What was before a load, and the load after it has ended, stay what they were.
static void a_change_leaves_the_past_as_it_was(void)
{
	nvmlDevice_t device = first_gpu("gb200");
	uint32_t average, before = (uint32_t)field(device, NVML_FI_DEV_POWER_AVERAGE, 0);

	move(full);
	CHECK_NUMBER(power(device), WORKING_MW);
	check_samples(device, NVML_TOTAL_POWER_SAMPLES, 0, AT_REST_MW);
	check_samples(device, NVML_GPU_UTILIZATION_SAMPLES, 0, 0);
	average = (uint32_t)field(device, NVML_FI_DEV_POWER_AVERAGE, 0);
	CHECK(average >= before && average < before + (WORKING_MW - AT_REST_MW) / 2);
	wait_ms(1050);
	CHECK_NUMBER(field(device, NVML_FI_DEV_POWER_AVERAGE, 0), WORKING_MW);
	move((struct readings_motion){ 0 });
	CHECK_NUMBER(power(device), AT_REST_MW);
	CHECK(field(device, NVML_FI_DEV_POWER_AVERAGE, 0) > WORKING_MW / 2);
	check_samples(device, NVML_GPU_UTILIZATION_SAMPLES, 97, 100);
	wait_ms(1050);
	CHECK_NUMBER(field(device, NVML_FI_DEV_POWER_AVERAGE, 0), before);
}

static void processes_share_the_load(void)
{
	nvmlProcessUtilizationSample_t samples[8];
	nvmlDevice_t device = first_gpu("a100");
	unsigned int count = 8;
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->readings.motion = full;
	running->process_count = 2;
	for (uint32_t i = 0; i < 2; i++)
		running->processes[i] = (struct running_process){
			.process = { .pid = 100 + i,
				     .type = PROFILE_PROCESS_COMPUTE,
				     .sm_util = i ? 10 : 30 },
			.gpu_instance = STATE_NO_INSTANCE,
			.compute_instance = STATE_NO_INSTANCE,
		};
	put_in_force(&writer);
	CHECK_NUMBER(nvmlDeviceGetProcessUtilization(device, samples, &count, 0), NVML_SUCCESS);
	CHECK_NUMBER(count, 2);
	CHECK_NUMBER(samples[0].smUtil, 75);
	CHECK_NUMBER(samples[1].smUtil, 25);
	CHECK_NUMBER(samples[0].memUtil, 30);
	CHECK_NUMBER(samples[1].encUtil, 15);
}

static void move_at(uint32_t slot, struct readings_motion motion)
{
	struct state_writer writer;

	CHECK_NUMBER(state_begin(&writer, &handle_source), STATE_OK);
	state_edit(&writer, slot)->readings.motion = motion;
	put_in_force(&writer);
}

static void a_module_draws_what_its_gpus_do(void)
{
	nvmlDevice_t device = first_gpu("gb200"), second, third;
	const unsigned int instant = NVML_FI_DEV_POWER_INSTANT, scope = NVML_POWER_SCOPE_MODULE;
	const uint64_t rise = WORKING_MW - AT_REST_MW;
	uint64_t before = field(device, instant, scope);

	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &second), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(2, &third), NVML_SUCCESS);
	move_at(1, full);
	CHECK_NUMBER(field(device, instant, scope), before + rise);
	CHECK_NUMBER(field(second, instant, scope), before + rise);
	move_at(0, full);
	CHECK_NUMBER(field(device, instant, scope), before + 2 * rise);
	CHECK_NUMBER(field(second, instant, scope), before + 2 * rise);
	CHECK_NUMBER(field(third, instant, scope), before);
	check_samples(device, NVML_MODULE_POWER_SAMPLES, 0, (uint32_t)before);
	wait_ms(1050);
	check_samples(third, NVML_MODULE_POWER_SAMPLES, 1, (uint32_t)before);
	check_samples(device, NVML_MODULE_POWER_SAMPLES, 97, (uint32_t)(before + 2 * rise));
	CHECK(field(device, NVML_FI_DEV_POWER_AVERAGE, scope) + 1000 > before + 2 * rise);
}

// Readings of one moment: the load, and the power and the clock that it leads to.
static void values_of_one_call_belong_together(void)
{
	nvmlDevice_t device = first_gpu("gb200");
	nvmlFieldValue_t fields[2] = { { .fieldId = NVML_FI_DEV_POWER_INSTANT },
				       { .fieldId = NVML_FI_DEV_POWER_INSTANT,
					 .scopeId = NVML_POWER_SCOPE_MODULE } };
	uint32_t gpu, module;

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 2, fields), NVML_SUCCESS);
	gpu = fields[0].value.uiVal;
	module = fields[1].value.uiVal;
	move((struct readings_motion){ .pattern = PATTERN_SINE, .gpu_max = 100, .period_s = 1 });
	for (int i = 0; i < 20000; i++) {
		CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 2, fields), NVML_SUCCESS);
		CHECK_NUMBER(fields[1].value.uiVal - module, fields[0].value.uiVal - gpu);
	}
}

static const struct readings_motion half = { .pattern = PATTERN_CONSTANT,
					     .gpu_max = 50,
					     .memory_max = 30 };

static _Atomic bool stop;

static void *change_all_the_time(void *unused)
{
	for (int i = 0; !atomic_load(&stop); i++)
		move(i % 2 ? full : half);
	return unused;
}

// Two writers may have passed while a reader was at its table: then it looks again.
static void no_reader_sees_half_of_a_movement(void)
{
	pthread_t writer;
	unsigned int seen[2] = { 0, 0 };

	first_gpu("a100");
	move(full);
	CHECK_NUMBER(pthread_create(&writer, NULL, change_all_the_time, NULL), 0);
	while (seen[0] < 2000 || seen[1] < 2000) {
		struct gpu gpu;

		CHECK(handle_gpu(0, &gpu));
		CHECK(gpu.readings->gpu_util == 100 || gpu.readings->gpu_util == 50);
		seen[gpu.readings->gpu_util == 100]++;
		CHECK_NUMBER(gpu.readings->memory_util, gpu.readings->gpu_util == 100 ? 60 : 30);
		CHECK_NUMBER(gpu.readings->power_mw,
			     gpu.readings->gpu_util == 100 ? 400000 : (400000 + 49680) / 2);
	}
	atomic_store(&stop, true);
	CHECK_NUMBER(pthread_join(writer, NULL), 0);
}

// A getter of a GPU that stands still does not even ask for the time.
static void at_rest_nothing_moves(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct gpu gpu;

	CHECK(handle_gpu(0, &gpu));
	CHECK(gpu.readings == &gpu.running->readings);
	CHECK_NUMBER(gpu.now, 0);
	CHECK(!gpu_table(&gpu));
	CHECK_NUMBER(power(device), 49680);
}

TESTSUITE(TEST(everything_follows_the_load), TEST(a_power_limit_is_kept_at_once),
	  TEST(times_of_held_clocks_grow), TEST(energy_counts_what_is_drawn),
	  TEST(traffic_is_counted), TEST(samples_are_what_was_shown),
	  TEST(a_change_leaves_the_past_as_it_was), TEST(a_module_draws_what_its_gpus_do),
	  TEST(processes_share_the_load), TEST(values_of_one_call_belong_together),
	  TEST(no_reader_sees_half_of_a_movement), TEST(at_rest_nothing_moves))
