/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a profile file becomes a description, in three steps that share only
 * these types: profile_yaml.c reads YAML and words every complaint,
 * profile_keys*.c say which keys there are, profile_build.c derives the rest.
 */
#ifndef MIRAGE_PROFILE_INTERNAL_H
#define MIRAGE_PROFILE_INTERNAL_H

#include <yaml.h>

#include "profile.h"

#define PROFILE_MAX_SLOTS 32
#define PROFILE_MAX_SWITCHES 64
#define PROFILE_MAX_ROOT_COMPLEXES 64
#define PROFILE_DEFAULT_DEVICES 8

/* domain NA_U32: the file leaves the domain to the node's identity */
struct pci_address {
	uint32_t domain;
	uint32_t bus;
	uint32_t device;
	uint32_t function;
};

/* One GPU as a file describes it, before it has its identity. */
struct draft {
	struct board board;
	struct readings readings;
	struct readings_processes processes;
	char uuid[48]; /* empty: derived */
	char serial[32]; /* empty: derived */
	struct pci_address address; /* bus NA_U32: derived */
	uint32_t minor; /* NA_U32: the index */
	uint32_t module_id;
	uint32_t slot_count; /* addresses by index, of device_defaults */
	struct pci_address slots[PROFILE_MAX_SLOTS];
	uint32_t module_count; /* module ids by index, of device_defaults */
	uint32_t modules[PROFILE_MAX_SLOTS];
	uint32_t memory_node_count; /* NUMA nodes of GPU memory, likewise */
	uint32_t memory_nodes[PROFILE_MAX_SLOTS];
	/* fabric.health, made into a mask once all of it is known */
	uint32_t fabric_degraded;
	uint32_t fabric_recovery;
	uint32_t fabric_unhealthy;
	uint32_t fabric_timeout;
	uint32_t fabric_configuration;
	uint32_t fabric_mask; /* NA_U32: made from the above */
	uint32_t fabric_summary; /* NA_U32: judged from the mask */
	bool finished; /* what follows from it is filled in */
	int place; /* in the file's list of devices; -1: device_defaults */
	int line;
};

struct draft_link {
	uint32_t device; /* NA_U32: the flat list, which means device 0 */
	uint32_t link;
	uint32_t active; /* NA_U32: nvlink.defaults.state */
	uint32_t remote_type; /* PROFILE_REMOTE_* */
	struct pci_address remote; /* bus NA_U32: not given */
	uint32_t remote_index; /* NA_U32: not given */
	int line;
};

struct draft_root {
	uint32_t numa_node;
	uint32_t level; /* nvmlGpuTopologyLevel_t among its GPUs */
	uint32_t address_count;
	struct pci_address addresses[PROFILE_MAX_SLOTS];
	uint32_t index_count;
	uint32_t indexes[PROFILE_MAX_SLOTS];
	uint64_t cpus[PROFILE_CPU_WORDS];
};

/* A whole file. Big: it lives on the heap while a profile is parsed. */
struct profile_file {
	char driver_version[80];
	char nvml_version[80];
	char cuda_version[16];
	uint32_t cuda_major;
	uint32_t cuda_minor;
	uint32_t num_devices; /* NA_U32: not given */
	char site_node_name[256];
	char site_driver_version[80];
	uint32_t site_num_devices;
	uint32_t site_pci_domain;
	struct draft defaults;
	uint32_t listed; /* devices the file lists: highest index + 1 */
	struct draft *devices[PROFILE_MAX_DEVICES]; /* NULL: like the defaults */
	struct profile_nvlink nvlink;
	uint32_t link_state; /* 1: links are up unless they say otherwise */
	uint32_t switch_count;
	struct pci_address switches[PROFILE_MAX_SWITCHES];
	uint32_t link_count;
	struct draft_link *links; /* room for every link of every GPU */
	uint32_t cores_per_numa;
	uint32_t root_count;
	struct draft_root roots[PROFILE_MAX_ROOT_COMPLEXES];
};

struct reader {
	const char *name; /* of the file, for messages */
	struct profile_error *error;
	void (*note)(void *data, const char *line);
	void *note_data;
	yaml_document_t document;
	struct profile_file *file;
	char path[512]; /* device_defaults.power.min_limit_mw */
	unsigned int depth; /* of << below << */
	unsigned int merges; /* read so far, each time anew */
};

