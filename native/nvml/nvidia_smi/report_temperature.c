/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's temperatures. A board that knows its T.Limit tells its thresholds
 * as degrees left to that limit, any other in degrees. */
#include "query_write.h"
#include "report.h"

#define THRESHOLD(number) \
	.unit = "C", .write = write_numbered, CALL(DeviceGetTemperatureThreshold), .which = (number)
#define SIGNED_FIELD(id) .unit = "C", PART(signed_field, id)

static const struct element current[] = {
	VALUE("GPU Current Temp", "gpu_temp", .unit = "C", .write = write_numbered,
	      CALL(DeviceGetTemperature), .which = NVML_TEMPERATURE_GPU),
	VALUE("GPU T.Limit Temp", "gpu_temp_tlimit", .unit = "C", .write = write_margin),
};

static const struct element in_degrees[] = {
	VALUE("GPU Shutdown Temp", "gpu_temp_max_threshold",
	      THRESHOLD(NVML_TEMPERATURE_THRESHOLD_SHUTDOWN)),
	VALUE("GPU Slowdown Temp", "gpu_temp_slow_threshold",
	      THRESHOLD(NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)),
	VALUE("GPU Max Operating Temp", "gpu_temp_max_gpu_threshold",
	      THRESHOLD(NVML_TEMPERATURE_THRESHOLD_GPU_MAX)),
};

static const struct element to_the_limit[] = {
	VALUE("GPU Shutdown T.Limit Temp", "gpu_temp_max_tlimit_threshold",
	      SIGNED_FIELD(NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT)),
	VALUE("GPU Slowdown T.Limit Temp", "gpu_temp_slow_tlimit_threshold",
	      SIGNED_FIELD(NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT)),
	VALUE("GPU Max Operating T.Limit Temp", "gpu_temp_max_gpu_tlimit_threshold",
	      SIGNED_FIELD(NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT)),
};

static const struct element target[] = {
	VALUE("GPU Target Temperature", "gpu_target_temperature",
	      THRESHOLD(NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR), .failure = "N/A"),
	VALUE("Memory Current Temp", "memory_temp", .unit = "C",
	      PART(field_value, NVML_FI_DEV_MEMORY_TEMP), .failure = "N/A"),
};

static const struct element memory_in_degrees[] = {
	VALUE("Memory Max Operating Temp", "gpu_temp_max_mem_threshold",
	      THRESHOLD(NVML_TEMPERATURE_THRESHOLD_MEM_MAX)),
};

static const struct element memory_to_the_limit[] = {
	VALUE("Memory Max Operating T.Limit Temp", "gpu_temp_max_mem_tlimit_threshold",
	      SIGNED_FIELD(NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT)),
};

#define REPORT(array) report_elements(report, device, (struct elements)ELEMENTS(array))

void report_temperature(struct report *report, nvmlDevice_t device)
{
	nvmlMarginTemperature_t margin = { .version = nvmlMarginTemperature_v1 };
	nvmlReturn_t result = nvml.DeviceGetMarginTemperature(device, &margin);
	bool has_limit = result != NVML_ERROR_NOT_SUPPORTED;

	report_open(report, "Temperature", "temperature");
	REPORT(current);
	if (has_limit)
		REPORT(to_the_limit);
	else
		REPORT(in_degrees);
	REPORT(target);
	if (has_limit)
		REPORT(memory_to_the_limit);
	else
		REPORT(memory_in_degrees);
	report_close(report);
}
