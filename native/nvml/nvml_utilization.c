// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_mig.h"

// How long the driver looks before it says a percentage.
#define SAMPLING_PERIOD_US 167000u

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, utilization, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.readings->gpu_util == NA_U32 || mig_is_on(&gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		utilization->gpu = gpu.readings->gpu_util;
		utilization->memory = gpu.readings->memory_util;
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

static nvmlReturn_t answer_engine(const char *function, nvmlDevice_t device,
				  unsigned int *utilization, unsigned int *samplingPeriodUs,
				  size_t readings_offset)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(function, device, utilization, &gpu);
	uint32_t value;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!samplingPeriodUs)
		return NVML_ERROR_INVALID_ARGUMENT;
	memcpy(&value, (const char *)gpu.readings + readings_offset, sizeof(value));
	if (value == NA_U32 || mig_is_on(&gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	*utilization = value;
	*samplingPeriodUs = SAMPLING_PERIOD_US;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t device, unsigned int *utilization,
					     unsigned int *samplingPeriodUs)
{
	return answer_engine(__func__, device, utilization, samplingPeriodUs,
			     offsetof(struct readings, encoder_util));
}

nvmlReturn_t nvmlDeviceGetDecoderUtilization(nvmlDevice_t device, unsigned int *utilization,
					     unsigned int *samplingPeriodUs)
{
	return answer_engine(__func__, device, utilization, samplingPeriodUs,
			     offsetof(struct readings, decoder_util));
}

nvmlReturn_t nvmlDeviceGetJpgUtilization(nvmlDevice_t device, unsigned int *utilization,
					 unsigned int *samplingPeriodUs)
{
	return answer_engine(__func__, device, utilization, samplingPeriodUs,
			     offsetof(struct readings, jpeg_util));
}

nvmlReturn_t nvmlDeviceGetOfaUtilization(nvmlDevice_t device, unsigned int *utilization,
					 unsigned int *samplingPeriodUs)
{
	return answer_engine(__func__, device, utilization, samplingPeriodUs,
			     offsetof(struct readings, ofa_util));
}

nvmlReturn_t nvmlDeviceGetEncoderCapacity(nvmlDevice_t device, nvmlEncoderType_t encoderQueryType,
					  unsigned int *encoderCapacity)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, encoderCapacity, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	switch (encoderQueryType) {
	case NVML_ENCODER_QUERY_H264:
	case NVML_ENCODER_QUERY_HEVC:
	case NVML_ENCODER_QUERY_AV1:
		return answer_u32(encoderCapacity, gpu.board->encoder_capacity);
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

nvmlReturn_t nvmlDeviceGetEncoderStats(nvmlDevice_t device, unsigned int *sessionCount,
				       unsigned int *averageFps, unsigned int *averageLatency)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, sessionCount, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!averageFps || !averageLatency)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.readings->encoder_sessions == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		*sessionCount = gpu.readings->encoder_sessions;
		*averageFps = gpu.readings->encoder_fps;
		*averageLatency = gpu.readings->encoder_latency_us;
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetFBCStats(nvmlDevice_t device, nvmlFBCStats_t *fbcStats)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, fbcStats, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.readings->fbc_sessions == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		fbcStats->sessionsCount = gpu.readings->fbc_sessions;
		fbcStats->averageFPS = gpu.readings->fbc_fps;
		fbcStats->averageLatency = gpu.readings->fbc_latency_us;
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

// The description counts sessions but has no list of them: an idle board has neither.
nvmlReturn_t nvmlDeviceGetEncoderSessions(nvmlDevice_t device, unsigned int *sessionCount,
					  nvmlEncoderSessionInfo_t *sessionInfos)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, sessionCount, &gpu);

	(void)sessionInfos;
	if (ret == NVML_SUCCESS)
		*sessionCount = 0;
	return ret;
}

nvmlReturn_t nvmlDeviceGetFBCSessions(nvmlDevice_t device, unsigned int *sessionCount,
				      nvmlFBCSessionInfo_t *sessionInfo)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, sessionCount, &gpu);

	(void)sessionInfo;
	if (ret == NVML_SUCCESS)
		*sessionCount = 0;
	return ret;
}
