/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cuda_presence.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "state_write.h"

/* nvmlComputeMode_t */
#define COMPUTE_MODE_PROHIBITED 2
#define COMPUTE_MODE_EXCLUSIVE_PROCESS 3

/*
 * The bits of a process's type that NVML does not look at say in which PID
 * namespace it runs. So nobody takes a process for dead whom it only cannot see,
 * nor a process of a description, which never lived.
 */
#define NAMESPACE_SHIFT 8

static bool shown[PROFILE_MAX_DEVICES];
static pid_t shown_pid; /* a child of fork() is not the one that is shown */

static uint32_t own_namespace(void)
{
	char text[64] = "";
	unsigned int number = 0;

	/* "pid:[4026531836]" */
	if (readlink("/proc/self/ns/pid", text, sizeof(text) - 1) > 0)
		sscanf(text, "pid:[%u]", &number);
	return number << NAMESPACE_SHIFT;
}

static uint32_t namespace_of(const struct running_process *process)
{
	return process->process.type >> NAMESPACE_SHIFT << NAMESPACE_SHIFT;
}

/* STATE_MAX_PROCESSES where this process is not among them. */
static uint32_t find_own(const struct running *running, uint32_t namespace)
{
	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++)
		if (running->processes[i].process.pid == (uint32_t)getpid() &&
		    namespace_of(&running->processes[i]) == namespace)
			return i;
	return STATE_MAX_PROCESSES;
}

static void change_used(struct running *running, uint64_t from, uint64_t to)
{
	uint64_t used = running->readings.memory_used;

	running->readings.memory_used = (used > from ? used - from : 0) + to;
}

static void take_away(struct running *running, uint32_t index)
{
	change_used(running, running->processes[index].process.used_memory, 0);
	running->process_count--;
	memmove(&running->processes[index], &running->processes[index + 1],
		(running->process_count - index) * sizeof(running->processes[0]));
}

/* A process that was killed could not take itself away. */
static void take_away_dead(struct running *running, uint32_t namespace)
{
	for (uint32_t i = running->process_count; i-- > 0;) {
		const struct running_process *process = &running->processes[i];

		if (namespace && namespace_of(process) == namespace &&
		    kill((pid_t)process->process.pid, 0) != 0 && errno == ESRCH)
			take_away(running, i);
	}
}

static void own_name(char *name, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", name, size - 1);

	name[length > 0 ? length : 0] = '\0';
}

static void put_own(struct running *running, uint32_t slot, uint32_t namespace, uint64_t bytes)
{
	const struct cuda_visible seen = cuda_visible_in(slot);
	uint32_t index = find_own(running, namespace);
	struct running_process *process;

	if (index == STATE_MAX_PROCESSES) {
		/* The table is full: this one is not shown. */
		if (running->process_count == STATE_MAX_PROCESSES)
			return;
		index = running->process_count++;
		running->processes[index] = (struct running_process){
			.process = { .pid = (uint32_t)getpid(),
				     .type = PROFILE_PROCESS_COMPUTE | namespace },
			.gpu_instance = seen.gpu_instance,
			.compute_instance = seen.compute_instance,
		};
		own_name(running->processes[index].process.name,
			 sizeof(running->processes[index].process.name));
	}
	process = &running->processes[index];
	change_used(running, process->process.used_memory, bytes);
	process->process.used_memory = bytes;
}

/* bytes NULL: away with it. */
static void change(uint32_t slot, const uint64_t *bytes)
{
	uint32_t namespace = own_namespace();
	struct state_writer writer;
	enum state_result result = state_begin(&writer, cuda_source());
	struct running *running;
	uint32_t own;

	if (result != STATE_OK) {
		log_debug("not shown in NVML: %s: %s", cuda_source()->path, state_reason(result));
		return;
	}
	running = state_edit(&writer, slot);
	if (running) {
		take_away_dead(running, namespace);
		own = find_own(running, namespace);
		if (bytes)
			put_own(running, slot, namespace, *bytes);
		else if (own != STATE_MAX_PROCESSES)
			take_away(running, own);
		result = state_commit(&writer);
		if (result != STATE_OK)
			log_error("cannot change %s: %s", cuda_source()->path,
				  state_reason(result));
	}
	state_end(&writer);
}

void presence_set(uint32_t slot, uint64_t bytes)
{
	shown[slot] = true;
	shown_pid = getpid();
	change(slot, &bytes);
}

void presence_clear(uint32_t slot)
{
	shown[slot] = false;
	change(slot, NULL);
}

/* A program that ends without destroying its contexts leaves no trace either. */
__attribute__((destructor)) static void leave(void)
{
	if (shown_pid != getpid())
		return;
	for (uint32_t slot = 0; slot < PROFILE_MAX_DEVICES; slot++)
		if (shown[slot])
			presence_clear(slot);
}

/* Of all processes in the GPU instance. */
static uint64_t used_within(const struct running *running, uint32_t gpu_instance)
{
	uint64_t used = 0;

	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++)
		if (running->processes[i].gpu_instance == gpu_instance &&
		    running->processes[i].process.used_memory != NA_U64)
			used += running->processes[i].process.used_memory;
	return used;
}

uint64_t presence_others(struct cuda_device *found)
{
	uint32_t namespace = own_namespace();
	uint64_t used, mine;

	do {
		uint32_t own = find_own(found->running, namespace);

		used = found->within ? used_within(found->running, found->gpu_instance)
				     : found->running->readings.memory_used;
		mine = own == STATE_MAX_PROCESSES
			       ? 0
			       : found->running->processes[own].process.used_memory;
	} while (cuda_device_changed(found));
	return used > mine ? used - mine : 0;
}

static bool has_others(const struct cuda_device *found, uint32_t own)
{
	const struct running *running = found->running;

	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++) {
		const struct running_process *process = &running->processes[i];

		if (i != own && process->process.type & PROFILE_PROCESS_COMPUTE &&
		    process->gpu_instance == found->gpu_instance &&
		    process->compute_instance == found->compute_instance)
			return true;
	}
	return false;
}

bool presence_allowed(struct cuda_device *found)
{
	uint32_t namespace = own_namespace();
	uint32_t mode;
	bool others;

	do {
		mode = found->running->settings.compute_mode;
		others = has_others(found, find_own(found->running, namespace));
	} while (cuda_device_changed(found));
	return mode != COMPUTE_MODE_PROHIBITED &&
	       !(mode == COMPUTE_MODE_EXCLUSIVE_PROCESS && others);
}
