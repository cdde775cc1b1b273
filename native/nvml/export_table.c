// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * nvidia-smi takes a few values from a table of unnamed functions instead of the
 * public API. What is known of it was learned by watching what the program does
 * with the answers; every slot that is not listed is in export_table_unknown.h.
 */
#include "export_table.h"

#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include "export_reset.h"
#include "export_table_unknown.h"
#include "nvml_mig.h"
#include "pci_address.h"
#include "process.h"

/* Functions by number, each of its own type; word 0 is the size of it all in bytes. */
#define WORDS (1 + UNKNOWN_SLOTS)

static const unsigned char table_id[16] = { 0xc4, 0xfe, 0x3e, 0x6c, 0xc9, 0x8f, 0x6c, 0x4e,
					    0xa3, 0x27, 0xee, 0x69, 0x6e, 0x12, 0xf7, 0xc4 };

// The text after -i: is it an address, and which one?
static nvmlReturn_t slot_parse_address(const char *text, unsigned int *domain, unsigned int *bus,
				       unsigned int *device, unsigned int *function)
{
	struct pci_address address;

	log_debug("%s", __func__);
	if (!text || !domain || !bus || !device || !function)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!pci_address_parse(text, &address))
		return NVML_ERROR_INVALID_ARGUMENT;
	*domain = address.domain;
	*bus = address.bus;
	*device = address.device;
	*function = address.function;
	return NVML_SUCCESS;
}

// The address that the text is compared with, for each index.
static nvmlReturn_t slot_address_of_index(unsigned int index, unsigned int *domain,
					  unsigned int *bus, unsigned int *device)
{
	nvmlReturn_t ret = api_enter(__func__);
	struct gpu gpu;

	if (ret != NVML_SUCCESS)
		return ret;
	if (index >= handle_count() || !domain || !bus || !device)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!handle_gpu(index, &gpu))
		return NVML_ERROR_GPU_IS_LOST;
	*domain = gpu.device->pci_domain;
	*bus = gpu.device->pci_bus;
	*device = gpu.device->pci_device;
	return NVML_SUCCESS;
}

// What a GPU is called that has no handle, because it is lost: its address in the short form.
static nvmlReturn_t slot_bus_id_of_index(unsigned int index, char *bus_id)
{
	nvmlReturn_t ret = api_enter(__func__);
	struct gpu gpu;

	if (ret != NVML_SUCCESS)
		return ret;
	if (index >= handle_count() || !bus_id)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!handle_gpu(index, &gpu))
		return NVML_ERROR_GPU_IS_LOST;
	snprintf(bus_id, NVML_DEVICE_PCI_BUS_ID_BUFFER_V2_SIZE, NVML_DEVICE_PCI_BUS_ID_LEGACY_FMT,
		 gpu.device->pci_domain & 0xffff, gpu.device->pci_bus & 0xff,
		 gpu.device->pci_device & 0xff);
	return NVML_SUCCESS;
}

static bool find_by_bus_id(const char *bus_id, struct gpu *gpu)
{
	for (uint32_t i = 0; i < handle_count(); i++)
		if (handle_gpu(i, gpu) && strcasecmp(gpu->device->pci_bus_id, bus_id) == 0)
			return true;
	return false;
}

// What topo -m prints for two GPUs: 0 PIX, 1 PXB, 2 PHB, 3 NODE, 4 SYS. It asks
// for other devices too (NICs), whose places nobody here knows: SYS.
static nvmlReturn_t slot_topology(const char *one, const char *other, unsigned int *level)
{
	nvmlReturn_t ret = api_enter(__func__);
	uint32_t common = NVML_TOPOLOGY_SYSTEM;
	struct gpu a, b;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!one || !other || !level)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (find_by_bus_id(one, &a) && find_by_bus_id(other, &b) && a.index != b.index)
		common = description_topology(a.description, gpu_slot(&a), gpu_slot(&b));
	*level = common / 10 - 1;
	return NVML_SUCCESS;
}

// Whether dmon and pmon may watch this device.
static nvmlReturn_t slot_monitoring(nvmlDevice_t device, unsigned int *answer)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu);

	if (ret == NVML_SUCCESS)
		*answer = 1;
	return ret;
}

