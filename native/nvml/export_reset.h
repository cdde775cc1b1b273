/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The slots of the internal table with which nvidia-smi resets GPUs. */
#ifndef MIRAGE_EXPORT_RESET_H
#define MIRAGE_EXPORT_RESET_H

#include "nvml_internal.h"

struct reset_group;

/* An address as nvidia-smi compares it with those that it was given. */
struct reset_member {
	char pci_bus_id[32];
};

nvmlReturn_t slot_primary_gpu(nvmlDevice_t device, unsigned int *answer);
nvmlReturn_t slot_reset_with_switches(unsigned int *answer);
nvmlReturn_t slot_reset_group_make(struct reset_group **group, const nvmlDevice_t *devices,
				   unsigned int count, unsigned int flags);
nvmlReturn_t slot_reset_group_list(const struct reset_group *group, struct reset_member **members,
				   unsigned int *count);
nvmlReturn_t slot_reset_group_free(struct reset_group *group);
nvmlReturn_t slot_reset(unsigned int count, const nvmlDevice_t *devices, nvmlReturn_t *results);

#endif
