// SPDX-License-Identifier: GPL-3.0-or-later
// How nvidia-smi --gpu-reset does it: it makes a group of the GPUs, asks who else must be in it, and resets them.
#include "export_reset.h"

#include <unistd.h>

#include "gpu_reset.h"
#include "nvml_mig.h"

#define MAX_GROUPS 4

// A fixed table, as nobody but nvidia-smi makes a group, and one at a time.
struct reset_group {
	_Atomic bool used;
	bool member[PROFILE_MAX_DEVICES]; // by slot
};

static struct reset_group groups[MAX_GROUPS];

static bool group_valid(const struct reset_group *group)
{
	uintptr_t offset = (uintptr_t)group - (uintptr_t)groups;

	return offset < sizeof(groups) && offset % sizeof(groups[0]) == 0 &&
	       atomic_load(&group->used);
}

// None of them drives the console of the machine, which only a whole new start resets.
nvmlReturn_t slot_primary_gpu(nvmlDevice_t device, unsigned int *answer)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu);

	if (ret == NVML_SUCCESS)
		*answer = 0;
	return ret;
}

// Since Ampere a GPU is reset without the NVSwitches that it is linked to.
nvmlReturn_t slot_reset_with_switches(unsigned int *answer)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!answer)
		return NVML_ERROR_INVALID_ARGUMENT;
	*answer = 0;
	return NVML_SUCCESS;
}

// Before Ampere, GPUs that are linked to each other are reset together.
static void add_linked(struct reset_group *group, const struct gpu *gpu)
{
	uint32_t slot = gpu_slot(gpu);

	if (group->member[slot])
		return;
	group->member[slot] = true;
	if (gpu->board->architecture >= NVML_DEVICE_ARCH_AMPERE)
		return;
	for (uint32_t i = 0; i < gpu->device->link_count && i < PROFILE_MAX_LINKS; i++) {
		const struct device_link *link = &gpu->device->links[i];
		struct gpu peer;

		if (link->active && link->remote_type == PROFILE_REMOTE_GPU &&
		    link->remote_device >= 0 && gpu_at((uint32_t)link->remote_device, &peer))
			add_linked(group, &peer);
	}
}

static struct reset_group *take_group(void)
{
	for (unsigned int i = 0; i < MAX_GROUPS; i++) {
		bool used = false;

		if (atomic_compare_exchange_strong(&groups[i].used, &used, true)) {
			memset(groups[i].member, 0, sizeof(groups[i].member));
			return &groups[i];
		}
	}
	return NULL;
}

nvmlReturn_t slot_reset_group_make(struct reset_group **group, const nvmlDevice_t *devices,
				   unsigned int count, unsigned int flags)
{
	nvmlReturn_t ret = api_enter(__func__);
	struct gpu gpu;

	(void)flags;
	if (ret != NVML_SUCCESS)
		return ret;
	if (!group || !devices || !count)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned int i = 0; i < count; i++)
		if (!handle_valid(devices[i]))
			return NVML_ERROR_INVALID_ARGUMENT;
	*group = take_group();
	if (!*group)
		return NVML_ERROR_MEMORY;
	for (unsigned int i = 0; i < count; i++)
		if (handle_gpu(devices[i]->index, &gpu))
			add_linked(*group, &gpu);
	return NVML_SUCCESS;
}

nvmlReturn_t slot_reset_group_list(const struct reset_group *group, struct reset_member **members,
				   unsigned int *count)
{
	nvmlReturn_t ret = api_enter(__func__);
	struct gpu gpu;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!group_valid(group) || !members || !count)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = 0;
	for (uint32_t slot = 0; gpu_at(slot, &gpu); slot++) {
		if (!group->member[slot])
			continue;
		memset(members[*count], 0, sizeof(*members[*count]));
		memcpy(members[*count]->pci_bus_id, gpu.device->pci_bus_id,
		       sizeof(members[*count]->pci_bus_id) - 1);
		(*count)++;
	}
	return NVML_SUCCESS;
}

nvmlReturn_t slot_reset_group_free(struct reset_group *group)
{
	log_debug("%s", __func__);
	if (!group_valid(group))
		return NVML_ERROR_INVALID_ARGUMENT;
	atomic_store(&group->used, false);
	return NVML_SUCCESS;
}

static bool uses_mig(const struct running *running)
{
	return running->readings.mig_current || running->readings.mig_pending;
}

static nvmlReturn_t reset_one(nvmlDevice_t device)
{
	struct change change;
	bool has_mig;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret == NVML_SUCCESS)
		ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	if (change.running->process_count)
		return change_drop(&change, NVML_ERROR_IN_USE);
	has_mig = uses_mig(change.running);
	gpu_reset(change.running, &change.gpu);
	// The files of MIG's capabilities go with its instances.
	return has_mig ? mig_change_end(&change, STATE_NO_INSTANCE, STATE_NO_INSTANCE)
		       : change_end(&change);
}

// Each GPU has a result of its own; the whole fails where one does.
nvmlReturn_t slot_reset(unsigned int count, const nvmlDevice_t *devices, nvmlReturn_t *results)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!devices || !results)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (geteuid() != 0)
		return NVML_ERROR_NO_PERMISSION;
	for (unsigned int i = 0; i < count; i++) {
		results[i] = reset_one(devices[i]);
		if (results[i] != NVML_SUCCESS)
			ret = NVML_ERROR_UNKNOWN;
	}
	return ret;
}
