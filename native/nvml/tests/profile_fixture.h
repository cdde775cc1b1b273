/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of profiles share: a text or a board's file, parsed. */
#ifndef MIRAGE_PROFILE_FIXTURE_H
#define MIRAGE_PROFILE_FIXTURE_H

#include <sys/mman.h>

#include "profile.h"
#include "testsuite.h"

#define MINIMAL "device_defaults: {name: A, memory: {total_bytes: 1024}}\n"

static struct profile_error error;

/* Mapped, as everywhere: what the leak checker then counts is the parser's. */
static inline struct description *new_description(void)
{
	void *memory = mmap(NULL, sizeof(struct description), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

static inline struct description *parse_for(const char *text, const struct profile_site *site)
{
	struct description *description = new_description();

	memset(&error, 0, sizeof(error));
	if (profile_parse("p.yaml", text, strlen(text), site, description, &error) == 0)
		return description;
	munmap(description, sizeof(*description));
	return NULL;
}

/* On a node called n, as the host's name is none of a test's business. */
static inline struct description *parse(const char *text)
{
	static const struct profile_site site = { .node_name = "n" };

	return parse_for(text, &site);
}

static inline struct description *must_parse(const char *text)
{
	struct description *description = parse(text);

	if (!description)
		CHECK_STRING(error.text, "");
	return description;
}

static inline struct description *load(const char *name, uint32_t count)
{
	struct profile_site site = { .node_name = "n", .device_count = count };
	struct description *description = new_description();
	char file[256];

	snprintf(file, sizeof(file), "../../charts/gpu-mock/profiles/%s.yaml", name);
	if (profile_load(file, &site, description, &error) != 0)
		CHECK_STRING(error.text, "");
	return description;
}

#endif
