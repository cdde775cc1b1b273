/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi --query-gpu and the like: one line an item, its values separated by commas. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query_field.h"
#include "smi.h"

#define MAX_FIELDS 512

struct format {
	bool csv;
	bool header;
	bool units;
};

/* Calls @each for every part of the comma-separated @list until it says false. */
static bool for_parts(const char *list, bool (*each)(const char *part, void *data), void *data)
{
	char *copy = strdup(list);
	char *rest = NULL;
	bool go_on = copy != NULL;

	for (char *part = go_on ? strtok_r(copy, ",", &rest) : NULL; part && go_on;
	     part = strtok_r(NULL, ",", &rest))
		go_on = each(part, data);
	free(copy);
	return go_on;
}

static bool read_modifier(const char *part, void *data)
{
	struct format *format = data;

	while (*part == ' ')
		part++;
	if (!strcmp(part, "csv"))
		format->csv = true;
	else if (!strcmp(part, "noheader"))
		format->header = false;
	else if (!strcmp(part, "nounits"))
		format->units = false;
	else
		return false;
	return true;
}

struct row {
	const struct query_kind *kind;
	const struct field *fields[MAX_FIELDS];
	unsigned int count;
};

static bool read_field(const char *part, void *data)
{
	struct row *row = data;
	const struct field *field = query_field_find(row->kind, part);

	if (!field || row->count == MAX_FIELDS) {
		printf("Field \"%s\" is not a valid field to query.\n\n", part);
		return false;
	}
	row->fields[row->count++] = field;
	return true;
}

static int read_request(const struct query_kind *kind, const char *fields, const char *format_text,
			struct row *row, struct format *format)
{
	row->kind = kind;
	*format = (struct format){ .header = true, .units = true };
	row->count = 0;
	if (!format_text) {
		printf("\"--format=\" switch is missing. Run 'nvidia-smi -h' for help.\n\n");
		return EXIT_USAGE;
	}
	if (!for_parts(format_text, read_modifier, format)) {
		printf("Format modifier is not recognized.\n");
		return EXIT_USAGE;
	}
	if (!format->csv) {
		printf("Format modifier --format=csv is mandatory.\n");
		return EXIT_USAGE;
	}
	return for_parts(fields, read_field, row) ? EXIT_SUCCESS : EXIT_USAGE;
}

int query_check(const struct query_kind *kind, const char *fields, const char *format_text)
{
	struct format format;
	struct row row;

	return read_request(kind, fields, format_text, &row, &format);
}

static nvmlReturn_t write_value(nvmlDevice_t device, const struct query_item *item,
				const struct field *field, char value[FIELD_SIZE])
{
	if (field->write)
		return field->write(device, field, value);
	if (item->result != NVML_SUCCESS && !field->of_failed_items)
		return item->result;
	return field->write_item(item, value);
}

static void print_value(nvmlDevice_t device, const struct query_item *item,
			const struct field *field, bool units)
{
	char value[FIELD_SIZE] = "";
	nvmlReturn_t result = write_value(device, item, field, value);

	if (result == NVML_SUCCESS)
		printf("%s%s%s", value, units && field->unit ? " " : "",
		       units && field->unit ? field->unit : "");
	else if (field->failure)
		printf("%s", field->failure);
	else
		printf("[%s]", error_text(result));
}

static void print_header(const struct row *row)
{
	for (unsigned int i = 0; i < row->count; i++) {
		const struct field *field = row->fields[i];

		printf("%s%s", i ? ", " : "", field->name);
		if (field->unit)
			printf(" [%s]", field->unit);
	}
	printf("\n");
}

static void print_line(nvmlDevice_t device, const struct query_item *item, const struct row *row,
		       bool units)
{
	for (unsigned int i = 0; i < row->count; i++) {
		if (i)
			printf(", ");
		print_value(device, item, row->fields[i], units);
	}
	printf("\n");
}

static void print_lines(nvmlDevice_t device, const struct row *row, bool units)
{
	struct query_items items;

	if (!row->kind->list) {
		print_line(device, NULL, row, units);
		return;
	}
	items = row->kind->list(device, row->fields, row->count);
	for (unsigned int i = 0; i < items.count; i++)
		print_line(device, &items.list[i], row, units);
	free(items.list);
}

int query_print(const struct selection *selection, const struct query_kind *kind,
		const char *fields, const char *format_text)
{
	struct format format;
	struct row row;
	int status = read_request(kind, fields, format_text, &row, &format);

	if (status)
		return status;
	if (format.header)
		print_header(&row);
	for (unsigned int i = 0; i < selection->count; i++)
		print_lines(selection->devices[i], &row, format.units);
	return EXIT_SUCCESS;
}

void query_help_print(const struct query_kind *kind)
{
	printf("Properties for %s; \"or\" gives the other name of the same.\n\n", kind->option);
	for (size_t i = 0; i < kind->field_count; i++) {
		const struct field *field = &kind->fields[i];

		printf("\"%s\"", field->name);
		if (field->alias)
			printf(" or \"%s\"", field->alias);
		printf("\n    %s%s%s%s\n", field->help, field->unit ? " [" : "",
		       field->unit ? field->unit : "", field->unit ? "]" : "");
	}
}
