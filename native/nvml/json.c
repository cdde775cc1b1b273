/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json.h"

#include <inttypes.h>

static void text(struct json *json, const char *value)
{
	fputc('"', json->stream);
	for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(json->stream, "\\%c", *c);
		else if (*c < ' ' || *c == 0x7f)
			fprintf(json->stream, "\\u%04x", *c);
		else
			fputc(*c, json->stream);
	}
	fputc('"', json->stream);
}

static void member(struct json *json, const char *name)
{
	if (!json->first)
		fputs(", ", json->stream);
	json->first = false;
	if (name) {
		text(json, name);
		fputs(": ", json->stream);
	}
}

struct json json_begin(FILE *stream)
{
	fputc('{', stream);
	return (struct json){ stream, true };
}

void json_end(struct json *json)
{
	fputs("}\n", json->stream);
}

void json_open(struct json *json, const char *name, char bracket)
{
	member(json, name);
	fputc(bracket, json->stream);
	json->first = true;
}

void json_close(struct json *json, char bracket)
{
	fputc(bracket, json->stream);
	json->first = false;
}

void json_string(struct json *json, const char *name, const char *value)
{
	member(json, name);
	text(json, value);
}

void json_value(struct json *json, const char *name, const char *value, bool raw)
{
	member(json, name);
	if (value && !raw)
		text(json, value);
	else
		fputs(value ? value : "null", json->stream);
}

void json_number(struct json *json, const char *name, uint64_t value)
{
	member(json, name);
	fprintf(json->stream, "%" PRIu64, value);
}

void json_signed(struct json *json, const char *name, int64_t value)
{
	member(json, name);
	fprintf(json->stream, "%" PRId64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	member(json, name);
	fputs(value ? "true" : "false", json->stream);
}

void json_optional(struct json *json, const char *name, bool present, uint64_t value)
{
	if (present) {
		json_number(json, name, value);
		return;
	}
	member(json, name);
	fputs("null", json->stream);
}
