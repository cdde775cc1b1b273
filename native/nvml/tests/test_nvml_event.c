// SPDX-License-Identifier: GPL-3.0-or-later
#include <pthread.h>

#include "nvml_fixture.h"

static void wait_sleeps_until_its_timeout(void)
{
	nvmlDevice_t device = first_gpu("a100");
	unsigned long long types = 0;
	nvmlEventData_t event;
	nvmlEventSet_t set;
	clock_t cpu;
	double began;

	CHECK_NUMBER(nvmlDeviceGetSupportedEventTypes(device, &types), NVML_SUCCESS);
	CHECK(types & nvmlEventTypeXidCriticalError);
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, ~types, set), NVML_ERROR_NOT_SUPPORTED);
	began = seconds();
	cpu = clock();
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 200), NVML_ERROR_TIMEOUT);
	CHECK(seconds() - began >= 0.2);
	CHECK((double)(clock() - cpu) / CLOCKS_PER_SEC < 0.1);
	CHECK_NUMBER(nvmlEventSetWait(set, &event, 0), NVML_ERROR_TIMEOUT);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, NULL, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetFree(set), NVML_SUCCESS);
}

static void freed_and_foreign_sets_are_seen(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEventData_t event;
	nvmlEventSet_t set;
	long foreign[4] = { 1, 1, 1, 1 };

	CHECK_NUMBER(nvmlEventSetCreate(NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetFree(set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetFree(set), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, 0, (nvmlEventSet_t)foreign),
		     NVML_ERROR_INVALID_ARGUMENT);
}

static void *free_soon(void *set)
{
	usleep(100000);
	nvmlEventSetFree(set);
	return NULL;
}

static void freeing_wakes_the_waiter(void)
{
	nvmlEventData_t event;
	nvmlEventSet_t set;
	pthread_t thread;
	double began;

	first_gpu("a100");
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK(pthread_create(&thread, NULL, free_soon, set) == 0);
	began = seconds();
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 20000), NVML_ERROR_INVALID_ARGUMENT);
	CHECK(seconds() - began < 10);
	pthread_join(thread, NULL);
}

static void *shut_down_soon(void *unused)
{
	usleep(100000);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	return unused;
}

/* And the waiter looks at nothing that is no longer mapped. */
static void shutting_down_wakes_the_waiter_and_frees_the_sets(void)
{
	nvmlEventData_t event;
	nvmlEventSet_t set;
	pthread_t thread;
	double began;

	first_gpu("a100");
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK(pthread_create(&thread, NULL, shut_down_soon, NULL) == 0);
	began = seconds();
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 20000), NVML_ERROR_UNINITIALIZED);
	CHECK(seconds() - began < 5);
	pthread_join(thread, NULL);
	CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &event, 0), NVML_ERROR_INVALID_ARGUMENT);
	for (int i = 0; i < 300; i++) {
		CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
		CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
		CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
	}
}

static void announce(uint32_t slot, uint64_t data, uint64_t due_ms)
{
	struct state_event event = {
		.type = nvmlEventTypeXidCriticalError,
		.data = data,
		.due_ms = due_ms,
		.slot = slot,
		.gpu_instance = STATE_NO_INSTANCE,
		.compute_instance = STATE_NO_INSTANCE,
	};
	struct state_writer writer;

	CHECK_NUMBER(state_begin(&writer, &handle_source), STATE_OK);
	CHECK_NUMBER(state_announce(&writer, &event), STATE_OK);
	state_end(&writer);
}

static void events_are_told_once_to_who_registered(void)
{
	nvmlDevice_t device = first_gpu("a100"), other;
	nvmlEventData_t data;
	nvmlEventSet_t set, late;

	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &other), NVML_SUCCESS);
	announce(0, 1, 0);
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	announce(1, 2, 0);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_TIMEOUT);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(other, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_TIMEOUT);
	announce(1, 79, 0);
	announce(0, 48, 0);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_SUCCESS);
	CHECK(data.device == other && data.eventData == 79);
	CHECK_NUMBER(data.eventType, nvmlEventTypeXidCriticalError);
	CHECK_NUMBER(data.gpuInstanceId, STATE_NO_INSTANCE);
	CHECK_NUMBER(nvmlEventSetCreate(&late), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, late),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetWait_v2(late, &data, 0), NVML_ERROR_TIMEOUT);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_SUCCESS);
	CHECK(data.device == device && data.eventData == 48);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_TIMEOUT);
}

