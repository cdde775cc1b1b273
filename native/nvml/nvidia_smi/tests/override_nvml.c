// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A libnvidia-ml.so.1 that passes every call on to the mock library, but for what the text file that OVERRIDE_NVML
 * names says. So a test can show nvidia-smi (ours, and the vendor's beside it) any answer to any call, and see with
 * which arguments a setter was called. A line is
 *
 *	FUNCTION [CONDITION...] : [WRITE...] [!RESULT | >]
 *
 * FUNCTION is a shell pattern over names without "nvml"; slotN is function N of the internal table (100 to 299, and some below), field one entry of
 * nvmlDeviceGetFieldValues (its arguments are device, id, scope, entry). A CONDITION aN=VALUE holds where argument N is
 * VALUE, or the handle of GPU i for gpu<i>; dN+OFFSET=VALUE where the 32-bit number there is. A WRITE is
 * wN+OFFSET=VALUE (32 bits), qN+OFFSET=VALUE (64 bits), hN+OFFSET=gpu<i> (a handle) or sN+OFFSET=TEXT (_ for a space)
 * into what argument N points at, where it is not NULL. "!RESULT" is what the call returns (without it: 0), and ">" has
 * the mock library answer first and the writes change what it wrote. The last line that matches wins.
 * OVERRIDE_NVML_LOG=FILE adds one line for each call that changes something, and for those whose name the pattern
 * OVERRIDE_NVML_TRACE matches: its numbers.
 *
 * NAMES is the list of X(name) that the library exports, LIBRARY its path: both from the compiler's command line.
 */
#include <dlfcn.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define MAX_LINES 1024
#define MAX_PARTS 32
#define SLOTS 320

typedef uintptr_t (*function)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

struct part {
	char kind;
	unsigned int argument;
	unsigned int offset;
	char value[128];
};

struct line {
	char name[96];
	unsigned int conditions, writes;
	struct part condition[8], write[MAX_PARTS];
	int result;
	int passes_on;
};

static struct line lines[MAX_LINES];
static int line_count = -1;
static void *library;

static function real(const char *name)
{
	if (!library)
		library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "override_nvml: %s\n", dlerror());
		exit(99);
	}
	return (function)dlsym(library, name);
}

static struct part parse_part(const char *word)
{
	struct part part = { .kind = *word };

	if (sscanf(word + 1, "%u+%u=%127s", &part.argument, &part.offset, part.value) != 3 &&
	    sscanf(word + 1, "%u=%127s", &part.argument, part.value) != 2) {
		fprintf(stderr, "override_nvml: cannot read \"%s\"\n", word);
		exit(99);
	}
	return part;
}

static void parse_line(char *text)
{
	struct line *line = &lines[line_count];
	int after = 0;
	char *rest = NULL;
	char *word = strtok_r(text, " \n", &rest);

	if (!word || *word == '#' || line_count == MAX_LINES)
		return;
	memset(line, 0, sizeof(*line));
	snprintf(line->name, sizeof(line->name), "%s", word);
	while ((word = strtok_r(NULL, " \n", &rest))) {
		if (*word == ':')
			after = 1;
		else if (*word == '!')
			line->result = atoi(word + 1);
		else if (*word == '>')
			line->passes_on = 1;
		else if (after && line->writes < MAX_PARTS)
			line->write[line->writes++] = parse_part(word);
		else if (line->conditions < 8)
			line->condition[line->conditions++] = parse_part(word);
	}
	line_count++;
}

static void load(void)
{
	const char *path = getenv("OVERRIDE_NVML");
	FILE *file = path ? fopen(path, "r") : NULL;
	char text[4096];

	line_count = 0;
	if (!file)
		return;
	while (fgets(text, sizeof(text), file))
		parse_line(text);
	fclose(file);
}

static uintptr_t number(const char *value)
{
	uintptr_t handle = 0;

	if (strncmp(value, "gpu", 3) != 0)
		return (uintptr_t)strtoull(value, NULL, 0);
	real("nvmlDeviceGetHandleByIndex_v2")((uintptr_t)atoi(value + 3), (uintptr_t)&handle, 0, 0,
					      0, 0);
	return handle;
}

static int holds(const struct part *part, const uintptr_t *arguments)
{
	uintptr_t have = arguments[part->argument];

	if (part->kind == 'a')
		return have == number(part->value) ||
		       (unsigned int)have == (unsigned int)number(part->value);
	return have && *(uint32_t *)(have + part->offset) == (uint32_t)number(part->value);
}

static const struct line *find(const char *name, const uintptr_t *arguments)
{
	if (line_count < 0)
		load();
	for (int i = line_count - 1; i >= 0; i--) {
		unsigned int held = 0;

		if (fnmatch(lines[i].name, name, 0) != 0)
			continue;
		while (held < lines[i].conditions && holds(&lines[i].condition[held], arguments))
			held++;
		if (held == lines[i].conditions)
			return &lines[i];
	}
	return NULL;
}