enum kind {
	KIND_TEXT,
	KIND_U32,
	KIND_I32,
	KIND_U64,
	KIND_BOOL, /* u32: 0, 1 */
	KIND_ENABLED, /* u32: 0, 1 by disabled, enabled */
	KIND_BIT, /* u64: max is set or cleared */
	KIND_CHOICE, /* u32: by more, a list of struct choice */
	KIND_SECTION, /* more: a list of struct key, same target */
	KIND_CALL, /* call reads it: a list, or a text with a form of its own */
	KIND_IGNORED, /* known to other readers of this format, nothing of NVML */
};

enum unit {
	UNIT_NONE,
	UNIT_BYTES,
	UNIT_MIB,
	UNIT_MILLIWATTS,
	UNIT_MILLIJOULES,
	UNIT_MHZ,
	UNIT_KHZ,
	UNIT_CELSIUS,
	UNIT_PERCENT,
	UNIT_MICROSECONDS,
	UNIT_MICROVOLTS,
	UNIT_KBPS,
	UNIT_MBPS,
};

#define KEY_NA 1u /* "N/A" is a value, and the one of a file without the key */
#define KEY_ZERO 2u /* with KEY_NA: without the key it is 0 all the same */
#define KEY_QUOTED 4u /* a number may stand in quotes */
#define KEY_UNSET 32u /* without the key it is NA, but "N/A" is no value */
#define KEY_MAPPING 16u /* a call that reads one mapping, not a list of them */
#define KEY_QUIET 8u /* ignored, and nobody expects an effect */
#define KEY_ZERO_DEFAULT 64u /* 0 is as if the key were not there */

struct choice {
	const char *name;
	uint32_t value;
};

struct reader;
struct key {
	const char *name;
	uint8_t kind;
	uint8_t unit;
	uint8_t flags;
	uint32_t offset;
	uint32_t size; /* of text */
	int64_t min;
	uint64_t max;
	const void *more; /* of a call: the keys of a list's items, or NULL */
	const char *expects; /* of a call without more: what the value must be */
	int (*call)(struct reader *reader, yaml_node_t *node, void *target);
};

/* --- profile_complaint.c --- */

/* Word a complaint about node; always -1, so that it can be returned. */
int reader_fail(struct reader *reader, const yaml_node_t *node, const char *expected, ...)
	__attribute__((format(printf, 3, 4)));

/* The same where a value is wrong only beside others: path, with the found one. */
int reader_fail_at(struct reader *reader, const char *path, const char *found, const char *expected,
		   ...) __attribute__((format(printf, 4, 5)));

/* Tell that a key is accepted and has no effect. */
void reader_note(struct reader *reader, const yaml_node_t *node);

/* From 1 on; 1 also where there is no node. */
int reader_node_line(const yaml_node_t *node);

/* --- profile_yaml.c, profile_value.c, profile_number.c --- */

/* Line of the node a path leads to, or of the last one on the way. */
int reader_line_of(struct reader *reader, const char *path);
bool reader_has(struct reader *reader, const char *path);

/* Go one key or one list index deeper in the path; returns what to leave by. */
size_t reader_enter(struct reader *reader, const char *key);
size_t reader_enter_index(struct reader *reader, unsigned int index);
void reader_leave(struct reader *reader, size_t length);

/* Read a mapping by its table of keys (ended by a NULL name) into target. */
int reader_section(struct reader *reader, yaml_node_t *node, const struct key *keys, void *target);

/* Every value of the table as a file without its key has it. */
void keys_reset(const struct key *keys, void *target);

/* Items of a list, at most max of them; -1 after a complaint. null: empty. */
int reader_list(struct reader *reader, yaml_node_t *node, unsigned int max, const char *what);
yaml_node_t *reader_item(struct reader *reader, yaml_node_t *node, unsigned int index);

