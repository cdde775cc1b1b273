// SPDX-License-Identifier: GPL-3.0-or-later
#include "capability.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "page_file.h"

#define GPU_INSTANCES 15
#define COMPUTE_INSTANCES STATE_MAX_COMPUTE_INSTANCES
#define FIRST_MINOR 3 /* 1 is mig/config, 2 mig/monitor */
#define GPUS 32 /* that mig-minors lists, as the real driver's */
#define MINORS_SIZE (GPUS * GPU_INSTANCES * (COMPUTE_INSTANCES + 1) * 32)

uint32_t capability_minor(uint32_t gpu_minor, uint32_t gpu_instance, uint32_t compute_instance)
{
	uint32_t instance = gpu_minor * GPU_INSTANCES + gpu_instance;
	uint32_t minor = FIRST_MINOR + instance * (COMPUTE_INSTANCES + 1);

	return compute_instance == CAPABILITY_ALL ? minor : minor + 1 + compute_instance;
}

bool capability_root(const char *page, char *root, size_t size)
{
	const char *end = strstr(page, "/lib/firmware/nvidia/");
	size_t length = end ? (size_t)(end - page) : 0;

	if (!length || length >= size)
		return false;
	memcpy(root, page, length);
	root[length] = '\0';
	return true;
}

static bool has_text(const char *path, const char *text, size_t length)
{
	char there[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;
	bool same = true;
	size_t offset = 0;

	if (fd < 0)
		return false;
	while (same && (got = read(fd, there, sizeof(there))) > 0) {
		same = offset + (size_t)got <= length &&
		       memcmp(there, text + offset, (size_t)got) == 0;
		offset += (size_t)got;
	}
	close(fd);
	return same && offset == length;
}

/* Whole or not at all: written beside and renamed. */
static int write_file(char *path, const char *text, size_t length, mode_t mode)
{
	char temporary[PATH_MAX];
	bool written;
	int fd;

	if (has_text(path, text, length))
		return 0;
	if (make_parents(path) != 0)
		return -1;
	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
	    sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkstemp(temporary);
	if (fd < 0)
		return -1;
	written = write(fd, text, length) == (ssize_t)length && fchmod(fd, mode) == 0;
	/* Closed once, whatever it answers: the number may be another thread's file by then. */
	if (close(fd) == 0 && written && rename(temporary, path) == 0)
		return 0;
	unlink(temporary);
	return -1;
}

static int write_capability(char *path, uint32_t minor, mode_t mode)
{
	char text[128];
	int length = snprintf(text, sizeof(text),
			      "DeviceFileMinor: %u\nDeviceFileMode: %u\nDeviceFileModify: 1\n",
			      minor, mode);

	return write_file(path, text, (size_t)length, mode);
}

/* The folder and its file "access"; gone is as good as removed. */
static int remove_capability(const char *folder)
{
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s/access", folder);
	if (unlink(file) != 0 && errno != ENOENT && errno != ENOTDIR)
		return -1;
	return rmdir(folder) == 0 || errno == ENOENT ? 0 : -1;
}

static int update_folder(const char *folder, bool wanted, uint32_t minor)
{
	char file[PATH_MAX];

	if (!wanted)
		return remove_capability(folder);
	snprintf(file, sizeof(file), "%s/access", folder);
	return write_capability(file, minor, 0444);
}

static int update_instance(const char *folder, uint32_t gpu_minor, uint32_t id,
			   const struct running_gpu_instance *instance)
{
	char below[PATH_MAX];

	if (!instance->used && access(folder, F_OK) != 0)
		return 0;
	for (uint32_t i = 0; i < COMPUTE_INSTANCES; i++) {
		snprintf(below, sizeof(below), "%s/ci%u", folder, i);
		if (update_folder(below, instance->used && instance->compute[i].used,
				  capability_minor(gpu_minor, id, i)) != 0)
			return -1;
	}
	return update_folder(folder, instance->used,
			     capability_minor(gpu_minor, id, CAPABILITY_ALL));
}

static bool has_instances(const struct running *running)
{
	for (uint32_t id = 0; id < GPU_INSTANCES; id++)
		if (running->gpu_instances[id].used)
			return true;
	return false;
}

/* The folders of a GPU without instances go, as they are no one's. */
static void remove_gpu(const char *root, uint32_t gpu_minor)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s" CAPABILITY_FOLDER "/gpu%u/mig", root, gpu_minor);
	rmdir(folder);
	*strrchr(folder, '/') = '\0';
	rmdir(folder);
}

