// SPDX-License-Identifier: GPL-3.0-or-later
// Series of past values, as far back as the driver's own buffers reach.
#include "fault.h"
#include "nvml_mig.h"
#include "power.h"
#include "process.h"

#define SAMPLE_PERIOD_US 200000u
#define SAMPLES_KEPT 100u

static uint32_t sample_value(const struct readings *readings, nvmlSamplingType_t type)
{
	switch (type) {
	case NVML_TOTAL_POWER_SAMPLES:
		return readings->power_mw;
	case NVML_GPU_UTILIZATION_SAMPLES:
		return readings->gpu_util;
	case NVML_MEMORY_UTILIZATION_SAMPLES:
		return readings->memory_util;
	case NVML_ENC_UTILIZATION_SAMPLES:
		return readings->encoder_util;
	case NVML_DEC_UTILIZATION_SAMPLES:
		return readings->decoder_util;
	case NVML_PROCESSOR_CLK_SAMPLES:
		return readings->sm_mhz;
	case NVML_MEMORY_CLK_SAMPLES:
		return readings->memory_mhz;
	case NVML_MODULE_POWER_SAMPLES:
		return readings->module_power_mw;
	case NVML_JPG_UTILIZATION_SAMPLES:
		return readings->jpeg_util;
	case NVML_OFA_UTILIZATION_SAMPLES:
		return readings->ofa_util;
	default:
		return NA_U32;
	}
}

// What the GPU as a whole does not tell in MIG mode.
static bool is_utilization(nvmlSamplingType_t type)
{
	return type == NVML_GPU_UTILIZATION_SAMPLES || type == NVML_MEMORY_UTILIZATION_SAMPLES ||
	       type == NVML_ENC_UTILIZATION_SAMPLES || type == NVML_DEC_UTILIZATION_SAMPLES ||
	       type == NVML_JPG_UTILIZATION_SAMPLES || type == NVML_OFA_UTILIZATION_SAMPLES;
}

static uint32_t past_value(const struct gpu *gpu, nvmlSamplingType_t type, uint64_t moment)
{
	struct readings past;

	if (type == NVML_MODULE_POWER_SAMPLES)
		return module_past_power(gpu, moment);
	fault_past(gpu, moment, &past);
	return sample_value(&past, type);
}

// The samples lie on a grid of wall-clock time, so that a client that asks again gets only new ones.
static unsigned int fill_samples(const struct gpu *gpu, nvmlSamplingType_t type, uint64_t after,
				 nvmlSample_t *samples, unsigned int room)
{
	uint64_t wall = wall_clock_us(), boot = motion_now();
	uint64_t last = wall / SAMPLE_PERIOD_US;
	unsigned int filled = 0;

	for (uint64_t tick = last - SAMPLES_KEPT + 1; tick <= last && filled < room; tick++) {
		uint64_t stamp = tick * SAMPLE_PERIOD_US;
		uint64_t age_ms = (wall - stamp) / 1000;
		uint64_t moment = boot > age_ms ? boot - age_ms : 0;

		if (stamp <= after)
			continue;
		samples[filled].timeStamp = stamp;
		samples[filled].sampleValue.ullVal = past_value(gpu, type, moment);
		filled++;
	}
	return filled;
}

nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t device, nvmlSamplingType_t type,
				  unsigned long long lastSeenTimeStamp,
				  nvmlValueType_t *sampleValType, unsigned int *sampleCount,
				  nvmlSample_t *samples)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, sampleCount, &gpu);
	unsigned int room;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!sampleValType || type >= NVML_SAMPLINGTYPE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (sample_value(gpu.readings, type) == NA_U32 || (mig_is_on(&gpu) && is_utilization(type)))
		return NVML_ERROR_NOT_SUPPORTED;
	*sampleValType = NVML_VALUE_TYPE_UNSIGNED_INT;
	if (!samples) {
		*sampleCount = SAMPLES_KEPT;
		return NVML_SUCCESS;
	}
	if (!*sampleCount)
		return NVML_ERROR_INVALID_ARGUMENT;
	room = *sampleCount;
	do {
		*sampleCount = fill_samples(&gpu, type, lastSeenTimeStamp, samples, room);
	} while (gpu_changed(&gpu));
	return *sampleCount ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

struct share {
	uint64_t own, all;
	uint32_t count;
};

// What a process has of a unit's time: where the GPU's load moves, its share of it.
static uint32_t share_of(const struct gpu *gpu, uint32_t whole, struct share share)
{
	if (!gpu->running->moves)
		return (uint32_t)share.own;
	if (whole == NA_U32)
		return 0;
	return (uint32_t)(share.all ? whole * share.own / share.all : whole / share.count);
}

struct process_load {
	uint32_t sm, memory, encoder, decoder;
};

