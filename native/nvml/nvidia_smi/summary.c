/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi without a command: three lines a GPU, its MIG devices, processes. */
#include "cell.h"
#include "smi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RULE \
	"+-----------------------------------------+------------------------+----------------------+\n"
#define OUTER_RULE \
	"+-----------------------------------------------------------------------------------------+\n"
#define HEADER_RULE \
	"|-----------------------------------------+------------------------+----------------------+\n"
#define DOUBLE_RULE \
	"|=========================================+========================+======================|\n"

static void print_time(void)
{
	time_t now = time(NULL);
	struct tm local;
	char text[32];

	localtime_r(&now, &local);
	strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &local);
	printf("%-31s\n", text);
}

static void print_header(void)
{
	char driver[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE];
	int cuda = 0;
	struct cell cuda_cell;
	nvmlReturn_t result = nvml.SystemGetDriverVersion(driver, sizeof(driver));

	if (result != NVML_SUCCESS)
		snprintf(driver, sizeof(driver), "%s", cell_failure(result));
	result = nvml.SystemGetCudaDriverVersion_v2(&cuda);
	cuda_cell = result == NVML_SUCCESS ? cell_make(9, "%d.%d", cuda / 1000, cuda % 1000 / 10)
					   : cell_make(9, "%s", cell_failure(result));
	printf(OUTER_RULE
	       "| NVIDIA-SMI %-10s             Driver Version: %-10s     CUDA Version: %-9s|\n" HEADER_RULE
	       "| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |\n"
	       "| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |\n"
	       "|                                         |                        |               MIG M. |\n" DOUBLE_RULE,
	       cell_make(10, "%s", DRIVER_VERSION).text, cell_make(10, "%s", driver).text,
	       cuda_cell.text);
}

static struct cell name_cell(nvmlDevice_t device)
{
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
	nvmlReturn_t result = nvml.DeviceGetName(device, name, sizeof(name));

	return cell_make(27, "%s", result == NVML_SUCCESS ? name : cell_failure(result));
}

static struct cell bus_cell(nvmlDevice_t device)
{
	nvmlPciInfo_t pci;
	nvmlReturn_t result = nvml.DeviceGetPciInfo_v3(device, &pci);

	return cell_make(16, "%s", result == NVML_SUCCESS ? pci.busId : cell_failure(result));
}

static struct cell persistence_cell(nvmlDevice_t device)
{
	nvmlEnableState_t state;
	nvmlReturn_t result = nvml.DeviceGetPersistenceMode(device, &state);

	if (result != NVML_SUCCESS)
		return cell_make(4, "%s", cell_failure(result));
	return cell_make(4, "%s", state == NVML_FEATURE_ENABLED ? " On" : " Off");
}

static struct cell display_cell(nvmlDevice_t device)
{
	nvmlEnableState_t state;
	nvmlReturn_t result = nvml.DeviceGetDisplayActive(device, &state);

	if (result != NVML_SUCCESS)
		return cell_make(4, "%4s", cell_failure(result));
	return cell_make(4, "%4s", state == NVML_FEATURE_ENABLED ? "On" : "Off");
}

/*
 * The uncorrected errors since the driver was loaded. With MIG they are counted
 * by instance, so only the mode is shown. A star marks a change of the mode that
 * waits for the next reboot.
 */
static struct cell ecc_cell(nvmlDevice_t device)
{
	nvmlEnableState_t current, pending;
	unsigned long long count;
	const char *star;
	nvmlReturn_t result = nvml.DeviceGetEccMode(device, &current, &pending);

	if (result != NVML_SUCCESS)
		return cell_make(20, "%20s", cell_failure(result));
	star = current == pending ? "" : "*";
	if (current == NVML_FEATURE_DISABLED)
		return cell_make(20, "%20s", *star ? "Off*" : "Off");
	if (mig_enabled(device))
		return cell_make(20, "%20s", *star ? "On*" : "On");
	result = nvml.DeviceGetTotalEccErrors(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
					      NVML_VOLATILE_ECC, &count);
	if (result != NVML_SUCCESS)
		return cell_make(20, "%20s", cell_failure(result));
	return *star ? cell_make(20, "%19llu*", count) : cell_make(20, "%20llu", count);
}

static struct cell fan_cell(nvmlDevice_t device)
{
	unsigned int speed;
	nvmlReturn_t result = nvml.DeviceGetFanSpeed(device, &speed);

	if (result != NVML_SUCCESS)
		return cell_make(5, "%4s", cell_failure(result));
	return cell_make(5, "%3u%%", speed);
}

static struct cell temperature_cell(nvmlDevice_t device)
{
	unsigned int celsius;
	nvmlReturn_t result = nvml.DeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &celsius);

	if (result != NVML_SUCCESS)
		return cell_make(5, "%4s", cell_failure(result));
	return cell_make(5, "%3dC", (int)celsius);
}

static struct cell performance_cell(nvmlDevice_t device)
{
	nvmlPstates_t state;
	nvmlReturn_t result = nvml.DeviceGetPerformanceState(device, &state);

	if (result != NVML_SUCCESS)
		return cell_make(5, "%4s", cell_failure(result));
	if (state == NVML_PSTATE_UNKNOWN)
		return cell_make(5, "ERR!");
	return cell_make(5, "%5s", cell_make(4, "P%d", (int)state).text);
}

