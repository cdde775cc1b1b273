// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_internal.h"
#include "process.h"

#define NO_INSTANCE 0xffffffffu

uint32_t process_count(const struct readings *readings, uint32_t type)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < readings->process_count && i < PROFILE_MAX_PROCESSES; i++)
		count += (readings->processes[i].type & type) != 0;
	return count;
}

const struct readings_process *process_next(const struct readings *readings, uint32_t type,
					    uint32_t *position)
{
	while (*position < readings->process_count && *position < PROFILE_MAX_PROCESSES) {
		const struct readings_process *process = &readings->processes[(*position)++];

		if (process->type & type)
			return process;
	}
	return NULL;
}

static void fill_v1(void *entry, const struct readings_process *process)
{
	*(nvmlProcessInfo_v1_t *)entry = (nvmlProcessInfo_v1_t){
		.pid = process->pid,
		.usedGpuMemory = process->used_memory,
	};
}

static void fill_v2(void *entry, const struct readings_process *process)
{
	*(nvmlProcessInfo_v2_t *)entry = (nvmlProcessInfo_v2_t){
		.pid = process->pid,
		.usedGpuMemory = process->used_memory,
		.gpuInstanceId = NO_INSTANCE,
		.computeInstanceId = NO_INSTANCE,
	};
}

static nvmlReturn_t list_processes(const char *function, nvmlDevice_t device, uint32_t type,
				   unsigned int *infoCount, void *infos, size_t size,
				   void (*fill)(void *entry,
						const struct readings_process *process))
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(function, device, infoCount, &gpu);
	const struct readings_process *process;
	uint32_t position = 0, room;

	if (ret != NVML_SUCCESS)
		return ret;
	room = *infoCount;
	if (room && !infos)
		return NVML_ERROR_INVALID_ARGUMENT;
	*infoCount = process_count(&gpu.device->readings, type);
	if (room < *infoCount)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (char *entry = infos; (process = process_next(&gpu.device->readings, type, &position));
	     entry += size)
		fill(entry, process);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t device, unsigned int *infoCount,
						  nvmlProcessInfo_v1_t *infos)
{
	return list_processes(__func__, device, PROFILE_PROCESS_COMPUTE, infoCount, infos,
			      sizeof(*infos), fill_v1);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t device, unsigned int *infoCount,
						     nvmlProcessInfo_v2_t *infos)
{
	return list_processes(__func__, device, PROFILE_PROCESS_COMPUTE, infoCount, infos,
			      sizeof(*infos), fill_v2);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int *infoCount,
						     nvmlProcessInfo_t *infos)
{
	return list_processes(__func__, device, PROFILE_PROCESS_COMPUTE, infoCount, infos,
			      sizeof(*infos), fill_v2);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses(nvmlDevice_t device, unsigned int *infoCount,
						   nvmlProcessInfo_v1_t *infos)
{
	return list_processes(__func__, device, PROFILE_PROCESS_GRAPHICS, infoCount, infos,
			      sizeof(*infos), fill_v1);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v2(nvmlDevice_t device, unsigned int *infoCount,
						      nvmlProcessInfo_v2_t *infos)
{
	return list_processes(__func__, device, PROFILE_PROCESS_GRAPHICS, infoCount, infos,
			      sizeof(*infos), fill_v2);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned int *infoCount,
						      nvmlProcessInfo_t *infos)
{
	return list_processes(__func__, device, PROFILE_PROCESS_GRAPHICS, infoCount, infos,
			      sizeof(*infos), fill_v2);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses(nvmlDevice_t device, unsigned int *infoCount,
						     nvmlProcessInfo_v1_t *infos)
{
	return list_processes(__func__, device, PROFILE_PROCESS_MPS, infoCount, infos,
			      sizeof(*infos), fill_v1);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v2(nvmlDevice_t device,
							unsigned int *infoCount,
							nvmlProcessInfo_v2_t *infos)
{
	return list_processes(__func__, device, PROFILE_PROCESS_MPS, infoCount, infos,
			      sizeof(*infos), fill_v2);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v3(nvmlDevice_t device,
							unsigned int *infoCount,
							nvmlProcessInfo_t *infos)
{
	return list_processes(__func__, device, PROFILE_PROCESS_MPS, infoCount, infos,
			      sizeof(*infos), fill_v2);
}

static uint32_t types_of_mode(unsigned int mode)
{
	static const uint32_t types[] = {
		[NVML_PROCESS_MODE_COMPUTE] = PROFILE_PROCESS_COMPUTE,
		[NVML_PROCESS_MODE_GRAPHICS] = PROFILE_PROCESS_GRAPHICS,
		[NVML_PROCESS_MODE_MPS] = PROFILE_PROCESS_MPS,
		[NVML_PROCESS_MODE_ALL] =
			PROFILE_PROCESS_COMPUTE | PROFILE_PROCESS_GRAPHICS | PROFILE_PROCESS_MPS,
	};

	return mode < NVML_PROCESS_MODE_MAX ? types[mode] : 0;
}

static void fill_details(nvmlProcessDetail_v1_t *entry, const struct readings *readings,
			 uint32_t type)
{
	const struct readings_process *process;
	uint32_t position = 0;

	while ((process = process_next(readings, type, &position)))
		*entry++ = (nvmlProcessDetail_v1_t){
			.pid = process->pid,
			.usedGpuMemory = process->used_memory,
			.gpuInstanceId = NO_INSTANCE,
			.computeInstanceId = NO_INSTANCE,
		};
}

nvmlReturn_t nvmlDeviceGetRunningProcessDetailList(nvmlDevice_t device,
						   nvmlProcessDetailList_t *plist)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, plist, &gpu);
	uint32_t type, room;

	if (ret != NVML_SUCCESS)
		return ret;
	if (plist->version != nvmlProcessDetailList_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	type = types_of_mode(plist->mode);
	if (!type)
		return NVML_ERROR_INVALID_ARGUMENT;
	room = plist->procArray ? plist->numProcArrayEntries : 0;
	plist->numProcArrayEntries = process_count(&gpu.device->readings, type);
	if (room < plist->numProcArrayEntries)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	fill_details(plist->procArray, &gpu.device->readings, type);
	return NVML_SUCCESS;
}
