// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * GPU performance monitoring (Hopper and newer): a sample remembers when it was
 * taken, a metric is the mean of what the GPU did between two samples.
 */
#include <stdatomic.h>

#include "nvml_change.h"

#define MAX_SAMPLES 1024
/* Moments that a mean is taken of. */
#define STEPS 32u
/* Before it are those of all links. */
#define FIRST_LINK_METRIC 62u

enum sample_use { SAMPLE_FREE, SAMPLE_EMPTY, SAMPLE_TAKEN };

// A fixed table, so that a wrong or freed handle is recognised and never followed.
struct nvmlGpmSample_st {
	_Atomic uint32_t use;
	uint32_t index; // of the GPU
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

static nvmlReturn_t take_sample(const char *function, nvmlDevice_t device,
				nvmlGpmSample_t gpmSample)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(function, device, gpmSample, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!sample_valid(gpmSample))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->gpm != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	gpmSample->index = gpu.index;
	gpmSample->taken_ms = motion_now();
	atomic_store(&gpmSample->use, SAMPLE_TAKEN);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t gpmSample)
{
	return take_sample(__func__, device, gpmSample);
}

nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, unsigned int gpuInstanceId,
				 nvmlGpmSample_t gpmSample)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, gpmSample, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->gpm != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	if (gpuInstanceId >= STATE_MAX_GPU_INSTANCES ||
	    !gpu.running->gpu_instances[gpuInstanceId].used)
		return NVML_ERROR_INVALID_ARGUMENT;
	return take_sample(__func__, device, gpmSample);
}

// --- metrics ---

#define PERCENT "%"
#define RATE "MiB/s"

// What the metric is the mean of, of the readings at a moment.
typedef double (*reading)(const struct readings *readings, unsigned int n);

static double share(uint32_t percent)
{
	return percent == NA_U32 ? 0 : percent;
}

static double gpu_busy(const struct readings *readings, unsigned int n)
{
	(void)n;
	return share(readings->gpu_util);
}

static double memory_busy(const struct readings *readings, unsigned int n)
{
	(void)n;
	return share(readings->memory_util);
}

// Nobody says what a described load computes: it is taken for half-precision work on tensor cores.
static double tensor_busy(const struct readings *readings, unsigned int n)
{
	return n ? 0 : gpu_busy(readings, n);
}

// Half of the warps that would fit, a common figure for such kernels.
static double occupancy(const struct readings *readings, unsigned int n)
{
	return gpu_busy(readings, n) / 2;
}

static double nothing(const struct readings *readings, unsigned int n)
{
	(void)readings;
	(void)n;
	return 0;
}

static double decoder(const struct readings *readings, unsigned int n)
{
	(void)n;
	return share(readings->decoder_util);
}

static double encoder(const struct readings *readings, unsigned int n)
{
	(void)n;
	return share(readings->encoder_util);
}

static double jpeg(const struct readings *readings, unsigned int n)
{
	(void)n;
	return share(readings->jpeg_util);
}

static double optical_flow(const struct readings *readings, unsigned int n)
{
	(void)n;
	return share(readings->ofa_util);
}

// NVML counts PCI Express traffic in KiB a second, these metrics in MiB.
static double pcie(const struct readings *readings, unsigned int n)
{
	return share(n ? readings->pcie_rx_kbps : readings->pcie_tx_kbps) / 1024.0;
}

enum counted { ALWAYS, NVLINKS, C2C_LINKS, DECODERS };

// Runs of metrics that differ by the number of an engine or a link, times what each of them has.
static const struct metric_run {
	unsigned int first, last;
	unsigned int each; // metrics of one engine or link
	enum counted counted; // how many the board has
	reading value;
	const char *name, *unit;
} runs[] = {
	{ 1, 1, 1, ALWAYS, gpu_busy, "Graphics utilization", PERCENT },
	{ 2, 2, 1, ALWAYS, gpu_busy, "SM utilization", PERCENT },
	{ 3, 3, 1, ALWAYS, occupancy, "SM occupancy", PERCENT },
	{ 4, 4, 1, ALWAYS, nothing, "Integer utilization", PERCENT },
	{ 5, 5, 1, ALWAYS, tensor_busy, "Tensor utilization", PERCENT },
	{ 6, 6, 1, ALWAYS, nothing, "DFMA tensor utilization", PERCENT },
	{ 7, 7, 1, ALWAYS, tensor_busy, "HMMA tensor utilization", PERCENT },
	{ 8, 8, 1, ALWAYS, nothing, "DMMA tensor utilization", PERCENT },
	{ 9, 9, 1, ALWAYS, nothing, "IMMA tensor utilization", PERCENT },
	{ 10, 10, 1, ALWAYS, memory_busy, "DRAM bandwidth utilization", PERCENT },
	{ 11, 11, 1, ALWAYS, nothing, "FP64 utilization", PERCENT },
	{ 12, 12, 1, ALWAYS, nothing, "FP32 utilization", PERCENT },
	{ 13, 13, 1, ALWAYS, nothing, "FP16 utilization", PERCENT },
	{ 20, 21, 1, ALWAYS, pcie, "PCIe traffic", RATE },
	{ 30, 37, 1, DECODERS, decoder, "NVDEC utilization", PERCENT },
	{ 40, 47, 1, DECODERS, jpeg, "NVJPG utilization", PERCENT },
	{ 50, 51, 1, ALWAYS, optical_flow, "NVOFA utilization", PERCENT },
	{ 60, 61, 2, NVLINKS, nothing, "NVLink traffic of all links", RATE },
	{ 62, 97, 2, NVLINKS, nothing, "NVLink traffic", RATE },
	{ 100, 103, 4, C2C_LINKS, nothing, "C2C traffic of all links", RATE },
	{ 104, 159, 4, C2C_LINKS, nothing, "C2C traffic", RATE },
	{ 166, 169, 1, DECODERS, encoder, "NVENC utilization", PERCENT },
};