static struct process_load load_of(const struct gpu *gpu, const struct running_process *list,
				   uint32_t count, uint32_t index)
{
	const struct readings_process *own = &list[index].process;
	const struct readings *now = gpu->readings;
	struct process_load all = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		all.sm += list[i].process.sm_util;
		all.memory += list[i].process.memory_util;
		all.encoder += list[i].process.encoder_util;
		all.decoder += list[i].process.decoder_util;
	}
	return (struct process_load){
		share_of(gpu, now->gpu_util, (struct share){ own->sm_util, all.sm, count }),
		share_of(gpu, now->memory_util,
			 (struct share){ own->memory_util, all.memory, count }),
		share_of(gpu, now->encoder_util,
			 (struct share){ own->encoder_util, all.encoder, count }),
		share_of(gpu, now->decoder_util,
			 (struct share){ own->decoder_util, all.decoder, count }),
	};
}

nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device,
					     nvmlProcessUtilizationSample_t *utilization,
					     unsigned int *processSamplesCount,
					     unsigned long long lastSeenTimeStamp)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, processSamplesCount, &gpu);
	struct running_process list[STATE_MAX_PROCESSES];
	uint64_t stamp = wall_clock_us() / SAMPLE_PERIOD_US * SAMPLE_PERIOD_US;
	unsigned int room;

	if (ret != NVML_SUCCESS)
		return ret;
	if (mig_is_on(&gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	room = utilization ? *processSamplesCount : 0;
	*processSamplesCount = process_list(&gpu, ALL_PROCESSES, list, STATE_MAX_PROCESSES);
	if (!*processSamplesCount || stamp <= lastSeenTimeStamp)
		return NVML_ERROR_NOT_FOUND;
	if (room < *processSamplesCount)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (uint32_t i = 0; i < *processSamplesCount; i++) {
		struct process_load load = load_of(&gpu, list, *processSamplesCount, i);

		utilization[i] = (nvmlProcessUtilizationSample_t){
			.pid = list[i].process.pid,
			.timeStamp = stamp,
			.smUtil = load.sm,
			.memUtil = load.memory,
			.encUtil = load.encoder,
			.decUtil = load.decoder,
		};
	}
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetProcessesUtilizationInfo(nvmlDevice_t device,
						   nvmlProcessesUtilizationInfo_t *info)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, info, &gpu);
	struct running_process list[STATE_MAX_PROCESSES];
	uint64_t stamp = wall_clock_us() / SAMPLE_PERIOD_US * SAMPLE_PERIOD_US;
	uint32_t room;

	if (ret != NVML_SUCCESS)
		return ret;
	if (info->version != nvmlProcessesUtilizationInfo_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (mig_is_on(&gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	room = info->procUtilArray ? info->processSamplesCount : 0;
	info->processSamplesCount = process_list(&gpu, ALL_PROCESSES, list, STATE_MAX_PROCESSES);
	if (!info->processSamplesCount || stamp <= info->lastSeenTimeStamp)
		return NVML_ERROR_NOT_FOUND;
	if (room < info->processSamplesCount)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (uint32_t i = 0; i < info->processSamplesCount; i++) {
		struct process_load load = load_of(&gpu, list, info->processSamplesCount, i);

		info->procUtilArray[i] = (nvmlProcessUtilizationInfo_v1_t){
			.timeStamp = stamp,
			.pid = list[i].process.pid,
			.smUtil = load.sm,
			.memUtil = load.memory,
			.encUtil = load.encoder,
			.decUtil = load.decoder,
		};
	}
	return NVML_SUCCESS;
}

// Nanoseconds that a policy held the clocks down, of the microseconds since boot.
nvmlReturn_t nvmlDeviceGetViolationStatus(nvmlDevice_t device, nvmlPerfPolicyType_t perfPolicyType,
					  nvmlViolationTime_t *violTime)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, violTime, &gpu);
	const struct readings *now;
	uint64_t held_us = 0;

	if (ret != NVML_SUCCESS)
		return ret;
	now = gpu.readings;
	switch (perfPolicyType) {
	case NVML_PERF_POLICY_POWER:
		held_us = now->throttle_power_us;
		break;
	case NVML_PERF_POLICY_THERMAL:
		held_us = now->throttle_sw_thermal_us;
		break;
	case NVML_PERF_POLICY_SYNC_BOOST:
		held_us = now->throttle_sync_boost_us;
		break;
	case NVML_PERF_POLICY_BOARD_LIMIT:
	case NVML_PERF_POLICY_LOW_UTILIZATION:
	case NVML_PERF_POLICY_RELIABILITY:
	case NVML_PERF_POLICY_TOTAL_APP_CLOCKS:
	case NVML_PERF_POLICY_TOTAL_BASE_CLOCKS:
		break;
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
	violTime->referenceTime = wall_clock_us();
	violTime->violationTime = held_us == NA_U64 ? 0 : held_us * 1000;
	return NVML_SUCCESS;
}
