/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report of nvidia-smi -q, as text or as XML. What it says is described
 * once, by tables of elements; each carries its words for both forms.
 */
#ifndef SMI_REPORT_H
#define SMI_REPORT_H

#include "query_field.h"
#include "smi.h"

#define REPORT_DEPTH 12

/* Where an element of the outermost level stands: in the whole text, in XML, and
 * in the text of the displays that -d names. */
enum report_place {
	IN_TEXT = 1 << 0,
	IN_XML = 1 << 1,
	IN_BOTH = IN_TEXT | IN_XML,
	DISPLAY_MEMORY = 1 << 2,
	DISPLAY_UTILIZATION = 1 << 3,
	DISPLAY_ECC = 1 << 4,
	DISPLAY_TEMPERATURE = 1 << 5,
	DISPLAY_POWER = 1 << 6,
	DISPLAY_CLOCK = 1 << 7,
	DISPLAY_COMPUTE = 1 << 8,
	DISPLAY_PIDS = 1 << 9,
	DISPLAY_PERFORMANCE = 1 << 10,
	DISPLAY_SUPPORTED_CLOCKS = 1 << 11,
	DISPLAY_PAGE_RETIREMENT = 1 << 12,
	DISPLAY_ACCOUNTING = 1 << 13,
	DISPLAY_ENCODER_STATS = 1 << 14,
	DISPLAY_TARGET_TEMPERATURE = 1 << 15,
	DISPLAY_VOLTAGE = 1 << 16,
	DISPLAY_FBC_STATS = 1 << 17,
	DISPLAY_ROW_REMAPPER = 1 << 18,
	DISPLAY_RESET_STATUS = 1 << 19,
	DISPLAY_GSP_FIRMWARE = 1 << 20,
};

struct report {
	bool xml;
	unsigned int wanted; /* enum report_place, or-ed */
	unsigned int depth; /* of the indentation */
	unsigned int open; /* groups */
	const char *tags[REPORT_DEPTH];
	bool indents[REPORT_DEPTH];
};

/*
 * A group has a @label in text and a @tag in XML. Without a label it is none in
 * text, without a tag none in XML; with neither it only indents the text.
 */
void report_open(struct report *report, const char *label, const char *tag);
void report_close(struct report *report);

/* A value; no @label: not in text, no @tag: not in XML. */
void report_value(struct report *report, const char *label, const char *tag, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

/* A value that may have failed: then NVML's words stand for it. */
void report_result(struct report *report, const char *label, const char *tag, nvmlReturn_t result,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A line of XML as it is. */
void report_xml_line(struct report *report, const char *line);

enum element_kind { ELEMENT_VALUE, ELEMENT_GROUP, ELEMENT_END, ELEMENT_PART };

struct element {
	enum element_kind kind;
	const char *label;
	const char *tag;
	unsigned int where; /* 0: wherever the group around it stands */
	struct field field;
	void (*part)(struct report *report, nvmlDevice_t device);
};

#define VALUE(label_text, tag_text, ...)                                           \
	{                                                                          \
		.label = (label_text), .tag = (tag_text), .field = { __VA_ARGS__ } \
	}
#define VALUE_IN(places, label_text, tag_text, ...)                          \
	{                                                                    \
		.label = (label_text), .tag = (tag_text), .where = (places), \
		.field = { __VA_ARGS__ }                                     \
	}
#define GROUP(label_text, tag_text) \
	{ .kind = ELEMENT_GROUP, .label = (label_text), .tag = (tag_text) }
#define GROUP_IN(places, label_text, tag_text) \
	{ .kind = ELEMENT_GROUP, .label = (label_text), .tag = (tag_text), .where = (places) }
#define END { .kind = ELEMENT_END }
#define PART_IN(places, function) { .kind = ELEMENT_PART, .where = (places), .part = (function) }

struct elements {
	const struct element *list;
	size_t count;
};

#define ELEMENTS(array) { (array), sizeof(array) / sizeof((array)[0]) }

void report_elements(struct report *report, nvmlDevice_t device, struct elements elements);

/* The parts that are not the same for every board. */
void report_mig_devices(struct report *report, nvmlDevice_t device);
void report_bridge_chip(struct report *report, nvmlDevice_t device);
void report_clock_reasons(struct report *report, nvmlDevice_t device);
void report_ecc_errors(struct report *report, nvmlDevice_t device);
void report_retired_pages(struct report *report, nvmlDevice_t device);
void report_remapped_rows(struct report *report, nvmlDevice_t device);
void report_temperature(struct report *report, nvmlDevice_t device);
void report_fabric(struct report *report, nvmlDevice_t device);
void report_supported_clocks(struct report *report, nvmlDevice_t device);
void report_processes(struct report *report, nvmlDevice_t device);
void report_accounted_processes(struct report *report, nvmlDevice_t device);
void report_power_samples(struct report *report, nvmlDevice_t device);
void report_utilization_samples(struct report *report, nvmlDevice_t device);
void report_clock_samples(struct report *report, nvmlDevice_t device);

/* The tables of one GPU's elements, in their order. */
extern const struct elements report_board, report_pci, report_state, report_limits;

#endif
