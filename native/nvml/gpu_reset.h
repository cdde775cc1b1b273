/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What resetting a GPU does to its running state. */
#ifndef MIRAGE_GPU_RESET_H
#define MIRAGE_GPU_RESET_H

#include "handle.h"

/* running becomes what it is after a reset of gpu; pending modes hold then. */
void gpu_reset(struct running *running, const struct gpu *gpu);

#endif
