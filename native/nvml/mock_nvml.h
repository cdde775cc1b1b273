/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of mock-nvml share: options, the profile at hand, answers. */
#ifndef MIRAGE_MOCK_NVML_H
#define MIRAGE_MOCK_NVML_H

#include "json.h"
#include "profile.h"

enum exit_code { EXIT_OK = 0, EXIT_INVALID = 1, EXIT_USAGE = 2, EXIT_SYSTEM = 3 };

struct options {
	const char *command;
	const char *root;
	const char *file;
	bool json;
	bool dry_run;
	bool force;
	struct profile_site site;
};

/* A profile with its text, kept because config.yaml is made of it. */
struct profile {
	struct description *description;
	char *text;
	size_t length;
	uint32_t pci_domain; /* 0: derived */
	char **notes;
	size_t note_count;
};

/* One line on stderr; returns code. */
int complain(enum exit_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The members of an answer that say what a description holds. */
void print_description(struct json *json, const struct description *description);

/* Up to PROFILE_TEXT_MAX + 1 bytes of a file, to be freed; NULL with errno. */
char *read_file(const char *file, size_t *length);

/* Zeroed memory that takes room only where it is written. */
struct description *new_description(void);

/* mock_nvml_options.c */
extern const char mock_nvml_usage[];
int parse_arguments(char **arguments, struct options *options);

/* mock_nvml_apply.c */
int apply(const struct options *options, const struct profile *profile);

#endif
