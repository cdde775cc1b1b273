/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "process_list.h"

#include <stdlib.h>

typedef nvmlReturn_t (*lister)(nvmlDevice_t, unsigned int *, nvmlProcessInfo_t *);

static bool add(struct process_list *processes, const nvmlProcessInfo_t *info, enum process_use use)
{
	struct process *grown;

	for (unsigned int i = 0; i < processes->count; i++) {
		if (processes->list[i].info.pid == info->pid) {
			processes->list[i].use |= use;
			return true;
		}
	}
	/* MPS says which of the compute processes are its clients; alone it names none. */
	if (use == USE_MPS)
		return true;
	grown = realloc(processes->list, (processes->count + 1) * sizeof(*grown));
	if (!grown)
		return false;
	processes->list = grown;
	grown[processes->count++] = (struct process){ .info = *info, .use = use };
	return true;
}

/* Room for what is there now and for as many more as may come in between. */
static nvmlReturn_t add_all(struct process_list *processes, nvmlDevice_t device, lister list,
			    enum process_use use)
{
	unsigned int count = 0;
	nvmlProcessInfo_t *infos;
	nvmlReturn_t result = list(device, &count, NULL);

	if (result != NVML_ERROR_INSUFFICIENT_SIZE)
		return result;
	count = count * 2 + 8;
	infos = calloc(count, sizeof(*infos));
	result = infos ? list(device, &count, infos) : NVML_ERROR_MEMORY;
	for (unsigned int i = 0; result == NVML_SUCCESS && i < count; i++)
		if (!add(processes, &infos[i], use))
			result = NVML_ERROR_MEMORY;
	free(infos);
	return result;
}

nvmlReturn_t process_list_get(struct process_list *processes, nvmlDevice_t device,
			      unsigned int uses)
{
	const struct {
		lister list;
		enum process_use use;
	} listers[] = {
		{ nvml.DeviceGetComputeRunningProcesses_v3, USE_COMPUTE },
		{ nvml.DeviceGetMPSComputeRunningProcesses_v3, USE_MPS },
		{ nvml.DeviceGetGraphicsRunningProcesses_v3, USE_GRAPHICS },
	};
	nvmlReturn_t result = NVML_SUCCESS;

	*processes = (struct process_list){ 0 };
	for (size_t i = 0; i < sizeof(listers) / sizeof(listers[0]); i++)
		if (result == NVML_SUCCESS && uses & listers[i].use)
			result = add_all(processes, device, listers[i].list, listers[i].use);
	return result;
}

static int by_pid(const void *a, const void *b)
{
	unsigned int left = ((const struct process *)a)->info.pid;
	unsigned int right = ((const struct process *)b)->info.pid;

	return left < right ? -1 : left > right;
}

void process_list_sort(struct process_list *processes)
{
	if (processes->count)
		qsort(processes->list, processes->count, sizeof(*processes->list), by_pid);
}

void process_list_free(struct process_list *processes)
{
	free(processes->list);
}

const char *process_use_word(unsigned int use)
{
	if (use & USE_GRAPHICS)
		return use & USE_MPS ? "M+C+G" : use & USE_COMPUTE ? "C+G" : "G";
	return use & USE_MPS ? "M+C" : "C";
}

bool process_name(unsigned int pid, char name[PROCESS_NAME_SIZE])
{
	return nvml.SystemGetProcessName(pid, name, PROCESS_NAME_SIZE) == NVML_SUCCESS;
}

void process_devices(nvmlDevice_t gpu, void (*each)(nvmlDevice_t device, void *data), void *data)
{
	unsigned int max = 0, found = 0;

	nvml.DeviceGetMaxMigDeviceCount(gpu, &max);
	for (unsigned int i = 0; i < max; i++) {
		nvmlDevice_t mig;

		if (nvml.DeviceGetMigDeviceHandleByIndex(gpu, i, &mig) != NVML_SUCCESS)
			continue;
		found++;
		each(mig, data);
	}
	if (!found)
		each(gpu, data);
}
