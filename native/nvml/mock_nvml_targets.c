/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which page, and which GPUs of it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "liveness.h"
#include "mock_nvml_change.h"
#include "page.h"

/* The driver version of the profile in force; false where it cannot be told. */
static bool configured_version(const char *root, char *version, size_t size)
{
	char file[PATH_MAX];
	struct profile_error error;
	struct description *description = new_description();
	bool known = false;

	snprintf(file, sizeof(file), "%s/config/config.yaml", root);
	if (description && profile_load(file, NULL, description, &error) == 0) {
		snprintf(version, size, "%s", description->system.driver_version);
		known = true;
	}
	if (description)
		munmap(description, sizeof(*description));
	return known;
}

static int page_of_version(const struct options *options, const char *version,
			   struct targets *targets)
{
	snprintf(targets->file, sizeof(targets->file), "%s/lib/firmware/nvidia/%s/" PAGE_FILE,
		 options->root, version);
	return EXIT_OK;
}

/*
 * How many driver versions have a page below the folder; file gets the last one
 * found. By readdir(): glob() has a version of its own in newer C libraries.
 */
static unsigned int count_pages(const char *folder, char *file, size_t size)
{
	DIR *versions = opendir(folder);
	unsigned int count = 0;
	struct dirent *entry;
	char path[PATH_MAX];

	while (versions && (entry = readdir(versions))) {
		if (*entry->d_name == '.' ||
		    (size_t)snprintf(path, sizeof(path), "%s/%s/" PAGE_FILE, folder,
				     entry->d_name) >= sizeof(path) ||
		    access(path, F_OK) != 0)
			continue;
		snprintf(file, size, "%s", path);
		count++;
	}
	if (versions)
		closedir(versions);
	return count;
}

/* An upgrade of the driver's version leaves the old page: config.yaml says which one counts. */
static int find_page(const struct options *options, struct targets *targets)
{
	char folder[PATH_MAX], version[80];
	unsigned int count;

	if (options->site.driver_version)
		return page_of_version(options, options->site.driver_version, targets);
	snprintf(folder, sizeof(folder), "%s/lib/firmware/nvidia", options->root);
	count = count_pages(folder, targets->file, sizeof(targets->file));
	if (!count)
		return complain(EXIT_SYSTEM,
				"cannot find the GPUs of driver root %s: there is no device page "
				"below %s; run mock-nvml --root %s apply PROFILE first",
				options->root, folder, options->root);
	if (count > 1 && configured_version(options->root, version, sizeof(version)))
		return page_of_version(options, version, targets);
	return EXIT_OK;
}

static bool is_index(const char *text, uint32_t slot)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && value == slot;
}

/* 00000000:07:00.0; the leading zeros of the domain may be fewer. */
static bool is_address(const char *text, const struct device *device)
{
	unsigned int domain, bus, number, function = 0;
	int used = 0;

	if (sscanf(text, "%x:%x:%x.%x%n", &domain, &bus, &number, &function, &used) != 4 ||
	    text[used])
		return false;
	return domain == device->pci_domain && bus == device->pci_bus &&
	       number == device->pci_device && function == device->pci_function;
}

static bool names(const char *text, const struct device *device, uint32_t slot)
{
	return strcmp(text, "all") == 0 || is_index(text, slot) ||
	       strcasecmp(text, device->uuid) == 0 || is_address(text, device);
}

static int choose(const char *text, const struct description *description, bool *chosen)
{
	bool found = false;

	for (uint32_t slot = 0; slot < description->device_count; slot++) {
		if (!names(text, &description->devices[slot], slot))
			continue;
		chosen[slot] = found = true;
	}
	if (found)
		return EXIT_OK;
	return complain(EXIT_INVALID,
			"-i: there is no GPU \"%s\" here: say an index from 0 to %u, a UUID, a "
			"PCI bus id or all",
			text, description->device_count - 1);
}

static int choose_all(const char *texts, const struct description *description,
		      struct targets *targets)
{
	bool chosen[PROFILE_MAX_DEVICES] = { false };
	char *copy = strdup(texts);
	int result = copy ? EXIT_OK : EXIT_SYSTEM;
	char *state = NULL;

	for (char *text = copy ? strtok_r(copy, ",", &state) : NULL; text && result == EXIT_OK;
	     text = strtok_r(NULL, ",", &state))
		result = choose(text, description, chosen);
	free(copy);
	for (uint32_t slot = 0; slot < PROFILE_MAX_DEVICES; slot++)
		if (chosen[slot])
			targets->slots[targets->count++] = slot;
	if (result == EXIT_OK && !targets->count)
		return complain(EXIT_USAGE, "-i: expected a GPU, found \"%s\"", texts);
	return result;
}

int targets_open(const struct options *options, struct targets *targets)
{
	struct profile_error error;
	int result;

	memset(targets, 0, sizeof(*targets));
	result = find_page(options, targets);
	if (result != EXIT_OK)
		return result;
	if (!options->dry_run)
		state_follow_boot(targets->file);
	targets->page = page_open(targets->file, &error);
	if (!targets->page)
		return complain(EXIT_SYSTEM, "%s", error.text);
	result = choose_all(options->texts.devices ? options->texts.devices : "all",
			    page_description(targets->page), targets);
	if (result != EXIT_OK)
		targets_close(targets);
	return result;
}

void targets_close(struct targets *targets)
{
	page_close(targets->page);
}

void targets_state(const struct targets *targets, uint32_t slot, struct running *running)
{
	const struct state_device *device = &page_area(targets->page)->state.devices[slot];
	uint64_t sequence;

	do {
		sequence = atomic_load_explicit(&device->sequence, memory_order_acquire);
		running_copy(running, state_running(device, sequence));
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&device->sequence, memory_order_relaxed) != sequence);
	running_limit(running);
	liveness_bury(running);
}
