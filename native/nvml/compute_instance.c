// SPDX-License-Identifier: GPL-3.0-or-later
#include "compute_instance.h"

#include <stdio.h>
#include <string.h>

#include "slices.h"

/* By NVML_COMPUTE_INSTANCE_PROFILE_*: 1, 2, 3, 4, 7, 8 and 6 slices, and a variant of one. */
static const uint8_t slices_of[] = { 1, 2, 3, 4, 7, 8, 6, 1 };

#define PROFILE_ONE_SLICE 0
#define PROFILE_ONE_WIDE_SLICE 7 /* NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE_REV1 */

static uint32_t least_multiprocessors(const struct profile_mig *mig, uint32_t least)
{
	for (uint32_t i = 0; i < mig->profile_count && i < PROFILE_MAX_GPU_INSTANCE_PROFILES; i++)
		if (mig->profiles[i].slices == 1 && mig->profiles[i].multiprocessors < least)
			least = mig->profiles[i].multiprocessors;
	return least;
}

/* One slice, but with more multiprocessors than others of one slice. */
static bool is_wide(const struct profile_mig *mig, const struct profile_gpu_instance *within)
{
	return within->slices == 1 &&
	       least_multiprocessors(mig, within->multiprocessors) < within->multiprocessors;
}

uint32_t compute_instance_slices(const struct profile_mig *mig,
				 const struct profile_gpu_instance *within, uint32_t profile)
{
	uint32_t slices = profile < sizeof(slices_of) ? slices_of[profile] : 0;

	if (within->slices == 1 || profile == PROFILE_ONE_WIDE_SLICE)
		return profile ==
		       (is_wide(mig, within) ? PROFILE_ONE_WIDE_SLICE : PROFILE_ONE_SLICE);
	if (slices == within->slices)
		return slices;
	/* Parts of three and four slices exist where both fit. */
	return slices < within->slices && (slices <= 2 || (slices <= 4 && within->slices >= 7))
		       ? slices
		       : 0;
}

/* As GPU instances do, they start at multiples of the next power of two. */
uint32_t compute_instance_start(uint32_t slices, uint32_t number)
{
	return number * slices_block(slices);
}

uint32_t compute_instance_placements(const struct profile_mig *mig,
				     const struct profile_gpu_instance *within, uint32_t profile)
{
	uint32_t slices = compute_instance_slices(mig, within, profile);

	return slices ? (within->slices - slices) / slices_block(slices) + 1 : 0;
}

static uint32_t free_slices(const struct profile_gpu_instance *within,
			    const struct running_gpu_instance *instance)
{
	uint32_t free = slices_mask(0, within->slices);

	for (uint32_t i = 0; i < STATE_MAX_COMPUTE_INSTANCES; i++)
		if (instance->compute[i].used)
			free &= ~slices_mask(instance->compute[i].start, instance->compute[i].size);
	return free;
}

bool compute_instance_fits(const struct profile_mig *mig, const struct profile_gpu_instance *within,
			   const struct running_gpu_instance *instance, uint32_t profile,
			   uint32_t start)
{
	uint32_t slices = compute_instance_slices(mig, within, profile);

	return slices && start < within->slices && start % slices_block(slices) == 0 &&
	       !(slices_mask(start, slices) & ~free_slices(within, instance));
}

bool compute_instance_choose(const struct profile_mig *mig,
			     const struct profile_gpu_instance *within,
			     const struct running_gpu_instance *instance, uint32_t profile,
			     uint32_t *start)
{
	uint32_t slices = compute_instance_slices(mig, within, profile);
	uint32_t free = free_slices(within, instance), least = UINT32_MAX;

	for (uint32_t i = 0; i < compute_instance_placements(mig, within, profile); i++) {
		uint32_t from = compute_instance_start(slices, i);
		uint32_t room = slices_room(free, from, slices);

		if (!compute_instance_fits(mig, within, instance, profile, from) || room >= least)
			continue;
		least = room;
		*start = from;
	}
	return least != UINT32_MAX;
}

uint32_t compute_instance_capacity(const struct profile_mig *mig,
				   const struct profile_gpu_instance *within,
				   const struct running_gpu_instance *instance, uint32_t profile)
{
	uint32_t slices = compute_instance_slices(mig, within, profile), count = 0;

	for (uint32_t i = 0; i < compute_instance_placements(mig, within, profile); i++)
		count += compute_instance_fits(mig, within, instance, profile,
					       compute_instance_start(slices, i));
	return count;
}

/* A GPU instance may have more than its slices have alone; only all of it gets them. */
uint32_t compute_instance_multiprocessors(const struct profile_mig *mig,
					  const struct profile_gpu_instance *within,
					  uint32_t slices)
{
	if (slices >= within->slices)
		return within->multiprocessors;
	return slices * least_multiprocessors(mig, within->multiprocessors / within->slices);
}

void compute_instance_name(const struct profile_gpu_instance *within, uint32_t slices,
			   char name[COMPUTE_INSTANCE_NAME_SIZE])
{
	const char *size = within->name;
	int length;

	if (strncmp(size, "MIG ", 4) == 0)
		size += 4;
	length = (int)(strstr(size, "+me") ? strstr(size, "+me") - size : (long)strlen(size));
	if (slices == within->slices)
		snprintf(name, COMPUTE_INSTANCE_NAME_SIZE, "MIG %.*s", length, size);
	else
		snprintf(name, COMPUTE_INSTANCE_NAME_SIZE, "MIG %uc.%.*s", slices, length, size);
}
