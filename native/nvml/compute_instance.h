/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which compute instances a GPU instance may have and where they lie: the
 * geometry within a GPU instance, without NVML. They divide its compute slices;
 * memory and all other engines are shared.
 */
#ifndef MIRAGE_COMPUTE_INSTANCE_H
#define MIRAGE_COMPUTE_INSTANCE_H

#include "state.h"

#define COMPUTE_INSTANCE_NAME_SIZE 40

/* Slices of NVML_COMPUTE_INSTANCE_PROFILE_*; 0 where the GPU instance has no such profile. */
uint32_t compute_instance_slices(const struct profile_mig *mig,
				 const struct profile_gpu_instance *within, uint32_t profile);

/* How many can be there at once, and where the one with the number starts. */
uint32_t compute_instance_placements(const struct profile_mig *mig,
				     const struct profile_gpu_instance *within, uint32_t profile);
uint32_t compute_instance_start(uint32_t slices, uint32_t number);

bool compute_instance_fits(const struct profile_mig *mig, const struct profile_gpu_instance *within,
			   const struct running_gpu_instance *instance, uint32_t profile,
			   uint32_t start);

/* The start that the driver takes: the one that breaks the least room. */
bool compute_instance_choose(const struct profile_mig *mig,
			     const struct profile_gpu_instance *within,
			     const struct running_gpu_instance *instance, uint32_t profile,
			     uint32_t *start);

uint32_t compute_instance_capacity(const struct profile_mig *mig,
				   const struct profile_gpu_instance *within,
				   const struct running_gpu_instance *instance, uint32_t profile);

uint32_t compute_instance_multiprocessors(const struct profile_mig *mig,
					  const struct profile_gpu_instance *within,
					  uint32_t slices);

/* "MIG 3g.20gb" for all slices of it, "MIG 1c.3g.20gb" for a part; both without "+me". */
void compute_instance_name(const struct profile_gpu_instance *within, uint32_t slices,
			   char name[COMPUTE_INSTANCE_NAME_SIZE]);

#endif
