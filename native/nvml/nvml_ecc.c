// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_internal.h"

nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, nvmlEnableState_t *current,
				  nvmlEnableState_t *pending)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, current, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!pending)
		return NVML_ERROR_INVALID_ARGUMENT;
	do {
		if (gpu.readings->ecc.mode_current == NA_U32)
			return NVML_ERROR_NOT_SUPPORTED;
		*current = gpu.readings->ecc.mode_current;
		*pending = gpu.readings->ecc.mode_pending;
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

GETTER_U32(nvmlDeviceGetDefaultEccMode, nvmlEnableState_t, gpu.board->ecc_default)

// Errors are counted only while ECC is on.
static nvmlReturn_t check_counter(const struct gpu *gpu, nvmlMemoryErrorType_t error,
				  nvmlEccCounterType_t counter)
{
	if (error >= NVML_MEMORY_ERROR_TYPE_COUNT || counter >= NVML_ECC_COUNTER_TYPE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	return gpu->readings->ecc.mode_current == NVML_FEATURE_ENABLED ? NVML_SUCCESS
								       : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t errorType,
					 nvmlEccCounterType_t counterType,
					 unsigned long long *eccCounts)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, eccCounts, &gpu);

	if (ret == NVML_SUCCESS)
		ret = check_counter(&gpu, errorType, counterType);
	if (ret != NVML_SUCCESS)
		return ret;
	return answer_u64(eccCounts, gpu.readings->ecc.total[errorType][counterType]);
}

static unsigned long long counted(uint64_t value)
{
	return value == NA_U64 ? 0 : value;
}

nvmlReturn_t nvmlDeviceGetDetailedEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t errorType,
					    nvmlEccCounterType_t counterType,
					    nvmlEccErrorCounts_t *eccCounts)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, eccCounts, &gpu);
	const uint64_t *counters;

	if (ret == NVML_SUCCESS)
		ret = check_counter(&gpu, errorType, counterType);
	if (ret != NVML_SUCCESS)
		return ret;
	do {
		counters = gpu.readings->ecc.counters[errorType][counterType];
		eccCounts->l1Cache = counted(counters[NVML_MEMORY_LOCATION_L1_CACHE]);
		eccCounts->l2Cache = counted(counters[NVML_MEMORY_LOCATION_L2_CACHE]);
		eccCounts->deviceMemory = counted(counters[NVML_MEMORY_LOCATION_DEVICE_MEMORY]);
		eccCounts->registerFile = counted(counters[NVML_MEMORY_LOCATION_REGISTER_FILE]);
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, nvmlMemoryErrorType_t errorType,
					     nvmlEccCounterType_t counterType,
					     nvmlMemoryLocation_t locationType,
					     unsigned long long *count)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_any_device(__func__, device, count, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (locationType >= NVML_MEMORY_LOCATION_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = check_counter(&gpu, errorType, counterType);
	if (ret != NVML_SUCCESS)
		return ret;
	// Which instance an error was in is not described: they are all the GPU's own.
	if (gpu_is_mig(&gpu)) {
		*count = 0;
		return NVML_SUCCESS;
	}
	return answer_u64(count, gpu.readings->ecc.counters[errorType][counterType][locationType]);
}

static void fill_sram(nvmlEccSramErrorStatus_t *status, const struct readings_ecc *ecc)
{
	status->volatileCor = ecc->sram_correctable[NVML_VOLATILE_ECC];
	status->volatileUncParity = ecc->sram_uncorrectable_parity[NVML_VOLATILE_ECC];
	status->volatileUncSecDed = ecc->sram_uncorrectable_secded[NVML_VOLATILE_ECC];
	status->aggregateCor = ecc->sram_correctable[NVML_AGGREGATE_ECC];
	status->aggregateUncParity = ecc->sram_uncorrectable_parity[NVML_AGGREGATE_ECC];
	status->aggregateUncSecDed = ecc->sram_uncorrectable_secded[NVML_AGGREGATE_ECC];
	status->aggregateUncBucketL2 = ecc->sram_source_l2;
	status->aggregateUncBucketSm = ecc->sram_source_sm;
	status->aggregateUncBucketPcie = ecc->sram_source_pcie;
	status->aggregateUncBucketMcu = ecc->sram_source_microcontroller;
	status->aggregateUncBucketOther = ecc->sram_source_other;
	status->bThresholdExceeded = ecc->sram_threshold_exceeded;
}

nvmlReturn_t nvmlDeviceGetSramEccErrorStatus(nvmlDevice_t device, nvmlEccSramErrorStatus_t *status)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, status, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (status->version != nvmlEccSramErrorStatus_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	do {
		if (gpu.readings->ecc.sram_threshold_exceeded == NA_U32)
			return NVML_ERROR_NOT_SUPPORTED;
		fill_sram(status, &gpu.readings->ecc);
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

// Channel and TPC repair came with Blackwell; a described board never waits for one.
nvmlReturn_t nvmlDeviceGetRepairStatus(nvmlDevice_t device, nvmlRepairStatus_t *repairStatus)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, repairStatus, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (repairStatus->version != nvmlRepairStatus_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (gpu.board->architecture < NVML_DEVICE_ARCH_AMPERE)
		return NVML_ERROR_NOT_SUPPORTED;
	repairStatus->bChannelRepairPending = 0;
	repairStatus->bTpcRepairPending = 0;
	return NVML_SUCCESS;
}

nvmlReturn_t
nvmlDeviceGetUnrepairableMemoryFlag_v1(nvmlDevice_t device,
				       nvmlUnrepairableMemoryStatus_v1_t *unrepairableMemoryStatus)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, unrepairableMemoryStatus, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->architecture < NVML_DEVICE_ARCH_BLACKWELL)
		return NVML_ERROR_NOT_SUPPORTED;
	unrepairableMemoryStatus->bUnrepairableMemory = 0;
	return NVML_SUCCESS;
}
