/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's errors of memory, and what the board has put out of use for them. */
#include "query_write.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- counters --- */

struct counter {
	const char *label;
	const char *tag;
	nvmlMemoryErrorType_t type;
	nvmlMemoryLocation_t location;
};

/* Without correction nothing is counted, whatever the counters say. */
static bool counts(nvmlDevice_t device)
{
	nvmlEnableState_t current = NVML_FEATURE_DISABLED, pending;

	return nvml.DeviceGetEccMode(device, &current, &pending) == NVML_SUCCESS &&
	       current == NVML_FEATURE_ENABLED;
}

static void report_counter(struct report *report, nvmlDevice_t device, nvmlEccCounterType_t span,
			   const struct counter *counter)
{
	unsigned long long count = 0;
	nvmlReturn_t result = NVML_ERROR_NOT_SUPPORTED;

	if (counts(device))
		result = nvml.DeviceGetMemoryErrorCounter(device, counter->type, span,
							  counter->location, &count);

	report_result(report, counter->label, counter->tag, result, "%llu", count);
}

static void report_total(struct report *report, nvmlDevice_t device, nvmlMemoryErrorType_t type,
			 nvmlEccCounterType_t span)
{
	unsigned long long count = 0;
	nvmlReturn_t result = counts(device)
				      ? nvml.DeviceGetTotalEccErrors(device, type, span, &count)
				      : NVML_ERROR_NOT_SUPPORTED;

	report_result(report, "Total", "total", result, "%llu", count);
}

/* Before Turing: by the bits in error, then by the place. */
static void report_bit_errors(struct report *report, nvmlDevice_t device,
			      nvmlMemoryErrorType_t type, nvmlEccCounterType_t span)
{
	const struct counter counters[] = {
		{ "Device Memory", "device_memory", type, NVML_MEMORY_LOCATION_DEVICE_MEMORY },
		{ "Register File", "register_file", type, NVML_MEMORY_LOCATION_REGISTER_FILE },
		{ "L1 Cache", "l1_cache", type, NVML_MEMORY_LOCATION_L1_CACHE },
		{ "L2 Cache", "l2_cache", type, NVML_MEMORY_LOCATION_L2_CACHE },
		{ "Texture Memory", "texture_memory", type, NVML_MEMORY_LOCATION_TEXTURE_MEMORY },
		{ "Texture Shared", "texture_shm", type, NVML_MEMORY_LOCATION_TEXTURE_SHM },
		{ "CBU", "cbu", type, NVML_MEMORY_LOCATION_CBU },
	};

	/* The vendor fills these two labels up with spaces. */
	if (type == NVML_MEMORY_ERROR_TYPE_CORRECTED)
		report_open(report, "Single Bit            ", "single_bit");
	else
		report_open(report, "Double Bit            ", "double_bit");
	for (size_t i = 0; i < COUNT(counters); i++)
		report_counter(report, device, span, &counters[i]);
	report_total(report, device, type, span);
	report_close(report);
}

static void report_old_errors(struct report *report, nvmlDevice_t device)
{
	report_open(report, "Volatile", "volatile");
	report_bit_errors(report, device, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_VOLATILE_ECC);
	report_bit_errors(report, device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC);
	report_close(report);
	report_open(report, "Aggregate", "aggregate");
	report_bit_errors(report, device, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_AGGREGATE_ECC);
	report_bit_errors(report, device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_AGGREGATE_ECC);
	report_close(report);
}

static const struct counter sram_corrected = { "SRAM Correctable", "sram_correctable",
					       NVML_MEMORY_ERROR_TYPE_CORRECTED,
					       NVML_MEMORY_LOCATION_SRAM };
static const struct counter sram_uncorrected = { "SRAM Uncorrectable", "sram_uncorrectable",
						 NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						 NVML_MEMORY_LOCATION_SRAM };
static const struct counter dram_corrected = { "DRAM Correctable", "dram_correctable",
					       NVML_MEMORY_ERROR_TYPE_CORRECTED,
					       NVML_MEMORY_LOCATION_DRAM };
static const struct counter dram_uncorrected = { "DRAM Uncorrectable", "dram_uncorrectable",
						 NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						 NVML_MEMORY_LOCATION_DRAM };

