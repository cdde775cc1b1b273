// SPDX-License-Identifier: GPL-3.0-or-later
#include "ecc.h"
#include "fault_settle.h"
#include "nvml_change.h"

// It waits for a reset of the GPU or a new start of the machine.
nvmlReturn_t nvmlDeviceSetEccMode(nvmlDevice_t device, nvmlEnableState_t ecc)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (ecc != NVML_FEATURE_DISABLED && ecc != NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (change.gpu.readings->ecc.mode_current == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->readings.ecc.mode_pending = ecc;
	return change_end(&change);
}

static void clear(uint64_t *counter)
{
	if (*counter != NA_U64)
		*counter = 0;
}

static void clear_sources(struct readings_ecc *ecc)
{
	clear(&ecc->sram_source_l2);
	clear(&ecc->sram_source_sm);
	clear(&ecc->sram_source_microcontroller);
	clear(&ecc->sram_source_pcie);
	clear(&ecc->sram_source_other);
}

void ecc_clear(struct readings_ecc *ecc, unsigned int counter)
{
	for (unsigned int error = 0; error < NVML_MEMORY_ERROR_TYPE_COUNT; error++) {
		clear(&ecc->total[error][counter]);
		for (unsigned int i = 0; i < PROFILE_ECC_LOCATIONS; i++)
			clear(&ecc->counters[error][counter][i]);
	}
	clear(&ecc->sram_correctable[counter]);
	clear(&ecc->sram_uncorrectable_parity[counter]);
	clear(&ecc->sram_uncorrectable_secded[counter]);
	if (counter != NVML_AGGREGATE_ECC)
		return;
	clear_sources(ecc);
	if (ecc->sram_threshold_exceeded != NA_U32)
		ecc->sram_threshold_exceeded = 0;
}

nvmlReturn_t nvmlDeviceClearEccErrorCounts(nvmlDevice_t device, nvmlEccCounterType_t counterType)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (counterType >= NVML_ECC_COUNTER_TYPE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (change.gpu.readings->ecc.mode_current != NVML_FEATURE_ENABLED)
		return NVML_ERROR_NOT_SUPPORTED;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	fault_settle(change.running, &change.gpu, FAULTS_OF_ECC);
	ecc_clear(&change.running->readings.ecc, counterType);
	return change_end(&change);
}