#define SLOT_U32(name, value)                                                        \
	static nvmlReturn_t name(nvmlDevice_t device, unsigned int *answer)          \
	{                                                                            \
		struct gpu gpu;                                                      \
		nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu); \
                                                                                     \
		return ret == NVML_SUCCESS ? answer_u32(answer, value) : ret;        \
	}

SLOT_U32(slot_enforced_power_limit, gpu.readings->enforced_limit_mw)
SLOT_U32(slot_voltage, gpu.readings->voltage_uv)
SLOT_U32(slot_host_pcie_generation, gpu.board->pcie.max_host_gen)
SLOT_U32(slot_deferred_memory_clock, gpu.board->clocks.memory_deferred)
SLOT_U32(slot_addressing_mode, gpu.board->addressing_mode)
SLOT_U32(slot_sparse_mode, gpu.board->sparse_mode)

struct atomics {
	uint32_t outbound;
	uint32_t inbound;
};

static uint32_t known_bits(uint32_t bits)
{
	return bits == NA_U32 ? 0 : bits;
}

// No bit at all in one direction is printed as N/A.
static nvmlReturn_t slot_atomics(nvmlDevice_t device, struct atomics *answer)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	answer->outbound = known_bits(gpu.board->pcie.atomics_outbound);
	answer->inbound = known_bits(gpu.board->pcie.atomics_inbound);
	return answer->outbound || answer->inbound ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static nvmlReturn_t slot_tlimit(nvmlDevice_t device, int *answer)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu);

	return ret == NVML_SUCCESS ? answer_i32(answer, gpu.readings->tlimit_c) : ret;
}

static nvmlReturn_t slot_gpu_part_number(nvmlDevice_t device, char *answer, unsigned int length)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu);

	return ret == NVML_SUCCESS ? answer_string(answer, length, gpu.board->gpu_part_number)
				   : ret;
}

static nvmlReturn_t slot_fru_part_number(nvmlDevice_t device, char *answer, unsigned int length)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu);

	return ret == NVML_SUCCESS ? answer_string(answer, length, gpu.board->fru_part_number)
				   : ret;
}

struct process_entry {
	uint32_t pid;
	uint32_t reserved0;
	uint64_t used_memory;
	uint32_t gpu_instance;
	uint32_t compute_instance;
	uint64_t reserved1;
	char name[4096];
};

_Static_assert(sizeof(struct process_entry) == 4128, "the stride nvidia-smi walks by");

static nvmlReturn_t list_processes(const char *function, nvmlDevice_t device, uint32_t type,
				   unsigned int *count, struct process_entry *entries)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(function, device, count, &gpu);
	struct running_process list[STATE_MAX_PROCESSES];
	uint32_t room;

	if (ret != NVML_SUCCESS)
		return ret;
	room = entries ? *count : 0;
	*count = process_list(&gpu, type, list, STATE_MAX_PROCESSES);
	if (room < *count)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (uint32_t i = 0; i < *count; i++) {
		const struct readings_process *process = &list[i].process;

		memset(&entries[i], 0, sizeof(entries[i]));
		entries[i].pid = process->pid;
		entries[i].used_memory = process->used_memory;
		entries[i].gpu_instance = list[i].gpu_instance;
		entries[i].compute_instance = list[i].compute_instance;
		memcpy(entries[i].name, process->name, sizeof(process->name));
	}
	return NVML_SUCCESS;
}

static nvmlReturn_t slot_compute_processes(nvmlDevice_t device, unsigned int *count,
					   struct process_entry *entries)
{
	return list_processes(__func__, device, PROFILE_PROCESS_COMPUTE, count, entries);
}

static nvmlReturn_t slot_mps_processes(nvmlDevice_t device, unsigned int *count,
				       struct process_entry *entries)
{
	return list_processes(__func__, device, PROFILE_PROCESS_MPS, count, entries);
}

static nvmlReturn_t slot_graphics_processes(nvmlDevice_t device, unsigned int *count,
					    struct process_entry *entries)
{
	return list_processes(__func__, device, PROFILE_PROCESS_GRAPHICS, count, entries);
}

// What pmon averages: at one time, which process used which engine how much.
enum engine {
	ENGINE_SM,
	ENGINE_MEMORY,
	ENGINE_ENCODER,
	ENGINE_DECODER,
	ENGINE_JPEG,
	ENGINE_OFA,
	ENGINES
};

struct engine_sample {
	uint32_t utilization;
	uint32_t reserved0;
	uint32_t pid;
	uint8_t reserved1[68];
};

