/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_device.h"
#include "log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool initialized;
static struct source source;
/* CUDA ordinal -> index among the GPUs that the process sees. */
static uint32_t visible[PROFILE_MAX_DEVICES];
static uint32_t visible_count;

/*
 * The index that one part of CUDA_VISIBLE_DEVICES names: a number, or a UUID, of
 * which a unique beginning is enough.
 */
static bool find_visible(const char *part, size_t length, uint32_t *index)
{
	uint32_t matches = 0;
	char *end;
	unsigned long number = strtoul(part, &end, 10);

	if (end == part + length && length && *part >= '0' && *part <= '9') {
		*index = (uint32_t)number;
		return number < source_count(&source);
	}
	for (uint32_t i = 0; i < source_count(&source); i++) {
		if (length < strlen("GPU-") ||
		    strncmp(part, source_device(&source, i)->uuid, length))
			continue;
		*index = i;
		matches++;
	}
	return matches == 1;
}

static bool already_visible(uint32_t index)
{
	for (uint32_t i = 0; i < visible_count; i++)
		if (visible[i] == index)
			return true;
	return false;
}

/* As the manual says: what follows a part that names no device is not seen, and a
 * device named twice means that none is. */
static void choose_visible(const char *list)
{
	visible_count = 0;
	if (!list) {
		while (visible_count < source_count(&source)) {
			visible[visible_count] = visible_count;
			visible_count++;
		}
		return;
	}
	while (*list) {
		size_t length = strcspn(list, ",");
		uint32_t index = 0;

		if (!find_visible(list, length, &index))
			return;
		if (already_visible(index)) {
			visible_count = 0;
			return;
		}
		visible[visible_count++] = index;
		list += length;
		list += *list == ',';
	}
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
	pthread_mutex_lock(&lock);
	if (!atomic_load_explicit(&initialized, memory_order_relaxed)) {
		result = initialize();
		atomic_store_explicit(&initialized, result == CUDA_SUCCESS, memory_order_release);
	}
	pthread_mutex_unlock(&lock);
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
	pthread_mutex_lock(&lock);
	if (atomic_load_explicit(&initialized, memory_order_relaxed)) {
		*version = (int)page_description(source.page)->system.cuda_version;
	} else if (source_open(&source) == SOURCE_OK) {
		*version = (int)page_description(source.page)->system.cuda_version;
		source_close(&source);
	}
	pthread_mutex_unlock(&lock);
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
	device->slot = source.visible.slot[visible[ordinal]];
	/* The page may have fewer devices than when this process looked first. */
	if (device->slot >= device->description->device_count)
		return CUDA_ERROR_INVALID_DEVICE;
	device->device = &device->description->devices[device->slot];
	device->board = description_board(device->description, device->device);
	device->state = &area->state.devices[device->slot];
	cuda_device_look(device);
	return CUDA_SUCCESS;
}
