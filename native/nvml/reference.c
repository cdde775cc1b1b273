/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reference.h"

#include <stdio.h>
#include <string.h>

#include "profile_internal.h"

/* A device may say all that device_defaults says; once is enough to read. */
static bool is_default_key(const struct key *keys, const struct key *key)
{
	if (keys != profile_override_keys)
		return false;
	for (const struct key *other = profile_device_keys; other->name; other++)
		if (strcmp(other->name, key->name) == 0)
			return true;
	return false;
}

static void print_keys(FILE *stream, const struct key *keys, const char *path)
{
	for (const struct key *key = keys; key->name; key++) {
		bool items = key->kind == KIND_CALL && key->more && !(key->flags & KEY_MAPPING);
		char expected[240], deeper[256];

		if (is_default_key(keys, key))
			continue;
		snprintf(deeper, sizeof(deeper), "%s%s%s%s", path, *path ? "." : "", key->name,
			 items ? "[]" : "");
		if ((key->kind == KIND_SECTION || key->kind == KIND_CALL) && key->more) {
			print_keys(stream, key->more, deeper);
			continue;
		}
		key_expected(key, expected, sizeof(expected));
		fprintf(stream, "| `%s` | %s |\n", deeper, expected);
	}
}

void reference_print(FILE *stream)
{
	fputs("| key | value |\n|---|---|\n", stream);
	print_keys(stream, profile_file_keys, "");
}
