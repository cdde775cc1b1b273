/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fields that have a writer of their own: the system, the board, its state. */
#include "query_write.h"

#include <stdio.h>
#include <sys/time.h>
#include <time.h>

#include "cell.h"

/* --- the system --- */

nvmlReturn_t write_timestamp(nvmlDevice_t device, const struct field *field, char *out)
{
	struct timeval now;
	struct tm local;
	size_t length;

	(void)device;
	(void)field;
	gettimeofday(&now, NULL);
	localtime_r(&now.tv_sec, &local);
	length = strftime(out, FIELD_SIZE, "%Y/%m/%d %H:%M:%S", &local);
	snprintf(out + length, FIELD_SIZE - length, ".%03d", (int)(now.tv_usec / 1000));
	return NVML_SUCCESS;
}

nvmlReturn_t write_driver_version(nvmlDevice_t device, const struct field *field, char *out)
{
	(void)device;
	(void)field;
	return nvml.SystemGetDriverVersion(out, FIELD_SIZE);
}

nvmlReturn_t write_count(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int count = 0;
	nvmlReturn_t result = nvml.DeviceGetCount_v2(&count);

	(void)device;
	(void)field;
	return put_number(result, out, count);
}

nvmlReturn_t write_vgpu_driver(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int number = 0;
	nvmlReturn_t result =
		nvml.GetVgpuDriverCapabilities((nvmlVgpuDriverCapability_t)field->which, &number);

	(void)device;
	return put_number(result, out, number);
}

/* --- the board --- */

nvmlReturn_t write_pci(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlPciInfoExt_t pci = { .version = nvmlPciInfoExt_v1 };
	nvmlReturn_t result = nvml.DeviceGetPciInfoExt(device, &pci);
	const struct {
		int digits;
		unsigned int number;
	} parts[] = {
		[PCI_DOMAIN] = { 4, pci.domain },
		[PCI_BUS] = { 2, pci.bus },
		[PCI_DEVICE] = { 2, pci.device },
		[PCI_BASE_CLASS] = { 1, pci.baseClass },
		[PCI_SUB_CLASS] = { 1, pci.subClass },
		[PCI_DEVICE_ID] = { 8, pci.pciDeviceId },
		[PCI_SUBSYSTEM_ID] = { 8, pci.pciSubSystemId },
	};

	if (result != NVML_SUCCESS)
		return result;
	if (field->which == PCI_BUS_ID)
		snprintf(out, FIELD_SIZE, "%s", pci.busId);
	else
		snprintf(out, FIELD_SIZE, "0x%0*X", parts[field->which].digits,
			 parts[field->which].number);
	return NVML_SUCCESS;
}

/* What the host's side of the link can do is no part of the public interface. */
nvmlReturn_t write_host_pcie(nvmlDevice_t device, const struct field *field, char *out)
{
	(void)device;
	(void)field;
	(void)out;
	return NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t write_addressing(nvmlDevice_t device, const struct field *field, char *out)
{
	static const char *const words[] = { "None", "HMM", "ATS" };
	nvmlDeviceAddressingMode_t mode = { .version = nvmlDeviceAddressingMode_v1 };
	nvmlReturn_t result = nvml.DeviceGetAddressingMode(device, &mode);

	(void)field;
	return put_word(result, out, mode.value < COUNT(words) ? words[mode.value] : "Unknown");
}

nvmlReturn_t write_compute_mode(nvmlDevice_t device, const struct field *field, char *out)
{
	static const char *const words[] = { "Default", "Exclusive_Thread", "Prohibited",
					     "Exclusive_Process" };
	unsigned int mode = 0;
	nvmlReturn_t result = FUNCTION(get_number, field)(device, &mode);

	return put_word(result, out, mode < COUNT(words) ? words[mode] : "Unknown");
}

nvmlReturn_t write_capability(nvmlDevice_t device, const struct field *field, char *out)
{
	int major, minor;
	nvmlReturn_t result = nvml.DeviceGetCudaComputeCapability(device, &major, &minor);

	(void)field;
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%d.%d", major, minor);
	return result;
}

nvmlReturn_t write_c2c(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlC2cModeInfo_v1_t mode = { 0 };
	nvmlReturn_t result = nvml.DeviceGetC2cModeInfoV(device, &mode);

	(void)field;
	return put_word(result, out, mode.isC2cEnabled ? "Enabled" : "Disabled");
}

static nvmlReturn_t fabric(nvmlDevice_t device, nvmlGpuFabricInfoV_t *info)
{
	*info = (nvmlGpuFabricInfoV_t){ .version = nvmlGpuFabricInfo_v2 };
	return nvml.DeviceGetGpuFabricInfoV(device, info);
}

nvmlReturn_t write_fabric_state(nvmlDevice_t device, const struct field *field, char *out)
{
	static const char *const words[] = { "N/A", "Not Started", "In Progress", "Completed" };
	nvmlGpuFabricInfoV_t info;
	nvmlReturn_t result = fabric(device, &info);

	(void)field;
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "state  %s",
			 info.state < COUNT(words) ? words[info.state] : "Unknown");
	return result;
}

