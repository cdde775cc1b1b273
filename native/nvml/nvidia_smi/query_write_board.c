/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only the report says of a board. */
#include "query_write.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cell.h"

nvmlReturn_t write_unknown(nvmlDevice_t device, const struct field *field, char *out)
{
	(void)device;
	(void)field;
	(void)out;
	return NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t write_hex(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int number = 0;
	nvmlReturn_t result = FUNCTION(get_number, field)(device, &number);

	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "0x%x", number);
	return result;
}

nvmlReturn_t write_brand(nvmlDevice_t device, const struct field *field, char *out)
{
	static const char *const words[] = {
		[NVML_BRAND_UNKNOWN] = "Unknown",
		[NVML_BRAND_QUADRO] = "Quadro",
		[NVML_BRAND_TESLA] = "Tesla",
		[NVML_BRAND_NVS] = "NVS",
		[NVML_BRAND_GRID] = "Grid",
		[NVML_BRAND_GEFORCE] = "GeForce",
		[NVML_BRAND_TITAN] = "Titan",
		[NVML_BRAND_NVIDIA_VAPPS] = "NVIDIA Virtual Applications",
		[NVML_BRAND_NVIDIA_VPC] = "NVIDIA Virtual PC",
		[NVML_BRAND_NVIDIA_VCS] = "NVIDIA Virtual Compute Server",
		[NVML_BRAND_NVIDIA_VWS] = "NVIDIA RTX Virtual Workstation",
		[NVML_BRAND_NVIDIA_CLOUD_GAMING] = "NVIDIA Cloud Gaming",
		[NVML_BRAND_QUADRO_RTX] = "Quadro RTX",
		[NVML_BRAND_NVIDIA_RTX] = "NVIDIA RTX",
		[NVML_BRAND_NVIDIA] = "NVIDIA",
		[NVML_BRAND_GEFORCE_RTX] = "GeForce RTX",
		[NVML_BRAND_TITAN_RTX] = "Titan RTX",
	};
	nvmlBrandType_t brand = NVML_BRAND_UNKNOWN;
	nvmlReturn_t result = nvml.DeviceGetBrand(device, &brand);

	(void)field;
	return put_word(result, out, (unsigned int)brand < COUNT(words) ? words[brand] : "Unknown");
}

nvmlReturn_t write_architecture(nvmlDevice_t device, const struct field *field, char *out)
{
	static const char *const words[] = {
		[NVML_DEVICE_ARCH_KEPLER] = "Kepler",	 [NVML_DEVICE_ARCH_MAXWELL] = "Maxwell",
		[NVML_DEVICE_ARCH_PASCAL] = "Pascal",	 [NVML_DEVICE_ARCH_VOLTA] = "Volta",
		[NVML_DEVICE_ARCH_TURING] = "Turing",	 [NVML_DEVICE_ARCH_AMPERE] = "Ampere",
		[NVML_DEVICE_ARCH_ADA] = "Ada Lovelace", [NVML_DEVICE_ARCH_HOPPER] = "Hopper",
	};
	nvmlDeviceArchitecture_t architecture = 0;
	nvmlReturn_t result = nvml.DeviceGetArchitecture(device, &architecture);

	(void)field;
	return put_word(result, out,
			architecture < COUNT(words) && words[architecture] ? words[architecture]
									   : "Unknown");
}

nvmlReturn_t write_virtualization(nvmlDevice_t device, const struct field *field, char *out)
{
	static const char *const words[] = { "None", "Pass-Through", "VGPU", "Host VGPU",
					     "Host VSGA" };
	nvmlGpuVirtualizationMode_t mode = NVML_GPU_VIRTUALIZATION_MODE_NONE;
	nvmlReturn_t result = nvml.DeviceGetVirtualizationMode(device, &mode);

	(void)field;
	return put_word(result, out, (unsigned int)mode < COUNT(words) ? words[mode] : "Unknown");
}

nvmlReturn_t write_host_vgpu(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlHostVgpuMode_t mode = NVML_HOST_VGPU_MODE_NON_SRIOV;
	nvmlReturn_t result = nvml.DeviceGetHostVgpuMode(device, &mode);

	(void)field;
	return put_word(result, out, mode == NVML_HOST_VGPU_MODE_SRIOV ? "SR-IOV" : "Non SR-IOV");
}

nvmlReturn_t write_heterogeneous(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlVgpuHeterogeneousMode_t mode = { .version = nvmlVgpuHeterogeneousMode_v1 };
	nvmlReturn_t result = nvml.DeviceGetVgpuHeterogeneousMode(device, &mode);

	(void)field;
	return put_word(result, out, mode.mode ? "Enabled" : "Disabled");
}

