/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's MIG devices. */
#include "query_write.h"
#include "report.h"

static const struct element usage[] = {
	GROUP("FB Memory Usage", "fb_memory_usage"),
	VALUE("Total", "total", .unit = "MiB", PART(memory, MEMORY_TOTAL)),
	VALUE("Reserved", "reserved", .unit = "MiB", PART(memory, MEMORY_RESERVED)),
	VALUE("Used", "used", .unit = "MiB", PART(memory, MEMORY_USED)),
	VALUE("Free", "free", .unit = "MiB", PART(memory, MEMORY_FREE)),
	END,
	GROUP("BAR1 Memory", "bar1_memory_usage"),
	VALUE("Total", "total", .unit = "MiB", PART(bar1, MEMORY_TOTAL)),
	VALUE("Used", "used", .unit = "MiB", PART(bar1, MEMORY_USED)),
	VALUE("Free", "free", .unit = "MiB", PART(bar1, MEMORY_FREE)),
	END,
};

static const struct element identity[] = {
	VALUE("Index", "index", NUMBER(DeviceGetIndex)),
	VALUE("GPU Instance ID", "gpu_instance_id", NUMBER(DeviceGetGpuInstanceId)),
	VALUE("Compute Instance ID", "compute_instance_id", NUMBER(DeviceGetComputeInstanceId)),
};

static void report_attributes(struct report *report, nvmlDevice_t device)
{
	nvmlDeviceAttributes_t has = { 0 };
	nvmlReturn_t result = nvml.DeviceGetAttributes_v2(device, &has);

	report_open(report, "Device Attributes", "device_attributes");
	report_open(report, "Shared", "shared");
	report_result(report, "Multiprocessor count", "multiprocessor_count", result, "%u",
		      has.multiprocessorCount);
	report_result(report, "Copy Engine count", "copy_engine_count", result, "%u",
		      has.sharedCopyEngineCount);
	report_result(report, "Encoder count", "encoder_count", result, "%u",
		      has.sharedEncoderCount);
	report_result(report, "Decoder count", "decoder_count", result, "%u",
		      has.sharedDecoderCount);
	report_result(report, "OFA count", "ofa_count", result, "%u", has.sharedOfaCount);
	report_result(report, "JPG count", "jpg_count", result, "%u", has.sharedJpegCount);
	report_close(report);
	report_close(report);
}

static void report_sram(struct report *report, nvmlDevice_t device)
{
	unsigned long long count = 0;
	nvmlReturn_t result = nvml.DeviceGetMemoryErrorCounter(
		device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC,
		NVML_MEMORY_LOCATION_SRAM, &count);

	report_open(report, "ECC Errors", "ecc_error_count");
	report_open(report, "Volatile", "volatile_count");
	report_result(report, "SRAM Uncorrectable", "sram_uncorrectable", result, "%llu", count);
	report_close(report);
	report_close(report);
}

static void report_mig_device(struct report *report, nvmlDevice_t device)
{
	report_open(report, "MIG Device", "mig_device");
	report_elements(report, device, (struct elements)ELEMENTS(identity));
	report_attributes(report, device);
	report_sram(report, device);
	report_elements(report, device, (struct elements)ELEMENTS(usage));
	report_close(report);
}

/* XML has the devices beside the element that names them, not inside. */
void report_mig_devices(struct report *report, nvmlDevice_t device)
{
	unsigned int max = 0, found = 0;

	report_xml_line(report, "<mig_devices>");
	nvml.DeviceGetMaxMigDeviceCount(device, &max);
	for (unsigned int i = 0; i < max; i++) {
		nvmlDevice_t mig;

		if (nvml.DeviceGetMigDeviceHandleByIndex(device, i, &mig) != NVML_SUCCESS)
			continue;
		report_mig_device(report, mig);
		found++;
	}
	if (!found)
		report_xml_line(report, "\tNone");
	report_xml_line(report, "</mig_devices>");
}