int capability_update(const char *root, uint32_t gpu_minor, const struct running *running)
{
	bool wanted = has_instances(running);
	char folder[PATH_MAX];
	int length =
		snprintf(folder, sizeof(folder), "%s" CAPABILITY_FOLDER "/gpu%u", root, gpu_minor);

	if (!wanted && access(folder, F_OK) != 0)
		return 0;
	/* Room for the names of what lies below. */
	if (length < 0 || (size_t)length + 32 >= sizeof(folder)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (uint32_t id = 0; id < GPU_INSTANCES; id++) {
		snprintf(folder + length, sizeof(folder) - (size_t)length, "/mig/gi%u", id);
		if (update_instance(folder, gpu_minor, id, &running->gpu_instances[id]) != 0)
			return -1;
	}
	if (!wanted)
		remove_gpu(root, gpu_minor);
	return 0;
}

static size_t print_minors(char *text, size_t size)
{
	size_t length = (size_t)snprintf(text, size, "config 1\nmonitor 2\n");

	for (uint32_t gpu = 0; gpu < GPUS; gpu++) {
		for (uint32_t i = 0; i < GPU_INSTANCES; i++) {
			length += (size_t)snprintf(text + length, size - length,
						   "gpu%u/gi%u/access %u\n", gpu, i,
						   capability_minor(gpu, i, CAPABILITY_ALL));
			for (uint32_t j = 0; j < COMPUTE_INSTANCES; j++)
				length += (size_t)snprintf(text + length, size - length,
							   "gpu%u/gi%u/ci%u/access %u\n", gpu, i, j,
							   capability_minor(gpu, i, j));
		}
	}
	return length;
}

static int write_minors(char *path)
{
	char *text = malloc(MINORS_SIZE);
	int result, saved;

	if (!text)
		return -1;
	result = write_file(path, text, print_minors(text, MINORS_SIZE), 0444);
	saved = errno;
	free(text);
	errno = saved;
	return result;
}

int capability_prepare(const char *root)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" CAPABILITY_FOLDER "/mig/config", root);
	if (write_capability(path, 1, 0400) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s" CAPABILITY_FOLDER "/mig/monitor", root);
	if (write_capability(path, 2, 0444) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s" CAPABILITY_MINORS, root);
	return write_minors(path);
}

/* Of a damaged copy nothing is believed, its instances neither. */
static bool settle_gpu(const struct page *page, const char *root, uint32_t slot)
{
	static _Atomic bool told;
	const struct state_device *device = &page_area(page)->state.devices[slot];
	uint64_t sequence = atomic_load(&device->sequence);
	const struct running *running = state_running(device, sequence);

	if (!running_is_sound(running, sequence))
		return false;
	if (capability_update(root, page_description(page)->devices[slot].minor, running) == 0)
		return true;
	/* A program that changes GPUs again and again says so once. */
	if (!atomic_exchange(&told, true))
		log_error("cannot update the MIG capabilities of GPU %u in %s%s: %s", slot, root,
			  CAPABILITY_FOLDER, strerror(errno));
	return false;
}

void capability_settle(struct page *page, const char *file)
{
	bool settled = true;
	char root[PATH_MAX];

	if (!atomic_load(&page->header.capabilities_due) ||
	    !capability_root(file, root, sizeof(root)))
		return;
	for (uint32_t slot = 0; slot < page_device_count(page); slot++)
		settled = settle_gpu(page, root, slot) && settled;
	if (settled)
		atomic_store(&page->header.capabilities_due, 0);
}
