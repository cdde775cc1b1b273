/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What programs make with libcuda, under the sanitizers: handles, memory, threads. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "libcuda/cuda_api.h"
#include "libcuda/cuda_device.h"
#include "testsuite.h"

#define MIB ((size_t)1 << 20)
#define THREADS 8
#define ROUNDS 100

static const char profile[] =
	"version: \"1.0\"\n"
	"system: {driver_version: \"550.163.01\", cuda_version: \"12.4\", num_devices: 4}\n"
	"device_defaults:\n"
	"  name: NVIDIA A100-SXM4-40GB\n"
	"  compute_capability: {major: 8, minor: 0}\n"
	"  memory: {total_bytes: 42949672960, reserved_bytes: 0}\n";

static void start(void)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/profile.yaml", testsuite_folder());
	file = fopen(path, "w");
	CHECK(file && fputs(profile, file) >= 0 && fclose(file) == 0);
	setenv("MOCK_NVML_CONFIG", path, 1);
	unsetenv("CUDA_VISIBLE_DEVICES");
	CHECK_NUMBER(cuInit(0), CUDA_SUCCESS);
}

static CUcontext new_context(void)
{
	CUcontext context;

	CHECK_NUMBER(cuCtxCreate_v2(&context, 0, 0), CUDA_SUCCESS);
	return context;
}

static size_t free_memory(void)
{
	size_t room, total;

	CHECK_NUMBER(cuMemGetInfo_v2(&room, &total), CUDA_SUCCESS);
	return room;
}

/* More than the table has room for at first, ended in another order than made. */
static void many_handles(void)
{
	enum { COUNT = 5000 };
	static CUevent events[COUNT];

	start();
	new_context();
	for (int i = 0; i < COUNT; i++)
		CHECK_NUMBER(cuEventCreate(&events[i], 0), CUDA_SUCCESS);
	for (int i = 0; i < COUNT; i += 2)
		CHECK_NUMBER(cuEventDestroy_v2(events[i]), CUDA_SUCCESS);
	for (int i = 0; i < COUNT; i++)
		CHECK_NUMBER(cuEventQuery(events[i]),
			     i % 2 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE);
}

/* Made and freed in no order: each address is found while it lives, and no longer. */
static void memory_is_found_by_address(void)
{
	enum { COUNT = 64, STEPS = 4000 };
	CUdeviceptr blocks[COUNT] = { 0 };
	size_t sizes[COUNT] = { 0 };
	unsigned int random = 1;
	size_t whole;

	start();
	new_context();
	whole = free_memory();
	for (int step = 0; step < STEPS; step++) {
		unsigned int i;
		CUdeviceptr begin = 0;
		size_t size = 0;

		random = random * 1103515245 + 12345;
		i = random >> 16 & (COUNT - 1);
		if (!blocks[i]) {
			sizes[i] = 1 + (random >> 8) % (3 * MIB);
			CHECK_NUMBER(cuMemAlloc_v2(&blocks[i], sizes[i]), CUDA_SUCCESS);
		}
		CHECK_NUMBER(cuMemGetAddressRange_v2(&begin, &size, blocks[i] + sizes[i] - 1),
			     CUDA_SUCCESS);
		CHECK(begin == blocks[i] && size == sizes[i]);
		if (step % 3)
			continue;
		CHECK_NUMBER(cuMemFree_v2(blocks[i]), CUDA_SUCCESS);
		CHECK_NUMBER(cuMemFree_v2(blocks[i]), CUDA_ERROR_INVALID_VALUE);
		blocks[i] = 0;
	}
	for (int i = 0; i < COUNT; i++)
		CHECK_NUMBER(cuMemFree_v2(blocks[i]), CUDA_SUCCESS);
	CHECK(free_memory() == whole);
}

/* Nothing of a context is left when it goes; the sanitizer sees what is. */
static void contexts_take_all_with_them(void)
{
	size_t whole;

	start();
	new_context();
	whole = free_memory();
	for (int i = 0; i < ROUNDS; i++) {
		CUcontext context = new_context();
		CUdeviceptr block;
		CUstream stream;
		CUevent event;
		void *host;

		CHECK_NUMBER(cuMemAlloc_v2(&block, 5 * MIB), CUDA_SUCCESS);
		CHECK_NUMBER(cuMemHostAlloc(&host, 5 * MIB, 0), CUDA_SUCCESS);
		CHECK_NUMBER(cuStreamCreate(&stream, 0), CUDA_SUCCESS);
		CHECK_NUMBER(cuEventCreate(&event, 0), CUDA_SUCCESS);
		CHECK_NUMBER(cuCtxDestroy_v2(context), CUDA_SUCCESS);
		CHECK_NUMBER(cuStreamQuery(stream), CUDA_ERROR_INVALID_HANDLE);
		CHECK(free_memory() == whole);
	}
}

/* Device by device, so that threads share some of them; primary contexts between. */
static bool work(CUdevice device)
{
	CUcontext own, primary, top;
	CUdeviceptr block, managed;
	CUstream stream;

	if (cuDevicePrimaryCtxRetain(&primary, device) || cuCtxCreate_v2(&own, 0, device) ||
	    cuCtxPushCurrent_v2(primary) || cuMemAlloc_v2(&block, MIB) ||
	    cuMemAllocManaged(&managed, 64, 1) || cuMemsetD8_v2(managed, 7, 64) ||
	    cuStreamCreate(&stream, 0) || cuStreamSynchronize(stream) ||
	    cuStreamDestroy_v2(stream) || cuMemFree_v2(managed) || cuMemFree_v2(block))
		return false;
	if (cuCtxPopCurrent_v2(&top) || top != primary || cuCtxGetCurrent(&top) || top != own)
		return false;
	return !cuCtxDestroy_v2(own) && !cuDevicePrimaryCtxRelease_v2(device);
}

static void *work_often(void *failed)
{
	for (int i = 0; i < ROUNDS; i++)
		if (!work(i % 4))
			*(int *)failed = 1;
	return NULL;
}

static void threads_do_not_meet(void)
{
	pthread_t threads[THREADS];
	int failed[THREADS] = { 0 };
	unsigned int flags;
	int active;

	start();
	for (int i = 0; i < THREADS; i++)
		CHECK_NUMBER(pthread_create(&threads[i], NULL, work_often, &failed[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		CHECK_NUMBER(failed[i], 0);
	}
	CHECK_NUMBER(cuDevicePrimaryCtxGetState(0, &flags, &active), CUDA_SUCCESS);
	CHECK_NUMBER(active, 0);
	new_context();
	CHECK(free_memory() == 42949672960);
}

/* When it came to be cannot be looked up then; what is put there is taken away all the same. */
static void who_can_open_no_file_leaves_all_the_same(void)
{
	struct rlimit before, none;
	CUcontext context;

	start();
	context = new_context();
	CHECK_NUMBER(page_running(cuda_source()->page, 0)->process_count, 1);
	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = (struct rlimit){ 0, before.rlim_max };
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	CHECK_NUMBER(cuCtxDestroy_v2(context), CUDA_SUCCESS);
	/* The sanitizer looks into files at the end. */
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
	CHECK_NUMBER(page_running(cuda_source()->page, 0)->process_count, 0);
}

TESTSUITE(TEST(many_handles), TEST(memory_is_found_by_address), TEST(contexts_take_all_with_them),
	  TEST(threads_do_not_meet), TEST(who_can_open_no_file_leaves_all_the_same))
