/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queries that list something of each GPU: its clocks, its compute processes. */
#include <stdio.h>
#include <stdlib.h>

#include "cell.h"
#include "process_list.h"
#include "query_list.h"

struct query_item *query_item_add(struct query_items *items)
{
	struct query_item *grown = realloc(items->list, (items->count + 1) * sizeof(*items->list));

	if (!grown)
		return NULL;
	items->list = grown;
	grown[items->count] = (struct query_item){ 0 };
	return &grown[items->count++];
}

void query_items_fail(struct query_items *items, nvmlReturn_t result)
{
	struct query_item *item;

	items->count = 0;
	item = query_item_add(items);
	if (item)
		item->result = result;
}

/* --- clocks --- */

static nvmlReturn_t write_memory_clock(const struct query_item *item, char *out)
{
	return put_number(NVML_SUCCESS, out, item->memory_clock);
}

static nvmlReturn_t write_graphics_clock(const struct query_item *item, char *out)
{
	return put_number(NVML_SUCCESS, out, item->graphics_clock);
}

static const struct field clock_fields[] = {
	OF_THE_GPU,
	{ "memory", "mem", "MHz", "memory clock", .write_item = write_memory_clock },
	{ "graphics", "gr", "MHz", "graphics clock that goes with it",
	  .write_item = write_graphics_clock },
};

static nvmlReturn_t add_graphics(struct query_items *items, nvmlDevice_t device,
				 unsigned int memory)
{
	unsigned int count = 0;
	unsigned int *clocks;
	nvmlReturn_t result = nvml.DeviceGetSupportedGraphicsClocks(device, memory, &count, NULL);

	if (result != NVML_ERROR_INSUFFICIENT_SIZE)
		return result;
	clocks = calloc(count, sizeof(*clocks));
	result = clocks ? nvml.DeviceGetSupportedGraphicsClocks(device, memory, &count, clocks)
			: NVML_ERROR_MEMORY;
	for (unsigned int i = 0; result == NVML_SUCCESS && i < count; i++) {
		struct query_item *item = query_item_add(items);

		if (!item) {
			result = NVML_ERROR_MEMORY;
			break;
		}
		item->memory_clock = memory;
		item->graphics_clock = clocks[i];
	}
	free(clocks);
	return result;
}

static bool asked(const struct field *const fields[], unsigned int count,
		  nvmlReturn_t (*write)(const struct query_item *item, char *out))
{
	for (unsigned int i = 0; i < count; i++)
		if (fields[i]->write_item == write)
			return true;
	return false;
}

static nvmlReturn_t add_memory(struct query_items *items, unsigned int memory)
{
	struct query_item *item = query_item_add(items);

	if (!item)
		return NVML_ERROR_MEMORY;
	item->memory_clock = memory;
	return NVML_SUCCESS;
}

static int by_graphics_clock(const void *a, const void *b)
{
	unsigned int left = ((const struct query_item *)a)->graphics_clock;
	unsigned int right = ((const struct query_item *)b)->graphics_clock;

	return left > right ? -1 : left < right;
}

/* The highest first, each once. */
static void make_unique(struct query_items *items)
{
	unsigned int kept = 0;

	if (items->count)
		qsort(items->list, items->count, sizeof(*items->list), by_graphics_clock);
	for (unsigned int i = 0; i < items->count; i++)
		if (!kept || items->list[i].graphics_clock != items->list[kept - 1].graphics_clock)
			items->list[kept++] = items->list[i];
	items->count = kept;
}

/* One line for each value of what was asked for: without clocks, one in all. */
static struct query_items list_clocks(nvmlDevice_t device, const struct field *const fields[],
				      unsigned int field_count)
{
	unsigned int memory[64];
	unsigned int count = COUNT(memory);
	struct query_items items = { 0 };
	bool graphics = asked(fields, field_count, write_graphics_clock);
	bool pairs = asked(fields, field_count, write_memory_clock);
	nvmlReturn_t result;

	if (!graphics && !pairs) {
		query_item_add(&items);
		return items;
	}
	result = nvml.DeviceGetSupportedMemoryClocks(device, &count, memory);
	for (unsigned int i = 0; result == NVML_SUCCESS && i < count; i++)
		result = graphics ? add_graphics(&items, device, memory[i])
				  : add_memory(&items, memory[i]);
	if (result != NVML_SUCCESS)
		query_items_fail(&items, result);
	else if (!pairs)
		make_unique(&items);
	return items;
}

const struct query_kind query_supported_clocks = { "--query-supported-clocks", clock_fields,
						   COUNT(clock_fields), list_clocks };

/* --- compute processes --- */

nvmlReturn_t write_pid(const struct query_item *item, char *out)
{
	return put_number(NVML_SUCCESS, out, item->pid);
}

static nvmlReturn_t write_process_name(const struct query_item *item, char *out)
{
	char name[PROCESS_NAME_SIZE];

	return put_word(NVML_SUCCESS, out, process_name(item->pid, name) ? name : "[Not Found]");
}

static nvmlReturn_t write_used_memory(const struct query_item *item, char *out)
{
	if (item->used_memory == (unsigned long long)NVML_VALUE_NOT_AVAILABLE)
		return NVML_ERROR_NOT_SUPPORTED;
	snprintf(out, FIELD_SIZE, "%llu", mebibytes_down(item->used_memory));
	return NVML_SUCCESS;
}

static const struct field process_fields[] = {
	OF_THE_GPU,
	{ "pid", .help = "process id", .write_item = write_pid },
	{ "process_name", "name", .help = "name of the process", .write_item = write_process_name },
	{ "used_gpu_memory", "used_memory", "MiB", "memory it takes on the GPU",
	  .write_item = write_used_memory },
};

/* In the order in which NVML has them; those of MIG devices are the GPU's. */
static struct query_items list_processes(nvmlDevice_t device, const struct field *const fields[],
					 unsigned int field_count)
{
	struct query_items items = { 0 };
	struct process_list processes;
	nvmlReturn_t result = process_list_get(&processes, device, USE_COMPUTE);

	(void)fields;
	(void)field_count;
	for (unsigned int i = 0; result == NVML_SUCCESS && i < processes.count; i++) {
		struct query_item *item = query_item_add(&items);

		if (!item)
			break;
		item->pid = processes.list[i].info.pid;
		item->used_memory = processes.list[i].info.usedGpuMemory;
	}
	process_list_free(&processes);
	if (result != NVML_SUCCESS)
		query_items_fail(&items, result);
	return items;
}

const struct query_kind query_compute_apps = { "--query-compute-apps", process_fields,
					       COUNT(process_fields), list_processes };
