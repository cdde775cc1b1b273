// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpm_metric.h"

#include "fault.h"

// Moments that a mean is taken of.
#define STEPS 32u
// Before it are those of all links.
#define FIRST_LINK_METRIC 62u

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

// What a board may have several of; traffic is the GPU's, which tells no instances apart.
enum counted { ALWAYS, TRAFFIC, NVLINKS, C2C_LINKS, ENGINES, OFAS };

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
	{ 20, 21, 1, TRAFFIC, pcie, "PCIe traffic", RATE },
	{ 30, 37, 1, ENGINES, decoder, "NVDEC utilization", PERCENT },
	{ 40, 47, 1, ENGINES, jpeg, "NVJPG utilization", PERCENT },
	{ 50, 51, 1, OFAS, optical_flow, "NVOFA utilization", PERCENT },
	{ 60, 61, 2, NVLINKS, nothing, "NVLink traffic of all links", RATE },
	{ 62, 97, 2, NVLINKS, nothing, "NVLink traffic", RATE },
	{ 100, 103, 4, C2C_LINKS, nothing, "C2C traffic of all links", RATE },
	{ 104, 159, 4, C2C_LINKS, nothing, "C2C traffic", RATE },
	{ 166, 169, 1, ENGINES, encoder, "NVENC utilization", PERCENT },
};

static unsigned int engines_of(const struct profile_gpu_instance *profile, reading value)
{
	if (value == decoder)
		return profile->decoders;
	return value == jpeg ? profile->jpegs : profile->encoders;
}

// Engines of the largest GPU instance are all engines of the GPU.
static unsigned int engines(const struct gpm_subject *subject, reading value)
{
	const struct profile_mig *mig = &subject->gpu->board->mig;
	unsigned int most = 0;

	if (subject->profile)
		return engines_of(subject->profile, value);
	for (uint32_t i = 0; i < mig->profile_count && i < PROFILE_MAX_GPU_INSTANCE_PROFILES; i++) {
		unsigned int here = engines_of(&mig->profiles[i], value);

		most = here > most ? here : most;
	}
	return most;
}

static unsigned int instances(const struct gpm_subject *subject, const struct metric_run *run)
{
	const struct gpu *gpu = subject->gpu;

	switch (run->counted) {
	case TRAFFIC:
		return subject->profile ? 0 : UINT32_MAX;
	case NVLINKS:
		return subject->profile || gpu->board->nvlink.version == NA_U32
			       ? 0
			       : gpu->device->link_count;
	case C2C_LINKS:
		return !subject->profile && gpu->board->nvlink.c2c == 1 &&
				       gpu->board->nvlink.c2c_links != NA_U32
			       ? gpu->board->nvlink.c2c_links
			       : 0;
	case ENGINES:
		return engines(subject, run->value);
	case OFAS:
		return subject->profile ? subject->profile->ofas : UINT32_MAX;
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

static double mean(const struct gpm_subject *subject, const struct metric_run *run, unsigned int n)
{
	struct readings room;
	double sum = 0;

	for (unsigned int i = 0; i < STEPS; i++) {
		uint64_t length = subject->to - subject->from;
		uint64_t moment = subject->from + length * (2 * i + 1) / (2 * STEPS);
		const struct readings *then = &room;

		fault_past(subject->gpu, moment, &room);
		if (subject->profile)
			then = gpm_instance_readings(subject, then, &room);
		sum += run->value(then, n);
	}
	return sum / STEPS;
}

// The counters of NVLink say what flowed.
static double nvlink_mean(const struct gpm_subject *subject, unsigned int metric)
{
	const struct gpu *gpu = subject->gpu;
	uint64_t from = subject->from, to = subject->to;
	uint64_t kib = gpu_traffic(gpu, to).nvlink_kib - gpu_traffic(gpu, from).nvlink_kib;
	uint32_t links = 0, link = (metric - FIRST_LINK_METRIC) / 2;

	for (uint32_t i = 0; i < gpu->device->link_count && i < PROFILE_MAX_LINKS; i++)
		links += gpu->device->links[i].active && (metric < FIRST_LINK_METRIC || i == link);
	return to > from ? (double)kib * links * 1000 / 1024 / (double)(to - from) : 0;
}

void gpm_metric_fill(const struct gpm_subject *subject, nvmlGpmMetric_t *metric)
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
	if (n / run->each >= instances(subject, run))
		return;
	metric->metricInfo.shortName = (char *)run->name;
	metric->metricInfo.longName = (char *)run->name;
	metric->metricInfo.unit = (char *)run->unit;
	metric->value = run->counted == NVLINKS ? nvlink_mean(subject, metric->metricId)
						: mean(subject, run, n);
	metric->nvmlReturn = NVML_SUCCESS;
}
