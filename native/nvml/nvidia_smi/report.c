/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LABEL_END 42 /* the column of the colon in text */
#define TEXT_INDENT 4

void report_open(struct report *report, const char *label, const char *tag)
{
	bool indents = report->xml ? tag != NULL : label || !tag;

	if (report->xml && tag)
		printf("%.*s<%s>\n", (int)report->depth, "\t\t\t\t\t\t\t\t\t\t\t\t", tag);
	if (!report->xml && label)
		printf("%*s%s\n", (int)report->depth * TEXT_INDENT, "", label);
	if (report->open == REPORT_DEPTH)
		return;
	report->tags[report->open] = tag;
	report->indents[report->open++] = indents;
	report->depth += indents;
}

void report_close(struct report *report)
{
	const char *tag;

	if (!report->open)
		return;
	tag = report->tags[--report->open];
	report->depth -= report->indents[report->open];
	if (report->xml && tag)
		printf("%.*s</%s>\n", (int)report->depth, "\t\t\t\t\t\t\t\t\t\t\t\t", tag);
}

void report_xml_line(struct report *report, const char *line)
{
	if (report->xml)
		printf("%.*s%s\n", (int)report->depth, "\t\t\t\t\t\t\t\t\t\t\t\t", line);
}

static void print_escaped(const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			printf("&amp;");
			break;
		case '<':
			printf("&lt;");
			break;
		case '>':
			printf("&gt;");
			break;
		case '"':
			printf("&quot;");
			break;
		case '\'':
			printf("&apos;");
			break;
		default:
			putchar(*text);
		}
	}
}

static void print_value(struct report *report, const char *label, const char *tag,
			const char *value)
{
	int indent = (int)report->depth * TEXT_INDENT;

	if (report->xml && tag) {
		printf("%.*s<%s>", (int)report->depth, "\t\t\t\t\t\t\t\t\t\t\t\t", tag);
		print_escaped(value);
		printf("</%s>\n", tag);
	}
	if (!report->xml && label)
		printf("%*s%-*s: %s\n", indent, "", LABEL_END - indent, label, value);
}

void report_value(struct report *report, const char *label, const char *tag, const char *format,
		  ...)
{
	char value[4200];
	va_list list;

	va_start(list, format);
	vsnprintf(value, sizeof(value), format, list);
	va_end(list);
	print_value(report, label, tag, value);
}

void report_result(struct report *report, const char *label, const char *tag, nvmlReturn_t result,
		   const char *format, ...)
{
	char value[FIELD_SIZE];
	va_list list;

	if (result != NVML_SUCCESS) {
		print_value(report, label, tag, error_text(result));
		return;
	}
	va_start(list, format);
	vsnprintf(value, sizeof(value), format, list);
	va_end(list);
	print_value(report, label, tag, value);
}

static void report_field(struct report *report, nvmlDevice_t device, const struct element *element)
{
	const struct field *field = &element->field;
	char value[FIELD_SIZE] = "";
	nvmlReturn_t result = field->write(device, field, value);

	if (result != NVML_SUCCESS && field->failure)
		report_value(report, element->label, element->tag, "%s", field->failure);
	else
		report_result(report, element->label, element->tag, result, "%s%s%s", value,
			      field->unit ? " " : "", field->unit ? field->unit : "");
}

void report_elements(struct report *report, nvmlDevice_t device, struct elements elements)
{
	unsigned int left_out = 0; /* groups that are open and not shown */

	for (size_t i = 0; i < elements.count; i++) {
		const struct element *element = &elements.list[i];
		bool shown = !left_out && (!element->where || element->where & report->wanted);

		if (element->kind == ELEMENT_GROUP && shown)
			report_open(report, element->label, element->tag);
		else if (element->kind == ELEMENT_GROUP)
			left_out++;
		else if (element->kind == ELEMENT_END && left_out)
			left_out--;
		else if (element->kind == ELEMENT_END)
			report_close(report);
		else if (shown && element->kind == ELEMENT_PART)
			element->part(report, device);
		else if (shown)
			report_field(report, device, element);
	}
}
