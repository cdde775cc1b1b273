/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What --query-gpu can ask: one row a field, with how it is found and written. */
#ifndef SMI_QUERY_FIELD_H
#define SMI_QUERY_FIELD_H

#include <stddef.h>

#include "nvml_api.h"

#define FIELD_SIZE 256

struct field {
	const char *name;
	const char *alias; /* the other name, or NULL */
	const char *unit; /* or NULL */
	const char *help;
	/* Writes the value without its unit. */
	nvmlReturn_t (*write)(nvmlDevice_t device, const struct field *field, char *out);
	/* What @write needs besides: the place of a function in struct nvml_api, and
	 * which of its values. */
	size_t function;
	unsigned int which;
	unsigned int error_type, counter;
	const char *failure; /* what stands for a failed query, or NULL */
};

extern const struct field query_fields[];
extern const size_t query_field_count;

/* NULL when there is no such field. */
const struct field *query_field_find(const char *name);

#endif
