/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which GPUs a process sees: those whose node /dev/nvidiaN (a character device
 * with major 195) it has, in minor order; where there is no such node, all.
 */
#ifndef MIRAGE_VISIBLE_H
#define MIRAGE_VISIBLE_H

#include "state.h"

#define VISIBLE_MAJOR 195u

struct visible {
	uint32_t count;
	uint8_t slot[PROFILE_MAX_DEVICES]; /* NVML index -> slot in the page */
};

/* No filter. */
void visible_all(struct visible *visible, const struct description *description);

/* Filter by the nodes in folder (normally /dev). */
void visible_nodes(struct visible *visible, const struct description *description,
		   const char *folder);

/* Without those that nvmlDeviceRemoveGpu has taken away. */
void visible_attached(struct visible *visible, const struct state *state);

#endif
