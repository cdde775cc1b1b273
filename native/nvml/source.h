/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a process finds its GPUs, in this order: the YAML file MOCK_NVML_CONFIG
 * names (parsed privately), the page beside the library (../../lib/firmware/
 * nvidia/VERSION/), /lib/firmware/nvidia/VERSION/ (in containers), the default
 * driver root's page, the default driver root's config/config.yaml. VERSION is
 * that of the library's file name: a site renames the file, and builds it once.
 */
#ifndef MIRAGE_SOURCE_H
#define MIRAGE_SOURCE_H

#include "host.h"
#include "page.h"
#include "visible.h"

#define SOURCE_DRIVER_ROOT "/var/lib/nvidia-mock/driver"

enum source_result {
	SOURCE_OK = 0,
	SOURCE_NONE, /* nothing found: NVML_ERROR_DRIVER_NOT_LOADED */
	SOURCE_INVALID, /* found, but wrong: NVML_ERROR_UNKNOWN */
};

struct source {
	const struct page *page;
	char path[4096]; /* what it was made from */
	bool private; /* parsed from YAML: no filter by device nodes */
	struct visible visible; /* NVML index -> slot in the page */
	struct host host;
	uint64_t boot; /* as boot_now(); 0 with a page of this process's own */
};

/* Errors are logged once, as one line on stderr, before this returns. */
enum source_result source_open(struct source *source);
void source_close(struct source *source);

/* The driver this library stands for, by its file name, else by its build. */
void source_driver_version(char *out, size_t size);

/* GPUs this process sees; fixed from source_open to source_close. */
static inline uint32_t source_count(const struct source *source)
{
	return source->visible.count;
}

/* Device by NVML index; NULL out of range or when the page lost it since. */
static inline const struct device *source_device(const struct source *source, uint32_t index)
{
	return index < source->visible.count
		       ? page_device(source->page, source->visible.slot[index])
		       : NULL;
}

#endif
