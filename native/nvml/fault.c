// SPDX-License-Identifier: GPL-3.0-or-later
#include "fault.h"

#include "fault_kind.h"
#include "page_file.h"

// A sleeper that nobody wakes looks for itself: a writer may have died before it could wake anyone.
#define LOOK_AGAIN_MS 1000

// How many calls of this process a fault has met; faults keep their place as long as they are there.
struct counter {
	_Atomic uint64_t number; // of the fault
	_Atomic uint64_t calls;
};

static struct counter counters[PROFILE_MAX_DEVICES][STATE_MAX_FAULTS];
static struct counter init_counter;

static uint64_t calls_before(struct counter *counter, const struct running_fault *fault)
{
	uint64_t number = atomic_load(&counter->number);

	// Whoever is first here starts the count anew.
	if (number != fault->number &&
	    atomic_compare_exchange_strong(&counter->number, &number, fault->number))
		atomic_store(&counter->calls, 0);
	return atomic_load(&counter->calls);
}

static uint64_t count_call(struct counter *counter, const struct running_fault *fault)
{
	calls_before(counter, fault);
	return atomic_fetch_add(&counter->calls, 1) + 1;
}

// A number below one million that depends on the seed and the call alone.
static uint32_t draw(uint64_t seed, uint64_t call)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15 + call * 0xd1342543de82ef95;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((x ^ x >> 31) % 1000000);
}

static bool holds(const struct running_fault *fault, uint64_t call, uint64_t now)
{
	// Nobody who may write has come since the machine was booted: what was, ended with that.
	if (page_is_past(&handle_source.page->header, handle_source.boot))
		return false;
	if (!fault_in_time(fault, now) || call <= fault->after_calls)
		return false;
	return !fault->probability || draw(fault->seed, call) < fault->probability;
}

// --- waiting ---

static bool takes_place(struct counter *counter, const struct running_fault *fault,
			uint64_t *number)
{
	if (!fault_is_there(fault) || fault->effect != FAULT_HANG ||
	    !holds(fault, count_call(counter, fault), motion_now()))
		return false;
	*number = fault->number;
	return true;
}

/*
 * Both say whether the fault of that number is still in force, or else another
 * hang has taken its place, which the call that sleeps meets as its first.
 */
static bool device_has(struct gpu *gpu, uint64_t *number, struct running_fault *fault)
{
	struct counter *counted = counters[gpu_slot(gpu)];

	if (!handle_gpu(gpu->index, gpu))
		return false;
	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		*fault = running_fault_at(gpu->running, i);
		if (fault_is_there(fault) && fault->number == *number)
			return true;
	}
	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		*fault = running_fault_at(gpu->running, i);
		if (takes_place(&counted[i], fault, number))
			return true;
	}
	return false;
}

static struct running_fault init_fault(void)
{
	const struct state_node *node = &page_area(handle_source.page)->state.node;
	uint64_t sequence;
	struct running_fault fault;

	do {
		sequence = atomic_load_explicit(&node->sequence, memory_order_acquire);
		fault = node->running[sequence & 1].init;
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&node->sequence, memory_order_relaxed) != sequence);
	return fault;
}

static bool node_has(struct gpu *gpu, uint64_t *number, struct running_fault *fault)
{
	(void)gpu;
	*fault = init_fault();
	return (fault_is_there(fault) && fault->number == *number) ||
	       takes_place(&init_counter, fault, number);
}

// gpu: NULL in nvmlInit, which nobody shuts down before it has ended.
static nvmlReturn_t sleep_through(struct gpu *gpu, uint64_t number,
				  bool (*has)(struct gpu *gpu, uint64_t *number,
					      struct running_fault *fault))
{
	struct running_fault fault;

	for (;;) {
		uint64_t now = motion_now(), wait;
		uint32_t seen;

		if (gpu && !atomic_load(&api_references))
			return NVML_ERROR_UNINITIALIZED;
		seen = atomic_load(&handle_source.page->header.event_futex);
		if (!has(gpu, &number, &fault) || fault_is_over(&fault, now))
			return NVML_SUCCESS;
		wait = fault.until_ms ? fault.until_ms - now : LOOK_AGAIN_MS;
		event_sleep(seen, wait < LOOK_AGAIN_MS ? wait : LOOK_AGAIN_MS);
	}
}

// Until the fault is over, cleared, or another thread has shut the library down.
static nvmlReturn_t hang(struct gpu *gpu, uint64_t number)
{
	nvmlReturn_t ret;

	if (!api_sleep_enter())
		return NVML_ERROR_UNINITIALIZED;
	ret = sleep_through(gpu, number, device_has);
	api_sleep_leave();
	return ret;
}

