// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * GPU performance monitoring (Hopper and newer): a sample remembers when it was
 * taken, a metric is the mean of what the GPU did between two samples.
 */
#include <stdatomic.h>

#include "gpm_metric.h"
#include "nvml_mig.h"

#define MAX_SAMPLES 1024

enum sample_use { SAMPLE_FREE, SAMPLE_EMPTY, SAMPLE_TAKEN };

// A fixed table, so that a wrong or freed handle is recognised and never followed.
struct nvmlGpmSample_st {
	_Atomic uint32_t use;
	uint32_t index; // of the GPU
	uint32_t gpu_instance; // STATE_NO_INSTANCE: the whole GPU
	uint64_t taken_ms; // since boot
};

static struct nvmlGpmSample_st samples[MAX_SAMPLES];

static bool sample_valid(nvmlGpmSample_t sample)
{
	uintptr_t offset = (uintptr_t)sample - (uintptr_t)samples;

	return offset < sizeof(samples) && offset % sizeof(samples[0]) == 0 &&
	       atomic_load(&sample->use) != SAMPLE_FREE;
}

nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *gpmSample)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!gpmSample)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned int i = 0; i < MAX_SAMPLES; i++) {
		uint32_t expected = SAMPLE_FREE;

		if (!atomic_compare_exchange_strong(&samples[i].use, &expected, SAMPLE_EMPTY))
			continue;
		*gpmSample = &samples[i];
		return NVML_SUCCESS;
	}
	return NVML_ERROR_MEMORY;
}

nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t gpmSample)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!sample_valid(gpmSample))
		return NVML_ERROR_INVALID_ARGUMENT;
	atomic_store(&gpmSample->use, SAMPLE_FREE);
	return NVML_SUCCESS;
}

static nvmlReturn_t take_sample(const struct gpu *gpu, uint32_t gpu_instance,
				nvmlGpmSample_t gpmSample)
{
	if (!sample_valid(gpmSample))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu->board->gpm != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	gpmSample->index = gpu->index;
	gpmSample->gpu_instance = gpu_instance;
	gpmSample->taken_ms = motion_now();
	atomic_store(&gpmSample->use, SAMPLE_TAKEN);
	return NVML_SUCCESS;
}

// Of a MIG device it is that of its GPU instance.
nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t gpmSample)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, gpmSample, &gpu);

	return ret == NVML_SUCCESS ? take_sample(&gpu, gpu.gpu_instance, gpmSample) : ret;
}

nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, unsigned int gpuInstanceId,
				 nvmlGpmSample_t gpmSample)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, gpmSample, &gpu);
	struct gpu_instance instance;

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->gpm != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	if (!mig_instance(&gpu, gpuInstanceId, &instance))
		return NVML_ERROR_INVALID_ARGUMENT;
	return take_sample(&gpu, gpuInstanceId, gpmSample);
}

// An instance may be gone since the samples were taken.
static bool find_subject(struct gpu *gpu, nvmlGpmSample_t first, nvmlGpmSample_t second,
			 struct gpm_subject *subject)
{
	struct gpu_instance instance;

	*subject = (struct gpm_subject){
		.gpu = gpu,
		.gpu_instance = first->gpu_instance,
		.from = first->taken_ms,
		.to = second->taken_ms,
	};
	if (first->gpu_instance == STATE_NO_INSTANCE)
		return true;
	if (!mig_instance(gpu, first->gpu_instance, &instance))
		return false;
	subject->profile = instance.profile;
	return true;
}

static bool belong_together(nvmlGpmSample_t first, nvmlGpmSample_t second)
{
	return sample_valid(first) && sample_valid(second) &&
	       atomic_load(&first->use) == SAMPLE_TAKEN &&
	       atomic_load(&second->use) == SAMPLE_TAKEN && first->index == second->index &&
	       first->gpu_instance == second->gpu_instance && second->taken_ms >= first->taken_ms;
}

nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *metricsGet)
{
	nvmlReturn_t ret = api_enter(__func__);
	nvmlGpmSample_t first, second;
	struct gpm_subject subject;
	struct gpu gpu;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!metricsGet)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (metricsGet->version != NVML_GPM_METRICS_GET_VERSION)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	first = metricsGet->sample1;
	second = metricsGet->sample2;
	if (metricsGet->numMetrics > NVML_GPM_METRIC_MAX || !belong_together(first, second))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (first->index >= handle_count())
		return NVML_ERROR_GPU_IS_LOST;
	ret = api_enter_gpu(first->index, &gpu);
	if (ret != NVML_SUCCESS)
		return ret;
	do {
		if (!find_subject(&gpu, first, second, &subject))
			return NVML_ERROR_NOT_FOUND;
		for (unsigned int i = 0; i < metricsGet->numMetrics; i++)
			gpm_metric_fill(&subject, &metricsGet->metrics[i]);
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *gpmSupport)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, gpmSupport, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpmSupport->version != NVML_GPM_SUPPORT_VERSION)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	gpmSupport->isSupportedDevice = gpu.board->gpm == 1;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmQueryIfStreamingEnabled(nvmlDevice_t device, unsigned int *state)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, state, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->gpm != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	*state = gpu.running->settings.gpm_streaming;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmSetStreamingEnabled(nvmlDevice_t device, unsigned int state)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (state > NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (change.gpu.board->gpm != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->settings.gpm_streaming = state;
	return change_end(&change);
}
