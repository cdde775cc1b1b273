/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile_internal.h"

static void free_file(struct profile_file *file)
{
	for (uint32_t i = 0; i < PROFILE_MAX_DEVICES; i++)
		free(file->devices[i]);
	free(file->links);
	free(file);
}

static struct profile_file *new_file(void)
{
	struct profile_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	keys_reset(profile_file_keys, file);
	draft_init(&file->defaults);
	return file;
}

static int check_site(struct reader *reader, const struct profile_site *site)
{
	if (site->device_count <= PROFILE_MAX_DEVICES)
		return 0;
	snprintf(reader->error->text, sizeof(reader->error->text),
		 "--count: expected a number from 1 to %d, found %u", PROFILE_MAX_DEVICES,
		 site->device_count);
	return -1;
}

int profile_parse(const char *name, const char *text, size_t length,
		  const struct profile_site *site, struct description *description,
		  struct profile_error *error)
{
	static const struct profile_site nothing;
	struct reader *reader = calloc(1, sizeof(*reader));
	int result = -1;

	if (!site)
		site = &nothing;
	if (reader)
		*reader = (struct reader){ .name = name,
					   .error = error,
					   .note = site->note,
					   .note_data = site->note_data,
					   .file = new_file() };
	if (!reader || !reader->file) {
		snprintf(error->text, sizeof(error->text), "cannot parse profile %s: out of memory",
			 name);
		free(reader);
		return -1;
	}
	if (check_site(reader, site) == 0 && reader_open(reader, text, length) == 0) {
		result = reader_section(reader, yaml_document_get_root_node(&reader->document),
					profile_file_keys, reader->file);
		if (result == 0)
			result = profile_build(reader, site, description);
		reader_close(reader);
	}
	free_file(reader->file);
	free(reader);
	return result;
}

static int fail_read(const char *file, const char *reason, struct profile_error *error)
{
	snprintf(error->text, sizeof(error->text), "cannot read profile %s: %s", file, reason);
	return -1;
}

/* The whole file and a NUL after it, to be freed; NULL with errno or EFBIG. */
static char *read_whole(int fd, size_t *length)
{
	char *text = malloc(PROFILE_TEXT_MAX + 1);
	ssize_t got = 1;

	for (*length = 0; text && got > 0 && *length <= PROFILE_TEXT_MAX; *length += (size_t)got) {
		got = read(fd, text + *length, PROFILE_TEXT_MAX + 1 - *length);
		if (got < 0) {
			free(text);
			return NULL;
		}
	}
	if (text && *length > PROFILE_TEXT_MAX) {
		free(text);
		errno = EFBIG;
		return NULL;
	}
	return text;
}

int profile_load(const char *file, const struct profile_site *site, struct description *description,
		 struct profile_error *error)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	size_t length;
	char *text;
	int result;

	if (fd < 0)
		return fail_read(file, strerror(errno), error);
	text = read_whole(fd, &length);
	close(fd);
	if (!text)
		return fail_read(file, errno == EFBIG ? "it is larger than 1 MiB" : strerror(errno),
				 error);
	result = profile_parse(file, text, length, site, description, error);
	free(text);
	return result;
}

uint32_t description_topology(const struct description *description, uint32_t a, uint32_t b)
{
	const struct device *one = &description->devices[a];
	const struct device *two = &description->devices[b];

	if (a == b)
		return 0;
	if (one->root_complex != NA_U32 && one->root_complex == two->root_complex)
		return one->root_level;
	if (one->numa_node < 0 || two->numa_node < 0)
		return description_board(description, one)->topology_default;
	return one->numa_node == two->numa_node ? 40 : 50;
}

static uint32_t switch_links(const struct device *device)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < device->link_count && i < PROFILE_MAX_LINKS; i++)
		n += device->links[i].active &&
		     device->links[i].remote_type == PROFILE_REMOTE_SWITCH;
	return n;
}

uint32_t description_links_between(const struct description *description, uint32_t a, uint32_t b)
{
	const struct device *one = &description->devices[a];
	const struct device *two = &description->devices[b];
	uint32_t by_switch = switch_links(one), direct = 0;

	if (a == b)
		return 0;
	if (switch_links(two) < by_switch)
		by_switch = switch_links(two);
	for (uint32_t i = 0; i < one->link_count && i < PROFILE_MAX_LINKS; i++)
		direct += one->links[i].active && one->links[i].remote_device == (int32_t)b;
	return by_switch + direct;
}
