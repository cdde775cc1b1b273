/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The MIG devices of the summary: compute instances grouped by GPU instance,
 * whose memory they share, so it is shown once. */
#include "cell.h"
#include "smi.h"

#include <stdio.h>
#include <string.h>

#define RULE \
	"+------------------+----------------------------------+-----------+-----------------------+\n"
#define INNER_RULE \
	"+------------------+                                  +-----------+-----------------------+\n"
#define MAX_MIG_DEVICES 64

struct mig_device {
	nvmlDevice_t handle;
	unsigned int index;
	unsigned int gpu_instance;
	unsigned int compute_instance;
	bool printed;
};

bool mig_enabled(nvmlDevice_t device)
{
	unsigned int current = 0, pending = 0;

	return nvml.DeviceGetMigMode(device, &current, &pending) == NVML_SUCCESS &&
	       current == NVML_DEVICE_MIG_ENABLE;
}

static unsigned int collect(nvmlDevice_t device, struct mig_device *found)
{
	unsigned int max = 0, count = 0;

	nvml.DeviceGetMaxMigDeviceCount(device, &max);
	for (unsigned int i = 0; i < max && count < MAX_MIG_DEVICES; i++) {
		struct mig_device *mig = &found[count];

		*mig = (struct mig_device){ .index = i };
		if (nvml.DeviceGetMigDeviceHandleByIndex(device, i, &mig->handle) == NVML_SUCCESS &&
		    nvml.DeviceGetGpuInstanceId(mig->handle, &mig->gpu_instance) == NVML_SUCCESS &&
		    nvml.DeviceGetComputeInstanceId(mig->handle, &mig->compute_instance) ==
			    NVML_SUCCESS)
			count++;
	}
	return count;
}

static struct cell memory_cell(nvmlDevice_t device)
{
	nvmlMemory_v2_t memory = { .version = nvmlMemory_v2 };
	nvmlReturn_t result = nvml.DeviceGetMemoryInfo_v2(device, &memory);

	if (result != NVML_SUCCESS)
		return cell_make(23, "%s", nvml.ErrorString(result));
	return cell_make(23, " %5lluMiB / %5lluMiB", mebibytes_up(memory.used),
			 mebibytes_up(memory.total));
}

static struct cell bar1_cell(nvmlDevice_t device)
{
	nvmlBAR1Memory_t memory;
	nvmlReturn_t result = nvml.DeviceGetBAR1MemoryInfo(device, &memory);

	if (result != NVML_SUCCESS)
		return cell_make(21, "%s", nvml.ErrorString(result));
	return cell_make(21, " %5lluMiB / %5lluMiB", mebibytes_down(memory.bar1Used),
			 mebibytes_down(memory.bar1Total));
}

static struct cell ecc_cell(nvmlDevice_t device)
{
	unsigned long long count;
	nvmlReturn_t result = nvml.DeviceGetMemoryErrorCounter(
		device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC,
		NVML_MEMORY_LOCATION_SRAM, &count);

	if (result != NVML_SUCCESS)
		return cell_make(5, "%4s", cell_failure(result));
	return cell_make(5, "%4llu", count);
}

static struct cell engine_cell(unsigned int count)
{
	return cell_make(4, "%3u", count);
}

static void print_mig_device(nvmlDevice_t parent, const struct mig_device *mig, bool first)
{
	nvmlDeviceAttributes_t has;
	unsigned int gpu = 0;

	if (nvml.DeviceGetAttributes_v2(mig->handle, &has) != NVML_SUCCESS)
		memset(&has, 0, sizeof(has));
	nvml.DeviceGetIndex(parent, &gpu);
	printf("|%3u %4u%4u %3u  |          %-23s |%-4s  %-5s|%-4s%-4s %-4s %-4s %-4s|\n", gpu,
	       mig->gpu_instance, mig->compute_instance, mig->index,
	       first ? memory_cell(mig->handle).text : "",
	       engine_cell(has.multiprocessorCount).text, ecc_cell(mig->handle).text,
	       engine_cell(has.sharedCopyEngineCount).text,
	       engine_cell(has.sharedEncoderCount).text, engine_cell(has.sharedDecoderCount).text,
	       engine_cell(has.sharedOfaCount).text, engine_cell(has.sharedJpegCount).text);
	printf("|                  |            %-21s |           |                       |\n",
	       first ? bar1_cell(mig->handle).text : "");
}

static void print_gpu_instance(nvmlDevice_t parent, struct mig_device *found, unsigned int count,
			       unsigned int first)
{
	for (unsigned int i = first; i < count; i++) {
		if (found[i].printed || found[i].gpu_instance != found[first].gpu_instance)
			continue;
		if (i != first)
			printf(INNER_RULE);
		print_mig_device(parent, &found[i], i == first);
		found[i].printed = true;
	}
	printf(RULE);
}

static unsigned int print_devices_of(nvmlDevice_t device)
{
	struct mig_device found[MAX_MIG_DEVICES];
	unsigned int count = collect(device, found);

	for (unsigned int i = 0; i < count; i++)
		if (!found[i].printed)
			print_gpu_instance(device, found, count, i);
	return count;
}

void mig_table_print(const struct selection *selection)
{
	unsigned int printed = 0;
	bool enabled = false;

	for (unsigned int i = 0; i < selection->count; i++)
		enabled = enabled || mig_enabled(selection->devices[i]);
	if (!enabled)
		return;
	printf("\n"
	       "+-----------------------------------------------------------------------------------------+\n"
	       "| MIG devices:                                                                            |\n" RULE
	       "| GPU  GI  CI  MIG |                     Memory-Usage |        Vol|      Shared           |\n"
	       "|      ID  ID  Dev |                       BAR1-Usage | SM     Unc| CE ENC DEC OFA JPG    |\n"
	       "|                  |                                  |        ECC|                       |\n"
	       "|==================+==================================+===========+=======================|\n");
	for (unsigned int i = 0; i < selection->count; i++)
		if (mig_enabled(selection->devices[i]))
			printed += print_devices_of(selection->devices[i]);
	if (!printed)
		printf("|  No MIG devices found                                                                   |\n"
		       "+-----------------------------------------------------------------------------------------+\n");
}
