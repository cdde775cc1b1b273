/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi dmon: one line a GPU and round. */
#include "cell.h"
#include "monitor.h"
#include "query_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static nvmlReturn_t column_power(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int milliwatts = 0;
	nvmlReturn_t result = nvml.DeviceGetPowerUsage(device, &milliwatts);

	(void)field;
	return put_number(result, out, milliwatts / 1000);
}

/* Here the vendor rounds up, nowhere else. */
static nvmlReturn_t column_framebuffer(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlMemory_v2_t memory = { .version = nvmlMemory_v2 };
	nvmlReturn_t result = nvml.DeviceGetMemoryInfo_v2(device, &memory);

	(void)field;
	return put_number(result, out, (unsigned int)mebibytes_up(memory.used));
}

static nvmlReturn_t column_protected(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlMemory_t memory = { 0 };
	nvmlReturn_t result = nvml.DeviceGetConfComputeProtectedMemoryUsage(device, &memory);

	(void)field;
	return put_number(result, out, (unsigned int)mebibytes_down(memory.used));
}

static nvmlReturn_t column_throughput(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int kilobytes = 0;
	nvmlReturn_t result = nvml.DeviceGetPcieThroughput(
		device, (nvmlPcieUtilCounter_t)field->which, &kilobytes);

	return put_number(result, out, kilobytes / 1000);
}

static nvmlReturn_t column_ecc(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlEnableState_t current = NVML_FEATURE_DISABLED, pending;
	nvmlReturn_t result = nvml.DeviceGetEccMode(device, &current, &pending);

	if (result != NVML_SUCCESS || current != NVML_FEATURE_ENABLED)
		return NVML_ERROR_NOT_SUPPORTED;
	return write_ecc_total(device, field, out);
}

static const struct column {
	char group;
	const char *name, *unit;
	struct field field;
} columns[] = {
	{ 'p', "pwr", "W", { .write = column_power } },
	{ 'p',
	  "gtemp",
	  "C",
	  { .write = write_numbered, CALL(DeviceGetTemperature), .which = NVML_TEMPERATURE_GPU } },
	{ 'p', "mtemp", "C", { PART(field_value, NVML_FI_DEV_MEMORY_TEMP) } },
	{ 'u', "sm", "%", { PART(utilization, 0) } },
	{ 'u', "mem", "%", { PART(utilization, 1) } },
	{ 'u', "enc", "%", { PAIR(pair, DeviceGetEncoderUtilization, 0) } },
	{ 'u', "dec", "%", { PAIR(pair, DeviceGetDecoderUtilization, 0) } },
	{ 'u', "jpg", "%", { PAIR(pair, DeviceGetJpgUtilization, 0) } },
	{ 'u', "ofa", "%", { PAIR(pair, DeviceGetOfaUtilization, 0) } },
	{ 'c', "mclk", "MHz", { CLOCK(DeviceGetClockInfo, NVML_CLOCK_MEM) } },
	{ 'c', "pclk", "MHz", { CLOCK(DeviceGetClockInfo, NVML_CLOCK_SM) } },
	{ 'm', "fb", "MB", { .write = column_framebuffer } },
	{ 'm', "bar1", "MB", { PART(bar1, MEMORY_USED) } },
	{ 'm', "ccpm", "MB", { .write = column_protected } },
	{ 'e',
	  "sbecc",
	  "errs",
	  { .write = column_ecc, .error_type = NVML_MEMORY_ERROR_TYPE_CORRECTED } },
	{ 'e',
	  "dbecc",
	  "errs",
	  { .write = column_ecc, .error_type = NVML_MEMORY_ERROR_TYPE_UNCORRECTED } },
	{ 'e', "pci", "errs", { NUMBER(DeviceGetPcieReplayCounter) } },
	{ 't', "rxpci", "MB/s", { .write = column_throughput, .which = NVML_PCIE_UTIL_RX_BYTES } },
	{ 't', "txpci", "MB/s", { .write = column_throughput, .which = NVML_PCIE_UTIL_TX_BYTES } },
};

static bool is_shown(const struct monitor *monitor, const struct column *column)
{
	return strchr(monitor->selected, column->group) != NULL;
}

static void print_head(const struct monitor *monitor, bool second)
{
	monitor_head(monitor, second);
	for (size_t i = 0; i < COUNT(columns); i++)
		if (is_shown(monitor, &columns[i]))
			printf("  %5s", second ? columns[i].unit : columns[i].name);
	printf(" \n");
}

static void print_round(const struct monitor *monitor, const struct selection *selection)
{
	for (unsigned int i = 0; i < selection->count; i++) {
		monitor_line(monitor, selection->devices[i]);
		for (size_t j = 0; j < COUNT(columns); j++) {
			const struct field *field = &columns[j].field;
			char value[FIELD_SIZE];

			if (!is_shown(monitor, &columns[j]))
				continue;
			if (field->write(selection->devices[i], field, value) != NVML_SUCCESS)
				strcpy(value, "-");
			printf("  %5s", value);
		}
		printf(" \n");
	}
}

static const struct monitor device_monitor = {
	.name = "dmon",
	.groups = "pucmet",
	.selected = "puc",
	.delay = 1,
	.head = print_head,
	.round = print_round,
};

int device_monitor_check(char *const words[], bool *run)
{
	return monitor_check(&device_monitor, words, run);
}

int device_monitor_run(char *const words[])
{
	return monitor_run(&device_monitor, words);
}
