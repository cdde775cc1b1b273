/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where GPU instances fit: the geometry of MIG, without NVML.
 *
 * An instance occupies memory slices. Its id follows from them, as the real
 * driver's does: the whole GPU is 0, its halves are 1 and 2, its quarters 3 to
 * 6, its eighths 7 to 14.
 */
#ifndef MIRAGE_GPU_INSTANCE_H
#define MIRAGE_GPU_INSTANCE_H

#include "state.h"

/* The index in mig->profiles of a profile by the number that -lgip prints. */
bool gpu_instance_profile(const struct profile_mig *mig, uint32_t profile_id, uint32_t *profile);

/* How many slices the GPU's memory has: 8 on most boards. */
uint32_t gpu_instance_memory_slices(const struct profile_mig *mig);

/* The id of an instance that occupies size slices from start on. */
uint32_t gpu_instance_id(const struct profile_mig *mig, uint32_t start, uint32_t size);

bool gpu_instance_may_start(const struct profile_gpu_instance *profile, uint32_t start);

/* Whether one more instance of the profile can be there, beside those there are. */
bool gpu_instance_fits(const struct profile_mig *mig, const struct running_gpu_instance *instances,
		       uint32_t profile, uint32_t start);

/* The start that the driver takes: the one that breaks the least room. */
bool gpu_instance_choose(const struct profile_mig *mig,
			 const struct running_gpu_instance *instances, uint32_t profile,
			 uint32_t *start);

/* How many more instances of the profile can be made. */
uint32_t gpu_instance_capacity(const struct profile_mig *mig,
			       const struct running_gpu_instance *instances, uint32_t profile);

/* Put one where it fits; returns its id. */
uint32_t gpu_instance_put(const struct profile_mig *mig, struct running_gpu_instance *instances,
			  uint32_t profile, uint32_t start);

#endif
