// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A libnvidia-ml.so.1 whose every answer comes from the text file that FAKE_NVML names, so that a test can show
 * nvidia-smi (ours, and the vendor's beside it) boards that no profile describes: fans, missing values, strange
 * errors, MIG devices, long names. One line is one answer:
 *
 *	FUNCTION[(ARGUMENT)][@GPU[.MIG]] VALUES...
 *
 * FUNCTION is the public name without "nvml"; VALUES are what it writes, in the order of its arguments or of the
 * members of its struct; "!N" makes it return error N. The most exact line wins. No line: NVML_ERROR_NOT_SUPPORTED.
 * FAKE_NVML_LOG=1 writes the name of each call to standard error.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NVML_NO_UNVERSIONED_FUNC_DEFS
#include <nvml.h>

#define MAX_LINES 4096
#define EXPORT __attribute__((visibility("default")))

struct answer {
	char *key;
	char *values;
};

static struct answer answers[MAX_LINES];
static int answer_count = -1;

static void load(void)
{
	const char *path = getenv("FAKE_NVML");
	FILE *file = path ? fopen(path, "r") : NULL;
	char line[8192];

	answer_count = 0;
	if (!file)
		return;
	while (answer_count < MAX_LINES && fgets(line, sizeof(line), file)) {
		char *space;

		line[strcspn(line, "\n")] = '\0';
		space = strchr(line, ' ');
		if (line[0] == '#' || !space)
			continue;
		*space = '\0';
		answers[answer_count].key = strdup(line);
		answers[answer_count++].values = strdup(space + 1);
	}
	fclose(file);
}

static const char *find(const char *key)
{
	if (answer_count < 0)
		load();
	for (int i = answer_count - 1; i >= 0; i--)
		if (strcmp(answers[i].key, key) == 0)
			return answers[i].values;
	return NULL;
}

/* Handles are never followed by a client, so a number in the pointer is enough: GPU g is g + 1, its MIG device m is
 * (m + 1) << 16 above that. */
static void device_suffix(nvmlDevice_t device, char *out, size_t size)
{
	uintptr_t value = (uintptr_t)device;

	if (!value)
		out[0] = '\0';
	else if (value >> 16)
		snprintf(out, size, "@%u.%u", (unsigned int)(value & 0xffff) - 1,
			 (unsigned int)(value >> 16) - 1);
	else
		snprintf(out, size, "@%u", (unsigned int)value - 1);
}

/* The line for a call, and the result the call has to return. @argument is "" or "(...)". */
static const char *answer(const char *function, const char *argument, nvmlDevice_t device,
			  nvmlReturn_t *result)
{
	char suffix[32], key[256];
	const char *values;

	device_suffix(device, suffix, sizeof(suffix));
	if (getenv("FAKE_NVML_LOG"))
		fprintf(stderr, "%s%s%s\n", function, argument, suffix);
	snprintf(key, sizeof(key), "%s%s%s", function, argument, suffix);
	values = find(key);
	if (!values) {
		snprintf(key, sizeof(key), "%s%s", function, argument);
		values = find(key);
	}
	if (!values) {
		snprintf(key, sizeof(key), "%s%s", function, suffix);
		values = find(key);
	}
	if (!values)
		values = find(function);
	*result = NVML_SUCCESS;
	if (!values)
		*result = NVML_ERROR_NOT_SUPPORTED;
	else if (values[0] == '!')
		*result = (nvmlReturn_t)atoi(values + 1);
	return values;
}

/* Writes the numbers of a line into 32-bit ('u') and 64-bit ('l') places, as @kinds says. A place is NULL where the
 * client does not want the number. */
static nvmlReturn_t numbers(const char *function, const char *argument, nvmlDevice_t device,
			    const char *kinds, ...)
{
	nvmlReturn_t result;
	const char *values = answer(function, argument, device, &result);
	va_list places;

	if (result != NVML_SUCCESS)
		return result;
	va_start(places, kinds);
	for (; *kinds; kinds++) {
		char *end;
		unsigned long long number = strtoull(values, &end, 0);

		void *place = va_arg(places, void *);

		values = end;
		if (place && *kinds == 'u')
			*(unsigned int *)place = (unsigned int)number;
		else if (place)
			*(unsigned long long *)place = number;
	}
	va_end(places);
	return NVML_SUCCESS;
}

static nvmlReturn_t text(const char *function, const char *argument, nvmlDevice_t device, char *out,
			 unsigned int size)
{
	nvmlReturn_t result;
	const char *values = answer(function, argument, device, &result);

	if (result == NVML_SUCCESS)
		snprintf(out, size, "%s", values);
	return result;
}

static const char *arguments(const char *format, ...)
{
	static char buffer[64];
	va_list list;

	va_start(list, format);
	vsnprintf(buffer, sizeof(buffer), format, list);
	va_end(list);
	return buffer;
}

/* Families of functions of one shape. */
#define GET_1(name, kind, type)                                          \
	EXPORT nvmlReturn_t nvml##name(nvmlDevice_t device, type *value) \
	{                                                                \
		return numbers(#name, "", device, kind, value);          \
	}
#define GET_2(name, kind, type)                                                        \
	EXPORT nvmlReturn_t nvml##name(nvmlDevice_t device, type *first, type *second) \
	{                                                                              \
		return numbers(#name, "", device, kind, first, second);                \
	}
#define GET_BY(name, key, kind, type)                                                       \
	EXPORT nvmlReturn_t nvml##name(nvmlDevice_t device, key which, type *value)         \
	{                                                                                   \
		return numbers(#name, arguments("(%u)", (unsigned int)which), device, kind, \
			       value);                                                      \
	}
#define GET_TEXT(name)                                                                    \
	EXPORT nvmlReturn_t nvml##name(nvmlDevice_t device, char *out, unsigned int size) \
	{                                                                                 \
		return text(#name, "", device, out, size);                                \
	}

GET_1(DeviceGetBoardId, "u", unsigned int)
GET_1(DeviceGetMultiGpuBoard, "u", unsigned int)
GET_1(DeviceGetBrand, "u", nvmlBrandType_t)
GET_1(DeviceGetModuleId, "u", unsigned int)
GET_1(DeviceGetMinorNumber, "u", unsigned int)
GET_1(DeviceGetDisplayMode, "u", nvmlEnableState_t)
GET_1(DeviceGetDisplayActive, "u", nvmlEnableState_t)
GET_1(DeviceGetPersistenceMode, "u", nvmlEnableState_t)
GET_1(DeviceGetAccountingMode, "u", nvmlEnableState_t)
GET_1(DeviceGetAccountingBufferSize, "u", unsigned int)
GET_1(DeviceGetComputeMode, "u", nvmlComputeMode_t)
GET_1(DeviceGetPowerState, "u", nvmlPstates_t)
GET_1(DeviceGetPerformanceState, "u", nvmlPstates_t)
GET_1(DeviceGetPowerUsage, "u", unsigned int)
GET_1(DeviceGetPowerManagementMode, "u", nvmlEnableState_t)
GET_1(DeviceGetPowerManagementLimit, "u", unsigned int)
GET_1(DeviceGetPowerManagementDefaultLimit, "u", unsigned int)
GET_1(DeviceGetEnforcedPowerLimit, "u", unsigned int)
GET_1(DeviceGetFanSpeed, "u", unsigned int)
GET_1(DeviceGetMaxPcieLinkGeneration, "u", unsigned int)
GET_1(DeviceGetGpuMaxPcieLinkGeneration, "u", unsigned int)
GET_1(DeviceGetMaxPcieLinkWidth, "u", unsigned int)
GET_1(DeviceGetCurrPcieLinkGeneration, "u", unsigned int)
GET_1(DeviceGetCurrPcieLinkWidth, "u", unsigned int)
GET_1(DeviceGetRetiredPagesPendingStatus, "u", nvmlEnableState_t)
GET_1(DeviceGetVirtualizationMode, "u", nvmlGpuVirtualizationMode_t)
GET_1(DeviceGetArchitecture, "u", nvmlDeviceArchitecture_t)
GET_1(DeviceGetHostVgpuMode, "u", nvmlHostVgpuMode_t)
GET_1(DeviceGetCurrentClocksThrottleReasons, "l", unsigned long long)
GET_1(DeviceGetCurrentClocksEventReasons, "l", unsigned long long)
GET_1(DeviceGetSupportedClocksThrottleReasons, "l", unsigned long long)
GET_1(DeviceGetSupportedClocksEventReasons, "l", unsigned long long)
GET_1(DeviceGetGpuInstanceId, "u", unsigned int)
GET_1(DeviceGetComputeInstanceId, "u", unsigned int)
GET_1(DeviceGetMaxMigDeviceCount, "u", unsigned int)
GET_1(DeviceGetNumaNodeId, "u", unsigned int)
GET_2(DeviceGetEccMode, "uu", nvmlEnableState_t)
GET_2(DeviceGetMigMode, "uu", unsigned int)
GET_2(DeviceGetGpuOperationMode, "uu", nvmlGpuOperationMode_t)
GET_2(DeviceGetDriverModel, "uu", nvmlDriverModel_t)
GET_2(DeviceGetCudaComputeCapability, "uu", int)
GET_2(DeviceGetGspFirmwareMode, "uu", unsigned int)
GET_2(DeviceGetPowerManagementLimitConstraints, "uu", unsigned int)
GET_2(DeviceGetEncoderUtilization, "uu", unsigned int)
GET_2(DeviceGetDecoderUtilization, "uu", unsigned int)
GET_2(DeviceGetJpgUtilization, "uu", unsigned int)
GET_2(DeviceGetOfaUtilization, "uu", unsigned int)
GET_BY(DeviceGetClockInfo, nvmlClockType_t, "u", unsigned int)
GET_BY(DeviceGetMaxClockInfo, nvmlClockType_t, "u", unsigned int)
GET_BY(DeviceGetApplicationsClock, nvmlClockType_t, "u", unsigned int)
GET_BY(DeviceGetDefaultApplicationsClock, nvmlClockType_t, "u", unsigned int)
GET_BY(DeviceGetTemperature, nvmlTemperatureSensors_t, "u", unsigned int)
GET_BY(DeviceGetTemperatureThreshold, nvmlTemperatureThresholds_t, "u", unsigned int)
GET_BY(DeviceGetVgpuCapabilities, nvmlDeviceVgpuCapability_t, "u", unsigned int)
GET_TEXT(DeviceGetName)
GET_TEXT(DeviceGetUUID)
GET_TEXT(DeviceGetSerial)
GET_TEXT(DeviceGetVbiosVersion)
GET_TEXT(DeviceGetBoardPartNumber)
GET_TEXT(DeviceGetInforomImageVersion)

EXPORT nvmlReturn_t nvmlInit_v2(void)
{
	return numbers("Init", "", NULL, "");
}

EXPORT nvmlReturn_t nvmlInitWithFlags(unsigned int flags)
{
	(void)flags;
	return numbers("Init", "", NULL, "");
}

EXPORT nvmlReturn_t nvmlShutdown(void)
{
	return NVML_SUCCESS;
}

/* The real library's words, as far as a client prints them. */
EXPORT const char *nvmlErrorString(nvmlReturn_t result)
{
	static const char *const words[] = {
		[NVML_SUCCESS] = "Success",
		[NVML_ERROR_UNINITIALIZED] = "Uninitialized",
		[NVML_ERROR_INVALID_ARGUMENT] = "Invalid Argument",
		[NVML_ERROR_NOT_SUPPORTED] = "Not Supported",
		[NVML_ERROR_NO_PERMISSION] = "Insufficient Permissions",
		[NVML_ERROR_NOT_FOUND] = "Not Found",
		[NVML_ERROR_INSUFFICIENT_SIZE] = "Insufficient Size",
		[NVML_ERROR_DRIVER_NOT_LOADED] = "Driver Not Loaded",
		[NVML_ERROR_TIMEOUT] = "Timeout",
		[NVML_ERROR_FUNCTION_NOT_FOUND] = "Function Not Found",
		[NVML_ERROR_CORRUPTED_INFOROM] = "infoROM is corrupted",
		[NVML_ERROR_GPU_IS_LOST] = "GPU is lost",
		[NVML_ERROR_RESET_REQUIRED] = "GPU requires reset",
	};
	const char *word =
		(unsigned int)result < sizeof(words) / sizeof(words[0]) ? words[result] : NULL;

	return word ? word : "Unknown Error";
}

static nvmlReturn_t slot_not_supported(void)
{
	return NVML_ERROR_NOT_SUPPORTED;
}

/* Slots whose value has a public twin answer what the twin answers. */
static nvmlReturn_t slot_enforced_power_limit(nvmlDevice_t device, unsigned int *limit)
{
	return nvmlDeviceGetEnforcedPowerLimit(device, limit);
}

static nvmlReturn_t slot_margin_temperature(nvmlDevice_t device, unsigned int *margin)
{
	return numbers("DeviceGetMarginTemperature", "", device, "u", margin);
}

static nvmlReturn_t slot_addressing_mode(nvmlDevice_t device, unsigned int *mode)
{
	return numbers("DeviceGetAddressingMode", "", device, "u", mode);
}

static nvmlReturn_t slot_host_pcie(nvmlDevice_t device, unsigned int *generation)
{
	return numbers("HostPcieLinkGeneration", "", device, "u", generation);
}

/* Process lists in the form nvidia-smi takes them from the table: "pid used gi ci name;..." */
static nvmlReturn_t slot_processes(const char *function, nvmlDevice_t device, unsigned int *count,
				   char *out)
{
	nvmlReturn_t result;
	const char *values = answer(function, "", device, &result);
	unsigned int found = 0;

	if (result != NVML_SUCCESS)
		return result;
	while (*values) {
		char *end;

		if (out && found < *count) {
			char *entry = out + found * 4128;

			memset(entry, 0, 4128);
			*(unsigned int *)entry = (unsigned int)strtoul(values, &end, 0);
			*(unsigned long long *)(entry + 8) = strtoull(end, &end, 0);
			*(unsigned int *)(entry + 16) = (unsigned int)strtoul(end, &end, 0);
			*(unsigned int *)(entry + 20) = (unsigned int)strtoul(end, &end, 0);
			snprintf(entry + 32, 4096, "%.*s", (int)strcspn(end + 1, ";"), end + 1);
		}
		found++;
		values += strcspn(values, ";");
		values += *values == ';';
	}
	if (!out || found > *count) {
		*count = found;
		return found ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
	}
	*count = found;
	return NVML_SUCCESS;
}

static nvmlReturn_t slot_compute(nvmlDevice_t device, unsigned int *count, char *out)
{
	return slot_processes("ComputeProcesses", device, count, out);
}

static nvmlReturn_t slot_mps(nvmlDevice_t device, unsigned int *count, char *out)
{
	return slot_processes("MpsProcesses", device, count, out);
}

static nvmlReturn_t slot_graphics(nvmlDevice_t device, unsigned int *count, char *out)
{
	return slot_processes("GraphicsProcesses", device, count, out);
}

/* What "-i BUS_ID" is taken apart with, and what it is compared with. */
static nvmlReturn_t slot_parse_bus_id(const char *id, unsigned int *domain, unsigned int *bus,
				      unsigned int *slot, unsigned int *function)
{
	*domain = 0;
	*function = 0;
	if (sscanf(id, "%x:%x:%x", domain, bus, slot) == 3)
		return NVML_SUCCESS;
	*domain = 0;
	return sscanf(id, "%x:%x", bus, slot) == 2 ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

static nvmlReturn_t slot_pci_address(unsigned int index, unsigned int *domain, unsigned int *bus,
				     unsigned int *slot)
{
	nvmlReturn_t result;
	const char *id = answer("PciBusId", "", (nvmlDevice_t)(uintptr_t)(index + 1), &result);

	if (result == NVML_SUCCESS)
		sscanf(id, "%x:%x:%x", domain, bus, slot);
	return result;
}

EXPORT nvmlReturn_t nvmlInternalGetExportTable(const void **table, const void *id)
{
	enum { slots = 264 };
	static void *functions[slots];

	(void)id;
	for (int i = 1; i < slots; i++)
		functions[i] = (void *)slot_not_supported;
	functions[0] = (void *)(uintptr_t)sizeof(functions);
	functions[12] = (void *)slot_parse_bus_id;
	functions[75] = (void *)slot_pci_address;
	functions[108] = (void *)slot_enforced_power_limit;
	functions[213] = (void *)slot_compute;
	functions[214] = (void *)slot_mps;
	functions[215] = (void *)slot_graphics;
	functions[230] = (void *)slot_host_pcie;
	functions[240] = (void *)slot_margin_temperature;
	functions[242] = (void *)slot_addressing_mode;
	*table = functions;
	return NVML_SUCCESS;
}

static nvmlReturn_t public_processes(const char *function, nvmlDevice_t device, unsigned int *count,
				     nvmlProcessInfo_t *out)
{
	static char entries[64][4128];
	unsigned int found = 64;
	nvmlReturn_t result = slot_processes(function, device, &found, entries[0]);

	if (result != NVML_SUCCESS)
		return result;
	if (found > *count || !out) {
		*count = found;
		return found ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
	}
	for (unsigned int i = 0; i < found; i++) {
		out[i].pid = *(unsigned int *)entries[i];
		out[i].usedGpuMemory = *(unsigned long long *)(entries[i] + 8);
		out[i].gpuInstanceId = *(unsigned int *)(entries[i] + 16);
		out[i].computeInstanceId = *(unsigned int *)(entries[i] + 20);
	}
	*count = found;
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device,
							    unsigned int *count,
							    nvmlProcessInfo_t *out)
{
	return public_processes("ComputeProcesses", device, count, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device,
							     unsigned int *count,
							     nvmlProcessInfo_t *out)
{
	return public_processes("GraphicsProcesses", device, count, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v3(nvmlDevice_t device,
							       unsigned int *count,
							       nvmlProcessInfo_t *out)
{
	return public_processes("MpsProcesses", device, count, out);
}

/* The name that some process list gives. */
EXPORT nvmlReturn_t nvmlSystemGetProcessName(unsigned int pid, char *name, unsigned int length)
{
	for (int i = 0; i < answer_count; i++) {
		const char *at = strstr(answers[i].key, "Processes") ? answers[i].values : "";

		while (*at) {
			unsigned int found;
			int start = 0;

			sscanf(at, "%u %*s %*s %*s %n", &found, &start);
			if (found == pid && start) {
				snprintf(name, length, "%.*s", (int)strcspn(at + start, ";"),
					 at + start);
				return NVML_SUCCESS;
			}
			at += strcspn(at, ";");
			at += *at == ';';
		}
	}
	return NVML_ERROR_NOT_FOUND;
}

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length)
{
	return text("SystemGetDriverVersion", "", NULL, version, length);
}

EXPORT nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned int length)
{
	return text("SystemGetNVMLVersion", "", NULL, version, length);
}

EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version)
{
	return numbers("SystemGetCudaDriverVersion_v2", "", NULL, "u", version);
}

EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count)
{
	return numbers("DeviceGetCount_v2", "", NULL, "u", count);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
	nvmlReturn_t result = NVML_SUCCESS;
	unsigned int count = 0;

	if (numbers("DeviceGetCount_v2", "", NULL, "u", &count) != NVML_SUCCESS || index >= count)
		return NVML_ERROR_INVALID_ARGUMENT;
	*device = (nvmlDevice_t)(uintptr_t)(index + 1);
	if (answer("DeviceGetHandleByIndex_v2", "", *device, &result))
		return result;
	return NVML_SUCCESS;
}

static nvmlReturn_t handle_by_text(nvmlReturn_t (*text_of)(nvmlDevice_t, char *, unsigned int),
				   const char *wanted, nvmlDevice_t *device)
{
	unsigned int count = 0;
	char have[256];

	numbers("DeviceGetCount_v2", "", NULL, "u", &count);
	for (unsigned int i = 0; i < count; i++) {
		*device = (nvmlDevice_t)(uintptr_t)(i + 1);
		if (text_of(*device, have, sizeof(have)) == NVML_SUCCESS &&
		    strcmp(have, wanted) == 0)
			return NVML_SUCCESS;
	}
	return NVML_ERROR_NOT_FOUND;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
	return handle_by_text(nvmlDeviceGetUUID, uuid, device);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *device)
{
	return handle_by_text(nvmlDeviceGetSerial, serial, device);
}

static nvmlReturn_t bus_id(nvmlDevice_t device, char *out, unsigned int size)
{
	return text("PciBusId", "", device, out, size);
}

/* Any of DOMAIN:BUS:DEVICE.FUNCTION, with a domain of any width, or without one. */
EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *wanted, nvmlDevice_t *device)
{
	unsigned int domain, bus, slot;
	char canonical[32];

	if (getenv("FAKE_NVML_LOG"))
		fprintf(stderr, "DeviceGetHandleByPciBusId_v2 %s\n", wanted);
	if (sscanf(wanted, "%x:%x:%x", &domain, &bus, &slot) != 3) {
		domain = 0;
		if (sscanf(wanted, "%x:%x", &bus, &slot) != 2)
			return NVML_ERROR_INVALID_ARGUMENT;
	}
	snprintf(canonical, sizeof(canonical), "%08X:%02X:%02X.0", domain, bus, slot);
	return handle_by_text(bus_id, canonical, device);
}

EXPORT nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index)
{
	uintptr_t value = (uintptr_t)device;

	*index = (unsigned int)(value >> 16 ? value >> 16 : value) - 1;
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
	nvmlReturn_t result;

	memset(pci, 0, sizeof(*pci));
	result = bus_id(device, pci->busId, sizeof(pci->busId));
	if (result != NVML_SUCCESS)
		return result;
	sscanf(pci->busId, "%x:%x:%x", &pci->domain, &pci->bus, &pci->device);
	snprintf(pci->busIdLegacy, sizeof(pci->busIdLegacy), "%s", pci->busId + 4);
	return numbers("PciIds", "", device, "uu", &pci->pciDeviceId, &pci->pciSubSystemId);
}

EXPORT nvmlReturn_t nvmlDeviceGetPciInfoExt(nvmlDevice_t device, nvmlPciInfoExt_t *pci)
{
	nvmlReturn_t result;
	unsigned int version = pci->version;

	memset(pci, 0, sizeof(*pci));
	pci->version = version;
	result = bus_id(device, pci->busId, sizeof(pci->busId));
	if (result != NVML_SUCCESS)
		return result;
	sscanf(pci->busId, "%x:%x:%x", &pci->domain, &pci->bus, &pci->device);
	result = numbers("PciIds", "", device, "uu", &pci->pciDeviceId, &pci->pciSubSystemId);
	if (result != NVML_SUCCESS)
		return result;
	return numbers("PciClass", "", device, "uu", &pci->baseClass, &pci->subClass);
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
	return numbers("DeviceGetMemoryInfo", "", device, "llll", &memory->total, &memory->reserved,
		       &memory->free, &memory->used);
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
	unsigned long long reserved;

	return numbers("DeviceGetMemoryInfo", "", device, "llll", &memory->total, &reserved,
		       &memory->free, &memory->used);
}

EXPORT nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *memory)
{
	return numbers("DeviceGetBAR1MemoryInfo", "", device, "lll", &memory->bar1Total,
		       &memory->bar1Free, &memory->bar1Used);
}

EXPORT nvmlReturn_t nvmlDeviceGetConfComputeProtectedMemoryUsage(nvmlDevice_t device,
								 nvmlMemory_t *memory)
{
	return numbers("DeviceGetConfComputeProtectedMemoryUsage", "", device, "lll",
		       &memory->total, &memory->free, &memory->used);
}

EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device,
						  nvmlUtilization_t *utilization)
{
	return numbers("DeviceGetUtilizationRates", "", device, "uu", &utilization->gpu,
		       &utilization->memory);
}

