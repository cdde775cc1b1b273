/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcuda's own code under the sanitizers: its sources are part of this program.
 * What the built library says of each profile is tested from Python.
 */
#include <pthread.h>

#include "libcuda/cuda_attribute.c"
#include "libcuda/cuda_device.c"
#include "libcuda/cuda_init.c"
#include "libcuda/cuda_mig.c"
#include "testsuite.h"

static const char profile[] =
	"version: \"1.0\"\n"
	"system: {driver_version: \"550.163.01\", cuda_version: \"12.4\", num_devices: 4}\n"
	"device_defaults:\n"
	"  name: NVIDIA A100-SXM4-40GB\n"
	"  compute_capability: {major: 8, minor: 0}\n"
	"  memory: {total_bytes: 42949672960, reserved_bytes: 542638080}\n";

/* Each test runs in a process of its own, so it starts uninitialised. */
static void use_profile_text(const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/profile.yaml", testsuite_folder());
	file = fopen(path, "w");
	CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
	setenv("MOCK_NVML_CONFIG", path, 1);
	unsetenv("CUDA_VISIBLE_DEVICES");
}

static void start(const char *visible_devices)
{
	use_profile_text(profile);
	if (visible_devices)
		setenv("CUDA_VISIBLE_DEVICES", visible_devices, 1);
	CHECK_NUMBER(cuInit(0), CUDA_SUCCESS);
}

static int count(void)
{
	int number = -1;

	CHECK_NUMBER(cuDeviceGetCount(&number), CUDA_SUCCESS);
	return number;
}

static void all_devices_without_the_variable(void)
{
	char name[64];

	start(NULL);
	CHECK_NUMBER(count(), 4);
	for (int i = 0; i < 4; i++) {
		CHECK_NUMBER(cuDeviceGetName(name, sizeof(name), i), CUDA_SUCCESS);
		CHECK_STRING(name, "NVIDIA A100-SXM4-40GB");
	}
}

static void variable_chooses_and_orders(void)
{
	char first[32], second[32];

	start("3,1");
	CHECK_NUMBER(count(), 2);
	CHECK_NUMBER(cuDeviceGetPCIBusId(first, sizeof(first), 0), CUDA_SUCCESS);
	CHECK_NUMBER(cuDeviceGetPCIBusId(second, sizeof(second), 1), CUDA_SUCCESS);
	CHECK(strcmp(first, second) > 0);
}

static void variable_longer_than_there_are_devices(void)
{
	start("0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15");
	CHECK_NUMBER(count(), 4);
}

static void failed_start_can_be_tried_again(void)
{
	use_profile_text(profile);
	setenv("CUDA_VISIBLE_DEVICES", "", 1);
	CHECK_NUMBER(cuInit(0), CUDA_ERROR_NO_DEVICE);
	CHECK_NUMBER(cuDeviceGetCount(&(int){ 0 }), CUDA_ERROR_NOT_INITIALIZED);
	unsetenv("CUDA_VISIBLE_DEVICES");
	CHECK_NUMBER(cuInit(0), CUDA_SUCCESS);
	CHECK_NUMBER(count(), 4);
}

static void version_before_and_after_init(void)
{
	int version = -1;

	use_profile_text(profile);
	CHECK_NUMBER(cuDriverGetVersion(&version), CUDA_SUCCESS);
	CHECK_NUMBER(version, 12040);
	CHECK_NUMBER(cuInit(0), CUDA_SUCCESS);
	CHECK_NUMBER(cuDriverGetVersion(&version), CUDA_SUCCESS);
	CHECK_NUMBER(version, 12040);
}

static void version_without_a_driver_is_zero(void)
{
	int version = -1;

	setenv("MOCK_NVML_CONFIG", "/nonexistent/profile.yaml", 1);
	CHECK_NUMBER(cuDriverGetVersion(&version), CUDA_SUCCESS);
	CHECK_NUMBER(version, 0);
	CHECK_NUMBER(cuInit(0), CUDA_ERROR_UNKNOWN);
}