static void report_turing_errors(struct report *report, nvmlDevice_t device)
{
	for (int span = NVML_VOLATILE_ECC; span <= NVML_AGGREGATE_ECC; span++) {
		bool aggregate = span == NVML_AGGREGATE_ECC;

		report_open(report, aggregate ? "Aggregate" : "Volatile",
			    aggregate ? "aggregate" : "volatile");
		report_counter(report, device, span, &sram_corrected);
		report_counter(report, device, span, &sram_uncorrected);
		report_counter(report, device, span, &dram_corrected);
		report_counter(report, device, span, &dram_uncorrected);
		report_close(report);
	}
}

/* From Ampere on SRAM tells parity errors from those of two bits, and where they were. */
static void report_sram_errors(struct report *report, nvmlDevice_t device)
{
	nvmlEccSramErrorStatus_t sram = { .version = nvmlEccSramErrorStatus_v1 };
	nvmlReturn_t result = counts(device) ? nvml.DeviceGetSramEccErrorStatus(device, &sram)
					     : NVML_ERROR_NOT_SUPPORTED;

	report_open(report, "Volatile", "volatile");
	report_result(report, "SRAM Correctable", "sram_correctable", result, "%llu",
		      sram.volatileCor);
	report_result(report, "SRAM Uncorrectable Parity", "sram_uncorrectable_parity", result,
		      "%llu", sram.volatileUncParity);
	report_result(report, "SRAM Uncorrectable SEC-DED", "sram_uncorrectable_secded", result,
		      "%llu", sram.volatileUncSecDed);
	report_counter(report, device, NVML_VOLATILE_ECC, &dram_corrected);
	report_counter(report, device, NVML_VOLATILE_ECC, &dram_uncorrected);
	report_close(report);
	report_open(report, "Aggregate", "aggregate");
	report_result(report, "SRAM Correctable", "sram_correctable", result, "%llu",
		      sram.aggregateCor);
	report_result(report, "SRAM Uncorrectable Parity", "sram_uncorrectable_parity", result,
		      "%llu", sram.aggregateUncParity);
	report_result(report, "SRAM Uncorrectable SEC-DED", "sram_uncorrectable_secded", result,
		      "%llu", sram.aggregateUncSecDed);
	report_counter(report, device, NVML_AGGREGATE_ECC, &dram_corrected);
	report_counter(report, device, NVML_AGGREGATE_ECC, &dram_uncorrected);
	report_result(report, "SRAM Threshold Exceeded", "sram_threshold_exceeded", result, "%s",
		      sram.bThresholdExceeded ? "Yes" : "No");
	report_close(report);
	report_open(report, "Aggregate Uncorrectable SRAM Sources",
		    "aggregate_uncorrectable_sram_sources");
	report_result(report, "SRAM L2", "sram_l2", result, "%llu", sram.aggregateUncBucketL2);
	report_result(report, "SRAM SM", "sram_sm", result, "%llu", sram.aggregateUncBucketSm);
	report_result(report, "SRAM Microcontroller", "sram_microcontroller", result, "%llu",
		      sram.aggregateUncBucketMcu);
	report_result(report, "SRAM PCIE", "sram_pcie", result, "%llu",
		      sram.aggregateUncBucketPcie);
	report_result(report, "SRAM Other", "sram_other", result, "%llu",
		      sram.aggregateUncBucketOther);
	report_close(report);
}

/* Which counters a board has depends on its generation. */
void report_ecc_errors(struct report *report, nvmlDevice_t device)
{
	nvmlDeviceArchitecture_t architecture = 0;

	if (nvml.DeviceGetArchitecture(device, &architecture) != NVML_SUCCESS)
		return;
	report_open(report, "ECC Errors", "ecc_errors");
	if (architecture < NVML_DEVICE_ARCH_TURING)
		report_old_errors(report, device);
	else if (architecture == NVML_DEVICE_ARCH_TURING)
		report_turing_errors(report, device);
	else
		report_sram_errors(report, device);
	report_close(report);
}

/* --- retired pages --- */

#define MAX_PAGES 64 /* what a board retires at most */

