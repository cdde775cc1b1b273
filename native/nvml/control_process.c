/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control.h"

static struct running_process *find(struct running *running, uint32_t pid)
{
	for (uint32_t i = 0; i < running->process_count; i++)
		if (running->processes[i].process.pid == pid)
			return &running->processes[i];
	return NULL;
}

static uint64_t memory_of(const struct running_process *process)
{
	return process->process.used_memory == NA_U64 ? 0 : process->process.used_memory;
}

static bool same_process(const struct running_process *a, const struct running_process *b)
{
	struct running_process copy = *a;

	copy.started_ms = b->started_ms;
	return memcmp(&copy, b, sizeof(copy)) == 0;
}

static int check_instance(const struct running *running, const struct running_process *process,
			  struct control_error *error)
{
	const struct running_gpu_instance *instance;

	if (running->readings.mig_current == 1 && process->compute_instance == STATE_NO_INSTANCE)
		return control_refuse(error,
				      "it is in MIG mode, where each process is in a compute "
				      "instance: say --gpu-instance and --compute-instance "
				      "(nvidia-smi mig -lci lists them)");
	if (process->gpu_instance == STATE_NO_INSTANCE)
		return 0;
	if (process->gpu_instance >= STATE_MAX_GPU_INSTANCES ||
	    !running->gpu_instances[process->gpu_instance].used)
		return control_refuse(error,
				      "it has no GPU instance %u (nvidia-smi mig -lgi "
				      "lists them)",
				      process->gpu_instance);
	instance = &running->gpu_instances[process->gpu_instance];
	if (process->compute_instance == STATE_NO_INSTANCE)
		return 0;
	if (process->compute_instance >= STATE_MAX_COMPUTE_INSTANCES ||
	    !instance->compute[process->compute_instance].used)
		return control_refuse(error,
				      "its GPU instance %u has no compute instance %u "
				      "(nvidia-smi mig -lci lists them)",
				      process->gpu_instance, process->compute_instance);
	return 0;
}

static uint64_t more_than(uint64_t room, uint64_t used)
{
	return room > used ? room - used : 0;
}

/* What the GPU instance has beside the processes in it, but for the one of that pid. */
static uint64_t free_in_instance(const struct control *control, const struct board *board,
				 uint32_t gpu_instance, uint32_t pid)
{
	const struct running *running = control->running;
	uint32_t profile = running->gpu_instances[gpu_instance].profile;
	uint64_t used = 0;

	if (profile >= board->mig.profile_count || profile >= PROFILE_MAX_GPU_INSTANCE_PROFILES)
		return 0;
	for (uint32_t i = 0; i < running->process_count; i++)
		if (running->processes[i].gpu_instance == gpu_instance &&
		    running->processes[i].process.pid != pid)
			used += memory_of(&running->processes[i]);
	return more_than(board->mig.profiles[profile].memory_mib << 20, used);
}

/* used: of the whole GPU's memory, without the process. */
static int check_memory(const struct control *control, const struct running_process *process,
			uint64_t used, struct control_error *error)
{
	const struct board *board = description_board(
		control->description, &control->description->devices[control->slot]);
	uint64_t left = more_than(board->memory_total - board->memory_reserved, used);
	uint32_t pid = process->process.pid;

	if (memory_of(process) > left)
		return control_refuse(
			error, "of its memory %" PRIu64 " MiB are free, process %u needs %" PRIu64,
			left >> 20, pid, memory_of(process) >> 20);
	if (process->gpu_instance == STATE_NO_INSTANCE)
		return 0;
	left = free_in_instance(control, board, process->gpu_instance, pid);
	if (memory_of(process) > left)
		return control_refuse(error,
				      "of the memory of its GPU instance %u %" PRIu64
				      " MiB are free, process %u needs %" PRIu64,
				      process->gpu_instance, left >> 20, pid,
				      memory_of(process) >> 20);
	return 0;
}

/* Those of one GPU, or of one of its instances, share it. */
static int check_load(const struct running *running, const struct running_process *there,
		      const struct running_process *process, struct control_error *error)
{
	uint32_t load = running_process_load(running, process->gpu_instance);

	if (there && there->gpu_instance == process->gpu_instance)
		load -= there->process.sm_util <= load ? there->process.sm_util : load;
	if (!process->process.sm_util || load + process->process.sm_util <= 100)
		return 0;
	return control_refuse(error,
			      "the other processes take %u %% of it, process %u needs %u: together "
			      "at most 100",
			      load, process->process.pid, process->process.sm_util);
}

static const struct readings *rest_of(const struct control *control)
{
	return &control->description->devices[control->slot].readings;
}

enum control_result control_process_add(const struct control *control,
					const struct running_process *process,
					struct control_error *error)
{
	struct running *running = control->running;
	struct running_process *there = find(running, process->process.pid);
	uint64_t used = running->readings.memory_used, started = control->now;
	uint32_t load = running_held_load(running);

	if (there && same_process(there, process))
		return CONTROL_SAME;
	if (check_instance(running, process, error) != 0 ||
	    check_load(running, there, process, error) != 0)
		return CONTROL_REFUSED;
	if (there) {
		used = more_than(used, memory_of(there));
		started = there->started_ms;
	} else if (running->process_count == STATE_MAX_PROCESSES)
		return control_refuse(error, "it has %d processes already, and room for no more",
				      STATE_MAX_PROCESSES);
	if (check_memory(control, process, used, error) != 0)
		return CONTROL_REFUSED;
	if (!there)
		there = &running->processes[running->process_count++];
	*there = *process;
	there->started_ms = started;
	running->readings.memory_used = used + memory_of(process);
	running_follow_load(running, rest_of(control), load);
	return CONTROL_CHANGED;
}

enum control_result control_process_remove(const struct control *control, uint32_t pid)
{
	struct running *running = control->running;
	struct running_process *there = find(running, pid);
	uint32_t load = running_held_load(running);
	size_t after;

	if (!there)
		return CONTROL_SAME;
	running->readings.memory_used = more_than(running->readings.memory_used, memory_of(there));
	after = (size_t)(&running->processes[running->process_count] - there - 1);
	memmove(there, there + 1, after * sizeof(*there));
	running->process_count--;
	memset(&running->processes[running->process_count], 0, sizeof(*there));
	running_follow_load(running, rest_of(control), load);
	return CONTROL_CHANGED;
}
