/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MIG devices as CUDA sees them: a compute instance is a device of its own, and a
 * process sees one at most. Who sees one sees no whole GPU beside it.
 */
#ifndef MIRAGE_CUDA_MIG_H
#define MIRAGE_CUDA_MIG_H

#include "source.h"

/* What an ordinal stands for. */
struct cuda_visible {
	uint32_t index; /* among the GPUs that the process sees */
	uint32_t gpu_instance; /* STATE_NO_INSTANCE: the whole GPU */
	uint32_t compute_instance;
};

/* What the GPU is to CUDA: itself, or in MIG mode its first compute instance; false where that has none. */
bool cuda_mig_whole(const struct source *source, uint32_t index, struct cuda_visible *visible);

/* The compute instance whose UUID begins with the text; false unless it is the only one. */
bool cuda_mig_find(const struct source *source, const char *uuid, size_t length,
		   struct cuda_visible *visible);

/* One MIG device alone, where there is any. Returns how many are left. */
uint32_t cuda_mig_narrow(struct cuda_visible *visible, uint32_t count);

#endif