struct process_sample {
	uint64_t timestamp;
	struct engine_sample engines[ENGINES];
};

_Static_assert(sizeof(struct process_sample) == 488, "the stride pmon walks by");

// A sample holds one process, and the average goes over all samples.
static void fill_sample(struct process_sample *sample, const struct readings_process *process,
			uint32_t samples)
{
	const uint32_t used[ENGINES] = {
		[ENGINE_SM] = process->sm_util,
		[ENGINE_MEMORY] = process->memory_util,
		[ENGINE_ENCODER] = process->encoder_util,
		[ENGINE_DECODER] = process->decoder_util,
	};

	for (unsigned int i = 0; i < ENGINES; i++) {
		sample->engines[i].pid = process->pid;
		sample->engines[i].utilization = used[i] == NA_U32 ? 0 : used[i] * samples;
	}
}

static nvmlReturn_t slot_process_samples(nvmlDevice_t device, unsigned long long since,
					 unsigned int *period, unsigned int *count,
					 struct process_sample *samples)
{
	struct running_process list[STATE_MAX_PROCESSES];
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, count, &gpu);
	uint32_t room;

	if (ret != NVML_SUCCESS)
		return ret;
	// As the public calls answer: it is not known of instances.
	if (mig_is_on(&gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	if (period)
		*period = 0;
	room = samples ? *count : 0;
	*count = process_list(&gpu, ALL_PROCESSES, list, STATE_MAX_PROCESSES);
	if (*count > room)
		*count = room;
	for (uint32_t i = 0; i < *count; i++) {
		memset(&samples[i], 0, sizeof(samples[i]));
		samples[i].timestamp = since + 1 + i;
		fill_sample(&samples[i], &list[i].process, *count);
	}
	return NVML_SUCCESS;
}

// Asked after each getter; what for is not known. It would drown all else in the log.
static nvmlReturn_t slot_quiet(void)
{
	return NVML_ERROR_NOT_SUPPORTED;
}

// Of nvidia-smi 555, which says by it what keeps the GPU ready: the driver, or a daemon (1). We have no daemon.
static nvmlReturn_t slot_set_persistence(nvmlDevice_t device, nvmlEnableState_t mode,
					 unsigned int *by_daemon)
{
	if (by_daemon)
		*by_daemon = 0;
	return nvmlDeviceSetPersistenceMode(device, mode);
}

#define SLOT(number, function) [number] = (const void *)(function)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const void *const table[WORDS] = {
	UNKNOWN_ALL(UNKNOWN_ADDRESS)[0] = (const void *)(sizeof(void *) * WORDS),
	SLOT(12, slot_parse_address),
	SLOT(20, slot_primary_gpu),
	SLOT(23, slot_topology),
	SLOT(26, slot_quiet),
	SLOT(72, slot_monitoring),
	SLOT(75, slot_address_of_index),
	SLOT(81, slot_bus_id_of_index),
	SLOT(108, slot_enforced_power_limit),
	SLOT(145, slot_process_samples),
	SLOT(168, slot_reset),
	SLOT(169, slot_reset_with_switches),
	SLOT(182, slot_reset_group_make),
	SLOT(183, slot_reset_group_list),
	SLOT(184, slot_reset_group_free),
	SLOT(209, slot_voltage),
	SLOT(213, slot_compute_processes),
	SLOT(214, slot_mps_processes),
	SLOT(215, slot_graphics_processes),
	SLOT(226, slot_atomics),
	SLOT(230, slot_host_pcie_generation),
	SLOT(231, slot_gpu_part_number),
	SLOT(232, slot_deferred_memory_clock),
	SLOT(237, slot_fru_part_number),
	SLOT(240, slot_tlimit),
	SLOT(242, slot_addressing_mode),
	SLOT(249, slot_sparse_mode),
	SLOT(251, slot_set_persistence),
};
#pragma GCC diagnostic pop

const void *export_table_find(const void *id)
{
	return memcmp(id, table_id, sizeof(table_id)) == 0 ? table : NULL;
}

nvmlReturn_t nvmlInternalGetExportTable(const void **exports, const void *id)
{
	log_debug("%s", __func__);
	if (!exports || !id)
		return NVML_ERROR_INVALID_ARGUMENT;
	*exports = export_table_find(id);
	return *exports ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}
