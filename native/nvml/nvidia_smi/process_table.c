/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes of the summary, one line each, by GPU and process id. */
#include "cell.h"
#include "process_list.h"
#include "smi.h"

#include <stdio.h>
#include <string.h>

#define NAME_WIDTH 38

struct table {
	unsigned int gpu;
	unsigned int printed;
};

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
	char name[PROCESS_NAME_SIZE];
	size_t length;

	if (!process_name(pid, name))
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
	       cell_make(8, "%8u", process->info.pid).text, process_use_word(process->use),
	       name_cell(process->info.pid).text, memory_cell(process->info.usedGpuMemory).text);
}

/* Prints nothing of a device whose lists cannot all be had. */
static void print_processes_of(nvmlDevice_t device, void *data)
{
	struct table *table = data;
	struct process_list processes;
	nvmlReturn_t result =
		process_list_get(&processes, device, USE_COMPUTE | USE_MPS | USE_GRAPHICS);

	process_list_sort(&processes);
	for (unsigned int i = 0; result == NVML_SUCCESS && i < processes.count; i++) {
		print_process(table->gpu, &processes.list[i]);
		table->printed++;
	}
	process_list_free(&processes);
}

nvmlReturn_t process_table_print(const struct selection *selection)
{
	struct table table = { 0 };

	printf("+-----------------------------------------------------------------------------------------+\n"
	       "| Processes:                                                                              |\n"
	       "|  GPU   GI   CI        PID   Type   Process name                              GPU Memory |\n"
	       "|        ID   ID                                                               Usage      |\n"
	       "|=========================================================================================|\n");
	for (unsigned int i = 0; i < selection->count; i++) {
		nvmlReturn_t result = nvml.DeviceGetIndex(selection->devices[i], &table.gpu);

		if (result != NVML_SUCCESS) {
			printf("Failed to query device index\n");
			return result;
		}
		process_devices(selection->devices[i], print_processes_of, &table);
	}
	if (!table.printed)
		printf("|  No running processes found                                                             |\n");
	printf("+-----------------------------------------------------------------------------------------+\n");
	return NVML_SUCCESS;
}
