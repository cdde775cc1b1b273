/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How this process shows in NVML: as a compute process of a device, and its memory
 * as used. It does where the page can be written (by root, and not where a
 * container has it read-only); elsewhere everything works and is not shown.
 */
#ifndef MIRAGE_CUDA_PRESENCE_H
#define MIRAGE_CUDA_PRESENCE_H

#include <stdint.h>

#include "cuda_device.h"

/* The process has a context on the device at @slot of the page, and this much of its memory. */
void presence_set(uint32_t slot, uint64_t bytes);

/* It has no context there any more. */
void presence_clear(uint32_t slot);

/* The next two are called under cuda_lock(): some of what they look at is this process's. */

/* What others have of the device's memory. */
uint64_t presence_others(struct cuda_device *found);

/* Whether the device's compute mode leaves it to this process. */
bool presence_allowed(struct cuda_device *found);

#endif
