// SPDX-License-Identifier: GPL-3.0-or-later
#include "settings_fixture.h"

static nvmlPciInfo_t address_of(nvmlDevice_t device)
{
	nvmlPciInfo_t pci;

	CHECK_NUMBER(nvmlDeviceGetPciInfo_v3(device, &pci), NVML_SUCCESS);
	return pci;
}

static nvmlDevice_t free_gpu(nvmlPciInfo_t *pci)
{
	nvmlDevice_t device = first_gpu("a100");

	CHECK_NUMBER(nvmlDeviceSetPersistenceMode(device, NVML_FEATURE_DISABLED), NVML_SUCCESS);
	*pci = address_of(device);
	return device;
}

static nvmlEnableState_t state_of(nvmlPciInfo_t *pci)
{
	nvmlEnableState_t state = 99;

	CHECK_NUMBER(nvmlDeviceQueryDrainState(pci, &state), NVML_SUCCESS);
	return state;
}

static void draining_is_set_and_taken_back(void)
{
	nvmlPciInfo_t pci;
	nvmlDevice_t device = free_gpu(&pci);
	unsigned int minor;

	CHECK_NUMBER(state_of(&pci), NVML_FEATURE_DISABLED);
	CHECK_NUMBER(nvmlDeviceModifyDrainState(&pci, NVML_FEATURE_ENABLED), NVML_SUCCESS);
	CHECK_NUMBER(state_of(&pci), NVML_FEATURE_ENABLED);
	// Who was there before goes on.
	CHECK_NUMBER(nvmlDeviceGetMinorNumber(device, &minor), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceModifyDrainState(&pci, NVML_FEATURE_DISABLED), NVML_SUCCESS);
	CHECK_NUMBER(state_of(&pci), NVML_FEATURE_DISABLED);
}

static void persistence_mode_holds_a_gpu(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlPciInfo_t pci = address_of(device);

	CHECK_NUMBER(nvmlDeviceModifyDrainState(&pci, NVML_FEATURE_ENABLED), NVML_ERROR_IN_USE);
	CHECK_NUMBER(state_of(&pci), NVML_FEATURE_DISABLED);
}

static void a_gpu_is_taken_away_and_found_again(void)
{
	nvmlPciInfo_t pci, all = { 0 };
	nvmlDevice_t device = free_gpu(&pci);
	nvmlEnableState_t state;
	unsigned int minor;

	CHECK_NUMBER(nvmlDeviceRemoveGpu(&pci), NVML_ERROR_IN_USE);
	CHECK_NUMBER(nvmlDeviceModifyDrainState(&pci, NVML_FEATURE_ENABLED), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRemoveGpu_v2(&pci, 2, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceRemoveGpu(&pci), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetMinorNumber(device, &minor), NVML_ERROR_GPU_IS_LOST);
	CHECK_NUMBER(nvmlDeviceQueryDrainState(&pci, &state), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceRemoveGpu(&pci), NVML_ERROR_INVALID_ARGUMENT);
	// The bus of another one is searched in vain.
	all.domain = pci.domain;
	all.bus = pci.bus + 1;
	CHECK_NUMBER(nvmlDeviceDiscoverGpus(&all), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetMinorNumber(device, &minor), NVML_ERROR_GPU_IS_LOST);
	all = (nvmlPciInfo_t){ 0 };
	CHECK_NUMBER(nvmlDeviceDiscoverGpus(&all), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetMinorNumber(device, &minor), NVML_SUCCESS);
	CHECK_NUMBER(state_of(&pci), NVML_FEATURE_DISABLED);
}

static void a_process_holds_a_gpu(void)
{
	nvmlPciInfo_t pci;
	struct state_writer writer;
	struct running *running;

	free_gpu(&pci);
	CHECK_NUMBER(nvmlDeviceModifyDrainState(&pci, NVML_FEATURE_ENABLED), NVML_SUCCESS);
	running = first_state(&writer);
	running->processes[0].process.pid = 1;
	running->process_count = 1;
	put_in_force(&writer);
	CHECK_NUMBER(nvmlDeviceRemoveGpu(&pci), NVML_ERROR_IN_USE);
	CHECK_NUMBER(state_of(&pci), NVML_FEATURE_ENABLED);
}

static void what_is_wrong_changes_nothing(void)
{
	nvmlPciInfo_t pci, nowhere = { 0 };

	free_gpu(&pci);
	CHECK_NUMBER(nvmlDeviceModifyDrainState(NULL, 1), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceModifyDrainState(&nowhere, 1), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceModifyDrainState(&pci, 2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceQueryDrainState(&pci, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceModifyDrainState(&pci, 1)), NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceRemoveGpu(&pci)), NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceDiscoverGpus(&nowhere)), NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(state_of(&pci), NVML_FEATURE_DISABLED);
}

TESTSUITE(TEST(draining_is_set_and_taken_back), TEST(persistence_mode_holds_a_gpu),
	  TEST(a_gpu_is_taken_away_and_found_again), TEST(a_process_holds_a_gpu),
	  TEST(what_is_wrong_changes_nothing))
