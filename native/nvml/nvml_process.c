// SPDX-License-Identifier: GPL-3.0-or-later
#include "liveness.h"
#include "nvml_internal.h"
#include "process.h"

static bool is_within(const struct running_process *process, const struct gpu *gpu)
{
	return !gpu_is_mig(gpu) || (process->gpu_instance == gpu->gpu_instance &&
				    process->compute_instance == gpu->compute_instance);
}

// Only for those that libcuda put there is the system asked.
static uint32_t living(const struct running_process *all, uint32_t count,
		       struct running_process *list, uint32_t room)
{
	struct liveness observer = { 0 };
	uint32_t alive = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (liveness_is_recorded(&all[i])) {
			if (!observer.namespace)
				observer = liveness_observer();
			if (liveness_is_dead(&all[i], &observer))
				continue;
		}
		if (alive < room)
			list[alive] = all[i];
		alive++;
	}
	return alive;
}

uint32_t process_list(struct gpu *gpu, uint32_t type, struct running_process *list, uint32_t room)
{
	struct running_process all[STATE_MAX_PROCESSES];
	uint32_t count;

	do {
		const struct running *running = gpu->running;

		count = 0;
		for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++) {
			if (!(running->processes[i].process.type & type) ||
			    !is_within(&running->processes[i], gpu))
				continue;
			all[count++] = running->processes[i];
		}
	} while (gpu_changed(gpu));
	return living(all, count, list, room);
}

static void fill_v1(void *entry, const struct running_process *process)
{
	*(nvmlProcessInfo_v1_t *)entry = (nvmlProcessInfo_v1_t){
		.pid = process->process.pid,
		.usedGpuMemory = process->process.used_memory,
	};
}

static void fill_v2(void *entry, const struct running_process *process)
{
	*(nvmlProcessInfo_v2_t *)entry = (nvmlProcessInfo_v2_t){
		.pid = process->process.pid,
		.usedGpuMemory = process->process.used_memory,
		.gpuInstanceId = process->gpu_instance,
		.computeInstanceId = process->compute_instance,
	};
}

static nvmlReturn_t list_processes(const char *function, nvmlDevice_t device, uint32_t type,
				   unsigned int *infoCount, void *infos, size_t size,
				   void (*fill)(void *entry, const struct running_process *process))
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(function, device, infoCount, &gpu);
	struct running_process list[STATE_MAX_PROCESSES];
	uint32_t room;

	if (ret != NVML_SUCCESS)
		return ret;
	room = *infoCount;
	if (room && !infos)
		return NVML_ERROR_INVALID_ARGUMENT;
	*infoCount = process_list(&gpu, type, list, STATE_MAX_PROCESSES);
	if (room < *infoCount)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (uint32_t i = 0; i < *infoCount; i++)
		fill((char *)infos + i * size, &list[i]);
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
		[NVML_PROCESS_MODE_ALL] = ALL_PROCESSES,
	};

	return mode < NVML_PROCESS_MODE_MAX ? types[mode] : 0;
}

static void fill_details(nvmlProcessDetail_v1_t *entry, const struct running_process *process)
{
	*entry = (nvmlProcessDetail_v1_t){
		.pid = process->process.pid,
		.usedGpuMemory = process->process.used_memory,
		.gpuInstanceId = process->gpu_instance,
		.computeInstanceId = process->compute_instance,
	};
}

nvmlReturn_t nvmlDeviceGetRunningProcessDetailList(nvmlDevice_t device,
						   nvmlProcessDetailList_t *plist)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, plist, &gpu);
	struct running_process list[STATE_MAX_PROCESSES];
	uint32_t type, room;

	if (ret != NVML_SUCCESS)
		return ret;
	if (plist->version != nvmlProcessDetailList_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	type = types_of_mode(plist->mode);
	if (!type)
		return NVML_ERROR_INVALID_ARGUMENT;
	room = plist->procArray ? plist->numProcArrayEntries : 0;
	plist->numProcArrayEntries = process_list(&gpu, type, list, STATE_MAX_PROCESSES);
	if (room < plist->numProcArrayEntries)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (uint32_t i = 0; i < plist->numProcArrayEntries; i++)
		fill_details(&plist->procArray[i], &list[i]);
	return NVML_SUCCESS;
}
