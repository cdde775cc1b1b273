/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's samples: what the driver has measured of late, summed up. */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

struct samples {
	nvmlReturn_t result;
	unsigned int count;
	double seconds;
	double max, min, average;
};

static double sample_number(const nvmlSample_t *sample, nvmlValueType_t type)
{
	switch (type) {
	case NVML_VALUE_TYPE_DOUBLE:
		return sample->sampleValue.dVal;
	case NVML_VALUE_TYPE_UNSIGNED_LONG:
		return (double)sample->sampleValue.ulVal;
	case NVML_VALUE_TYPE_UNSIGNED_LONG_LONG:
		return (double)sample->sampleValue.ullVal;
	case NVML_VALUE_TYPE_SIGNED_LONG_LONG:
		return (double)sample->sampleValue.sllVal;
	default:
		return sample->sampleValue.uiVal;
	}
}

/* A sample stands for the time since the one before. */
static void sum_up(struct samples *samples, const nvmlSample_t *list, nvmlValueType_t type)
{
	double weighted = 0, span = 0;

	for (unsigned int i = 0; i < samples->count; i++) {
		double number = sample_number(&list[i], type);

		if (!i || number > samples->max)
			samples->max = number;
		if (!i || number < samples->min)
			samples->min = number;
		if (!i)
			continue;
		weighted += number * (double)(list[i].timeStamp - list[i - 1].timeStamp);
		span += (double)(list[i].timeStamp - list[i - 1].timeStamp);
	}
	samples->seconds = span / 1000000;
	samples->average = span > 0 ? weighted / span : samples->max;
}

static struct samples take(nvmlDevice_t device, nvmlSamplingType_t kind)
{
	struct samples samples = { 0 };
	nvmlValueType_t type = NVML_VALUE_TYPE_UNSIGNED_INT;
	nvmlSample_t *list;

	samples.result = nvml.DeviceGetSamples(device, kind, 0, &type, &samples.count, NULL);
	if (samples.result != NVML_SUCCESS || !samples.count)
		return samples;
	list = calloc(samples.count, sizeof(*list));
	if (!list) {
		samples.result = NVML_ERROR_MEMORY;
		return samples;
	}
	samples.result = nvml.DeviceGetSamples(device, kind, 0, &type, &samples.count, list);
	if (samples.result == NVML_SUCCESS)
		sum_up(&samples, list, type);
	free(list);
	return samples;
}

static void report_samples(struct report *report, nvmlDevice_t device, const char *label,
			   nvmlSamplingType_t kind, const char *unit)
{
	struct samples samples = take(device, kind);
	bool watts = kind == NVML_TOTAL_POWER_SAMPLES;
	int digits = watts ? 2 : 0;
	double scale = watts ? 1000 : 1;

	report_open(report, label, NULL);
	report_result(report, "Duration", NULL, samples.result, "%.2f sec", samples.seconds);
	report_result(report, "Number of Samples", NULL, samples.result, "%u", samples.count);
	report_result(report, "Max", NULL, samples.result, "%.*f %s", digits, samples.max / scale,
		      unit);
	report_result(report, "Min", NULL, samples.result, "%.*f %s", digits, samples.min / scale,
		      unit);
	report_result(report, "Avg", NULL, samples.result, "%.*f %s", digits,
		      samples.average / scale, unit);
	report_close(report);
}

void report_power_samples(struct report *report, nvmlDevice_t device)
{
	report_samples(report, device, "Power Samples", NVML_TOTAL_POWER_SAMPLES, "W");
}

void report_utilization_samples(struct report *report, nvmlDevice_t device)
{
	static const struct {
		const char *label;
		nvmlSamplingType_t kind;
	} engines[] = {
		{ "GPU Utilization Samples", NVML_GPU_UTILIZATION_SAMPLES },
		{ "Memory Utilization Samples", NVML_MEMORY_UTILIZATION_SAMPLES },
		{ "ENC Utilization Samples", NVML_ENC_UTILIZATION_SAMPLES },
		{ "DEC Utilization Samples", NVML_DEC_UTILIZATION_SAMPLES },
		{ "JPG Utilization Samples", NVML_JPG_UTILIZATION_SAMPLES },
		{ "OFA Utilization Samples", NVML_OFA_UTILIZATION_SAMPLES },
	};

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		report_samples(report, device, engines[i].label, engines[i].kind, "%");
}

void report_clock_samples(struct report *report, nvmlDevice_t device)
{
	report_samples(report, device, "SM Clock Samples", NVML_PROCESSOR_CLK_SAMPLES, "MHz");
	report_samples(report, device, "Memory Clock Samples", NVML_MEMORY_CLK_SAMPLES, "MHz");
}
