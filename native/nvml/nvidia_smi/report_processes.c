/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's processes: those that run, and those whose statistics were kept. */
#include "cell.h"
#include "process_list.h"
#include "report.h"

#include <stdlib.h>

static void report_instance(struct report *report, const char *label, const char *tag,
			    unsigned int id)
{
	if (id == UNKNOWN_INSTANCE)
		report_value(report, label, tag, "N/A");
	else
		report_value(report, label, tag, "%u", id);
}

/* The vendor's text names the cause that a missing number has on Windows. */
static void report_memory(struct report *report, unsigned long long bytes)
{
	if (bytes == (unsigned long long)NVML_VALUE_NOT_AVAILABLE)
		report_value(report, "Used GPU Memory", "used_memory", "%s",
			     report->xml ? "N/A" : "Not available in WDDM driver model");
	else
		report_value(report, "Used GPU Memory", "used_memory", "%llu MiB",
			     mebibytes_down(bytes));
}

static void report_process(struct report *report, const struct process *process)
{
	char name[PROCESS_NAME_SIZE];
	bool named = process_name(process->info.pid, name);

	if (report->xml)
		report_open(report, NULL, "process_info");
	report_instance(report, "GPU instance ID", "gpu_instance_id", process->info.gpuInstanceId);
	report_instance(report, "Compute instance ID", "compute_instance_id",
			process->info.computeInstanceId);
	report_value(report, "Process ID", "pid", "%u", process->info.pid);
	if (!report->xml)
		report_open(report, NULL, NULL);
	report_value(report, "Type", "type", "%s", process_use_word(process->use));
	report_value(report, "Name", "process_name", "%s", named ? name : "[Not Found]");
	report_memory(report, process->info.usedGpuMemory);
	report_close(report);
}

struct shown {
	struct report *report;
	unsigned int count;
};

static void report_processes_of(nvmlDevice_t device, void *data)
{
	struct shown *shown = data;
	struct process_list processes;
	nvmlReturn_t result =
		process_list_get(&processes, device, USE_COMPUTE | USE_MPS | USE_GRAPHICS);

	process_list_sort(&processes);

	for (unsigned int i = 0; result == NVML_SUCCESS && i < processes.count; i++) {
		if (!shown->count++)
			report_open(shown->report, "Processes", "processes");
		report_process(shown->report, &processes.list[i]);
	}
	process_list_free(&processes);
}

void report_processes(struct report *report, nvmlDevice_t device)
{
	struct shown shown = { .report = report };

	process_devices(device, report_processes_of, &shown);
	if (!shown.count && !report->xml) {
		report_value(report, "Processes", NULL, "None");
		return;
	}
	if (!shown.count)
		report_open(report, NULL, "processes");
	report_close(report);
}

static void report_accounted(struct report *report, unsigned int pid,
			     const nvmlAccountingStats_t *stats)
{
	if (report->xml)
		report_open(report, NULL, "accounted_process_info");
	report_value(report, "Process ID", "pid", "%u", pid);
	if (!report->xml)
		report_open(report, NULL, NULL);
	report_value(report, "GPU Utilization", "gpu_util", "%u %%", stats->gpuUtilization);
	report_value(report, "Memory Utilization", "memory_util", "%u %%",
		     stats->memoryUtilization);
	report_value(report, "Max memory usage", "max_memory_usage", "%llu MiB",
		     mebibytes_down(stats->maxMemoryUsage));
	report_value(report, "Time", "time", "%llu ms", stats->time);
	report_value(report, "Is Running", "is_running", "%u", stats->isRunning);
	report_close(report);
}

/* A process whose statistics are gone by now is left out. */
static void report_accounted_all(struct report *report, nvmlDevice_t device, unsigned int *pids,
				 unsigned int count)
{
	report_open(report, "Accounted Processes", "accounted_processes");
	for (unsigned int i = 0; i < count; i++) {
		nvmlAccountingStats_t stats;

		if (nvml.DeviceGetAccountingStats(device, pids[i], &stats) == NVML_SUCCESS)
			report_accounted(report, pids[i], &stats);
	}
	report_close(report);
}

void report_accounted_processes(struct report *report, nvmlDevice_t device)
{
	unsigned int count = 0;
	unsigned int *pids = NULL;
	nvmlReturn_t result = nvml.DeviceGetAccountingPids(device, &count, NULL);

	if (result == NVML_ERROR_INSUFFICIENT_SIZE) {
		pids = calloc(count, sizeof(*pids));
		result = pids ? nvml.DeviceGetAccountingPids(device, &count, pids)
			      : NVML_ERROR_MEMORY;
	}
	if (result != NVML_SUCCESS)
		report_result(report, "Accounted Processes", "accounted_processes", result, "%s",
			      "");
	else if (!pids && !report->xml)
		report_value(report, "Accounted Processes", NULL, "None");
	else
		report_accounted_all(report, device, pids, pids ? count : 0);
	free(pids);
}