// Engines of the largest GPU instance are all engines of the GPU.
static unsigned int engines(const struct board *board, const struct metric_run *run)
{
	const struct profile_mig *mig = &board->mig;
	unsigned int most = 0;

	for (uint32_t i = 0; i < mig->profile_count && i < PROFILE_MAX_GPU_INSTANCE_PROFILES; i++) {
		const struct profile_gpu_instance *profile = &mig->profiles[i];
		unsigned int here = run->value == decoder ? profile->decoders
				    : run->value == jpeg  ? profile->jpegs
							  : profile->encoders;

		most = here > most ? here : most;
	}
	return most;
}

static unsigned int instances(const struct gpu *gpu, const struct metric_run *run)
{
	switch (run->counted) {
	case NVLINKS:
		return gpu->board->nvlink.version == NA_U32 ? 0 : gpu->device->link_count;
	case C2C_LINKS:
		return gpu->board->nvlink.c2c == 1 ? gpu->board->nvlink.c2c_links : 0;
	case DECODERS:
		return engines(gpu->board, run);
	case ALWAYS:
		break;
	}
	return UINT32_MAX;
}

static const struct metric_run *find_run(unsigned int metric)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		if (metric >= runs[i].first && metric <= runs[i].last)
			return &runs[i];
	return NULL;
}

static double mean(const struct gpu *gpu, const struct metric_run *run, unsigned int n,
		   uint64_t from, uint64_t to)
{
	struct readings room;
	double sum = 0;

	for (unsigned int i = 0; i < STEPS; i++) {
		uint64_t moment = from + (to - from) * (2 * i + 1) / (2 * STEPS);

		sum += run->value(gpu_past(gpu, moment, &room), n);
	}
	return sum / STEPS;
}

// The counters of NVLink say what flowed.
static double nvlink_mean(const struct gpu *gpu, unsigned int metric, uint64_t from, uint64_t to)
{
	uint64_t kib = gpu_traffic(gpu, to).nvlink_kib - gpu_traffic(gpu, from).nvlink_kib;
	uint32_t links = 0, link = (metric - FIRST_LINK_METRIC) / 2;

	for (uint32_t i = 0; i < gpu->device->link_count && i < PROFILE_MAX_LINKS; i++)
		links += gpu->device->links[i].active && (metric < FIRST_LINK_METRIC || i == link);
	return to > from ? (double)kib * links * 1000 / 1024 / (double)(to - from) : 0;
}

static void fill_metric(const struct gpu *gpu, nvmlGpmMetric_t *metric, uint64_t from, uint64_t to)
{
	const struct metric_run *run = find_run(metric->metricId);
	unsigned int n;

	metric->metricInfo.shortName = NULL;
	metric->metricInfo.longName = NULL;
	metric->metricInfo.unit = NULL;
	metric->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
	if (!run)
		return;
	n = metric->metricId - run->first;
	if (n / run->each >= instances(gpu, run))
		return;
	metric->metricInfo.shortName = (char *)run->name;
	metric->metricInfo.longName = (char *)run->name;
	metric->metricInfo.unit = (char *)run->unit;
	metric->value = run->counted == NVLINKS ? nvlink_mean(gpu, metric->metricId, from, to)
						: mean(gpu, run, n, from, to);
	metric->nvmlReturn = NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *metricsGet)
{
	nvmlReturn_t ret = api_enter(__func__);
	nvmlGpmSample_t first, second;
	struct gpu gpu;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!metricsGet)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (metricsGet->version != NVML_GPM_METRICS_GET_VERSION)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	first = metricsGet->sample1;
	second = metricsGet->sample2;
	if (metricsGet->numMetrics > NVML_GPM_METRIC_MAX || !sample_valid(first) ||
	    !sample_valid(second) || atomic_load(&first->use) != SAMPLE_TAKEN ||
	    atomic_load(&second->use) != SAMPLE_TAKEN || first->index != second->index ||
	    second->taken_ms < first->taken_ms)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (first->index >= handle_count())
		return NVML_ERROR_GPU_IS_LOST;
	ret = api_enter_gpu(first->index, &gpu);
	if (ret != NVML_SUCCESS)
		return ret;
	do {
		for (unsigned int i = 0; i < metricsGet->numMetrics; i++)
			fill_metric(&gpu, &metricsGet->metrics[i], first->taken_ms,
				    second->taken_ms);
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
