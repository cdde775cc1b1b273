// SPDX-License-Identifier: GPL-3.0-or-later
// What a board does with failing memory: older ones retire pages, newer ones remap rows.
#include "nvml_internal.h"

nvmlReturn_t nvmlDeviceGetRetiredPages_v2(nvmlDevice_t device, nvmlPageRetirementCause_t cause,
					  unsigned int *pageCount, unsigned long long *addresses,
					  unsigned long long *timestamps)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pageCount, &gpu);
	const struct readings_retired *retired;
	unsigned int room;

	if (ret != NVML_SUCCESS)
		return ret;
	if (cause >= NVML_PAGE_RETIREMENT_CAUSE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->page_retirement != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	room = addresses ? *pageCount : 0;
	do {
		retired = &gpu.readings->retired;
		*pageCount = retired->count[cause];
		for (unsigned int i = 0;
		     i < *pageCount && i < room && i < PROFILE_MAX_RETIRED_PAGES; i++) {
			addresses[i] = retired->address[cause][i];
			if (timestamps)
				timestamps[i] = 0;
		}
	} while (gpu_changed(&gpu));
	return room < *pageCount ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetRetiredPages(nvmlDevice_t device, nvmlPageRetirementCause_t cause,
				       unsigned int *pageCount, unsigned long long *addresses)
{
	return nvmlDeviceGetRetiredPages_v2(device, cause, pageCount, addresses, NULL);
}

nvmlReturn_t nvmlDeviceGetRetiredPagesPendingStatus(nvmlDevice_t device,
						    nvmlEnableState_t *isPending)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, isPending, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->page_retirement != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	*isPending = gpu.readings->retired.pending;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned int *corrRows,
				       unsigned int *uncRows, unsigned int *isPending,
				       unsigned int *failureOccurred)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, corrRows, &gpu);
	const struct readings_rows *rows;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!uncRows || !isPending || !failureOccurred)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->row_remapper != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		rows = &gpu.readings->rows;
		*corrRows = rows->correctable;
		*uncRows = rows->uncorrectable;
		*isPending = rows->pending;
		*failureOccurred = rows->failure;
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

// Inactive remappings are those of a repaired channel, which no described board has.
nvmlReturn_t nvmlDeviceGetRemappedRows_v2(nvmlDevice_t device, nvmlRemappedRowsInfo_v2_t *info)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, info, &gpu);
	const struct readings_rows *rows;

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->row_remapper != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		rows = &gpu.readings->rows;
		*info = (nvmlRemappedRowsInfo_v2_t){
			.corrActiveRemaps = rows->correctable,
			.uncActiveRemaps = rows->uncorrectable,
			.bPending = rows->pending,
			.bFailureOccurred = rows->failure,
		};
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device,
					       nvmlRowRemapperHistogramValues_t *values)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, values, &gpu);
	const struct readings_rows *rows;

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->row_remapper != 1 || gpu.board->row_banks == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		rows = &gpu.readings->rows;
		*values = (nvmlRowRemapperHistogramValues_t){
			.max = rows->max,
			.high = rows->high,
			.partial = rows->partial,
			.low = rows->low,
			.none = rows->none,
		};
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}
