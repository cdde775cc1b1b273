/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capability.h"
#include "config_text.h"
#include "mock_nvml.h"
#include "page.h"
#include "page_file.h"
#include "state_write.h"

static bool has_content(const char *file, const char *text, size_t length)
{
	size_t there = 0;
	char *content = read_file(file, &there);
	bool same = content && there == length && memcmp(content, text, length) == 0;

	free(content);
	return same;
}

/* The new file beside the old one, complete and on disk; renamed by the caller. */
static int write_beside(const char *file, const char *text, size_t length, char *temporary,
			size_t size)
{
	FILE *stream = NULL;
	int fd;

	snprintf(temporary, size, "%s.XXXXXX", file);
	fd = mkstemp(temporary);
	if (fd >= 0)
		stream = fdopen(fd, "wb");
	if (stream && fchmod(fd, 0644) == 0 && fwrite(text, 1, length, stream) == length &&
	    fflush(stream) == 0 && fsync(fd) == 0) {
		fclose(stream);
		return 0;
	}
	if (fd >= 0) {
		int saved = errno;

		if (stream)
			fclose(stream);
		else
			close(fd);
		unlink(temporary);
		errno = saved;
	}
	return -1;
}

/*
 * What config.yaml holds must give exactly the page's description, else the
 * node would show other GPUs where only the file can be read.
 */
static int verify_text(const char *file, const char *text, size_t length,
		       const struct description *expected)
{
	struct description *description = new_description();
	struct profile_error error = { "out of memory" };
	int result = -1;

	if (description && profile_parse(file, text, length, NULL, description, &error) == 0)
		result = description_checksum(description) == description_checksum(expected) ? 0
											     : -1;
	if (description)
		munmap(description, sizeof(*description));
	if (result != 0)
		complain(EXIT_SYSTEM,
			 "cannot make %s: its text would not describe the same GPUs (%s)", file,
			 error.text);
	return result;
}

static int report(const struct options *options, const struct profile *profile, const char *config,
		  bool config_changed, const char *page, bool page_changed)
{
	if (options->json) {
		struct json json = json_begin(stdout);

		json_bool(&json, "changed", config_changed || page_changed);
		json_string(&json, "config", config);
		json_bool(&json, "config_changed", config_changed);
		json_string(&json, "page", page);
		json_bool(&json, "page_changed", page_changed);
		print_description(&json, profile->description);
		json_end(&json);
		return EXIT_OK;
	}
	printf("%s: %s\n%s: %s\n", config, config_changed ? "changed" : "unchanged", page,
	       page_changed ? "changed" : "unchanged");
	return EXIT_OK;
}

static bool is_capable(const struct description *description)
{
	for (uint32_t i = 0; i < description->device_count; i++)
		if (description_board(description, &description->devices[i])->mig.capable == 1)
			return true;
	return false;
}

/* For each minor number there can be, so that nothing stays of GPUs that are gone. */
static int update_capabilities(const char *root, const struct page_area *area)
{
	static const struct running none;
	const struct running *running[PROFILE_MAX_DEVICES];

	for (uint32_t i = 0; i < PROFILE_MAX_DEVICES; i++)
		running[i] = &none;
	for (uint32_t i = 0; i < area->description.device_count; i++) {
		const struct state_device *state = &area->state.devices[i];
		uint32_t minor = area->description.devices[i].minor;

		if (minor < PROFILE_MAX_DEVICES)
			running[minor] = state_running(state, atomic_load(&state->sequence));
	}
	for (uint32_t i = 0; i < PROFILE_MAX_DEVICES; i++)
		if (capability_update(root, i, running[i]) != 0)
			return -1;
	return is_capable(&area->description) ? capability_prepare(root) : 0;
}

static int apply_capabilities(const char *root, const char *file)
{
	struct profile_error error;
	const struct page *page = page_open(file, &error);
	int result;

	if (!page)
		return complain(EXIT_SYSTEM, "%s", error.text);
	result = update_capabilities(root, page_area(page));
	if (result != 0)
		result = complain(EXIT_SYSTEM, "cannot write the MIG capabilities in %s%s: %s",
				  root, CAPABILITY_FOLDER, strerror(errno));
	page_close(page);
	return result;
}

static int apply_files(const struct options *options, const struct profile *profile,
		       const char *text, size_t length, char *config, char *page)
{
	char temporary[PATH_MAX] = "";
	bool config_changed = !has_content(config, text, length);
	struct profile_error error;
	enum page_change change;

	if (!options->dry_run && (make_parents(config) != 0 || make_parents(page) != 0))
		return complain(EXIT_SYSTEM, "cannot make the folders of driver root %s: %s",
				options->root, strerror(errno));
	if (config_changed && !options->dry_run &&
	    write_beside(config, text, length, temporary, sizeof(temporary)) != 0)
		return complain(EXIT_SYSTEM, "cannot write %s: %s", config, strerror(errno));
	/* What another boot has left whole is kept, whatever it has torn. */
	if (!options->dry_run)
		state_follow_boot(page);
	change = page_write(page, profile->description, options->force, options->dry_run, &error);
	if (change == PAGE_ERROR) {
		if (*temporary)
			unlink(temporary);
		return complain(EXIT_SYSTEM, "%s", error.text);
	}
	if (*temporary && rename(temporary, config) != 0) {
		int saved = errno;

		unlink(temporary);
		return complain(EXIT_SYSTEM, "cannot write %s: %s", config, strerror(saved));
	}
	if (!options->dry_run && apply_capabilities(options->root, page) != 0)
		return EXIT_SYSTEM;
	return report(options, profile, config, config_changed, page, change == PAGE_CHANGED);
}

int apply(const struct options *options, const struct profile *profile)
{
	const struct profile_system *system = &profile->description->system;
	char config[PATH_MAX], page[PATH_MAX];
	size_t length;
	char *text = config_text(profile->text, profile->length, system,
				 profile->description->device_count, profile->pci_domain, &length);
	int result;

	if (!text)
		return complain(EXIT_SYSTEM, "cannot make the text of config.yaml: out of memory");
	snprintf(config, sizeof(config), "%s/config/config.yaml", options->root);
	snprintf(page, sizeof(page), "%s/lib/firmware/nvidia/%s/" PAGE_FILE, options->root,
		 system->driver_version);
	result = EXIT_SYSTEM;
	if (verify_text(config, text, length, profile->description) == 0)
		result = apply_files(options, profile, text, length, config, page);
	free(text);
	return result;
}
