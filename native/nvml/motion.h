/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readings that move: a function of the description, the device's slot and the
 * time since boot, and of nothing else, so that all processes agree on them.
 */
#ifndef MIRAGE_MOTION_H
#define MIRAGE_MOTION_H

#include "profile.h"

/* Milliseconds since boot. */
uint64_t motion_now(void);

/* Each gives what stands in the readings where they have no motion. */
int32_t motion_temperature(const struct readings *readings, uint32_t slot, uint64_t now);
uint32_t motion_power(const struct readings *readings, uint32_t slot, uint64_t now);
uint32_t motion_gpu_utilization(const struct readings *readings, uint32_t slot, uint64_t now);
uint32_t motion_memory_utilization(const struct readings *readings, uint32_t slot, uint64_t now);

#endif
