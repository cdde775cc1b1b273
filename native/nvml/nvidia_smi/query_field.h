/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What --query-gpu and the other queries can ask: one row a field, with how it is
 * found and written. */
#ifndef SMI_QUERY_FIELD_H
#define SMI_QUERY_FIELD_H

#include <stddef.h>

#include "nvml_api.h"

#define FIELD_SIZE 256

/* What a query lists of one GPU, one line each. */
struct query_item {
	nvmlReturn_t result; /* of the list; a failed one is shown by one item */
	unsigned int memory_clock, graphics_clock;
	unsigned int pid;
	unsigned long long used_memory;
	unsigned long long address; /* of a retired page */
	nvmlPageRetirementCause_t cause;
	nvmlAccountingStats_t stats;
};

struct field {
	const char *name;
	const char *alias; /* the other name, or NULL */
	const char *unit; /* or NULL */
	const char *help;
	/* Writes the value without its unit. */
	nvmlReturn_t (*write)(nvmlDevice_t device, const struct field *field, char *out);
	/* The same for what belongs to the item and not to the GPU; one of the two is there. */
	nvmlReturn_t (*write_item)(const struct query_item *item, char *out);
	/* What @write needs besides: the place of a function in struct nvml_api, and
	 * which of its values. */
	size_t function;
	unsigned int which;
	unsigned int error_type, counter;
	const char *failure; /* what stands for a failed query, or NULL */
	bool of_failed_items; /* @write_item knows it although the list is not there */
};

struct query_items {
	unsigned int count;
	struct query_item *list; /* to be freed */
};

/*
 * A query: its option, its fields, and what it lists of a GPU (NULL: the GPU itself)
 * where these @count of its fields are asked for.
 */
struct query_kind {
	const char *option;
	const struct field *fields;
	size_t field_count;
	struct query_items (*list)(nvmlDevice_t device, const struct field *const fields[],
				   unsigned int count);
};

extern const struct query_kind query_gpu, query_supported_clocks, query_compute_apps,
	query_accounted_apps, query_retired_pages, query_remapped_rows;

/* NULL when there is no such field. */
const struct field *query_field_find(const struct query_kind *kind, const char *name);

#endif
