// SPDX-License-Identifier: GPL-3.0-or-later
// MIG devices: what their handles answer, and that stale ones answer nothing.
#include <ctype.h>

#include "mig_fixture.h"

#define MIB (1ull << 20)

static void each_compute_instance_is_a_device(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100"), mig, parent;
	nvmlGpuInstance_t three = make_gpu_instance(device, P_3G);
	nvmlDeviceAttributes_t attributes;
	unsigned int value;
	char name[96];

	make_compute_instance(three, 0);
	make_compute_instance(three, 1);
	make_compute_instance(make_gpu_instance(device, P_1G), 0);
	for (unsigned int i = 0; i < 3; i++) {
		mig = mig_device(device, i);
		CHECK_NUMBER(nvmlDeviceIsMigDeviceHandle(mig, &value), NVML_SUCCESS);
		CHECK_NUMBER(value, 1);
		CHECK_NUMBER(nvmlDeviceGetIndex(mig, &value), NVML_SUCCESS);
		CHECK_NUMBER(value, i);
		CHECK_NUMBER(nvmlDeviceGetGpuInstanceId(mig, &value), NVML_SUCCESS);
		CHECK_NUMBER(value, i < 2 ? 2 : 7);
		CHECK_NUMBER(nvmlDeviceGetComputeInstanceId(mig, &value), NVML_SUCCESS);
		CHECK_NUMBER(value, i == 1);
		CHECK_NUMBER(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig, &parent),
			     NVML_SUCCESS);
		CHECK(parent == device);
	}
	CHECK_NUMBER(nvmlDeviceGetMaxMigDeviceCount(device, &value), NVML_SUCCESS);
	CHECK_NUMBER(value, 7);
	CHECK_NUMBER(nvmlDeviceGetMigDeviceHandleByIndex(device, 3, &mig), NVML_ERROR_NOT_FOUND);
	CHECK_NUMBER(nvmlDeviceGetMigDeviceHandleByIndex(device, 7, &mig),
		     NVML_ERROR_INVALID_ARGUMENT);
	mig = mig_device(device, 1);
	CHECK_NUMBER(nvmlDeviceGetName(mig, name, sizeof(name)), NVML_SUCCESS);
	CHECK_STRING(name, "NVIDIA A100-SXM4-40GB MIG 2c.3g.20gb");
	CHECK_NUMBER(nvmlDeviceGetAttributes_v2(mig, &attributes), NVML_SUCCESS);
	CHECK_NUMBER(attributes.multiprocessorCount, 28);
	CHECK_NUMBER(attributes.sharedCopyEngineCount, 3);
	CHECK_NUMBER(attributes.sharedDecoderCount, 2);
	CHECK_NUMBER(attributes.gpuInstanceSliceCount, 3);
	CHECK_NUMBER(attributes.computeInstanceSliceCount, 2);
	CHECK_NUMBER(attributes.memorySizeMB, 20096);
}

static void the_gpu_itself_is_none(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100"), parent;
	nvmlDeviceAttributes_t attributes;
	unsigned int value;

	CHECK_NUMBER(nvmlDeviceIsMigDeviceHandle(device, &value), NVML_SUCCESS);
	CHECK_NUMBER(value, 0);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceId(device, &value), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetComputeInstanceId(device, &value), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetAttributes_v2(device, &attributes), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device, &parent),
		     NVML_ERROR_NOT_SUPPORTED);
}

static void read_bytes(const char *uuid, unsigned char bytes[16])
{
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int value;

		while (!isxdigit((unsigned char)*uuid))
			uuid++;
		CHECK(sscanf(uuid, "%2x", &value) == 1);
		bytes[i] = (unsigned char)value;
		uuid += 2;
	}
}

static void a_device_is_found_by_its_uuid(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100"), mig, found;
	nvmlGpuInstance_t instance = make_gpu_instance(device, P_2G);
	nvmlUUID_t by = { .version = nvmlUUID_v1, .type = NVML_UUID_TYPE_ASCII };
	nvmlComputeInstance_t compute = make_compute_instance(instance, 1);
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE], again[NVML_DEVICE_UUID_V2_BUFFER_SIZE];

	mig = mig_device(device, 0);
	CHECK_NUMBER(nvmlDeviceGetUUID(mig, uuid, sizeof(uuid)), NVML_SUCCESS);
	CHECK(strncmp(uuid, "MIG-", 4) == 0 && strlen(uuid) == 40 && uuid[18] == '5');
	CHECK_NUMBER(nvmlDeviceGetHandleByUUID(uuid, &found), NVML_SUCCESS);
	CHECK(found == mig);
	snprintf(by.value.str, sizeof(by.value.str), "%s", uuid);
	CHECK_NUMBER(nvmlDeviceGetHandleByUUIDV(&by, &found), NVML_SUCCESS);
	CHECK(found == mig);
	by.type = NVML_UUID_TYPE_BINARY;
	read_bytes(uuid + 4, by.value.bytes);
	CHECK_NUMBER(nvmlDeviceGetHandleByUUIDV(&by, &found), NVML_SUCCESS);
	CHECK(found == mig);
	/* Gone, and back under the same name. */
	CHECK_NUMBER(nvmlComputeInstanceDestroy(compute), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleByUUID(uuid, &found), NVML_ERROR_NOT_FOUND);
	make_compute_instance(instance, 0);
	CHECK_NUMBER(nvmlDeviceGetUUID(mig_device(device, 0), again, sizeof(again)), NVML_SUCCESS);
	CHECK_STRING(again, uuid);
}