static void uuid_of_any_text_stays_in_its_bytes(void)
{
	static const char *const texts[] = {
		"", "GPU-", "GPU-1", "x", "GPU-zzzz", "GPU-00112233-4455-6677-8899-aabbccddeeff0011"
	};
	static const unsigned char last[] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
					      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	CUuuid uuid;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		parse_uuid(texts[i], &uuid);
	CHECK(memcmp(&uuid, last, sizeof(uuid)) == 0);
}

static void bus_ids(void)
{
	unsigned int domain, bus, slot, function;

	CHECK(parse_bus_id("0001:BD:1f.7", &domain, &bus, &slot, &function));
	CHECK_NUMBER(domain, 1);
	CHECK_NUMBER(bus, 0xbd);
	CHECK_NUMBER(slot, 0x1f);
	CHECK_NUMBER(function, 7);
	CHECK(parse_bus_id("7:0", &domain, &bus, &slot, &function));
	CHECK_NUMBER(domain, 0);
	CHECK_NUMBER(bus, 7);
	CHECK_NUMBER(function, 0);
	CHECK(!parse_bus_id("", &domain, &bus, &slot, &function));
	CHECK(!parse_bus_id("7", &domain, &bus, &slot, &function));
	CHECK(!parse_bus_id("7:0.", &domain, &bus, &slot, &function));
	CHECK(!parse_bus_id("0:7:0.0 ", &domain, &bus, &slot, &function));
}

static void unknown_capability_has_no_invented_numbers(void)
{
	struct board board = { .compute_major = 99 };
	int value = -1;

	CHECK(from_capability(&board, CUDA_MAX_THREADS_PER_MULTIPROCESSOR, &value));
	CHECK_NUMBER(value, 0);
	CHECK(from_capability(&board, CUDA_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, &value));
	CHECK_NUMBER(value, 0);
}

static void *start_and_read(void *failed)
{
	size_t bytes;

	if (cuInit(0) != CUDA_SUCCESS || cuDeviceTotalMem_v2(&bytes, 3) != CUDA_SUCCESS ||
	    bytes != 42949672960 - 542638080)
		*(int *)failed = 1;
	return NULL;
}

static void threads_start_together(void)
{
	pthread_t threads[16];
	int failed[16] = { 0 };

	use_profile_text(profile);
	for (int i = 0; i < 16; i++)
		CHECK_NUMBER(pthread_create(&threads[i], NULL, start_and_read, &failed[i]), 0);
	for (int i = 0; i < 16; i++) {
		pthread_join(threads[i], NULL);
		CHECK_NUMBER(failed[i], 0);
	}
}

/* MIG devices of many GPUs can be more. */
static void no_more_are_listed_than_there_is_room_for(void)
{
	start(NULL);
	memset(visible, 0x55, sizeof(visible));
	visible_count = PROFILE_MAX_DEVICES;
	choose_listed("1");
	CHECK_NUMBER(visible_count, PROFILE_MAX_DEVICES);
}

/* Another profile may come in force while a process starts. */
static void a_gpu_that_is_gone_has_no_uuid(void)
{
	uint32_t index;

	start(NULL);
	((struct page *)source.page)->areas[0].description.device_count = 2;
	CHECK(!find_gpu("GPU-", 4, &index));
}

TESTSUITE(TEST(no_more_are_listed_than_there_is_room_for), TEST(a_gpu_that_is_gone_has_no_uuid),
	  TEST(all_devices_without_the_variable), TEST(variable_chooses_and_orders),
	  TEST(variable_longer_than_there_are_devices), TEST(failed_start_can_be_tried_again),
	  TEST(version_before_and_after_init), TEST(version_without_a_driver_is_zero),
	  TEST(uuid_of_any_text_stays_in_its_bytes), TEST(bus_ids),
	  TEST(unknown_capability_has_no_invented_numbers), TEST(threads_start_together))