EXPORT nvmlReturn_t nvmlDeviceGetInforomVersion(nvmlDevice_t device, nvmlInforomObject_t object,
						char *out, unsigned int size)
{
	return text("DeviceGetInforomVersion", arguments("(%u)", object), device, out, size);
}

EXPORT nvmlReturn_t nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t device, char *out)
{
	return text("DeviceGetGspFirmwareVersion", "", device, out,
		    NVML_GSP_FIRMWARE_VERSION_BUF_SIZE);
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t type,
						nvmlEccCounterType_t counter,
						unsigned long long *count)
{
	return numbers("DeviceGetTotalEccErrors", arguments("(%u,%u)", type, counter), device, "l",
		       count);
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, nvmlMemoryErrorType_t type,
						    nvmlEccCounterType_t counter,
						    nvmlMemoryLocation_t location,
						    unsigned long long *count)
{
	return numbers("DeviceGetMemoryErrorCounter",
		       arguments("(%u,%u,%u)", type, counter, location), device, "l", count);
}

EXPORT nvmlReturn_t nvmlDeviceGetEncoderStats(nvmlDevice_t device, unsigned int *sessions,
					      unsigned int *fps, unsigned int *latency)
{
	return numbers("DeviceGetEncoderStats", "", device, "uuu", sessions, fps, latency);
}

