/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cuda_mig.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "identity.h"

static const struct running *running_of(const struct source *source, uint32_t index)
{
	const struct page_area *area = page_area(source->page);
	uint32_t slot = source->visible.slot[index];
	const struct state_device *device;

	if (slot >= area->description.device_count)
		return NULL;
	device = &area->state.devices[slot];
	return state_running(device, atomic_load(&device->sequence));
}

/* The next compute instance from the place on, which is moved there. */
static bool next(const struct running *running, struct cuda_visible *place)
{
	for (; place->gpu_instance < STATE_MAX_GPU_INSTANCES; place->gpu_instance++) {
		const struct running_gpu_instance *instance =
			&running->gpu_instances[place->gpu_instance];

		for (; place->compute_instance < STATE_MAX_COMPUTE_INSTANCES;
		     place->compute_instance++)
			if (instance->used && instance->compute[place->compute_instance].used)
				return true;
		place->compute_instance = 0;
	}
	return false;
}

bool cuda_mig_whole(const struct source *source, uint32_t index, struct cuda_visible *visible)
{
	const struct running *running = running_of(source, index);

	*visible = (struct cuda_visible){ .index = index };
	if (running && running->readings.mig_current == 1)
		return next(running, visible);
	visible->gpu_instance = STATE_NO_INSTANCE;
	visible->compute_instance = STATE_NO_INSTANCE;
	return true;
}

bool cuda_mig_find(const struct source *source, const char *uuid, size_t length,
		   struct cuda_visible *visible)
{
	uint32_t matches = 0;

	for (uint32_t i = 0; i < source_count(source); i++) {
		const struct running *running = running_of(source, i);
		const struct device *device = source_device(source, i);
		struct cuda_visible place = { .index = i };

		if (!running || !device || running->readings.mig_current != 1)
			continue;
		for (; next(running, &place); place.compute_instance++) {
			char text[IDENTITY_UUID_SIZE];

			identity_mig_uuid(device->uuid, place.gpu_instance, place.compute_instance,
					  text);
			if (strncmp(uuid, text, length) != 0)
				continue;
			*visible = place;
			matches++;
		}
	}
	return matches == 1;
}

uint32_t cuda_mig_narrow(struct cuda_visible *visible, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (visible[i].gpu_instance == STATE_NO_INSTANCE)
			continue;
		visible[0] = visible[i];
		return 1;
	}
	return count;
}