static void a_due_event_waits_for_its_time_and_lets_others_pass(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEventData_t data;
	nvmlEventSet_t set;
	double began;

	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	began = seconds();
	announce(0, 1, motion_now() + 300);
	announce(0, 2, 0);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 20000), NVML_SUCCESS);
	CHECK_NUMBER(data.eventData, 2);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 20000), NVML_SUCCESS);
	CHECK_NUMBER(data.eventData, 1);
	CHECK(seconds() - began >= 0.29);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_TIMEOUT);
}

/* It was announced before anyone asked, and comes when it is due. */
static void who_registers_late_gets_what_is_still_to_come(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEventData_t data;
	nvmlEventSet_t set;

	announce(0, 1, 0);
	announce(0, 2, motion_now() + 300);
	announce(1, 3, motion_now() + 200);
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 20000), NVML_SUCCESS);
	CHECK_NUMBER(data.eventData, 2);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_TIMEOUT);
	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_TIMEOUT);
}

/* More than the page keeps: the newest come in order, nothing twice. */
static void a_late_set_gets_the_newest_in_order(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEventData_t data;
	nvmlEventSet_t set;

	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	for (unsigned int i = 0; i < STATE_MAX_EVENTS + 100; i++)
		announce(0, i, 0);
	/* The oldest one's place is the next writer's. */
	for (unsigned int i = 101; i < STATE_MAX_EVENTS + 100; i++) {
		CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_SUCCESS);
		CHECK_NUMBER(data.eventData, i);
	}
	CHECK_NUMBER(nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_TIMEOUT);
}

/* Each data names its number: an event that is overwritten while it is copied would show. */
#define ROUNDS 20000

static void *announce_all(void *unused)
{
	struct state_event event = { .type = nvmlEventTypeXidCriticalError };
	struct state_writer writer;

	for (uint64_t i = 1; i <= ROUNDS; i++) {
		event.data = i;
		event.due_ms = 0;
		if (state_begin(&writer, &handle_source) != STATE_OK ||
		    state_announce(&writer, &event) != STATE_OK)
			exit(1);
		state_end(&writer);
	}
	return unused;
}

static void no_event_is_seen_half(void)
{
	const struct page_header *header;
	struct state_event event;
	pthread_t thread;
	uint64_t last = 0;

	first_gpu("a100");
	header = &handle_source.page->header;
	CHECK(pthread_create(&thread, NULL, announce_all, NULL) == 0);
	while (last < ROUNDS) {
		last = atomic_load(&header->event_sequence);
		for (uint64_t old = 0; old < STATE_MAX_EVENTS && old < last; old++)
			if (page_event(handle_source.page, last - old, &event))
				CHECK_NUMBER(event.data, event.number);
	}
	pthread_join(thread, NULL);
	CHECK(page_event(handle_source.page, ROUNDS - STATE_MAX_EVENTS + 2, &event));
	CHECK(!page_event(handle_source.page, ROUNDS - STATE_MAX_EVENTS + 1, &event));
}

static void *announce_soon(void *unused)
{
	usleep(100000);
	announce(0, 13, 0);
	return unused;
}

static void an_event_wakes_the_waiter(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlEventData_t data;
	nvmlEventSet_t set;
	pthread_t thread;

	CHECK_NUMBER(nvmlEventSetCreate(&set), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set),
		     NVML_SUCCESS);
	CHECK(pthread_create(&thread, NULL, announce_soon, NULL) == 0);
	// By its timeout it would say so.
	CHECK_NUMBER(nvmlEventSetWait(set, &data, 60000), NVML_SUCCESS);
	CHECK_NUMBER(data.eventData, 13);
	pthread_join(thread, NULL);
}

TESTSUITE(TEST(wait_sleeps_until_its_timeout), TEST(freed_and_foreign_sets_are_seen),
	  TEST(freeing_wakes_the_waiter), TEST(shutting_down_wakes_the_waiter_and_frees_the_sets),
	  TEST(events_are_told_once_to_who_registered),
	  TEST(a_due_event_waits_for_its_time_and_lets_others_pass),
	  TEST(who_registers_late_gets_what_is_still_to_come),
	  TEST(a_late_set_gets_the_newest_in_order), TEST(no_event_is_seen_half),
	  TEST(an_event_wakes_the_waiter))