nvmlReturn_t write_fabric_status(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlGpuFabricInfoV_t info;
	nvmlReturn_t result = fabric(device, &info);

	(void)field;
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "status %s",
			 info.state == NVML_GPU_FABRIC_STATE_COMPLETED
				 ? nvml.ErrorString(info.status)
				 : "N/A");
	return result;
}

/* --- state --- */

nvmlReturn_t write_pstate(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int state = 0;
	nvmlReturn_t result = FUNCTION(get_number, field)(device, &state);

	if (result == NVML_SUCCESS && state != NVML_PSTATE_UNKNOWN)
		snprintf(out, FIELD_SIZE, "P%u", state);
	else
		put_word(result, out, "Unknown");
	return result;
}

nvmlReturn_t write_reasons_supported(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned long long reasons;
	nvmlReturn_t result = nvml.DeviceGetSupportedClocksThrottleReasons(device, &reasons);

	(void)field;
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "0x%016llX", reasons);
	return result;
}

nvmlReturn_t write_reasons_active(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned long long reasons;
	nvmlReturn_t result = nvml.DeviceGetCurrentClocksThrottleReasons(device, &reasons);

	(void)field;
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "0x%016llX", reasons);
	return result;
}

/* A reason that the board never gives is not applicable, rather than not active. */
nvmlReturn_t write_reason(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned long long supported, active;
	nvmlReturn_t result = nvml.DeviceGetSupportedClocksThrottleReasons(device, &supported);

	if (result != NVML_SUCCESS)
		return result;
	if (!(supported & field->which))
		return NVML_ERROR_NOT_SUPPORTED;
	result = nvml.DeviceGetCurrentClocksThrottleReasons(device, &active);
	if (result != NVML_SUCCESS)
		return result;
	return put_word(result, out, active & field->which ? "Active" : "Not Active");
}

nvmlReturn_t write_memory(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlMemory_v2_t memory = { .version = nvmlMemory_v2 };
	nvmlReturn_t result = nvml.DeviceGetMemoryInfo_v2(device, &memory);
	unsigned long long parts[] = { memory.total, memory.reserved, memory.used, memory.free };

	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%llu", mebibytes_up(parts[field->which]));
	return result;
}

nvmlReturn_t write_protected_memory(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlMemory_t memory = { 0 };
	nvmlReturn_t result = nvml.DeviceGetConfComputeProtectedMemoryUsage(device, &memory);

	return put_part(result, out, field->which, mebibytes_up(memory.total),
			mebibytes_up(memory.used));
}

nvmlReturn_t write_utilization(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlUtilization_t utilization = { 0 };
	nvmlReturn_t result = nvml.DeviceGetUtilizationRates(device, &utilization);

	return put_number(result, out, field->which ? utilization.memory : utilization.gpu);
}

nvmlReturn_t write_encoder_stats(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int stats[3] = { 0 };
	nvmlReturn_t result = nvml.DeviceGetEncoderStats(device, &stats[0], &stats[1], &stats[2]);

	return put_number(result, out, stats[field->which]);
}

nvmlReturn_t write_ecc(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned long long count;
	nvmlReturn_t result = nvml.DeviceGetMemoryErrorCounter(
		device, (nvmlMemoryErrorType_t)field->error_type,
		(nvmlEccCounterType_t)field->counter, (nvmlMemoryLocation_t)field->which, &count);

	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%llu", count);
	return result;
}

nvmlReturn_t write_ecc_total(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned long long count;
	nvmlReturn_t result =
		nvml.DeviceGetTotalEccErrors(device, (nvmlMemoryErrorType_t)field->error_type,
					     (nvmlEccCounterType_t)field->counter, &count);

	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%llu", count);
	return result;
}

/* Asked with room for none, NVML tells how many there are. */
nvmlReturn_t write_retired(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int count = 0;
	nvmlReturn_t result = nvml.DeviceGetRetiredPages(
		device, (nvmlPageRetirementCause_t)field->which, &count, NULL);

	if (result == NVML_ERROR_INSUFFICIENT_SIZE)
		result = NVML_SUCCESS;
	return put_number(result, out, count);
}

nvmlReturn_t write_yes(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int state = 0;
	nvmlReturn_t result = FUNCTION(get_number, field)(device, &state);

	return put_word(result, out, state ? "Yes" : "No");
}

nvmlReturn_t write_margin(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlMarginTemperature_t margin = { .version = nvmlMarginTemperature_v1 };
	nvmlReturn_t result = nvml.DeviceGetMarginTemperature(device, &margin);

	(void)field;
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%d", margin.marginTemperature);
	return result;
}