static void report_pages(struct report *report, unsigned int count,
			 const unsigned long long *addresses, const unsigned long long *times)
{
	report_open(report, NULL, "retired_pagelist");
	for (unsigned int i = 0; i < count; i++) {
		time_t seconds = (time_t)times[i];
		struct tm local;
		char text[32];

		report_open(report, NULL, "retired_page");
		report_value(report, NULL, "retired_page_address", "0x%016llx", addresses[i]);
		if (seconds) {
			localtime_r(&seconds, &local);
			strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &local);
			report_value(report, NULL, "retired_page_timestamp", "%s", text);
		}
		report_close(report);
	}
	report_close(report);
}

static void report_retirement(struct report *report, nvmlDevice_t device, const char *label,
			      const char *tag, nvmlPageRetirementCause_t cause)
{
	unsigned long long addresses[MAX_PAGES], times[MAX_PAGES] = { 0 };
	unsigned int count = MAX_PAGES;
	nvmlReturn_t result =
		nvml.DeviceGetRetiredPages_v2(device, cause, &count, addresses, times);

	report_open(report, NULL, tag);
	report_result(report, label, "retired_count", result, "%u", count);
	if (report->xml && result == NVML_SUCCESS)
		report_pages(report, count, addresses, times);
	else
		report_result(report, NULL, "retired_pagelist", result, "%s", "");
	report_close(report);
}

void report_retired_pages(struct report *report, nvmlDevice_t device)
{
	nvmlEnableState_t pending = NVML_FEATURE_DISABLED;
	nvmlReturn_t result = nvml.DeviceGetRetiredPagesPendingStatus(device, &pending);

	report_open(report, "Retired Pages", "retired_pages");
	report_retirement(report, device, "Single Bit ECC", "multiple_single_bit_retirement",
			  NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS);
	report_retirement(report, device, "Double Bit ECC", "double_bit_retirement",
			  NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR);
	report_result(report, "Pending Page Blacklist", "pending_blacklist", result, "%s",
		      pending ? "Yes" : "No");
	report_result(report, NULL, "pending_retirement", result, "%s", pending ? "Yes" : "No");
	report_close(report);
}

/* --- remapped rows --- */

static void report_histogram(struct report *report, nvmlDevice_t device)
{
	nvmlRowRemapperHistogramValues_t banks = { 0 };
	nvmlReturn_t result = nvml.DeviceGetRowRemapperHistogram(device, &banks);
	const struct {
		const char *label;
		const char *tag;
		unsigned int count;
	} rows[] = {
		{ "Max", "row_remapper_histogram_max", banks.max },
		{ "High", "row_remapper_histogram_high", banks.high },
		{ "Partial", "row_remapper_histogram_partial", banks.partial },
		{ "Low", "row_remapper_histogram_low", banks.low },
		{ "None", "row_remapper_histogram_none", banks.none },
	};

	if (result != NVML_SUCCESS) {
		report_result(report, "Bank Remap Availability Histogram", "row_remapper_histogram",
			      result, "%s", "");
		return;
	}
	report_open(report, "Bank Remap Availability Histogram", "row_remapper_histogram");
	for (size_t i = 0; i < COUNT(rows); i++)
		report_value(report, rows[i].label, rows[i].tag, "%u bank(s)", rows[i].count);
	report_close(report);
}

void report_remapped_rows(struct report *report, nvmlDevice_t device)
{
	unsigned int corrected = 0, uncorrected = 0, pending = 0, failed = 0;
	nvmlReturn_t result =
		nvml.DeviceGetRemappedRows(device, &corrected, &uncorrected, &pending, &failed);

	if (result != NVML_SUCCESS) {
		report_result(report, "Remapped Rows", "remapped_rows", result, "%s", "");
		return;
	}
	report_open(report, "Remapped Rows", "remapped_rows");
	report_value(report, "Correctable Error", "remapped_row_corr", "%u", corrected);
	report_value(report, "Uncorrectable Error", "remapped_row_unc", "%u", uncorrected);
	report_value(report, "Pending", "remapped_row_pending", "%s", pending ? "Yes" : "No");
	report_value(report, "Remapping Failure Occurred", "remapped_row_failure", "%s",
		     failed ? "Yes" : "No");
	report_histogram(report, device);
	report_close(report);
}
