/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cuda_presence.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "liveness.h"
#include "log.h"
#include "state_write.h"

/* nvmlComputeMode_t */
#define COMPUTE_MODE_PROHIBITED 2
#define COMPUTE_MODE_EXCLUSIVE_PROCESS 3

static bool shown[PROFILE_MAX_DEVICES];
static pid_t shown_pid; /* a child of fork() is not the one that is shown */

/* Who this process is among all that ever were on the machine. */
struct self {
	uint32_t pid;
	uint32_t namespace;
	uint64_t started_ms;
};

static struct self self_now(void)
{
	return (struct self){ (uint32_t)getpid(), liveness_namespace(), liveness_started() };
}

/* When one came to be may be unknown now and not before, as where no file can be opened. */
static bool is_same_start(uint64_t a, uint64_t b)
{
	return !a || !b || a == b;
}

/* STATE_MAX_PROCESSES where this process is not among them. */
static uint32_t find_own(const struct running *running, const struct self *self)
{
	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++) {
		const struct running_process *process = &running->processes[i];

		if (process->process.pid == self->pid &&
		    (process->process.type & ~(uint32_t)LIVENESS_TYPES) == self->namespace &&
		    is_same_start(process->started_ms, self->started_ms))
			return i;
	}
	return STATE_MAX_PROCESSES;
}

static void own_name(char *name, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", name, size - 1);

	name[length > 0 ? length : 0] = '\0';
}

static void put_own(struct running *running, uint32_t slot, const struct self *self, uint64_t bytes)
{
	const struct cuda_visible seen = cuda_visible_in(slot);
	uint32_t index = find_own(running, self);
	struct running_process *process;
	uint64_t used;

	if (index == STATE_MAX_PROCESSES) {
		/* The table is full: this one is not shown. */
		if (running->process_count == STATE_MAX_PROCESSES)
			return;
		index = running->process_count++;
		running->processes[index] = (struct running_process){
			.process = { .pid = self->pid,
				     .type = PROFILE_PROCESS_COMPUTE | self->namespace },
			.gpu_instance = seen.gpu_instance,
			.compute_instance = seen.compute_instance,
			.started_ms = self->started_ms,
		};
		own_name(running->processes[index].process.name,
			 sizeof(running->processes[index].process.name));
	}
	process = &running->processes[index];
	used = running->readings.memory_used;
	used -= process->process.used_memory < used ? process->process.used_memory : used;
	running->readings.memory_used = used + bytes;
	process->process.used_memory = bytes;
}

/* bytes NULL: away with it. */
static void change(uint32_t slot, const uint64_t *bytes)
{
	const struct self self = self_now();
	struct state_writer writer;
	enum state_result result = state_begin(&writer, cuda_source());
	struct running *running;
	uint32_t own;

	if (result != STATE_OK) {
		log_debug("not shown in NVML: %s: %s", cuda_source()->path, state_reason(result));
		return;
	}
	running = state_edit(&writer, slot);
	if (!running)
		log_debug("not shown in NVML: GPU %u of %s: %s", slot, cuda_source()->path,
			  state_reason(writer.failure));
	if (running) {
		own = find_own(running, &self);
		if (bytes)
			put_own(running, slot, &self, *bytes);
		else if (own != STATE_MAX_PROCESSES)
			liveness_take_away(running, own);
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
	const struct self self = self_now();
	uint64_t used, mine, dead;

	do {
		uint32_t own = find_own(found->running, &self);

		used = found->within ? used_within(found->running, found->gpu_instance)
				     : found->running->readings.memory_used;
		dead = liveness_dead_memory(found->running, found->gpu_instance);
		used = used > dead ? used - dead : 0;
		mine = own == STATE_MAX_PROCESSES
			       ? 0
			       : found->running->processes[own].process.used_memory;
	} while (cuda_device_changed(found));
	return used > mine ? used - mine : 0;
}

static bool has_others(const struct cuda_device *found, const struct self *self)
{
	const struct running *running = found->running;
	const struct liveness observer = liveness_observer();
	uint32_t own = find_own(running, self);

	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++) {
		const struct running_process *process = &running->processes[i];

		if (i != own && process->process.type & PROFILE_PROCESS_COMPUTE &&
		    process->gpu_instance == found->gpu_instance &&
		    process->compute_instance == found->compute_instance &&
		    !liveness_is_dead(process, &observer))
			return true;
	}
	return false;
}

bool presence_allowed(struct cuda_device *found)
{
	const struct self self = self_now();
	uint32_t mode;
	bool others;

	do {
		mode = found->running->settings.compute_mode;
		others = has_others(found, &self);
	} while (cuda_device_changed(found));
	return mode != COMPUTE_MODE_PROHIBITED &&
	       !(mode == COMPUTE_MODE_EXCLUSIVE_PROCESS && others);
}