static void write_part(const struct part *part, const uintptr_t *arguments)
{
	char *at = (char *)arguments[part->argument];
	uintptr_t value = part->kind == 's' ? 0 : number(part->value);

	if (!at)
		return;
	at += part->offset;
	if (part->kind == 'w')
		*(uint32_t *)at = (uint32_t)value;
	else if (part->kind != 's')
		*(uint64_t *)at = value;
	for (const char *from = part->value; part->kind == 's'; from++) {
		*at++ = *from == '_' ? ' ' : *from;
		if (!*from)
			return;
	}
}

static void note(const char *name, const uintptr_t *arguments)
{
	static const char *const changing[] = { "*Set*", "*Reset*", "*Clear*", "*Create*",
						"*Destroy*" };
	const char *path = getenv("OVERRIDE_NVML_LOG");
	const char *traced = getenv("OVERRIDE_NVML_TRACE");
	FILE *file;
	unsigned int i = 0;

	while (i < 5 && fnmatch(changing[i], name, 0) != 0)
		i++;
	if (!path || (i == 5 && (!traced || fnmatch(traced, name, 0) != 0)) ||
	    !(file = fopen(path, "a")))
		return;
	fprintf(file, "%s", name);
	for (i = 1; i < 4; i++)
		if (arguments[i] <= UINT32_MAX) /* nothing else is a number */
			fprintf(file, " %lu", (unsigned long)arguments[i]);
	fprintf(file, "\n");
	fclose(file);
}

static uintptr_t answer(const char *name, function next, const uintptr_t *a)
{
	const struct line *line = find(name, a);
	uintptr_t result;

	note(name, a);
	if (!line)
		return next ? next(a[0], a[1], a[2], a[3], a[4], a[5]) : 3;
	result = (uintptr_t)line->result;
	if (line->passes_on)
		result = next(a[0], a[1], a[2], a[3], a[4], a[5]);
	for (unsigned int i = 0; i < line->writes; i++)
		write_part(&line->write[i], a);
	return result;
}

#define ARGUMENTS uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, uintptr_t f
#define X(name)                                                                              \
	EXPORT uintptr_t nvml##name(ARGUMENTS)                                               \
	{                                                                                    \
		return answer(#name, real("nvml" #name), (uintptr_t[]){ a, b, c, d, e, f }); \
	}
NAMES
#undef X

/* One entry at a time, so that each can be told something else. */
EXPORT uintptr_t nvmlDeviceGetFieldValues(uintptr_t device, int count, char *entries)
{
	enum { entry_size = 40 };
	uintptr_t result = real("nvmlDeviceGetFieldValues")(device, (uintptr_t)count,
							    (uintptr_t)entries, 0, 0, 0);

	for (int i = 0; i < count; i++) {
		char *entry = entries + i * entry_size;
		uintptr_t a[6] = { device, *(uint32_t *)entry, *(uint32_t *)(entry + 4),
				   (uintptr_t)entry };
		const struct line *line = find("field", a);

		for (unsigned int j = 0; line && j < line->writes; j++)
			write_part(&line->write[j], a);
		if (line)
			*(uint32_t *)(entry + 28) = (uint32_t)line->result;
	}
	return result;
}

EXPORT const char *nvmlErrorString(int result)
{
	return (const char *)real("nvmlErrorString")((uintptr_t)result, 0, 0, 0, 0, 0);
}

static function slots[SLOTS];

#define S(n)                                                                           \
	static uintptr_t slot##n(ARGUMENTS)                                            \
	{                                                                              \
		return answer("slot" #n, slots[n], (uintptr_t[]){ a, b, c, d, e, f }); \
	}
#define FIVE(M, n, a, b, c, d, e) M(n##a) M(n##b) M(n##c) M(n##d) M(n##e)
#define TEN(M, n) FIVE(M, n, 0, 1, 2, 3, 4) FIVE(M, n, 5, 6, 7, 8, 9)
#define HUNDRED(M, n) FIFTY(M, n, 0, 1, 2, 3, 4) FIFTY(M, n, 5, 6, 7, 8, 9)
#define FIFTY(M, n, a, b, c, d, e) TEN(M, n##a) TEN(M, n##b) TEN(M, n##c) TEN(M, n##d) TEN(M, n##e)
/* The others are the mock library's own. */
#define ALL(M) M(12) M(23) M(26) M(72) M(75) M(81) HUNDRED(M, 1) HUNDRED(M, 2)

ALL(S)

EXPORT uintptr_t nvmlInternalGetExportTable(uintptr_t *out, uintptr_t id)
{
	static uintptr_t table[SLOTS] = { sizeof(table) };
	uintptr_t *found = NULL;
	uintptr_t result = real("nvmlInternalGetExportTable")((uintptr_t)&found, id, 0, 0, 0, 0);

	if (result || !found)
		return result;
	for (unsigned int i = 1; i < SLOTS && i < found[0] / sizeof(found[0]); i++)
		slots[i] = (function)(table[i] = found[i]);
#define T(n) table[n] = (uintptr_t)slot##n;
	ALL(T)
	*out = (uintptr_t)table;
	return result;
}
