/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files by which container tools find who may use a MIG device, as the real
 * driver shows them in /proc: below a driver root
 *
 *	proc/driver/nvidia/capabilities/mig/{config,monitor}
 *	proc/driver/nvidia/capabilities/gpuN/mig/giN/{access,ciN/access}
 *	proc/driver/nvidia-caps/mig-minors
 *
 * Each names the minor number of a device node in /dev/nvidia-caps. The numbers
 * are fixed: N of gpuN is the GPU's minor number, each GPU has 15 GPU instances
 * and each of those eight compute instances.
 */
#ifndef MIRAGE_CAPABILITY_H
#define MIRAGE_CAPABILITY_H

#include "page.h"

#define CAPABILITY_FOLDER "/proc/driver/nvidia/capabilities"
#define CAPABILITY_MINORS "/proc/driver/nvidia-caps/mig-minors"

#define CAPABILITY_ALL UINT32_MAX /* for compute_instance: the GPU instance itself */

uint32_t capability_minor(uint32_t gpu_minor, uint32_t gpu_instance, uint32_t compute_instance);

/* The driver root of a page by its path; false in containers, where there is none. */
bool capability_root(const char *page, char *root, size_t size);

/* Have the files of one GPU's instances, and no others. 0, or -1 with errno. */
int capability_update(const char *root, uint32_t gpu_minor, const struct running *running);

/*
 * The same for all GPUs of a page, by its file and under its lock, where they may
 * differ. Who changes instances has the files follow them; who dies before that, or
 * is in a container where there are none, leaves it to the next writer, and so does
 * a boot. A page that can be written must not fail because of files that cannot, nor
 * a GPU's files stay as they are because of another's: what is left is tried again.
 */
void capability_settle(struct page *page, const char *file);

/* Have the files that are there without any instance. 0, or -1 with errno. */
int capability_prepare(const char *root);

#endif
