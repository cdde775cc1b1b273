/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of mock-nvml share: options, the profile at hand, answers. */
#ifndef MIRAGE_MOCK_NVML_H
#define MIRAGE_MOCK_NVML_H

#include "json.h"
#include "profile.h"

enum exit_code { EXIT_OK = 0, EXIT_INVALID = 1, EXIT_USAGE = 2, EXIT_SYSTEM = 3 };

#define MAX_WORDS 64

/* Values of options as they were given; NULL: not given. */
struct option_texts {
	const char *count;
	const char *devices;
	const char *after;
	const char *after_calls;
	const char *period; /* --for */
	const char *probability;
	const char *seed;
	const char *code;
	const char *latency;
	const char *location;
	const char *link;
	const char *temperature;
	const char *clock;
	const char *health;
	const char *pid;
	const char *type;
	const char *memory;
	const char *name;
	const char *utilization;
	const char *gpu_instance;
	const char *compute_instance;
	const char *speed;
	const char *columns;
};

struct options {
	const char *command;
	const char *root;
	const char *file;
	bool json;
	bool full;
	bool dry_run;
	bool force;
	bool once;
	bool loop;
	struct profile_site site;
	struct option_texts texts;
	const char *words[MAX_WORDS]; /* what follows a control command */
	unsigned int word_count;
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

/* Every field of it, as profile.h declares them; generated from there. */
void print_whole_description(struct json *json, const struct description *description);

/* Up to PROFILE_TEXT_MAX + 1 bytes of a file, to be freed; NULL with errno. */
char *read_file(const char *file, size_t *length);

/* Zeroed memory that takes room only where it is written. */
struct description *new_description(void);

/* mock_nvml_options.c */
extern const char mock_nvml_usage[];
int parse_arguments(char **arguments, struct options *options);

/* mock_nvml_apply.c */
int apply(const struct options *options, const struct profile *profile);

/* --- commands that look at or change running GPUs --- */

int status(const struct options *options); /* mock_nvml_status.c */
int set(const struct options *options); /* mock_nvml_set.c */
int reset(const struct options *options);
int fail(const struct options *options); /* mock_nvml_fault.c */
int clear(const struct options *options);
int xid(const struct options *options);
void print_faults(FILE *stream);
int process(const struct options *options); /* mock_nvml_process.c */
int trace(const struct options *options); /* mock_nvml_trace.c */
int load_pattern(const struct options *options); /* mock_nvml_load.c */
int load_stop(const struct options *options);

/* The number that option --name must have; -1 after a complaint. NULL stays as it is. */
int parse_number(const char *name, const char *text, uint64_t lowest, uint64_t highest,
		 uint64_t *value);

#endif
