/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GPU that has no handle: what it is called, and why it has none. */
#ifndef SMI_LOST_GPU_H
#define SMI_LOST_GPU_H

#include "nvml_api.h"

/*
 * The PCI address (CE69:B7:00.0) of GPU @index, of which DeviceGetHandleByIndex_v2()
 * answered @result. NULL where it is not found. Valid until the next call.
 */
const char *lost_gpu_address(unsigned int index, nvmlReturn_t result);

/* The same, or the index where there is no address: a name in any case. */
const char *lost_gpu_name(unsigned int index, nvmlReturn_t result);

/* The vendor's words for @result. */
const char *lost_gpu_reason(nvmlReturn_t result);

#endif
