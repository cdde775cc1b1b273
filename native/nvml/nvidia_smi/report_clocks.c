/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's clocks: what holds them down, and which can be set. */
#include "query_write.h"
#include "report.h"

#include <stdlib.h>

static const struct element reasons[] = {
	GROUP("Clocks Event Reasons", "clocks_event_reasons"),
	VALUE("Idle", "clocks_event_reason_gpu_idle", REASON(nvmlClocksEventReasonGpuIdle)),
	VALUE("Applications Clocks Setting", "clocks_event_reason_applications_clocks_setting",
	      REASON(nvmlClocksEventReasonApplicationsClocksSetting)),
	VALUE("SW Power Cap", "clocks_event_reason_sw_power_cap",
	      REASON(nvmlClocksEventReasonSwPowerCap)),
	VALUE("HW Slowdown", "clocks_event_reason_hw_slowdown",
	      REASON(nvmlClocksThrottleReasonHwSlowdown)),
	GROUP(NULL, NULL),
	VALUE("HW Thermal Slowdown", "clocks_event_reason_hw_thermal_slowdown",
	      REASON(nvmlClocksThrottleReasonHwThermalSlowdown)),
	VALUE("HW Power Brake Slowdown", "clocks_event_reason_hw_power_brake_slowdown",
	      REASON(nvmlClocksThrottleReasonHwPowerBrakeSlowdown)),
	END,
	VALUE("Sync Boost", "clocks_event_reason_sync_boost",
	      REASON(nvmlClocksEventReasonSyncBoost)),
	VALUE("SW Thermal Slowdown", "clocks_event_reason_sw_thermal_slowdown",
	      REASON(nvmlClocksEventReasonSwThermalSlowdown)),
	VALUE("Display Clock Setting", "clocks_event_reason_display_clocks_setting",
	      REASON(nvmlClocksEventReasonDisplayClockSetting)),
	END,
};

/* Where either mask cannot be had, one line says so for all of them. */
void report_clock_reasons(struct report *report, nvmlDevice_t device)
{
	unsigned long long mask;
	nvmlReturn_t result = nvml.DeviceGetSupportedClocksThrottleReasons(device, &mask);

	if (result == NVML_SUCCESS)
		result = nvml.DeviceGetCurrentClocksThrottleReasons(device, &mask);
	if (result == NVML_SUCCESS)
		report_elements(report, device, (struct elements)ELEMENTS(reasons));
	else
		report_result(report, "Clocks Event Reasons", "clocks_event_reasons", result, "%s",
			      "");
}

/* The vendor's report has room for so many; the highest come first. */
#define MAX_CLOCKS 256

static void report_graphics_clocks(struct report *report, nvmlDevice_t device, unsigned int memory)
{
	unsigned int count = 0;
	unsigned int *all = NULL;
	nvmlReturn_t result = nvml.DeviceGetSupportedGraphicsClocks(device, memory, &count, NULL);

	if (result == NVML_ERROR_INSUFFICIENT_SIZE) {
		all = calloc(count, sizeof(*all));
		result = all ? nvml.DeviceGetSupportedGraphicsClocks(device, memory, &count, all)
			     : NVML_ERROR_MEMORY;
	}
	for (unsigned int i = 0; all && result == NVML_SUCCESS && i < count && i < MAX_CLOCKS; i++)
		report_value(report, "Graphics", "supported_graphics_clock", "%u MHz", all[i]);
	if (result != NVML_SUCCESS)
		report_result(report, "Graphics", "supported_graphics_clock", result, "%s", "");
	free(all);
}

void report_supported_clocks(struct report *report, nvmlDevice_t device)
{
	unsigned int clocks[MAX_CLOCKS];
	unsigned int count = MAX_CLOCKS;
	nvmlReturn_t result = nvml.DeviceGetSupportedMemoryClocks(device, &count, clocks);

	if (result != NVML_SUCCESS) {
		report_result(report, "Supported Clocks", "supported_clocks", result, "%s", "");
		return;
	}
	report_open(report, "Supported Clocks", "supported_clocks");
	for (unsigned int i = 0; i < count; i++) {
		report_open(report, NULL, "supported_mem_clock");
		report_value(report, "Memory", "value", "%u MHz", clocks[i]);
		if (!report->xml)
			report_open(report, NULL, NULL);
		report_graphics_clocks(report, device, clocks[i]);
		if (!report->xml)
			report_close(report);
		report_close(report);
	}
	report_close(report);
}
