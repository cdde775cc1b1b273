/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "visible.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void visible_all(struct visible *visible, const struct description *description)
{
	memset(visible, 0, sizeof(*visible));
	for (uint32_t i = 0; i < description->device_count && i < PROFILE_MAX_DEVICES; i++)
		visible->slot[visible->count++] = (uint8_t)i;
}

/* The minor a name like nvidia12 stands for, or -1 for any other name. */
static int minor_of_name(const char *name)
{
	unsigned int minor = 0;

	if (strncmp(name, "nvidia", 6) != 0 || !name[6])
		return -1;
	for (name += 6; *name; name++) {
		if (*name < '0' || *name > '9' || minor > 255)
			return -1;
		minor = minor * 10 + (unsigned int)(*name - '0');
	}
	return (int)minor;
}

/*
 * The system call itself, as stat() of a new C library would bind the library
 * to that version of it. The layouts agree on the 64-bit platforms we build.
 */
static int stat_at(int folder, const char *name, struct stat *status)
{
	return (int)syscall(SYS_newfstatat, folder, name, status, 0);
}

void visible_nodes(struct visible *visible, const struct description *description,
		   const char *folder)
{
	bool present[256] = { false };
	bool any = false;
	uint32_t count;
	struct dirent *entry;
	struct stat status;
	DIR *dir = opendir(folder);

	if (!dir) {
		visible_all(visible, description);
		return;
	}
	while ((entry = readdir(dir))) {
		if (minor_of_name(entry->d_name) < 0 ||
		    stat_at(dirfd(dir), entry->d_name, &status) != 0 || !S_ISCHR(status.st_mode) ||
		    major(status.st_rdev) != VISIBLE_MAJOR || minor(status.st_rdev) > 254)
			continue;
		present[minor(status.st_rdev)] = true;
		any = true;
	}
	closedir(dir);
	if (!any) {
		visible_all(visible, description);
		return;
	}
	memset(visible, 0, sizeof(*visible));
	count = description->device_count < PROFILE_MAX_DEVICES ? description->device_count
								: PROFILE_MAX_DEVICES;
	for (uint32_t minor = 0; minor < 255; minor++)
		for (uint32_t i = 0; present[minor] && i < count; i++)
			if (description->devices[i].minor == minor)
				visible->slot[visible->count++] = (uint8_t)i;
}

void visible_attached(struct visible *visible, const struct state *state)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < visible->count; i++) {
		const struct state_device *device = &state->devices[visible->slot[i]];
		uint64_t sequence = atomic_load_explicit(&device->sequence, memory_order_acquire);

		if (!state_running(device, sequence)->settings.detached)
			visible->slot[count++] = visible->slot[i];
	}
	visible->count = count;
}
