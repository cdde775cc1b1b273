// SPDX-License-Identifier: GPL-3.0-or-later
#include "export_reset.h"
#include "fault_kind.h"
#include "settings_fixture.h"

static nvmlReturn_t reset(nvmlDevice_t device)
{
	nvmlReturn_t result = 99;
	nvmlReturn_t ret = slot_reset(1, &device, &result);

	CHECK((ret == NVML_SUCCESS) == (result == NVML_SUCCESS));
	return result;
}

static void change_everything(nvmlDevice_t device)
{
	struct state_writer writer;
	struct running *running;

	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit(device, 250000), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetGpuLockedClocks(device, 900, 900), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetMemoryLockedClocks(device, 1215, 1215), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetApplicationsClocks(device, 1215, 900), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetComputeMode(device, NVML_COMPUTEMODE_PROHIBITED), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetAccountingMode(device, NVML_FEATURE_ENABLED), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetPersistenceMode(device, NVML_FEATURE_DISABLED), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetEccMode(device, NVML_FEATURE_DISABLED), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetAPIRestriction(device, 0, NVML_FEATURE_DISABLED), NVML_SUCCESS);
	running = first_state(&writer);
	running->readings.ecc.total[0][NVML_VOLATILE_ECC] = 5;
	running->readings.ecc.total[0][NVML_AGGREGATE_ECC] = 5;
	running->readings.rows.pending = 1;
	running->readings.mig_pending = 1;
	running->gpu_instances[3].used = 1;
	put_in_force(&writer);
}

static void a_reset_is_a_new_beginning(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct gpu gpu;

	change_everything(device);
	CHECK_NUMBER(reset(device), NVML_SUCCESS);
	CHECK(handle_gpu(0, &gpu));
	CHECK_NUMBER(gpu.readings->power_limit_mw, 400000);
	CHECK_NUMBER(gpu.readings->enforced_limit_mw, 400000);
	CHECK_NUMBER(gpu.readings->graphics_app_mhz, 1095);
	CHECK_NUMBER(gpu.running->settings.locked_gpu_max_mhz, 0);
	CHECK_NUMBER(gpu.running->settings.locked_memory_max_mhz, 0);
	CHECK_NUMBER(gpu.running->settings.app_clocks_chosen, 0);
	CHECK_NUMBER(gpu.running->settings.compute_mode, NVML_COMPUTEMODE_DEFAULT);
	CHECK_NUMBER(gpu.running->settings.accounting_mode, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(gpu.readings->ecc.total[0][NVML_VOLATILE_ECC], 0);
	CHECK_NUMBER(gpu.running->gpu_instances[3].used, 0);
	CHECK_NUMBER(gpu.running->settings.resets, 1);
}

static void what_was_pending_holds_after_it(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct gpu gpu;

	change_everything(device);
	CHECK_NUMBER(reset(device), NVML_SUCCESS);
	CHECK(handle_gpu(0, &gpu));
	CHECK_NUMBER(gpu.readings->ecc.mode_current, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(gpu.readings->mig_current, 1);
	CHECK_NUMBER(gpu.readings->rows.pending, 0);
}

static void what_outlives_it(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct gpu gpu;

	change_everything(device);
	CHECK_NUMBER(reset(device), NVML_SUCCESS);
	CHECK(handle_gpu(0, &gpu));
	CHECK_NUMBER(gpu.readings->ecc.total[0][NVML_AGGREGATE_ECC], 5);
	CHECK_NUMBER(gpu.running->settings.persistence_mode, NVML_FEATURE_DISABLED);
	CHECK_NUMBER(gpu.running->settings.restricted_app_clocks, 0);
	// The neighbour has not noticed.
	CHECK(handle_gpu(1, &gpu));
	CHECK_NUMBER(gpu.running->settings.resets, 0);
}

static void it_has_been_up_since(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlGpuUptime_v1_t uptime;

	CHECK_NUMBER(nvmlDeviceGetGpuUptime_v1(device, &uptime), NVML_SUCCESS);
	CHECK(uptime.uptime > 1);
	CHECK_NUMBER(reset(device), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetGpuUptime_v1(device, &uptime), NVML_SUCCESS);
	CHECK(uptime.uptime <= 1);
}

static void put_fault(struct running *running, enum fault_name name, uint32_t count)
{
	running->faults[running->fault_count++] = (struct running_fault){
		.effect = fault_kinds[name].effect,
		.name = name,
		.code = NVML_ERROR_GPU_IS_LOST,
		.count = count,
		.location = NVML_MEMORY_LOCATION_DRAM,
		.links = 1,
		.number = running->fault_count,
	};
}

static void it_heals_what_waited_for_it_and_no_more(void)
{
	nvmlDevice_t device = first_gpu("a100");
	unsigned int correctable, uncorrectable, pending, failed;
	nvmlEnableState_t active;
	unsigned long long errors;
	struct state_writer writer;
	struct running *running = first_state(&writer);
	struct gpu gpu;

	put_fault(running, FAULT_NAME_ROW_REMAP_PENDING, 0);
	put_fault(running, FAULT_NAME_ECC_UNCORRECTABLE, 2);
	put_fault(running, FAULT_NAME_NVLINK_ERRORS, 9);
	put_fault(running, FAULT_NAME_NVLINK_DOWN, 0);
	put_in_force(&writer);
	CHECK_NUMBER(
		nvmlDeviceGetRemappedRows(device, &correctable, &uncorrectable, &pending, &failed),
		NVML_SUCCESS);
	CHECK_NUMBER(pending, 1);
	CHECK_NUMBER(reset(device), NVML_SUCCESS);
	CHECK_NUMBER(
		nvmlDeviceGetRemappedRows(device, &correctable, &uncorrectable, &pending, &failed),
		NVML_SUCCESS);
	CHECK_NUMBER(pending, 0);
	CHECK_NUMBER(uncorrectable, 1);
	CHECK_NUMBER(
		nvmlDeviceGetNvLinkErrorCounter(device, 0, NVML_NVLINK_ERROR_DL_REPLAY, &errors),
		NVML_SUCCESS);
	CHECK_NUMBER(errors, 0);
	CHECK_NUMBER(nvmlDeviceGetNvLinkState(device, 0, &active), NVML_SUCCESS);
	CHECK_NUMBER(active, NVML_FEATURE_DISABLED);
	CHECK(handle_gpu(0, &gpu));
	CHECK_NUMBER(gpu.running->readings.ecc.total[1][NVML_AGGREGATE_ECC], 2);
	CHECK_NUMBER(gpu.running->readings.ecc.total[1][NVML_VOLATILE_ECC], 0);
	CHECK_NUMBER(gpu.running->fault_count, 1);
}

static void a_lost_gpu_is_not_reset(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct state_writer writer;

	put_fault(first_state(&writer), FAULT_NAME_LOST, 0);
	put_in_force(&writer);
	CHECK_NUMBER(reset(device), NVML_ERROR_GPU_IS_LOST);
}

static void a_gpu_in_use_is_not_reset(void)
{
	nvmlDevice_t device = first_gpu("a100"), devices[2] = { device, NULL };
	nvmlReturn_t results[2];
	struct state_writer writer;
	struct running *running = first_state(&writer);
	struct gpu gpu;

	running->processes[0].process.pid = 1;
	running->process_count = 1;
	put_in_force(&writer);
	CHECK_NUMBER(reset(device), NVML_ERROR_IN_USE);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &devices[1]), NVML_SUCCESS);
	CHECK_NUMBER(slot_reset(2, devices, results), NVML_ERROR_UNKNOWN);
	CHECK_NUMBER(results[0], NVML_ERROR_IN_USE);
	CHECK_NUMBER(results[1], NVML_SUCCESS);
	CHECK(handle_gpu(0, &gpu));
	CHECK_NUMBER(gpu.running->settings.resets, 0);
	CHECK(handle_gpu(1, &gpu));
	CHECK_NUMBER(gpu.running->settings.resets, 1);
}

