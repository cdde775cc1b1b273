/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Power as the getters and the field values know it together. */
#ifndef MIRAGE_POWER_H
#define MIRAGE_POWER_H

#include "nvml_internal.h"

/* Milliwatts; NA_U32 where the scope does not have the value. */
struct power_scope {
	uint32_t instant_mw;
	uint32_t average_mw;
	uint32_t current_mw;
	uint32_t requested_mw;
	uint32_t default_mw;
	uint32_t min_mw;
	uint32_t max_mw;
};

/* scope is NVML_POWER_SCOPE_*; false for one that there is not. */
bool gpu_power_scope(const struct gpu *gpu, unsigned int scope, struct power_scope *values);

/* Milliwatts: the mean of the last second; NA_U32 where the board does not have it. */
uint32_t gpu_average_power(const struct gpu *gpu);

/* What the module draws with all GPUs that share it: now, in the last second, at a moment since boot. */
uint32_t module_power(const struct gpu *gpu);
uint32_t module_average_power(const struct gpu *gpu);
uint32_t module_past_power(const struct gpu *gpu, uint64_t moment);

/* Millijoules; NA_U64 where the board does not count them. */
uint64_t gpu_energy(const struct gpu *gpu);

#endif