EXPORT nvmlReturn_t nvmlDeviceGetRetiredPages(nvmlDevice_t device, nvmlPageRetirementCause_t cause,
					      unsigned int *count, unsigned long long *addresses)
{
	(void)addresses;
	return numbers("DeviceGetRetiredPages", arguments("(%u)", cause), device, "u", count);
}

EXPORT nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count,
					     nvmlFieldValue_t *values)
{
	for (int i = 0; i < count; i++) {
		unsigned int kind = 0;
		unsigned long long value = 0;

		values[i].nvmlReturn = numbers("Field", arguments("(%u)", values[i].fieldId),
					       device, "ul", &kind, &value);
		values[i].valueType = (nvmlValueType_t)kind;
		values[i].value.ullVal = value;
	}
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetC2cModeInfoV(nvmlDevice_t device, nvmlC2cModeInfo_v1_t *mode)
{
	return numbers("DeviceGetC2cModeInfoV", "", device, "u", &mode->isC2cEnabled);
}

EXPORT nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, nvmlGpuFabricInfoV_t *fabric)
{
	unsigned int state = 0, bytes = 0;
	nvmlReturn_t result =
		numbers("DeviceGetGpuFabricInfoV", "", device, "uuuuu", &state, &fabric->status,
			&fabric->cliqueId, &fabric->healthMask, &bytes);

	fabric->state = (unsigned char)state;
	memset(fabric->clusterUuid, (int)bytes, sizeof(fabric->clusterUuid));
	return result;
}

