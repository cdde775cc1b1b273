/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "log.h"
#include "state_write.h"

#define MAX_VERSION 32

/*
 * The file this code was loaded from, by dl_iterate_phdr(): dladdr() moved
 * between libraries and would raise the C library version that is needed.
 */
static char own_file[PATH_MAX];

static int find_own_file(struct dl_phdr_info *info, size_t size, void *data)
{
	uintptr_t address = (uintptr_t)&find_own_file;

	(void)size;
	(void)data;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && address >= start &&
		    address - start < info->dlpi_phdr[i].p_memsz) {
			snprintf(own_file, sizeof(own_file), "%s", info->dlpi_name);
			return 1;
		}
	}
	return 0;
}

/*
 * As it is loaded, because a thread that asks later takes a lock of the loader that
 * no child has free which is forked meanwhile: its own question would wait for ever.
 */
static void __attribute__((constructor)) remember_own_file(void)
{
	dl_iterate_phdr(find_own_file, NULL);
}

/* Links resolved: the soname is a link to the file that has the version. */
static bool own_path(char *real)
{
	return own_file[0] && realpath(own_file, real);
}

/* 570.124.06 of .../libnvidia-ml.so.570.124.06; NULL for any other name. */
static const char *version_of(const char *path)
{
	static const char *const names[] = { "libnvidia-ml.so.", "libcuda.so." };
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i]);
		const char *version = name + length;

		/* One number alone is the soname's. */
		if (strncmp(name, names[i], length) == 0 && *version >= '0' && *version <= '9' &&
		    strchr(version, '.') && !version[strspn(version, "0123456789.")] &&
		    strlen(version) < MAX_VERSION)
			return version;
	}
	return NULL;
}

void source_driver_version(char *out, size_t size)
{
	char real[PATH_MAX];
	const char *version = own_path(real) ? version_of(real) : NULL;

	snprintf(out, size, "%s", version ? version : DRIVER_VERSION);
}

static bool page_below(const char *folder, const char *version, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "%s/lib/firmware/nvidia/%s/" PAGE_FILE, folder,
				version) < size;
}

/* ../../lib/firmware/... seen from the library's own folder. */
static bool path_beside_library(const char *version, char *out, size_t size)
{
	char real[PATH_MAX];

	if (!own_path(real))
		return false;
	for (int levels = 3; levels; levels--) {
		char *slash = strrchr(real, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	return page_below(real, version, out, size);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static enum source_result use_page(struct source *source)
{
	struct profile_error error;

	state_follow_boot(source->path);
	source->page = page_open(source->path, &error);
	if (!source->page) {
		log_error("%s", error.text);
		return SOURCE_INVALID;
	}
	source->boot = boot_now();
	host_read(&source->host, HOST_SYSFS);
	visible_nodes(&source->visible, page_description(source->page), "/dev");
	visible_attached(&source->visible, &page_area(source->page)->state);
	log_debug("%s: %u of %u GPUs visible", source->path, source->visible.count,
		  page_device_count(source->page));
	return SOURCE_OK;
}

/* development: a file that a variable names has no filter by device nodes */
static enum source_result use_profile(struct source *source, bool development)
{
	struct page *page = page_private();
	struct profile_error error = { "cannot parse: out of memory" };

	if (!page || profile_load(source->path, NULL, &page->areas[0].description, &error) != 0) {
		log_error("%s", error.text);
		page_close(page);
		return SOURCE_INVALID;
	}
	page_init_state(page);
	host_read(&source->host, HOST_SYSFS);
	source->page = page;
	source->private = true;
	if (development)
		visible_all(&source->visible, page_description(page));
	else
		visible_nodes(&source->visible, page_description(page), "/dev");
	log_debug("%s: %u of %u GPUs visible", source->path, source->visible.count,
		  page_device_count(page));
	return SOURCE_OK;
}

enum source_result source_open(struct source *source)
{
	const char *config = secure_getenv("MOCK_NVML_CONFIG");
	char version[MAX_VERSION];

	log_setup();
	memset(source, 0, sizeof(*source));
	if (config && *config) {
		snprintf(source->path, sizeof(source->path), "%s", config);
		return use_profile(source, true);
	}
	source_driver_version(version, sizeof(version));
	if (path_beside_library(version, source->path, sizeof(source->path)) &&
	    exists(source->path))
		return use_page(source);
	if (page_below("", version, source->path, sizeof(source->path)) && exists(source->path))
		return use_page(source);
	if (page_below(SOURCE_DRIVER_ROOT, version, source->path, sizeof(source->path)) &&
	    exists(source->path))
		return use_page(source);
	snprintf(source->path, sizeof(source->path), SOURCE_DRIVER_ROOT "/config/config.yaml");
	if (exists(source->path))
		return use_profile(source, false);
	log_error("no mock GPUs here: there is no device page beside the library, in "
		  "/lib/firmware/nvidia/%s/" PAGE_FILE " or in " SOURCE_DRIVER_ROOT
		  ", and MOCK_NVML_CONFIG is not set; run mock-nvml apply PROFILE",
		  version);
	source->path[0] = '\0';
	return SOURCE_NONE;
}

void source_close(struct source *source)
{
	page_close(source->page);
	memset(source, 0, sizeof(*source));
}
