/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes of the summary, one line each, by GPU and process id. */
#include "cell.h"
#include "smi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 38
#define UNKNOWN_INSTANCE 0xffffffffu

enum use { USE_COMPUTE = 1, USE_GRAPHICS = 2, USE_MPS = 4 };

struct process {
	nvmlProcessInfo_t info;
	unsigned int use; /* enum use, or-ed */
};

struct processes {
	unsigned int count;
	struct process *list;
};

typedef nvmlReturn_t (*lister)(nvmlDevice_t, unsigned int *, nvmlProcessInfo_t *);

static bool add(struct processes *processes, const nvmlProcessInfo_t *info, enum use use)
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
static bool add_all(struct processes *processes, nvmlDevice_t device, lister list, enum use use)
{
	unsigned int count = 0;
	nvmlProcessInfo_t *infos;
	nvmlReturn_t result = list(device, &count, NULL);
	bool done;

	if (result == NVML_SUCCESS)
		return true;
	if (result != NVML_ERROR_INSUFFICIENT_SIZE)
		return false;
	count = count * 2 + 8;
	infos = calloc(count, sizeof(*infos));
	done = infos && list(device, &count, infos) == NVML_SUCCESS;
	for (unsigned int i = 0; done && i < count; i++)
		done = add(processes, &infos[i], use);
	free(infos);
	return done;
}

static int by_pid(const void *a, const void *b)
{
	unsigned int left = ((const struct process *)a)->info.pid;
	unsigned int right = ((const struct process *)b)->info.pid;

	return left < right ? -1 : left > right;
}

static const char *use_word(unsigned int use)
{
	if (use & USE_GRAPHICS)
		return use & USE_MPS ? "M+C+G" : use & USE_COMPUTE ? "C+G" : "G";
	return use & USE_MPS ? "M+C" : "C";
}

static struct cell instance_cell(unsigned int id)
{
	return id == UNKNOWN_INSTANCE ? cell_make(3, "N/A") : cell_make(3, "%2u", id);
}

static struct cell memory_cell(unsigned long long bytes)
{
	if (bytes == (unsigned long long)NVML_VALUE_NOT_AVAILABLE)
		return cell_make(8, "N/A");
	return cell_make(8, "%5lluMiB", mebibytes_down(bytes));
}

/* Of a long name the end says more than the beginning. */
static struct cell name_cell(unsigned int pid)
{
	char name[4096];
	size_t length;

	if (nvml.SystemGetProcessName(pid, name, sizeof(name)) != NVML_SUCCESS)
		return cell_make(NAME_WIDTH, "[Not Found]");
	length = strlen(name);
	if (length <= NAME_WIDTH)
		return cell_make(NAME_WIDTH, "%s", name);
	return cell_make(NAME_WIDTH, "...%s", name + length - (NAME_WIDTH - 3));
}

static void print_process(unsigned int gpu, const struct process *process)
{
	printf("|%5u   %-3s  %-3s  %8s %6s   %-38s      %-8s |\n", gpu,
	       instance_cell(process->info.gpuInstanceId).text,
	       instance_cell(process->info.computeInstanceId).text,
	       cell_make(8, "%8u", process->info.pid).text, use_word(process->use),
	       name_cell(process->info.pid).text, memory_cell(process->info.usedGpuMemory).text);
}

/* Prints nothing of a device whose lists cannot all be had. */
static unsigned int print_processes_of(nvmlDevice_t device, unsigned int gpu)
{
	struct processes processes = { 0 };
	bool known =
		add_all(&processes, device, nvml.DeviceGetComputeRunningProcesses_v3,
			USE_COMPUTE) &&
		add_all(&processes, device, nvml.DeviceGetMPSComputeRunningProcesses_v3, USE_MPS) &&
		add_all(&processes, device, nvml.DeviceGetGraphicsRunningProcesses_v3,
			USE_GRAPHICS);

	if (known && processes.count) {
		qsort(processes.list, processes.count, sizeof(*processes.list), by_pid);
		for (unsigned int i = 0; i < processes.count; i++)
			print_process(gpu, &processes.list[i]);
	}
	free(processes.list);
	return known ? processes.count : 0;
}

/* Where a GPU has MIG devices, its processes run on them. */
static unsigned int print_processes_of_gpu(nvmlDevice_t device)
{
	unsigned int gpu = 0, max = 0, found = 0, printed = 0;

	nvml.DeviceGetIndex(device, &gpu);
	nvml.DeviceGetMaxMigDeviceCount(device, &max);
	for (unsigned int i = 0; i < max; i++) {
		nvmlDevice_t mig;

		if (nvml.DeviceGetMigDeviceHandleByIndex(device, i, &mig) != NVML_SUCCESS)
			continue;
		found++;
		printed += print_processes_of(mig, gpu);
	}
	return found ? printed : print_processes_of(device, gpu);
}

void process_table_print(const struct selection *selection)
{
	unsigned int printed = 0;

	printf("+-----------------------------------------------------------------------------------------+\n"
	       "| Processes:                                                                              |\n"
	       "|  GPU   GI   CI        PID   Type   Process name                              GPU Memory |\n"
	       "|        ID   ID                                                               Usage      |\n"
	       "|=========================================================================================|\n");
	for (unsigned int i = 0; i < selection->count; i++)
		printed += print_processes_of_gpu(selection->devices[i]);
	if (!printed)
		printf("|  No running processes found                                                             |\n");
	printf("+-----------------------------------------------------------------------------------------+\n");
}
