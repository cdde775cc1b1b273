/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The query about processes whose statistics were kept (accounting mode). */
#include <stdio.h>
#include <stdlib.h>

#include "cell.h"
#include "query_list.h"

/* NVML has no processes of virtual GPUs here. */
static nvmlReturn_t write_vgpu_instance(const struct query_item *item, char *out)
{
	(void)item;
	return put_word(NVML_SUCCESS, out, "N/A");
}

static nvmlReturn_t write_gpu_share(const struct query_item *item, char *out)
{
	return put_number(NVML_SUCCESS, out, item->stats.gpuUtilization);
}

static nvmlReturn_t write_memory_share(const struct query_item *item, char *out)
{
	return put_number(NVML_SUCCESS, out, item->stats.memoryUtilization);
}

static nvmlReturn_t write_most_memory(const struct query_item *item, char *out)
{
	/* The vendor cuts it to 32 bits, too. */
	return put_number(NVML_SUCCESS, out,
			  (unsigned int)mebibytes_down(item->stats.maxMemoryUsage));
}

static nvmlReturn_t write_time(const struct query_item *item, char *out)
{
	snprintf(out, FIELD_SIZE, "%llu", item->stats.time);
	return NVML_SUCCESS;
}

static const struct field fields[] = {
	OF_THE_GPU,
	{ "vgpu_instance", .help = "N/A: no process of a virtual GPU is known",
	  .write_item = write_vgpu_instance },
	{ "pid", .help = "process id", .write_item = write_pid },
	{ "gpu_utilization", "gpu_util", "%", "time in which its kernels ran",
	  .write_item = write_gpu_share },
	{ "mem_utilization", "mem_util", "%", "time in which it read or wrote memory",
	  .write_item = write_memory_share },
	{ "max_memory_usage", .unit = "MiB", .help = "the most memory it took on the GPU",
	  .write_item = write_most_memory },
	{ "time", .unit = "ms", .help = "how long it had a context; 0 while it has one",
	  .write_item = write_time },
};

/* Those without statistics are in the list, with nothing but zeros. */
static nvmlReturn_t add_processes(struct query_items *items, nvmlDevice_t device,
				  unsigned int *pids, unsigned int count)
{
	nvmlReturn_t result = nvml.DeviceGetAccountingPids(device, &count, pids);

	for (unsigned int i = 0; result == NVML_SUCCESS && i < count; i++) {
		struct query_item *item = query_item_add(items);

		if (!item)
			return NVML_ERROR_MEMORY;
		item->pid = pids[i];
		if (nvml.DeviceGetAccountingStats(device, pids[i], &item->stats) != NVML_SUCCESS)
			item->stats = (nvmlAccountingStats_t){ 0 };
	}
	return result;
}

static struct query_items list_accounted(nvmlDevice_t device, const struct field *const asked[],
					 unsigned int asked_count)
{
	struct query_items items = { 0 };
	unsigned int count = 0;
	unsigned int *pids;
	nvmlReturn_t result = nvml.DeviceGetAccountingBufferSize(device, &count);

	(void)asked;
	(void)asked_count;
	if (result == NVML_SUCCESS) {
		pids = calloc(count ? count : 1, sizeof(*pids));
		result = pids ? add_processes(&items, device, pids, count) : NVML_ERROR_MEMORY;
		free(pids);
	}
	if (result != NVML_SUCCESS)
		query_items_fail(&items, result);
	return items;
}

const struct query_kind query_accounted_apps = { "--query-accounted-apps", fields, COUNT(fields),
						 list_accounted };
