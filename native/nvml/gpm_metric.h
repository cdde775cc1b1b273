/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics of GPU performance monitoring: what a GPU, or one of its instances, did for a while. */
#ifndef MIRAGE_GPM_METRIC_H
#define MIRAGE_GPM_METRIC_H

#include "nvml_internal.h"

struct gpm_subject {
	const struct gpu *gpu;
	/* Of the GPU instance that is asked for; NULL: the whole GPU. */
	const struct profile_gpu_instance *profile;
	uint32_t gpu_instance;
	uint64_t from, to; /* ms since boot */
};

/* The metric's value, names and unit by its id, or why there is none. */
void gpm_metric_fill(const struct gpm_subject *subject, nvmlGpmMetric_t *metric);

/*
 * gpm_instance.c: what the instance does while the GPU reads as whole says, in room,
 * where whole may lie too. Shares are per cent of what the instance has.
 */
const struct readings *gpm_instance_readings(const struct gpm_subject *subject,
					     const struct readings *whole, struct readings *room);

#endif
