// SPDX-License-Identifier: GPL-3.0-or-later
// Events lie in the device page; a set remembers which of them it has told.
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "handle.h"
#include "lock.h"
#include "nvml_internal.h"

#define MAX_EVENT_SETS 256
// A waiter that nobody wakes looks for itself: a writer may have died before it could wake anyone.
#define LOOK_AGAIN_MS 10000

struct registration {
	uint64_t types; // nvmlEventType* mask; 0: not registered
	uint64_t after; // events up to this number were before
	uint64_t since_ms; // but for those that were not due yet
};

// A fixed table, so that a wrong or freed handle is recognised and never followed.
struct nvmlEventSet_st {
	_Atomic bool used;
	_Atomic bool told_v3; // the third version of the wait has returned an event
	uint64_t seen; // all events up to this number are done
	uint64_t done[STATE_MAX_EVENTS / 64]; // those after it that are, by place in the page
	struct registration devices[PROFILE_MAX_DEVICES]; // by slot
};

static struct nvmlEventSet_st sets[MAX_EVENT_SETS];
// Over what the sets remember; nobody sleeps with it.
static struct lock sets_lock;

static bool set_valid(nvmlEventSet_t set)
{
	uintptr_t offset = (uintptr_t)set - (uintptr_t)sets;

	return offset < sizeof(sets) && offset % sizeof(sets[0]) == 0 && atomic_load(&set->used);
}

static const struct page_header *header(void)
{
	return &handle_source.page->header;
}

// What has been announced already may still be to come.
static uint64_t oldest_kept(void)
{
	uint64_t last = atomic_load(&header()->event_sequence);

	return last > STATE_MAX_EVENTS ? last - STATE_MAX_EVENTS : 0;
}

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = NVML_ERROR_INSUFFICIENT_RESOURCES;
	lock_take(&sets_lock);
	for (unsigned int i = 0; i < MAX_EVENT_SETS; i++) {
		if (atomic_load(&sets[i].used))
			continue;
		memset(&sets[i], 0, sizeof(sets[i]));
		sets[i].seen = oldest_kept();
		atomic_store(&sets[i].used, true);
		*set = &sets[i];
		ret = NVML_SUCCESS;
		break;
	}
	lock_leave(&sets_lock);
	return ret;
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(set))
		return NVML_ERROR_INVALID_ARGUMENT;
	atomic_store(&set->used, false);
	// Waking takes no right to write: who waits with this set ends now.
	syscall(SYS_futex, &header()->event_futex, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	return NVML_SUCCESS;
}

void event_sets_free(void)
{
	for (unsigned int i = 0; i < MAX_EVENT_SETS; i++)
		atomic_store(&sets[i].used, false);
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
	struct registration *registration;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(set))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->event_types_supported == NA_U64 ||
	    eventTypes & ~gpu.board->event_types_supported)
		return NVML_ERROR_NOT_SUPPORTED;
	registration = &set->devices[gpu_slot(&gpu)];
	lock_take(&sets_lock);
	if (!registration->types) {
		registration->after = atomic_load(&header()->event_sequence);
		registration->since_ms = motion_now();
	}
	registration->types |= eventTypes;
	lock_leave(&sets_lock);
	return NVML_SUCCESS;
}

// --- waiting ---

static bool is_done(const struct nvmlEventSet_st *set, uint64_t number)
{
	uint64_t place = number % STATE_MAX_EVENTS;

	return set->done[place / 64] >> place % 64 & 1;
}

static void mark_done(struct nvmlEventSet_st *set, uint64_t number, bool done)
{
	uint64_t place = number % STATE_MAX_EVENTS;

	if (done)
		set->done[place / 64] |= 1ull << place % 64;
	else
		set->done[place / 64] &= ~(1ull << place % 64);
}