int reader_value(struct reader *reader, yaml_node_t *node, const struct key *key, void *target);
/* What a key must be, in the words of messages and of the reference. */
void key_expected(const struct key *key, char *out, size_t size);
void number_expected(const struct key *key, char *out, size_t size);
/* The complaint that says so. */
int reader_fail_value(struct reader *reader, yaml_node_t *node, const struct key *key);
int reader_number(struct reader *reader, yaml_node_t *node, const struct key *key, int64_t *value);
int reader_number_item(struct reader *reader, yaml_node_t *list, unsigned int index,
		       const struct key *range, int64_t *value);
int reader_numbers(struct reader *reader, yaml_node_t *node, const struct key *range,
		   const char *what, uint32_t *numbers, uint32_t *numbers_count);
int reader_pci_address(struct reader *reader, yaml_node_t *node, struct pci_address *address);

/* The text of a scalar, or NULL for a mapping, a list or null. */
const char *reader_text(const yaml_node_t *node);
bool reader_is_null(const yaml_node_t *node);

/* Parse text into reader->document, to be freed by reader_close(). */
int reader_open(struct reader *reader, const char *text, size_t length);
void reader_close(struct reader *reader);

/* --- profile_shape.c --- */

/* Refuse what would take the loader very long; -1 after a complaint. */
int reader_check_shape(struct reader *reader, const char *text, size_t length);

/* --- profile_keys.c and the files that read one kind of value each --- */

extern const struct key profile_process_keys[];
extern const struct key profile_instance_keys[];
extern const struct key profile_memory_clock_keys[];
extern const struct key profile_switch_keys[];
extern const struct key profile_link_keys[];
extern const struct key profile_device_link_keys[];
extern const struct key profile_root_keys[];
extern const struct key profile_file_keys[];
extern const struct key profile_device_keys[];
extern const struct key profile_override_keys[];

int read_clocks(struct reader *reader, yaml_node_t *node, void *target);
int read_processes(struct reader *reader, yaml_node_t *node, void *target);
int read_slots(struct reader *reader, yaml_node_t *node, void *target);
int read_modules(struct reader *reader, yaml_node_t *node, void *target);
int read_memory_nodes(struct reader *reader, yaml_node_t *node, void *target);
int read_bus_id(struct reader *reader, yaml_node_t *node, void *target);
int read_uuid(struct reader *reader, yaml_node_t *node, void *target);
int read_cluster_uuid(struct reader *reader, yaml_node_t *node, void *target);
int read_atomics_in(struct reader *reader, yaml_node_t *node, void *target);
int read_atomics_out(struct reader *reader, yaml_node_t *node, void *target);
int read_fan_speed(struct reader *reader, yaml_node_t *node, void *target);
int read_fan_target(struct reader *reader, yaml_node_t *node, void *target);
int read_performance_state(struct reader *reader, yaml_node_t *node, void *target);
int read_bbx_time(struct reader *reader, yaml_node_t *node, void *target);
int read_single_pages(struct reader *reader, yaml_node_t *node, void *target);
int read_double_pages(struct reader *reader, yaml_node_t *node, void *target);
int read_mig_profiles(struct reader *reader, yaml_node_t *node, void *target);
int read_version(struct reader *reader, yaml_node_t *node, void *target);
int read_defaults(struct reader *reader, yaml_node_t *node, void *target);
int read_devices(struct reader *reader, yaml_node_t *node, void *target);
int read_switches(struct reader *reader, yaml_node_t *node, void *target);
int read_links(struct reader *reader, yaml_node_t *node, void *target);
int read_device_links(struct reader *reader, yaml_node_t *node, void *target);
int read_root_complexes(struct reader *reader, yaml_node_t *node, void *target);

/* --- profile_build.c --- */

/* A draft as a file without any key has it. */
void draft_init(struct draft *draft);

/* Check what one draft says against itself, and fill in what follows from it. */
int draft_finish(struct reader *reader, struct draft *draft);

/* A path such as power.min_limit_mw of this draft, as the file has it. */
void draft_path(struct reader *reader, const struct draft *draft, const char *key, char *out,
		size_t size);

/* Whether the file gives this key for this draft, here or in device_defaults. */
bool draft_gives(struct reader *reader, const struct draft *draft, const char *key);

/* --- profile_links.c --- */

/* The NVLinks of every device, once all have their addresses. */
int links_build(struct reader *reader, uint32_t domain, struct description *description);

int profile_build(struct reader *reader, const struct profile_site *site,
		  struct description *description);

#endif
