// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "handle.h"
#include "nvml_internal.h"

#define MAX_EVENT_SETS 1024

enum set_state { SET_FREE, SET_USED };

// A fixed table, so that a wrong or freed handle is recognised and never followed.
struct nvmlEventSet_st {
	_Atomic unsigned int state;
	_Atomic unsigned int wakeups;
};

static struct nvmlEventSet_st sets[MAX_EVENT_SETS];

static bool set_valid(nvmlEventSet_t set)
{
	uintptr_t offset = (uintptr_t)set - (uintptr_t)sets;

	return offset < sizeof(sets) && offset % sizeof(sets[0]) == 0 &&
	       atomic_load(&set->state) == SET_USED;
}

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned int i = 0; i < MAX_EVENT_SETS; i++) {
		unsigned int expected = SET_FREE;

		if (!atomic_compare_exchange_strong(&sets[i].state, &expected, SET_USED))
			continue;
		*set = &sets[i];
		return NVML_SUCCESS;
	}
	return NVML_ERROR_INSUFFICIENT_RESOURCES;
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(set))
		return NVML_ERROR_INVALID_ARGUMENT;
	atomic_store(&set->state, SET_FREE);
	atomic_fetch_add(&set->wakeups, 1);
	syscall(SYS_futex, &set->wakeups, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *eventTypes)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, eventTypes, &gpu);

	return ret == NVML_SUCCESS ? answer_u64(eventTypes, gpu.board->event_types_supported) : ret;
}

nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long eventTypes,
				      nvmlEventSet_t set)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, set, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(set))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->event_types_supported == NA_U64 ||
	    eventTypes & ~gpu.board->event_types_supported)
		return NVML_ERROR_NOT_SUPPORTED;
	return NVML_SUCCESS;
}

static struct timespec deadline_after(unsigned int milliseconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_sec += milliseconds / 1000;
	now.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	if (now.tv_nsec >= 1000000000) {
		now.tv_nsec -= 1000000000;
		now.tv_sec++;
	}
	return now;
}

// The description has no events in it, so that a wait ends by its timeout or by the set being freed.
static nvmlReturn_t wait_for_event(nvmlEventSet_t set, unsigned int timeoutms)
{
	struct timespec deadline = deadline_after(timeoutms);
	unsigned int seen = atomic_load(&set->wakeups);

	while (atomic_load(&set->state) == SET_USED && atomic_load(&set->wakeups) == seen) {
		long rc = syscall(SYS_futex, &set->wakeups, FUTEX_WAIT_BITSET_PRIVATE, seen,
				  &deadline, NULL, FUTEX_BITSET_MATCH_ANY);

		if (rc != 0 && errno == ETIMEDOUT)
			return NVML_ERROR_TIMEOUT;
	}
	return NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(set) || !data)
		return NVML_ERROR_INVALID_ARGUMENT;
	return wait_for_event(set, timeoutms);
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
	return nvmlEventSetWait(set, data, timeoutms);
}
