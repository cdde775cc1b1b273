/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_device.h"
#include "lock.h"
#include "log.h"

static struct lock lock;
static _Atomic bool initialized;
static struct source source;
/* By CUDA ordinal. */
static struct cuda_visible visible[PROFILE_MAX_DEVICES];
static uint32_t visible_count;

static bool find_gpu(const char *uuid, size_t length, uint32_t *index)
{
	uint32_t matches = 0;

	for (uint32_t i = 0; i < source_count(&source); i++) {
		const struct device *device = source_device(&source, i);

		if (!device || length < strlen("GPU-") || strncmp(uuid, device->uuid, length) != 0)
			continue;
		*index = i;
		matches++;
	}
	return matches == 1;
}

/*
 * What one part of CUDA_VISIBLE_DEVICES names: a number, or the UUID of a GPU or of
 * a MIG device, of which a unique beginning is enough.
 */
static bool find_visible(const char *part, size_t length, struct cuda_visible *found)
{
	char *end;
	unsigned long number = strtoul(part, &end, 10);
	uint32_t index;

	if (length > strlen("MIG-") && !strncmp(part, "MIG-", strlen("MIG-")))
		return cuda_mig_find(&source, part, length, found);
	if (end == part + length && length && *part >= '0' && *part <= '9')
		return number < source_count(&source) &&
		       cuda_mig_whole(&source, (uint32_t)number, found);
	return find_gpu(part, length, &index) && cuda_mig_whole(&source, index, found);
}

static bool already_visible(const struct cuda_visible *device)
{
	for (uint32_t i = 0; i < visible_count; i++)
		if (memcmp(&visible[i], device, sizeof(*device)) == 0)
			return true;
	return false;
}

static void choose_all(void)
{
	for (uint32_t i = 0; i < source_count(&source); i++)
		visible_count += cuda_mig_whole(&source, i, &visible[visible_count]);
}

/* As the manual says: what follows a part that names no device is not seen, and a
 * device named twice means that none is. */
static void choose_listed(const char *list)
{
	while (*list) {
		size_t length = strcspn(list, ",");
		struct cuda_visible found;

		if (visible_count == PROFILE_MAX_DEVICES || !find_visible(list, length, &found))
			return;
		if (already_visible(&found)) {
			visible_count = 0;
			return;
		}
		visible[visible_count++] = found;
		list += length;
		list += *list == ',';
	}
}

static void choose_visible(const char *list)
{
	visible_count = 0;
	if (list)
		choose_listed(list);
	else
		choose_all();
	visible_count = cuda_mig_narrow(visible, visible_count);
}

static CUresult initialize(void)
{
	switch (source_open(&source)) {
	case SOURCE_NONE:
		return CUDA_ERROR_NO_DEVICE;
	case SOURCE_INVALID:
		return CUDA_ERROR_UNKNOWN;
	case SOURCE_OK:
		break;
	}
	choose_visible(getenv("CUDA_VISIBLE_DEVICES"));
	if (visible_count)
		return CUDA_SUCCESS;
	source_close(&source);
	return CUDA_ERROR_NO_DEVICE;
}

CUresult cuInit(unsigned int flags)
{
	CUresult result = CUDA_SUCCESS;

	log_setup();
	log_debug("%s(%u)", __func__, flags);
	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	lock_take(&lock);
	if (!atomic_load_explicit(&initialized, memory_order_relaxed)) {
		result = initialize();
		atomic_store_explicit(&initialized, result == CUDA_SUCCESS, memory_order_release);
	}
	lock_leave(&lock);
	return result;
}

/* Programs ask this before cuInit() to see whether there is a driver at all: 0 is
 * the answer where none is. */
CUresult cuDriverGetVersion(int *version)
{
	log_setup();
	log_debug("%s", __func__);
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	*version = 0;
	lock_take(&lock);
	if (atomic_load_explicit(&initialized, memory_order_relaxed)) {
		*version = (int)page_description(source.page)->system.cuda_version;
	} else if (source_open(&source) == SOURCE_OK) {
		*version = (int)page_description(source.page)->system.cuda_version;
		source_close(&source);
	}
	lock_leave(&lock);
	return CUDA_SUCCESS;
}

CUresult cuda_initialized(void)
{
	return atomic_load_explicit(&initialized, memory_order_acquire)
		       ? CUDA_SUCCESS
		       : CUDA_ERROR_NOT_INITIALIZED;
}

const struct source *cuda_source(void)
{
	return &source;
}

struct host_place cuda_host_place(const struct device *device)
{
	return host_place(&source.host, device);
}

uint32_t cuda_device_count(void)
{
	return visible_count;
}

void cuda_device_look(struct cuda_device *device)
{
	device->sequence = atomic_load_explicit(&device->state->sequence, memory_order_acquire);
	device->running = state_running(device->state, device->sequence);
}

bool cuda_device_changed(struct cuda_device *device)
{
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&device->state->sequence, memory_order_relaxed) ==
	    device->sequence)
		return false;
	cuda_device_look(device);
	return true;
}

/* False where the instance is gone. */
static bool enter_instance(struct cuda_device *device, const struct cuda_visible *place)
{
	struct running_gpu_instance instance;
	uint32_t on;

	device->gpu_instance = place->gpu_instance;
	device->compute_instance = place->compute_instance;
	device->within = NULL;
	if (place->gpu_instance == STATE_NO_INSTANCE)
		return true;
	do {
		on = device->running->readings.mig_current;
		instance = device->running->gpu_instances[place->gpu_instance];
	} while (cuda_device_changed(device));
	if (on != 1 || !instance.used || !instance.compute[place->compute_instance].used ||
	    instance.profile >= PROFILE_MAX_GPU_INSTANCE_PROFILES)
		return false;
	device->within = &device->board->mig.profiles[instance.profile];
	device->slices = instance.compute[place->compute_instance].size;
	return true;
}

CUresult cuda_device_enter(const char *function, CUdevice ordinal, const void *answer,
			   struct cuda_device *device)
{
	CUresult result = cuda_initialized();
	const struct page_area *area;

	log_debug("%s(%d)", function, ordinal);
	if (result != CUDA_SUCCESS)
		return result;
	if (ordinal < 0 || (uint32_t)ordinal >= visible_count)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!answer)
		return CUDA_ERROR_INVALID_VALUE;
	area = page_area(source.page);
	device->description = &area->description;
	device->slot = source.visible.slot[visible[ordinal].index];
	/* The page may have fewer devices than when this process looked first. */
	if (device->slot >= device->description->device_count)
		return CUDA_ERROR_INVALID_DEVICE;
	device->device = &device->description->devices[device->slot];
	device->board = description_board(device->description, device->device);
	device->state = &area->state.devices[device->slot];
	cuda_device_look(device);
	return enter_instance(device, &visible[ordinal]) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

struct cuda_visible cuda_visible_in(uint32_t slot)
{
	for (uint32_t i = 0; i < visible_count; i++)
		if (source.visible.slot[visible[i].index] == slot)
			return visible[i];
	return (struct cuda_visible){ .gpu_instance = STATE_NO_INSTANCE,
				      .compute_instance = STATE_NO_INSTANCE };
}