EXPORT nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device,
						   nvmlMarginTemperature_t *margin)
{
	return numbers("DeviceGetMarginTemperature", "", device, "u", &margin->marginTemperature);
}

EXPORT nvmlReturn_t nvmlDeviceGetAddressingMode(nvmlDevice_t device,
						nvmlDeviceAddressingMode_t *mode)
{
	return numbers("DeviceGetAddressingMode", "", device, "u", &mode->value);
}

EXPORT nvmlReturn_t nvmlDeviceGetVgpuHeterogeneousMode(nvmlDevice_t device,
						       nvmlVgpuHeterogeneousMode_t *mode)
{
	return numbers("DeviceGetVgpuHeterogeneousMode", "", device, "u", &mode->mode);
}

EXPORT nvmlReturn_t nvmlGetVgpuDriverCapabilities(nvmlVgpuDriverCapability_t capability,
						  unsigned int *value)
{
	return numbers("GetVgpuDriverCapabilities", arguments("(%u)", capability), NULL, "u",
		       value);
}

EXPORT nvmlReturn_t nvmlDeviceValidateInforom(nvmlDevice_t device)
{
	return numbers("DeviceValidateInforom", "", device, "");
}

EXPORT nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is_mig)
{
	*is_mig = (uintptr_t)device >> 16 != 0;
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index,
							nvmlDevice_t *mig)
{
	unsigned int count = 0;

	numbers("MigDevices", "", device, "u", &count);
	if (index >= count)
		return NVML_ERROR_NOT_FOUND;
	*mig = (nvmlDevice_t)((uintptr_t)device | (uintptr_t)(index + 1) << 16);
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig,
								 nvmlDevice_t *device)
{
	*device = (nvmlDevice_t)((uintptr_t)mig & 0xffff);
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *a)
{
	return numbers("DeviceGetAttributes_v2", "", device, "uuuuuuuul", &a->multiprocessorCount,
		       &a->sharedCopyEngineCount, &a->sharedDecoderCount, &a->sharedEncoderCount,
		       &a->sharedJpegCount, &a->sharedOfaCount, &a->gpuInstanceSliceCount,
		       &a->computeInstanceSliceCount, &a->memorySizeMB);
}

EXPORT nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set)
{
	*set = (nvmlEventSet_t)(uintptr_t)1;
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set)
{
	(void)set;
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types)
{
	return numbers("DeviceGetSupportedEventTypes", "", device, "l", types);
}