static void uuids_differ(void)
{
	char uuids[4][NVML_DEVICE_UUID_V2_BUFFER_SIZE];
	nvmlDevice_t device = gpu_in_mig_mode("a100");

	for (unsigned int i = 0; i < 2; i++) {
		nvmlGpuInstance_t instance = make_gpu_instance(device, P_3G);

		make_compute_instance(instance, 0);
		make_compute_instance(instance, 0);
	}
	for (unsigned int i = 0; i < 4; i++) {
		CHECK_NUMBER(nvmlDeviceGetUUID(mig_device(device, i), uuids[i], sizeof(uuids[i])),
			     NVML_SUCCESS);
		for (unsigned int j = 0; j < i; j++)
			CHECK(strcmp(uuids[i], uuids[j]) != 0);
	}
}

static void memory_is_the_instances(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100"), mig;
	nvmlMemory_v2_t memory = { .version = nvmlMemory_v2 };
	nvmlBAR1Memory_t bar1;
	nvmlMemory_t first;

	make_compute_instance(make_gpu_instance(device, P_3G), 2);
	make_compute_instance(make_gpu_instance(device, P_4G), 3);
	run_process(100, 2, 0, 1000 * MIB);
	mig = mig_device(device, 1);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo_v2(mig, &memory), NVML_SUCCESS);
	CHECK_NUMBER(memory.total, 20096 * MIB);
	CHECK_NUMBER(memory.used, 1000 * MIB + 3 * 49 * MIB / 4);
	CHECK_NUMBER(memory.free, memory.total - memory.used);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo(mig_device(device, 0), &first), NVML_SUCCESS);
	CHECK_NUMBER(first.used, 49 * MIB);
	CHECK_NUMBER(nvmlDeviceGetBAR1MemoryInfo(mig, &bar1), NVML_SUCCESS);
	CHECK_NUMBER(bar1.bar1Total, 32767 * MIB);
	CHECK_NUMBER(nvmlDeviceGetMemoryInfo_v2(device, &memory), NVML_SUCCESS);
	CHECK_NUMBER(memory.used, 7 * 49 * MIB / 4);
}

static void check_processes(nvmlDevice_t device, unsigned int expected, unsigned int pid)
{
	nvmlProcessInfo_t processes[4];
	unsigned int count = 4;

	CHECK_NUMBER(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, processes),
		     NVML_SUCCESS);
	CHECK_NUMBER(count, expected);
	if (expected == 1)
		CHECK_NUMBER(processes[0].pid, pid);
}

static void processes_are_the_instances(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t two = make_gpu_instance(device, P_2G);

	make_compute_instance(two, 0);
	make_compute_instance(two, 0);
	run_process(100, 5, 0, 1);
	run_process(200, 5, 1, 1);
	check_processes(mig_device(device, 0), 1, 100);
	check_processes(mig_device(device, 1), 1, 200);
	check_processes(device, 2, 0);
}

static void other_questions_are_for_the_gpu(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100"), mig;
	unsigned int current, pending;
	unsigned long long count;
	nvmlUtilization_t rates;
	nvmlReturn_t activation;
	nvmlPciInfo_t pci;
	int major, minor;

	make_compute_instance(make_gpu_instance(device, P_1G), 0);
	mig = mig_device(device, 0);
	CHECK_NUMBER(nvmlDeviceGetPciInfo_v3(mig, &pci), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetUtilizationRates(mig, &rates), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetMigMode(mig, &current, &pending), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetMigMode(mig, 0, &activation), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetMigDeviceHandleByIndex(mig, 0, &device),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetCudaComputeCapability(mig, &major, &minor), NVML_SUCCESS);
	CHECK(major == 8 && minor == 0);
	CHECK_NUMBER(nvmlDeviceGetMemoryErrorCounter(mig, NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
						     NVML_VOLATILE_ECC, NVML_MEMORY_LOCATION_SRAM,
						     &count),
		     NVML_SUCCESS);
	CHECK_NUMBER(count, 0);
}

static void a_stale_handle_answers_nothing(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100"), mig, parent;
	nvmlComputeInstance_t compute = make_compute_instance(make_gpu_instance(device, P_1G), 0);
	unsigned int value;
	nvmlPciInfo_t pci;
	char name[96];

	mig = mig_device(device, 0);
	CHECK_NUMBER(nvmlComputeInstanceDestroy(compute), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetName(mig, name, sizeof(name)), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceIsMigDeviceHandle(mig, &value), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetPciInfo_v3(mig, &pci), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig, &parent),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetName(mig, name, sizeof(name)), NVML_ERROR_UNINITIALIZED);
}

TESTSUITE(TEST(each_compute_instance_is_a_device), TEST(the_gpu_itself_is_none),
	  TEST(a_device_is_found_by_its_uuid), TEST(uuids_differ), TEST(memory_is_the_instances),
	  TEST(processes_are_the_instances), TEST(other_questions_are_for_the_gpu),
	  TEST(a_stale_handle_answers_nothing))
