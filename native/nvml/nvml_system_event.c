// SPDX-License-Identifier: GPL-3.0-or-later
// Events of the whole system: a driver is bound to a GPU or taken from it.
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lock.h"
#include "nvml_internal.h"

#define MAX_SETS 64
#define LOOK_AGAIN_MS 10000
#define KNOWN_TYPES (nvmlSystemEventTypeGpuDriverUnbind | nvmlSystemEventTypeGpuDriverBind)

// A fixed table, so that a wrong or freed handle is recognised and never followed.
struct nvmlSystemEventSet_st {
	_Atomic bool used;
	uint64_t types;
	uint64_t seen; // events up to this number are done
};

static struct nvmlSystemEventSet_st sets[MAX_SETS];
static struct lock sets_lock;

static const struct page_header *header(void)
{
	return &handle_source.page->header;
}

static bool set_valid(nvmlSystemEventSet_t set)
{
	uintptr_t offset = (uintptr_t)set - (uintptr_t)sets;

	return offset < sizeof(sets) && offset % sizeof(sets[0]) == 0 && atomic_load(&set->used);
}

static nvmlReturn_t enter(const char *function, const unsigned int *version, unsigned int expected)
{
	nvmlReturn_t ret = api_enter(function);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!version)
		return NVML_ERROR_INVALID_ARGUMENT;
	return *version == expected ? NVML_SUCCESS : NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
}

nvmlReturn_t nvmlSystemEventSetCreate(nvmlSystemEventSetCreateRequest_t *request)
{
	nvmlReturn_t ret = enter(__func__, request ? &request->version : NULL,
				 nvmlSystemEventSetCreateRequest_v1);

	if (ret != NVML_SUCCESS)
		return ret;
	ret = NVML_ERROR_INSUFFICIENT_RESOURCES;
	lock_take(&sets_lock);
	for (unsigned int i = 0; i < MAX_SETS; i++) {
		if (atomic_load(&sets[i].used))
			continue;
		sets[i].types = 0;
		sets[i].seen = atomic_load(&header()->event_sequence);
		atomic_store(&sets[i].used, true);
		request->set = &sets[i];
		ret = NVML_SUCCESS;
		break;
	}
	lock_leave(&sets_lock);
	return ret;
}

nvmlReturn_t nvmlSystemEventSetFree(nvmlSystemEventSetFreeRequest_t *request)
{
	nvmlReturn_t ret = enter(__func__, request ? &request->version : NULL,
				 nvmlSystemEventSetFreeRequest_v1);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(request->set))
		return NVML_ERROR_INVALID_ARGUMENT;
	atomic_store(&request->set->used, false);
	syscall(SYS_futex, &header()->event_futex, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	return NVML_SUCCESS;
}

void system_event_sets_free(void)
{
	for (unsigned int i = 0; i < MAX_SETS; i++)
		atomic_store(&sets[i].used, false);
}

nvmlReturn_t nvmlSystemRegisterEvents(nvmlSystemRegisterEventRequest_t *request)
{
	nvmlReturn_t ret = enter(__func__, request ? &request->version : NULL,
				 nvmlSystemRegisterEventRequest_v1);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(request->set))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (request->eventTypes & ~(unsigned long long)KNOWN_TYPES)
		return NVML_ERROR_NOT_SUPPORTED;
	lock_take(&sets_lock);
	if (!request->set->types)
		request->set->seen = atomic_load(&header()->event_sequence);
	request->set->types |= request->eventTypes;
	lock_leave(&sets_lock);
	return NVML_SUCCESS;
}

// A GPU by where it sits: domain, bus and device as in nvmlPciInfo_t, one byte each for the latter two.
static unsigned int pci_id(uint32_t slot)
{
	const struct device *device = page_device(handle_source.page, slot);

	return device ? device->pci_domain << 16 | device->pci_bus << 8 | device->pci_device : 0;
}

static unsigned int take_events(nvmlSystemEventSet_t set, nvmlSystemEventData_v1_t *data,
				unsigned int room)
{
	uint64_t last = atomic_load(&header()->event_sequence);
	unsigned int taken = 0;

	lock_take(&sets_lock);
	if (last > STATE_MAX_EVENTS && set->seen < last - STATE_MAX_EVENTS)
		set->seen = last - STATE_MAX_EVENTS;
	while (set->seen < last && taken < room) {
		struct state_event event;

		if (!page_event(handle_source.page, ++set->seen, &event) || !event.system ||
		    !(event.type & set->types))
			continue;
		data[taken].eventType = event.type;
		data[taken++].gpuId = pci_id(event.slot);
	}
	lock_leave(&sets_lock);
	return taken;
}

static nvmlReturn_t sleep_for_events(nvmlSystemEventSetWaitRequest_t *request)
{
	uint64_t now = motion_now(), deadline = now + request->timeoutms;

	for (;; now = motion_now()) {
		uint32_t seen = atomic_load(&header()->event_futex);

		if (!atomic_load(&api_references))
			return NVML_ERROR_UNINITIALIZED;
		if (!atomic_load(&request->set->used))
			return NVML_ERROR_INVALID_ARGUMENT;
		request->numEvent = take_events(request->set, request->data, request->dataSize);
		if (request->numEvent)
			return NVML_SUCCESS;
		if (now >= deadline)
			return NVML_ERROR_TIMEOUT;
		event_sleep(seen, deadline - now < LOOK_AGAIN_MS ? deadline - now : LOOK_AGAIN_MS);
	}
}

nvmlReturn_t nvmlSystemEventSetWait(nvmlSystemEventSetWaitRequest_t *request)
{
	nvmlReturn_t ret = enter(__func__, request ? &request->version : NULL,
				 nvmlSystemEventSetWaitRequest_v1);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!set_valid(request->set) || !request->data || !request->dataSize)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!api_sleep_enter())
		return NVML_ERROR_UNINITIALIZED;
	ret = sleep_for_events(request);
	api_sleep_leave();
	return ret;
}