static void only_root_resets(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlReturn_t result;

	CHECK_NUMBER(AS_NOBODY(slot_reset(1, &device, &result)), NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(slot_reset(1, NULL, &result), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(slot_reset(1, &device, &result), NVML_ERROR_UNINITIALIZED);
}

static unsigned int group_size(nvmlDevice_t device, struct reset_member *members)
{
	struct reset_member *list[8];
	struct reset_group *group = NULL;
	unsigned int count = 0;

	for (unsigned int i = 0; i < 8; i++)
		list[i] = &members[i];
	CHECK_NUMBER(slot_reset_group_make(&group, &device, 1, 1), NVML_SUCCESS);
	CHECK_NUMBER(slot_reset_group_list(group, list, &count), NVML_SUCCESS);
	CHECK_NUMBER(slot_reset_group_free(group), NVML_SUCCESS);
	CHECK_NUMBER(slot_reset_group_free(group), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(slot_reset_group_list(group, list, &count), NVML_ERROR_INVALID_ARGUMENT);
	return count;
}

static void a_gpu_behind_switches_is_a_group_of_its_own(void)
{
	nvmlDevice_t device = first_gpu("a100");
	struct reset_member members[8];
	nvmlPciInfo_t pci;

	CHECK_NUMBER(nvmlDeviceGetPciInfo_v3(device, &pci), NVML_SUCCESS);
	CHECK_NUMBER(group_size(device, members), 1);
	CHECK_STRING(members[0].pci_bus_id, pci.busId);
	for (unsigned int i = 0; i < 8; i++)
		CHECK_NUMBER(group_size(device, members), 1);
}

// Two boards of before Ampere, linked directly, and a third.
static const char linked[] =
	"system: {driver_version: \"550.163.01\", num_devices: 3}\n"
	"device_defaults: {name: Linked, architecture: volta, memory: {total_bytes: 1 GiB}}\n"
	"nvlink:\n"
	"  version: 2\n"
	"  links_per_gpu: 1\n"
	"  bandwidth_per_link_mbps: 25781\n"
	"  device_links:\n"
	"    - index: 0\n"
	"      links: [{link: 0, state: active, remote_device_type: gpu, remote_index: 1}]\n"
	"    - index: 1\n"
	"      links: [{link: 0, state: active, remote_device_type: gpu, remote_index: 0}]\n";

static void gpus_linked_to_each_other_are_a_group(void)
{
	struct reset_member members[8];
	nvmlDevice_t device = gpu_of_text(linked);

	CHECK_NUMBER(group_size(device, members), 2);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(2, &device), NVML_SUCCESS);
	CHECK_NUMBER(group_size(device, members), 1);
}

TESTSUITE(TEST(a_reset_is_a_new_beginning), TEST(what_was_pending_holds_after_it),
	  TEST(what_outlives_it), TEST(it_has_been_up_since),
	  TEST(it_heals_what_waited_for_it_and_no_more), TEST(a_lost_gpu_is_not_reset),
	  TEST(a_gpu_in_use_is_not_reset), TEST(only_root_resets),
	  TEST(a_gpu_behind_switches_is_a_group_of_its_own),
	  TEST(gpus_linked_to_each_other_are_a_group))
