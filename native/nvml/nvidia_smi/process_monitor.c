/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi pmon: one line a process and round. */
#include "cell.h"
#include "monitor.h"
#include "process_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 15

/* What one process has used of the engines of late. */
struct usage {
	bool known;
	unsigned int sm, memory, encoder, decoder, jpeg, ofa;
};

struct usages {
	bool known;
	nvmlProcessesUtilizationInfo_t info;
};

static struct usages usages_get(nvmlDevice_t device)
{
	struct usages usages = { .info = { .version = nvmlProcessesUtilizationInfo_v1 } };
	nvmlReturn_t result = nvml.DeviceGetProcessesUtilizationInfo(device, &usages.info);

	if (result == NVML_ERROR_INSUFFICIENT_SIZE && usages.info.processSamplesCount) {
		usages.info.procUtilArray =
			calloc(usages.info.processSamplesCount, sizeof(*usages.info.procUtilArray));
		result = usages.info.procUtilArray
				 ? nvml.DeviceGetProcessesUtilizationInfo(device, &usages.info)
				 : NVML_ERROR_MEMORY;
	}
	usages.known = result == NVML_SUCCESS || result == NVML_ERROR_NOT_FOUND;
	if (result != NVML_SUCCESS)
		usages.info.processSamplesCount = 0;
	return usages;
}

/* The latest sample counts; a process without one has used nothing. */
static struct usage usage_of(const struct usages *usages, unsigned int pid)
{
	struct usage usage = { .known = usages->known };

	for (unsigned int i = 0; i < usages->info.processSamplesCount; i++) {
		const nvmlProcessUtilizationInfo_v1_t *sample = &usages->info.procUtilArray[i];

		if (sample->pid == pid)
			usage = (struct usage){ true,
						sample->smUtil,
						sample->memUtil,
						sample->encUtil,
						sample->decUtil,
						sample->jpgUtil,
						sample->ofaUtil };
	}
	return usage;
}

static void print_number(bool known, unsigned int number)
{
	if (known)
		printf("  %5u", number);
	else
		printf("  %5s", "-");
}

static void print_usage(const struct usage *usage)
{
	print_number(usage->known, usage->sm);
	print_number(usage->known, usage->memory);
	print_number(usage->known, usage->encoder);
	print_number(usage->known, usage->decoder);
	print_number(usage->known, usage->jpeg);
	print_number(usage->known, usage->ofa);
}

/* The last part of the path, as much of it as there is room. */
static void print_name(unsigned int pid)
{
	char name[PROCESS_NAME_SIZE];
	const char *slash;

	if (!process_name(pid, name))
		strcpy(name, "-");
	slash = strrchr(name, '/');
	printf("    %-*.*s\n", NAME_WIDTH, NAME_WIDTH, slash ? slash + 1 : name);
}

/* Then no process has any; of a board that has, the public interface does not say whose it is. */
static bool has_no_protected_memory(nvmlDevice_t device)
{
	nvmlMemory_t memory = { 0 };

	return nvml.DeviceGetConfComputeProtectedMemoryUsage(device, &memory) != NVML_SUCCESS ||
	       !memory.total;
}

static bool shows(const struct monitor *monitor, char group)
{
	return strchr(monitor->selected, group) != NULL;
}

static void print_process(const struct monitor *monitor, nvmlDevice_t device,
			  const struct usages *usages, const struct process *process)
{
	struct usage usage = usage_of(usages, process->info.pid);
	unsigned long long used = process->info.usedGpuMemory;

	monitor_line(monitor, device);
	printf(" %10u %5s", process->info.pid, process_use_word(process->use));
	if (shows(monitor, 'u'))
		print_usage(&usage);
	if (shows(monitor, 'm')) {
		print_number(true, used == (unsigned long long)NVML_VALUE_NOT_AVAILABLE
					   ? 0
					   : (unsigned int)mebibytes_down(used));
		print_number(has_no_protected_memory(device), 0);
	}
	print_name(process->info.pid);
}

static void print_none(const struct monitor *monitor, nvmlDevice_t device)
{
	const struct usage none = { .known = false };

	monitor_line(monitor, device);
	printf(" %10s %5s", "-", "-");
	if (shows(monitor, 'u'))
		print_usage(&none);
	if (shows(monitor, 'm'))
		printf("  %5s  %5s", "-", "-");
	printf("    %-*s\n", NAME_WIDTH, "-");
}

static void print_device(const struct monitor *monitor, nvmlDevice_t device)
{
	struct usages usages = usages_get(device);
	struct process_list processes;
	nvmlReturn_t result =
		process_list_get(&processes, device, USE_COMPUTE | USE_MPS | USE_GRAPHICS);

	process_list_sort(&processes);
	if (result != NVML_SUCCESS || !processes.count)
		print_none(monitor, device);
	for (unsigned int i = 0; result == NVML_SUCCESS && i < processes.count; i++)
		print_process(monitor, device, &usages, &processes.list[i]);
	process_list_free(&processes);
	free(usages.info.procUtilArray);
}

static void print_round(const struct monitor *monitor, const struct selection *selection)
{
	for (unsigned int i = 0; i < selection->count; i++)
		print_device(monitor, selection->devices[i]);
}

static void print_head(const struct monitor *monitor, bool second)
{
	monitor_head(monitor, second);
	printf(" %11s  %5s", second ? "#" : "pid", second ? "C/G" : "type");
	if (shows(monitor, 'u'))
		printf(second ? "      %%      %%      %%      %%      %%      %%"
			      : "     sm    mem    enc    dec    jpg    ofa");
	if (shows(monitor, 'm'))
		printf(second ? "     MB     MB" : "     fb   ccpm");
	printf("    %s \n", second ? "name" : "command");
}

static const struct monitor process_monitor = {
	.name = "pmon",
	.groups = "um",
	.selected = "u",
	.delay = 1,
	.head = print_head,
	.round = print_round,
};

int process_monitor_check(char *const words[], bool *run)
{
	return monitor_check(&process_monitor, words, run);
}

int process_monitor_run(char *const words[])
{
	return monitor_run(&process_monitor, words);
}
