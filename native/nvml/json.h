/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Write one JSON object, member by member. */
#ifndef MIRAGE_JSON_H
#define MIRAGE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *stream;
	bool first; /* of the object or list that is open */
};

struct json json_begin(FILE *stream);
void json_end(struct json *json);

/* name NULL: an item of a list */
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *name, const char *value);
void json_number(struct json *json, const char *name, uint64_t value);
void json_signed(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);
/* text as it stands, as a JSON string or (raw) as it is; NULL: null */
void json_value(struct json *json, const char *name, const char *text, bool raw);
/* null where there is none */
void json_optional(struct json *json, const char *name, bool present, uint64_t value);

#endif
