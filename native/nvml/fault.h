/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Judging a call by the faults in force. Only a GPU that has one comes here. */
#ifndef MIRAGE_FAULT_H
#define MIRAGE_FAULT_H

#include "nvml_internal.h"

/*
 * The call counts, may wait, and may have an answer at once; else gpu->readings
 * are those that its faults make.
 */
nvmlReturn_t fault_enter(struct gpu *gpu);

/* What the GPU said at a moment that is past, with the faults of now that held then. */
void fault_past(const struct gpu *gpu, uint64_t moment, struct readings *readings);

/* For look-ups of a handle, which meet no other fault than a lost GPU. */
nvmlReturn_t fault_lookup(const struct gpu *gpu);

/* nvmlInit, with the page mapped and init_lock held. */
nvmlReturn_t fault_init(void);

#endif
