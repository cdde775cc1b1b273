// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu_instance.h"

#include <string.h>

#include "slices.h"

static uint32_t profile_count(const struct profile_mig *mig)
{
	return mig->profile_count < PROFILE_MAX_GPU_INSTANCE_PROFILES
		       ? mig->profile_count
		       : PROFILE_MAX_GPU_INSTANCE_PROFILES;
}

static uint32_t placement_count(const struct profile_gpu_instance *profile)
{
	return profile->placement_count < PROFILE_MAX_PLACEMENTS ? profile->placement_count
								 : PROFILE_MAX_PLACEMENTS;
}

bool gpu_instance_profile(const struct profile_mig *mig, uint32_t profile_id, uint32_t *profile)
{
	for (uint32_t i = 0; i < profile_count(mig); i++) {
		if (mig->profiles[i].profile_id != profile_id)
			continue;
		*profile = i;
		return true;
	}
	return false;
}

uint32_t gpu_instance_memory_slices(const struct profile_mig *mig)
{
	uint32_t end = 1;

	for (uint32_t i = 0; i < profile_count(mig); i++) {
		const struct profile_gpu_instance *profile = &mig->profiles[i];

		for (uint32_t j = 0; j < placement_count(profile); j++)
			if (profile->placement_start[j] + profile->placement_size > end)
				end = profile->placement_start[j] + profile->placement_size;
	}
	return slices_block(end);
}

/* A GPU of seven compute slices has eight of memory: the last serves no instance of its own. */
static uint32_t slices_with_compute(const struct profile_mig *mig)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < profile_count(mig); i++)
		if (mig->profiles[i].slices > count)
			count = mig->profiles[i].slices;
	return slices_mask(0, count);
}

uint32_t gpu_instance_id(const struct profile_mig *mig, uint32_t start, uint32_t size)
{
	uint32_t block = slices_block(size ? size : 1);

	return gpu_instance_memory_slices(mig) / block - 1 + start / block;
}

bool gpu_instance_may_start(const struct profile_gpu_instance *profile, uint32_t start)
{
	for (uint32_t i = 0; i < placement_count(profile); i++)
		if (profile->placement_start[i] == start)
			return true;
	return false;
}

static uint32_t taken_slices(const struct running_gpu_instance *instances)
{
	uint32_t taken = 0;

	for (uint32_t i = 0; i < STATE_MAX_GPU_INSTANCES; i++)
		if (instances[i].used)
			taken |= slices_mask(instances[i].start, instances[i].size);
	return taken;
}

static uint32_t count_of(const struct running_gpu_instance *instances, uint32_t profile)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < STATE_MAX_GPU_INSTANCES; i++)
		count += instances[i].used && instances[i].profile == profile;
	return count;
}

struct engines {
	uint32_t slices, decoders, encoders, jpegs, ofas;
};

static void add_engines(struct engines *sum, const struct profile_gpu_instance *profile)
{
	sum->slices += profile->slices;
	sum->decoders += profile->decoders;
	sum->encoders += profile->encoders;
	sum->jpegs += profile->jpegs;
	sum->ofas += profile->ofas;
}

static uint32_t more(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* What the GPU has is what its greatest profile gets of each. */
static struct engines engines_there_are(const struct profile_mig *mig)
{
	struct engines most = { 0 };

	for (uint32_t i = 0; i < profile_count(mig); i++) {
		const struct profile_gpu_instance *profile = &mig->profiles[i];

		most.slices = more(most.slices, profile->slices);
		most.decoders = more(most.decoders, profile->decoders);
		most.encoders = more(most.encoders, profile->encoders);
		most.jpegs = more(most.jpegs, profile->jpegs);
		most.ofas = more(most.ofas, profile->ofas);
	}
	return most;
}

static bool has_engines(const struct profile_mig *mig, const struct running_gpu_instance *instances,
			uint32_t profile)
{
	struct engines most = engines_there_are(mig), sum = { 0 };

	add_engines(&sum, &mig->profiles[profile]);
	for (uint32_t i = 0; i < STATE_MAX_GPU_INSTANCES; i++)
		if (instances[i].used && instances[i].profile < profile_count(mig))
			add_engines(&sum, &mig->profiles[instances[i].profile]);
	return sum.slices <= most.slices && sum.decoders <= most.decoders &&
	       sum.encoders <= most.encoders && sum.jpegs <= most.jpegs && sum.ofas <= most.ofas;
}

bool gpu_instance_fits(const struct profile_mig *mig, const struct running_gpu_instance *instances,
		       uint32_t profile, uint32_t start)
{
	const struct profile_gpu_instance *wanted = &mig->profiles[profile];
	uint32_t id = gpu_instance_id(mig, start, wanted->placement_size);

	return gpu_instance_may_start(wanted, start) && id < STATE_MAX_GPU_INSTANCES &&
	       !instances[id].used &&
	       !(taken_slices(instances) & slices_mask(start, wanted->placement_size)) &&
	       count_of(instances, profile) < wanted->instances_max &&
	       has_engines(mig, instances, profile);
}

/*
 * What a placement costs. One slice with the memory of two wants two slices of
 * compute beside it, and gets the last one, which has but one, only at the end.
 */
static uint32_t cost_of(const struct profile_gpu_instance *wanted, uint32_t free, uint32_t start)
{
	uint32_t size = wanted->placement_size;
	uint32_t cost = slices_room(free, start, size);
	uint32_t with_compute = (uint32_t)__builtin_popcount(free & slices_mask(start, size));

	return size >= 2 * wanted->slices && with_compute < size ? cost + 2 * SLICES_MOST : cost;
}

bool gpu_instance_choose(const struct profile_mig *mig,
			 const struct running_gpu_instance *instances, uint32_t profile,
			 uint32_t *start)
{
	const struct profile_gpu_instance *wanted = &mig->profiles[profile];
	uint32_t free = slices_with_compute(mig) & ~taken_slices(instances);
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < placement_count(wanted); i++) {
		uint32_t cost, from = wanted->placement_start[i];

		if (!gpu_instance_fits(mig, instances, profile, from))
			continue;
		cost = cost_of(wanted, free, from);
		if (cost >= least)
			continue;
		least = cost;
		*start = from;
	}
	return least != UINT32_MAX;
}

uint32_t gpu_instance_capacity(const struct profile_mig *mig,
			       const struct running_gpu_instance *instances, uint32_t profile)
{
	struct running_gpu_instance tried[STATE_MAX_GPU_INSTANCES];
	uint32_t count = 0, start;

	memcpy(tried, instances, sizeof(tried));
	while (gpu_instance_choose(mig, tried, profile, &start)) {
		gpu_instance_put(mig, tried, profile, start);
		count++;
	}
	return count;
}

uint32_t gpu_instance_put(const struct profile_mig *mig, struct running_gpu_instance *instances,
			  uint32_t profile, uint32_t start)
{
	uint32_t size = mig->profiles[profile].placement_size;
	uint32_t id = gpu_instance_id(mig, start, size);

	instances[id] = (struct running_gpu_instance){
		.used = 1,
		.profile = (uint8_t)profile,
		.start = (uint8_t)start,
		.size = (uint8_t)size,
	};
	return id;
}