static bool is_wanted(const struct nvmlEventSet_st *set, const struct state_event *event)
{
	const struct registration *registration;

	if (event->system || event->slot >= PROFILE_MAX_DEVICES)
		return false;
	registration = &set->devices[event->slot];
	if (!(registration->types & event->type))
		return false;
	return event->number > registration->after ||
	       (event->due_ms > registration->since_ms &&
		!page_is_past(&handle_source.page->header, handle_source.boot));
}

// The handle that this process has for a slot; NULL where it does not see that GPU.
static nvmlDevice_t handle_of_slot(uint32_t slot)
{
	for (uint32_t i = 0; i < handle_count(); i++)
		if (handle_source.visible.slot[i] == slot)
			return handle_of(i);
	return NULL;
}

// Older events than the page keeps are lost to a set that did not ask in time.
static void skip_lost(struct nvmlEventSet_st *set, uint64_t last)
{
	while (last > STATE_MAX_EVENTS && set->seen < last - STATE_MAX_EVENTS)
		mark_done(set, ++set->seen, false);
}

static void skip_done(struct nvmlEventSet_st *set, uint64_t last)
{
	while (set->seen < last && is_done(set, set->seen + 1))
		mark_done(set, ++set->seen, false);
}

/*
 * Take the first event that is wanted and due. due_ms gets when the next one is
 * that is wanted and not due yet.
 */
static bool take_event(struct nvmlEventSet_st *set, uint64_t now, struct state_event *event,
		       uint64_t *due_ms)
{
	uint64_t last = atomic_load(&header()->event_sequence);
	bool found = false;

	*due_ms = UINT64_MAX;
	lock_take(&sets_lock);
	skip_lost(set, last);
	for (uint64_t number = set->seen + 1; number <= last && !found; number++) {
		if (is_done(set, number))
			continue;
		if (page_event(handle_source.page, number, event) && is_wanted(set, event)) {
			if (event->due_ms > now) {
				*due_ms = event->due_ms < *due_ms ? event->due_ms : *due_ms;
				continue;
			}
			found = handle_of_slot(event->slot) != NULL;
		}
		mark_done(set, number, true);
	}
	skip_done(set, last);
	lock_leave(&sets_lock);
	return found;
}

static void fill_event(nvmlEventData_t *data, const struct state_event *event, bool with_instances)
{
	data->device = handle_of_slot(event->slot);
	data->eventType = event->type;
	data->eventData = event->data;
	// The first version's struct ends here.
	if (!with_instances)
		return;
	data->gpuInstanceId = event->gpu_instance;
	data->computeInstanceId = event->compute_instance;
}

void event_sleep(uint32_t seen, uint64_t milliseconds)
{
	struct timespec wait = { (time_t)(milliseconds / 1000),
				 (long)(milliseconds % 1000 * 1000000) };

	syscall(SYS_futex, &header()->event_futex, FUTEX_WAIT, seen, &wait, NULL, 0);
}

static nvmlReturn_t sleep_for_event(nvmlEventSet_t set, unsigned int timeoutms,
				    struct state_event *event)
{
	uint64_t now = motion_now(), deadline = now + timeoutms, due;

	for (;; now = motion_now()) {
		uint32_t futex = atomic_load(&header()->event_futex);
		uint64_t wake = now + LOOK_AGAIN_MS;

		if (!atomic_load(&api_references))
			return NVML_ERROR_UNINITIALIZED;
		if (!atomic_load(&set->used))
			return NVML_ERROR_INVALID_ARGUMENT;
		if (take_event(set, now, event, &due))
			return NVML_SUCCESS;
		if (now >= deadline)
			return NVML_ERROR_TIMEOUT;
		wake = deadline < wake ? deadline : wake;
		wake = due < wake ? due : wake;
		event_sleep(futex, wake - now);
	}
}

static nvmlReturn_t wait_for_event(const char *function, nvmlEventSet_t set, const void *answer,
				   unsigned int timeoutms, struct state_event *event)
{
	nvmlReturn_t ret = api_enter(function);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(set) || !answer)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!api_sleep_enter())
		return NVML_ERROR_UNINITIALIZED;
	ret = sleep_for_event(set, timeoutms, event);
	api_sleep_leave();
	return ret;
}

nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
	struct state_event event = { 0 };
	nvmlReturn_t ret = wait_for_event(__func__, set, data, timeoutms, &event);

	if (ret == NVML_SUCCESS)
		fill_event(data, &event, false);
	return ret;
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
	struct state_event event = { 0 };
	nvmlReturn_t ret = wait_for_event(__func__, set, data, timeoutms, &event);

	if (ret == NVML_SUCCESS)
		fill_event(data, &event, true);
	return ret;
}

// --- the third version: the same events in a struct that has room for structured ones ---

static void fill_event_v3(nvmlEventSetWait_v3_t *params, const struct state_event *event)
{
	nvmlDevice_t device = handle_of_slot(event->slot);
	struct gpu gpu;

	*params = (nvmlEventSetWait_v3_t){
		.timeoutMs = params->timeoutMs,
		.dataType = NVML_EVENT_DATA_TYPE_NVML_EVENT,
		.eventType = event->type,
		.eventData = event->data,
		.gpuInstanceId = event->gpu_instance,
		.computeInstanceId = event->compute_instance,
		.severity = NVML_OPERATIONAL_EVENT_SEVERITY_ALL,
		.logLevel = NVML_GPU_OPERATIONAL_EVENT_LOG_LEVEL_ALL,
	};
	if (device && handle_gpu(device->index, &gpu))
		memcpy(params->uuid, gpu.device->uuid, sizeof(gpu.device->uuid));
}

nvmlReturn_t nvmlEventSetWait_v3(nvmlEventSet_t set, nvmlEventSetWait_v3_t *params)
{
	struct state_event event = { 0 };
	nvmlReturn_t ret =
		wait_for_event(__func__, set, params, params ? params->timeoutMs : 0, &event);

	if (ret != NVML_SUCCESS)
		return ret;
	fill_event_v3(params, &event);
	atomic_store(&set->told_v3, true);
	return NVML_SUCCESS;
}

static nvmlReturn_t enter_context(const char *function, nvmlEventSet_t set, const void *params)
{
	nvmlReturn_t ret = api_enter(function);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(set) || !params)
		return NVML_ERROR_INVALID_ARGUMENT;
	return atomic_load(&set->told_v3) ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

// Only structured events carry context, so that no index is ever in range.
nvmlReturn_t nvmlEventSetGetContextCount_v1(nvmlEventSet_t set,
					    nvmlEventSetGetContextCount_v1_t *params)
{
	nvmlReturn_t ret = enter_context(__func__, set, params);

	if (ret == NVML_SUCCESS)
		params->count = 0;
	return ret;
}

nvmlReturn_t nvmlEventSetGetContextInfo_v1(nvmlEventSet_t set,
					   nvmlEventSetGetContextInfo_v1_t *params)
{
	nvmlReturn_t ret = enter_context(__func__, set, params);

	return ret == NVML_SUCCESS ? NVML_ERROR_INVALID_ARGUMENT : ret;
}

nvmlReturn_t nvmlEventSetGetContextData_v1(nvmlEventSet_t set,
					   nvmlEventSetGetContextData_v1_t *params)
{
	nvmlReturn_t ret = enter_context(__func__, set, params);

	return ret == NVML_SUCCESS ? NVML_ERROR_INVALID_ARGUMENT : ret;
}

nvmlReturn_t nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1(
	nvmlEventSet_t set, nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1_t *params)
{
	nvmlReturn_t ret = enter_context(__func__, set, params);

	return ret == NVML_SUCCESS ? NVML_ERROR_INVALID_ARGUMENT : ret;
}

// The drivers that the profiles stand for have no structured events.
nvmlReturn_t
nvmlEventSetRegisterGpuOperationalEvents_v1(nvmlEventSet_t eventSet,
					    const nvmlGpuOperationalEventConfig_v1_t *config)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	return set_valid(eventSet) && config ? NVML_ERROR_NOT_SUPPORTED
					     : NVML_ERROR_INVALID_ARGUMENT;
}