// --- judging ---

static nvmlReturn_t code_of(const struct running_fault *fault)
{
	return (nvmlReturn_t)fault->code;
}

// What the faults make of readings that hold at the moment; whether there are any.
static bool apply_all(const struct gpu *gpu, uint64_t moment, struct readings *readings)
{
	struct counter *counted = counters[gpu_slot(gpu)];
	bool any = false;

	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		struct running_fault fault = running_fault_at(gpu->running, i);

		if (!fault_is_there(&fault) || fault.effect != FAULT_READINGS ||
		    !holds(&fault, calls_before(&counted[i], &fault), moment))
			continue;
		fault_apply(readings, &fault, gpu->board, &gpu->device->readings, moment);
		any = true;
	}
	return any;
}

// The copy is whole: it is taken again if a writer came in between.
static void fold(struct gpu *gpu, uint64_t now)
{
	bool any;

	do {
		gpu_look(gpu);
		/* They come over what has moved. */
		if (gpu->readings != &gpu->folded)
			gpu->folded = gpu->running->readings;
		any = apply_all(gpu, now, &gpu->folded);
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&gpu->state->sequence, memory_order_relaxed) !=
		 gpu->sequence);
	if (any)
		gpu->readings = &gpu->folded;
}

void fault_past(const struct gpu *gpu, uint64_t moment, struct readings *readings)
{
	gpu_past(gpu, moment, readings);
	if (gpu->running->fault_count)
		apply_all(gpu, moment, readings);
}

void fault_look(struct gpu *gpu)
{
	fold(gpu, motion_now());
}

// What calls meet before their answer. Sleeping comes first: the answer is that of the call's end.
static nvmlReturn_t meet(struct gpu *gpu, const struct running_fault *fault)
{
	switch ((enum fault_effect)fault->effect) {
	case FAULT_HANG:
		return hang(gpu, fault->number);
	case FAULT_SLOW:
		pause_ms((long)fault->latency_ms);
		return NVML_SUCCESS;
	case FAULT_ERROR:
		return code_of(fault);
	default:
		return NVML_SUCCESS;
	}
}

nvmlReturn_t fault_enter(struct gpu *gpu)
{
	static const enum fault_effect order[] = { FAULT_HANG, FAULT_SLOW, FAULT_ERROR };
	struct counter *counted = counters[gpu_slot(gpu)];
	struct running_fault faults[STATE_MAX_FAULTS];
	uint64_t now = motion_now();
	bool held[STATE_MAX_FAULTS];

	do {
		for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++)
			faults[i] = running_fault_at(gpu->running, i);
	} while (gpu_moved(gpu));
	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++)
		held[i] = fault_is_there(&faults[i]) &&
			  holds(&faults[i], count_call(&counted[i], &faults[i]), now);
	for (unsigned int step = 0; step < sizeof(order) / sizeof(order[0]); step++) {
		for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
			nvmlReturn_t ret;

			if (!held[i] || faults[i].effect != order[step])
				continue;
			ret = meet(gpu, &faults[i]);
			if (ret != NVML_SUCCESS)
				return ret;
		}
	}
	// The profile may be another one after a sleep.
	if (!handle_gpu(gpu->index, gpu))
		return NVML_ERROR_GPU_IS_LOST;
	fault_look(gpu);
	return NVML_SUCCESS;
}

static bool is_loss(const struct running_fault *fault)
{
	return fault_is_there(fault) && fault->effect == FAULT_ERROR &&
	       fault->name != FAULT_NAME_ERROR;
}

nvmlReturn_t fault_lookup(const struct gpu *gpu)
{
	const struct running *running = gpu->running;

	if (!running->fault_count)
		return NVML_SUCCESS;
	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		struct running_fault fault = running_fault_at(running, i);
		struct counter *counter = &counters[gpu_slot(gpu)][i];

		// The next call would meet it.
		if (is_loss(&fault) &&
		    holds(&fault, calls_before(counter, &fault) + 1, motion_now()))
			return code_of(&fault);
	}
	return NVML_SUCCESS;
}

nvmlReturn_t fault_init(void)
{
	struct running_fault fault = init_fault();

	if (!fault_is_there(&fault) ||
	    !holds(&fault, count_call(&init_counter, &fault), motion_now()))
		return NVML_SUCCESS;
	if (fault.effect == FAULT_HANG)
		return sleep_through(NULL, fault.number, node_has);
	if (fault.effect == FAULT_SLOW)
		pause_ms((long)fault.latency_ms);
	return fault.effect == FAULT_ERROR ? code_of(&fault) : NVML_SUCCESS;
}
