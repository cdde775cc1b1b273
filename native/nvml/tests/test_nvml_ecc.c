// SPDX-License-Identifier: GPL-3.0-or-later
#include "ecc.h"
#include "fault_kind.h"
#include "settings_fixture.h"

static void count_errors(void)
{
	struct state_writer writer;
	struct readings_ecc *ecc = &first_state(&writer)->readings.ecc;

	for (unsigned int error = 0; error < 2; error++)
		for (unsigned int counter = 0; counter < 2; counter++) {
			ecc->total[error][counter] = 7;
			ecc->counters[error][counter][NVML_MEMORY_LOCATION_DRAM] = 7;
			ecc->counters[error][counter][NVML_MEMORY_LOCATION_TEXTURE_MEMORY] = NA_U64;
		}
	for (unsigned int counter = 0; counter < 2; counter++) {
		ecc->sram_correctable[counter] = 3;
		ecc->sram_uncorrectable_parity[counter] = 3;
		ecc->sram_uncorrectable_secded[counter] = 3;
	}
	ecc->sram_source_sm = 3;
	ecc->sram_threshold_exceeded = 1;
	put_in_force(&writer);
}

static unsigned long long total(nvmlDevice_t device, nvmlMemoryErrorType_t error,
				nvmlEccCounterType_t counter)
{
	unsigned long long count = 0;

	CHECK_NUMBER(nvmlDeviceGetTotalEccErrors(device, error, counter, &count), NVML_SUCCESS);
	return count;
}

static void counters_are_cleared_by_their_kind(void)
{
	nvmlEccSramErrorStatus_t sram = { .version = nvmlEccSramErrorStatus_v1 };
	nvmlDevice_t device = first_gpu("a100");
	unsigned long long count;

	count_errors();
	CHECK_NUMBER(nvmlDeviceClearEccErrorCounts(device, NVML_VOLATILE_ECC), NVML_SUCCESS);
	CHECK_NUMBER(total(device, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_VOLATILE_ECC), 0);
	CHECK_NUMBER(total(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC), 0);
	CHECK_NUMBER(total(device, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_AGGREGATE_ECC), 7);
	CHECK_NUMBER(nvmlDeviceGetSramEccErrorStatus(device, &sram), NVML_SUCCESS);
	CHECK_NUMBER(sram.volatileCor, 0);
	CHECK_NUMBER(sram.aggregateCor, 3);
	CHECK_NUMBER(sram.aggregateUncBucketSm, 3);
	CHECK_NUMBER(sram.bThresholdExceeded, 1);
	CHECK_NUMBER(nvmlDeviceClearEccErrorCounts(device, NVML_AGGREGATE_ECC), NVML_SUCCESS);
	CHECK_NUMBER(total(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_AGGREGATE_ECC), 0);
	CHECK_NUMBER(nvmlDeviceGetMemoryErrorCounter(device, 0, NVML_AGGREGATE_ECC,
						     NVML_MEMORY_LOCATION_DRAM, &count),
		     NVML_SUCCESS);
	CHECK_NUMBER(count, 0);
	CHECK_NUMBER(nvmlDeviceGetSramEccErrorStatus(device, &sram), NVML_SUCCESS);
	CHECK_NUMBER(sram.aggregateUncParity, 0);
	CHECK_NUMBER(sram.aggregateUncBucketSm, 0);
	CHECK_NUMBER(sram.bThresholdExceeded, 0);
}

static void add_fault(enum fault_name name, uint32_t count)
{
	struct state_writer writer;
	struct running *running = first_state(&writer);

	running->faults[running->fault_count++] = (struct running_fault){
		.effect = fault_kinds[name].effect,
		.name = name,
		.count = count,
		.location = NVML_MEMORY_LOCATION_DRAM,
		.number = 1,
	};
	put_in_force(&writer);
}

// As with a real board: errors happened, and no more of them come.
static void a_fault_of_ecc_ends_when_its_counters_are_cleared(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct gpu gpu;

	add_fault(FAULT_NAME_ECC_UNCORRECTABLE, 4);
	CHECK_NUMBER(total(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC), 4);
	CHECK_NUMBER(nvmlDeviceClearEccErrorCounts(device, NVML_VOLATILE_ECC), NVML_SUCCESS);
	CHECK_NUMBER(total(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC), 0);
	CHECK_NUMBER(total(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_AGGREGATE_ECC), 4);
	CHECK(handle_gpu(0, &gpu));
	CHECK_NUMBER(gpu.running->fault_count, 0);
}

static void what_a_board_does_not_count_stays_uncounted(void)
{
	nvmlDevice_t device = first_gpu("a100");
	unsigned long long count;

	count_errors();
	CHECK_NUMBER(nvmlDeviceClearEccErrorCounts(device, NVML_VOLATILE_ECC), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetMemoryErrorCounter(device, 0, NVML_VOLATILE_ECC,
						     NVML_MEMORY_LOCATION_TEXTURE_MEMORY, &count),
		     NVML_ERROR_NOT_SUPPORTED);
}

static void the_mode_waits(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEnableState_t current, pending;

	CHECK_NUMBER(nvmlDeviceSetEccMode(device, NVML_FEATURE_DISABLED), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetEccMode(device, &current, &pending), NVML_SUCCESS);
	CHECK_NUMBER(current, NVML_FEATURE_ENABLED);
	CHECK_NUMBER(pending, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(nvmlDeviceSetEccMode(device, NVML_FEATURE_ENABLED), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetEccMode(device, &current, &pending), NVML_SUCCESS);
	CHECK_NUMBER(pending, NVML_FEATURE_ENABLED);
}

static void without_ecc_there_is_nothing_to_clear(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;

	first_state(&writer)->readings.ecc.mode_current = NVML_FEATURE_DISABLED;
	put_in_force(&writer);
	CHECK_NUMBER(nvmlDeviceClearEccErrorCounts(device, NVML_VOLATILE_ECC),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	device = workstation_gpu();
	CHECK_NUMBER(nvmlDeviceClearEccErrorCounts(device, NVML_VOLATILE_ECC),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetEccMode(device, NVML_FEATURE_ENABLED), NVML_ERROR_NOT_SUPPORTED);
}

static void what_is_wrong_changes_nothing(void)
{
	nvmlDevice_t device = first_gpu("a100");

	count_errors();
	CHECK_NUMBER(nvmlDeviceClearEccErrorCounts(device, NVML_ECC_COUNTER_TYPE_COUNT),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetEccMode(device, 2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceClearEccErrorCounts(device, NVML_VOLATILE_ECC)),
		     NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetEccMode(device, 0)), NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(total(device, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_VOLATILE_ECC), 7);
}

TESTSUITE(TEST(counters_are_cleared_by_their_kind),
	  TEST(a_fault_of_ecc_ends_when_its_counters_are_cleared),
	  TEST(what_a_board_does_not_count_stays_uncounted), TEST(the_mode_waits),
	  TEST(without_ecc_there_is_nothing_to_clear), TEST(what_is_wrong_changes_nothing))
