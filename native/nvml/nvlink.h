/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the NVLink getters and the field values know together. */
#ifndef MIRAGE_NVLINK_H
#define MIRAGE_NVLINK_H

#include "nvml_internal.h"

/* nvmlNvlinkVersion_t of the board's generation; NA_U32 where there is none. */
uint32_t nvlink_version(const struct board *board);

/* NOT_SUPPORTED for a link the board lacks (topo -m stops at any other error). */
nvmlReturn_t nvlink_check(const struct gpu *gpu, unsigned int link);

/* Up, by the board and by the faults. */
static inline bool nvlink_active(const struct gpu *gpu, unsigned int link)
{
	return gpu->device->links[link].active && !(gpu->readings->links.down >> link & 1);
}

#endif
