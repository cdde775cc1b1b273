/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queries about broken memory: pages that were retired, rows that were remapped. */
#include <stdio.h>
#include <stdlib.h>

#include "query_list.h"

/* --- retired pages --- */

static nvmlReturn_t write_page_address(const struct query_item *item, char *out)
{
	snprintf(out, FIELD_SIZE, "0x%016llx", item->address);
	return NVML_SUCCESS;
}

/* The vendor prints the C library's word for no text: it asks a function that knows no times. */
static nvmlReturn_t write_page_time(const struct query_item *item, char *out)
{
	(void)item;
	return put_word(NVML_SUCCESS, out, "(null)");
}

static nvmlReturn_t write_page_cause(const struct query_item *item, char *out)
{
	return put_word(NVML_SUCCESS, out,
			item->cause == NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR
				? "Double Bit ECC"
				: "Single Bit ECC");
}

static const struct field page_fields[] = {
	OF_THE_GPU,
	{ "retired_pages.address", .help = "address of the page",
	  .write_item = write_page_address },
	{ "retired_pages.timestamp", .help = "when it was retired: not known",
	  .write_item = write_page_time },
	{ "retired_pages.cause",
	  .help = "Single Bit ECC (errors of one bit) or Double Bit ECC (one of two)",
	  .write_item = write_page_cause, .of_failed_items = true },
};

static nvmlReturn_t add_pages(struct query_items *items, nvmlDevice_t device,
			      nvmlPageRetirementCause_t cause)
{
	unsigned int count = 0;
	unsigned long long *addresses = NULL;
	nvmlReturn_t result = nvml.DeviceGetRetiredPages(device, cause, &count, NULL);

	if (result == NVML_ERROR_INSUFFICIENT_SIZE) {
		addresses = calloc(count, sizeof(*addresses));
		result = addresses ? nvml.DeviceGetRetiredPages(device, cause, &count, addresses)
				   : NVML_ERROR_MEMORY;
	}
	for (unsigned int i = 0; addresses && result == NVML_SUCCESS && i < count; i++) {
		struct query_item *item = query_item_add(items);

		if (!item) {
			result = NVML_ERROR_MEMORY;
			break;
		}
		item->address = addresses[i];
		item->cause = cause;
	}
	free(addresses);
	return result;
}

/* Each cause by itself, as one list may be there without the other. */
static struct query_items list_pages(nvmlDevice_t device, const struct field *const fields[],
				     unsigned int field_count)
{
	const nvmlPageRetirementCause_t causes[] = {
		NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS,
		NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR,
	};
	struct query_items items = { 0 };

	(void)fields;
	(void)field_count;
	for (size_t i = 0; i < COUNT(causes); i++) {
		nvmlReturn_t result = add_pages(&items, device, causes[i]);
		struct query_item *item = result == NVML_SUCCESS ? NULL : query_item_add(&items);

		if (item) {
			item->result = result;
			item->cause = causes[i];
		} else if (result != NVML_SUCCESS) {
			/* A shorter list would be taken for the whole. */
			query_items_fail(&items, result);
		}
	}
	return items;
}

const struct query_kind query_retired_pages = { "--query-retired-pages", page_fields,
						COUNT(page_fields), list_pages };

/* --- remapped rows --- */

enum rows { ROWS_CORRECTABLE, ROWS_UNCORRECTABLE, ROWS_PENDING, ROWS_FAILURE };

static nvmlReturn_t write_rows(nvmlDevice_t device, const struct field *field, char *out)
{
	unsigned int rows[4] = { 0 };
	nvmlReturn_t result = nvml.DeviceGetRemappedRows(device, &rows[ROWS_CORRECTABLE],
							 &rows[ROWS_UNCORRECTABLE],
							 &rows[ROWS_PENDING], &rows[ROWS_FAILURE]);

	return put_number(result, out, rows[field->which]);
}

static const struct field row_fields[] = {
	OF_THE_GPU,
	{ "remapped_rows.correctable", .help = "rows remapped for correctable errors",
	  PART(rows, ROWS_CORRECTABLE) },
	{ "remapped_rows.uncorrectable", .help = "rows remapped for uncorrectable errors",
	  PART(rows, ROWS_UNCORRECTABLE) },
	{ "remapped_rows.pending", .help = "1 if a reset is needed to remap a row",
	  PART(rows, ROWS_PENDING) },
	{ "remapped_rows.failure", .help = "1 if a row could not be remapped",
	  PART(rows, ROWS_FAILURE) },
};

const struct query_kind query_remapped_rows = { "--query-remapped-rows", row_fields,
						COUNT(row_fields), NULL };