/* When the board last wrote its black box, in local time. */
nvmlReturn_t write_flush_time(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned long long microseconds = 0;
	unsigned long duration;
	nvmlReturn_t result = nvml.DeviceGetLastBBXFlushTime(device, &microseconds, &duration);
	time_t seconds = (time_t)(microseconds / 1000000);
	struct tm local;
	size_t length;

	(void)field;
	if (result != NVML_SUCCESS)
		return result;
	localtime_r(&seconds, &local);
	length = strftime(out, FIELD_SIZE, "%Y/%m/%d %H:%M:%S", &local);
	snprintf(out + length, FIELD_SIZE - length, ".%03llu", microseconds / 1000 % 1000);
	return result;
}

nvmlReturn_t write_flush_duration(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned long long microseconds;
	unsigned long duration = 0;
	nvmlReturn_t result = nvml.DeviceGetLastBBXFlushTime(device, &microseconds, &duration);

	(void)field;
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%lu", duration);
	return result;
}

nvmlReturn_t write_gsp_version(nvmlDevice_t device, const struct field *field, char *out)
{
	(void)field;
	return nvml.DeviceGetGspFirmwareVersion(device, out);
}

/* The same as write_pci() writes, without its 0x. */
nvmlReturn_t write_pci_digits(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlReturn_t result = write_pci(device, field, out);

	if (result == NVML_SUCCESS)
		memmove(out, out + 2, strlen(out + 2) + 1);
	return result;
}

nvmlReturn_t write_lanes(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int lanes = 0;
	nvmlReturn_t result = FUNCTION(get_number, field)(device, &lanes);

	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%ux", lanes);
	return result;
}

nvmlReturn_t write_throughput(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int kilobytes = 0;
	nvmlReturn_t result = nvml.DeviceGetPcieThroughput(
		device, (nvmlPcieUtilCounter_t)field->which, &kilobytes);

	return put_number(result, out, kilobytes);
}

/* One direction that has none at all is not known; the program prints a space after each word. */
nvmlReturn_t write_atomics(nvmlDevice_t device, const struct field *field, char *out)
{
	static const char *const words[NVML_PCIE_ATOMICS_OPS_MAX] = {
		"FETCHADD_32", "FETCHADD_64", "SWAP_32", "SWAP_64", "CAS_32", "CAS_64", "CAS_128",
	};
	nvmlFieldValue_t value = { .fieldId = field->which };
	nvmlReturn_t result = nvml.DeviceGetFieldValues(device, 1, &value);
	size_t length = 0;

	if (result == NVML_SUCCESS)
		result = value.nvmlReturn;
	if (result != NVML_SUCCESS)
		return result;
	if (!value.value.uiVal)
		return NVML_ERROR_NOT_SUPPORTED;
	for (unsigned int i = 0; i < COUNT(words); i++)
		if (value.value.uiVal & 1u << i)
			length += (size_t)snprintf(out + length, FIELD_SIZE - length, "%s ",
						   words[i]);
	return result;
}

nvmlReturn_t write_bar1(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlBAR1Memory_t memory = { 0 };
	nvmlReturn_t result = nvml.DeviceGetBAR1MemoryInfo(device, &memory);

	return put_part(result, out, field->which, mebibytes_down(memory.bar1Total),
			mebibytes_down(memory.bar1Used));
}

nvmlReturn_t write_protected_free(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlMemory_t memory = { 0 };
	nvmlReturn_t result = nvml.DeviceGetConfComputeProtectedMemoryUsage(device, &memory);

	(void)field;
	if (result == NVML_SUCCESS)
		snprintf(out, FIELD_SIZE, "%llu", mebibytes_up(memory.free));
	return result;
}

nvmlReturn_t write_fbc_stats(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlFBCStats_t stats = { 0 };
	nvmlReturn_t result = nvml.DeviceGetFBCStats(device, &stats);
	unsigned int parts[] = { stats.sessionsCount, stats.averageFPS, stats.averageLatency };

	return put_number(result, out, parts[field->which]);
}

nvmlReturn_t write_boost(nvmlDevice_t device, const struct field *field, char *out)
{
	nvmlEnableState_t states[2] = { NVML_FEATURE_DISABLED, NVML_FEATURE_DISABLED };
	nvmlReturn_t result =
		nvml.DeviceGetAutoBoostedClocksEnabled(device, &states[0], &states[1]);

	return put_word(result, out, states[field->which] == NVML_FEATURE_ENABLED ? "On" : "Off");
}