/* A board that draws next to nothing still shows one watt. */
static struct cell power_cell(nvmlDevice_t device)
{
	unsigned int milliwatts;
	nvmlReturn_t result = nvml.DeviceGetPowerUsage(device, &milliwatts);

	if (result != NVML_SUCCESS)
		return cell_make(4, "%4s", cell_failure(result));
	return cell_make(4, "%3uW", milliwatts < 1000 ? 1 : milliwatts / 1000);
}

static struct cell power_limit_cell(nvmlDevice_t device)
{
	unsigned int milliwatts;
	nvmlReturn_t result = nvml.DeviceGetEnforcedPowerLimit(device, &milliwatts);

	if (result != NVML_SUCCESS)
		return cell_make(5, "%4s", cell_failure(result));
	return cell_make(5, "%4uW", milliwatts / 1000);
}

static struct cell memory_cell(nvmlDevice_t device)
{
	nvmlMemory_v2_t memory = { .version = nvmlMemory_v2 };
	nvmlReturn_t result = nvml.DeviceGetMemoryInfo_v2(device, &memory);

	if (result == NVML_ERROR_NO_PERMISSION)
		return cell_make(22, "%20s", "N/A");
	if (result != NVML_SUCCESS)
		return cell_make(22, "%s", nvml.ErrorString(result));
	return cell_make(22, " %6lluMiB / %6lluMiB", mebibytes_up(memory.used),
			 mebibytes_up(memory.total));
}

static struct cell utilization_cell(nvmlDevice_t device)
{
	nvmlUtilization_t utilization;
	nvmlReturn_t result = nvml.DeviceGetUtilizationRates(device, &utilization);

	if (result != NVML_SUCCESS)
		return cell_make(6, "%4s", cell_failure(result));
	return cell_make(6, "%3u%%", utilization.gpu);
}

static struct cell compute_cell(nvmlDevice_t device)
{
	static const char *const modes[] = { "Default", "E. Thread", "Prohibited", "E. Process" };
	nvmlComputeMode_t mode;
	nvmlReturn_t result = nvml.DeviceGetComputeMode(device, &mode);

	if (result != NVML_SUCCESS)
		return cell_make(10, "%10s", cell_failure(result));
	return cell_make(10, "%10s", (unsigned int)mode < 4 ? modes[mode] : "Unknown");
}

/* What the mode will be; a star where it is not so yet. */
static struct cell mig_cell(nvmlDevice_t device)
{
	unsigned int current, pending;
	nvmlReturn_t result = nvml.DeviceGetMigMode(device, &current, &pending);

	if (result != NVML_SUCCESS)
		return cell_make(10, "%10s", cell_failure(result));
	return cell_make(10, "%10s",
			 pending == NVML_DEVICE_MIG_ENABLE
				 ? (current == pending ? "Enabled" : "Enabled*")
				 : (current == pending ? "Disabled" : "Disabled*"));
}

static struct cell index_cell(nvmlDevice_t device)
{
	unsigned int index = 0;
	nvmlReturn_t result = nvml.DeviceGetIndex(device, &index);

	if (result != NVML_SUCCESS)
		return cell_make(4, "%s", cell_failure(result));
	return cell_make(4, "%3u", index);
}

static void print_device(nvmlDevice_t device)
{
	printf("| %-4s %-27s   %-4s |   %-16s%-4s | %-20s |\n", index_cell(device).text,
	       name_cell(device).text, persistence_cell(device).text, bus_cell(device).text,
	       display_cell(device).text, ecc_cell(device).text);
	printf("|%-5s %-5s%-5s            %-4s / %-5s | %-22s |    %-6s %-10s |\n",
	       fan_cell(device).text, temperature_cell(device).text, performance_cell(device).text,
	       power_cell(device).text, power_limit_cell(device).text, memory_cell(device).text,
	       utilization_cell(device).text, compute_cell(device).text);
	printf("|                                         |                        |           %-10s |\n" RULE,
	       mig_cell(device).text);
}

/* The last lines of all, and the exit status: boards whose own data are damaged. */
static nvmlReturn_t warn_of_damage(const struct selection *selection)
{
	nvmlReturn_t worst = NVML_SUCCESS;

	for (unsigned int i = 0; i < selection->count; i++) {
		unsigned int index = i;

		if (nvml.DeviceValidateInforom(selection->devices[i]) !=
		    NVML_ERROR_CORRUPTED_INFOROM)
			continue;
		nvml.DeviceGetIndex(selection->devices[i], &index);
		printf("WARNING: infoROM is corrupted at gpu %u\n", index);
		worst = NVML_ERROR_CORRUPTED_INFOROM;
	}
	return worst;
}

int summary_print(const struct selection *selection)
{
	nvmlReturn_t result;

	print_time();
	print_header();
	for (unsigned int i = 0; i < selection->count; i++)
		print_device(selection->devices[i]);
	mig_table_print(selection);
	printf("%89s\n", "");
	result = process_table_print(selection);
	return exit_status(result == NVML_SUCCESS ? warn_of_damage(selection) : result);
}
