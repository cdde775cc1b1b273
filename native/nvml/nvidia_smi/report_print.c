/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi -q: all there is to say of each GPU. */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cell.h"

static const struct {
	const char *name;
	unsigned int place;
} displays[] = {
	{ "MEMORY", DISPLAY_MEMORY },
	{ "UTILIZATION", DISPLAY_UTILIZATION },
	{ "ECC", DISPLAY_ECC },
	{ "TEMPERATURE", DISPLAY_TEMPERATURE },
	{ "POWER", DISPLAY_POWER },
	{ "CLOCK", DISPLAY_CLOCK },
	{ "COMPUTE", DISPLAY_COMPUTE },
	{ "PIDS", DISPLAY_PIDS },
	{ "PERFORMANCE", DISPLAY_PERFORMANCE },
	{ "SUPPORTED_CLOCKS", DISPLAY_SUPPORTED_CLOCKS },
	{ "PAGE_RETIREMENT", DISPLAY_PAGE_RETIREMENT },
	{ "ACCOUNTING", DISPLAY_ACCOUNTING },
	{ "ENCODER_STATS", DISPLAY_ENCODER_STATS },
	{ "SUPPORTED_GPU_TARGET_TEMP", DISPLAY_TARGET_TEMPERATURE },
	{ "VOLTAGE", DISPLAY_VOLTAGE },
	{ "FBC_STATS", DISPLAY_FBC_STATS },
	{ "ROW_REMAPPER", DISPLAY_ROW_REMAPPER },
	{ "RESET_STATUS", DISPLAY_RESET_STATUS },
	{ "GSP_FIRMWARE_VERSION", DISPLAY_GSP_FIRMWARE },
};

/* False when @name is no display. */
static bool add_display(const char *name, unsigned int *places)
{
	for (size_t i = 0; i < sizeof(displays) / sizeof(displays[0]); i++) {
		if (strcasecmp(name, displays[i].name) == 0) {
			*places |= displays[i].place;
			return true;
		}
	}
	return false;
}

static bool read_displays(const char *list, unsigned int *places)
{
	char *copy = strdup(list);
	char *rest = NULL;
	bool known = copy != NULL;

	*places = 0;
	for (char *name = known ? strtok_r(copy, ",", &rest) : NULL; name && known;
	     name = strtok_r(NULL, ",", &rest))
		known = add_display(name, places);
	free(copy);
	return known;
}

int report_check(const char *display)
{
	unsigned int places;

	if (!display || read_displays(display, &places))
		return EXIT_SUCCESS;
	printf("Failed to parse --display/-d flags\n");
	return EXIT_USAGE;
}

static void report_head(struct report *report)
{
	char driver[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE] = "";
	char text[32];
	time_t now = time(NULL);
	struct tm local;
	unsigned int count = 0;
	int cuda = 0;
	nvmlReturn_t result = nvml.SystemGetDriverVersion(driver, sizeof(driver));

	localtime_r(&now, &local);
	strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &local);
	report_value(report, "Timestamp", "timestamp", "%s", text);
	report_result(report, "Driver Version", "driver_version", result, "%s", driver);
	result = nvml.SystemGetCudaDriverVersion_v2(&cuda);
	report_result(report, "CUDA Version", "cuda_version", result, "%d.%d", cuda / 1000,
		      cuda % 1000 / 10);
	if (!report->xml)
		printf("\n");
	result = nvml.DeviceGetCount_v2(&count);
	report_result(report, "Attached GPUs", "attached_gpus", result, "%u", count);
}

/* The address names the GPU; without it there is no report of it. */
static nvmlReturn_t report_gpu(struct report *report, nvmlDevice_t device)
{
	char line[64];
	nvmlPciInfo_t pci;
	nvmlReturn_t result = nvml.DeviceGetPciInfo_v3(device, &pci);

	if (result != NVML_SUCCESS && result != NVML_ERROR_NOT_SUPPORTED) {
		report_value(report, NULL, "error_string",
			     "Unable to determine the PCI bus id for the target device: %s",
			     nvml.ErrorString(result));
		if (!report->xml)
			printf("Unable to determine the PCI bus id for the target device: %s\n",
			       nvml.ErrorString(result));
		return result;
	}
	snprintf(line, sizeof(line), report->xml ? "<gpu id=\"%s\">" : "GPU %s",
		 result == NVML_SUCCESS ? pci.busId : "N/A");
	if (report->xml)
		report_xml_line(report, line);
	else
		printf("%s\n", line);
	report->depth++;
	report_elements(report, device, report_board);
	report_elements(report, device, report_pci);
	report_elements(report, device, report_state);
	report_elements(report, device, report_limits);
	report->depth--;
	report_xml_line(report, "</gpu>");
	return NVML_SUCCESS;
}

int report_print(const struct selection *selection, bool xml, const char *display)
{
	struct report report = { .xml = xml, .wanted = xml ? IN_XML : IN_TEXT };
	nvmlReturn_t result = NVML_SUCCESS;

	if (display && !read_displays(display, &report.wanted))
		return EXIT_USAGE;
	if (xml)
		printf("<?xml version=\"1.0\" ?>\n"
		       "<!DOCTYPE nvidia_smi_log SYSTEM \"nvsmi_device_v12.dtd\">\n");
	else
		printf("\n==============NVSMI LOG==============\n\n");
	if (xml)
		report_open(&report, NULL, "nvidia_smi_log");
	report_head(&report);
	for (unsigned int i = 0; i < selection->count && result == NVML_SUCCESS; i++) {
		result = report_gpu(&report, selection->devices[i]);
		printf("\n");
	}
	if (xml)
		report_close(&report);
	return exit_status(result);
}
