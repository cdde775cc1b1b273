// SPDX-License-Identifier: GPL-3.0-or-later
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "lock.h"
#include "nvml_mig.h"
#include "page_file.h"

// Held while the page is mapped or unmapped; getters never take it.
static struct lock init_lock;

_Atomic unsigned int api_references;

// A process above how many of its threads sleep: a child of fork() has none of the parent's.
static _Atomic uint64_t sleepers;

static uint32_t count_of(uint64_t word, uint32_t process)
{
	return word >> 32 == process ? (uint32_t)word : 0;
}

uint32_t api_sleepers(void)
{
	return count_of(atomic_load(&sleepers), lock_process());
}

// A child that a signal handler of a sleeping thread has forked leaves what only its parent has entered.
static void count_sleepers(bool enters)
{
	uint32_t process = lock_process(), count;
	uint64_t word = atomic_load(&sleepers), next;

	do {
		count = count_of(word, process);
		if (!enters && !count)
			return;
		next = (uint64_t)process << 32 | (enters ? count + 1 : count - 1);
	} while (!atomic_compare_exchange_weak(&sleepers, &word, next));
}

bool api_sleep_enter(void)
{
	count_sleepers(true);
	if (atomic_load(&api_references))
		return true;
	api_sleep_leave();
	return false;
}

void api_sleep_leave(void)
{
	count_sleepers(false);
}

// One may have looked just before it sleeps: it is woken until it has left.
static bool end_sleep(void)
{
	for (int tries = 0; api_sleepers() && tries < 1000; tries++) {
		syscall(SYS_futex, &handle_source.page->header.event_futex, FUTEX_WAKE, INT_MAX,
			NULL, NULL, 0);
		pause_ms(1);
	}
	return !api_sleepers();
}

static void close_description(void)
{
	bool unused = end_sleep();

	event_sets_free();
	system_event_sets_free();
	// What somebody may still look at stays mapped.
	if (unused)
		handle_close();
}

static nvmlReturn_t open_description(unsigned int flags)
{
	nvmlReturn_t ret;

	switch (handle_open()) {
	case SOURCE_NONE:
		return NVML_ERROR_DRIVER_NOT_LOADED;
	case SOURCE_INVALID:
		return NVML_ERROR_UNKNOWN;
	case SOURCE_OK:
		break;
	}
	ret = fault_init();
	if (ret == NVML_SUCCESS && !handle_count() && !(flags & NVML_INIT_FLAG_NO_GPUS))
		ret = NVML_ERROR_GPU_NOT_FOUND;
	if (ret != NVML_SUCCESS)
		handle_close();
	return ret;
}

nvmlReturn_t nvmlInitWithFlags(unsigned int flags)
{
	nvmlReturn_t ret = NVML_SUCCESS;

	log_setup();
	log_debug("%s(%#x)", __func__, flags);
	lock_take(&init_lock);
	if (!atomic_load_explicit(&api_references, memory_order_relaxed))
		ret = open_description(flags);
	if (ret == NVML_SUCCESS)
		atomic_fetch_add_explicit(&api_references, 1, memory_order_release);
	lock_leave(&init_lock);
	return ret;
}

nvmlReturn_t nvmlInit(void)
{
	return nvmlInitWithFlags(0);
}

nvmlReturn_t nvmlInit_v2(void)
{
	return nvmlInitWithFlags(0);
}

// One call too many is no error, as the manual says and the real library does.
nvmlReturn_t nvmlShutdown(void)
{
	log_debug("%s", __func__);
	lock_take(&init_lock);
	if (atomic_load_explicit(&api_references, memory_order_relaxed) &&
	    atomic_fetch_sub(&api_references, 1) == 1)
		close_description();
	lock_leave(&init_lock);
	return NVML_SUCCESS;
}

nvmlReturn_t api_enter_gpu(uint32_t index, struct gpu *gpu)
{
	if (!handle_gpu(index, gpu))
		return NVML_ERROR_GPU_IS_LOST;
	return gpu->running->fault_count ? fault_enter(gpu) : NVML_SUCCESS;
}

// A MIG device that exists has a handle too, but most questions are for the GPU alone.
static nvmlReturn_t refuse(nvmlDevice_t device)
{
	struct gpu gpu;
	nvmlReturn_t ret = mig_enter_device(device, &gpu);

	return ret == NVML_SUCCESS ? NVML_ERROR_NOT_SUPPORTED : ret;
}

nvmlReturn_t api_enter_device(const char *function, nvmlDevice_t device, const void *answer,
			      struct gpu *gpu)
{
	nvmlReturn_t ret = api_enter(function);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!answer)
		return NVML_ERROR_INVALID_ARGUMENT;
	return handle_valid(device) ? api_enter_gpu(device->index, gpu) : refuse(device);
}

nvmlReturn_t api_enter_any_device(const char *function, nvmlDevice_t device, const void *answer,
				  struct gpu *gpu)
{
	nvmlReturn_t ret = api_enter(function);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!answer)
		return NVML_ERROR_INVALID_ARGUMENT;
	return handle_valid(device) ? api_enter_gpu(device->index, gpu)
				    : mig_enter_device(device, gpu);
}

nvmlReturn_t answer_string(char *answer, unsigned int length, const char *value)
{
	size_t size = strlen(value) + 1;

	if (size == 1)
		return NVML_ERROR_NOT_SUPPORTED;
	if (length < size)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(answer, value, size);
	return NVML_SUCCESS;
}
