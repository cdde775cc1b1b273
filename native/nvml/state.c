/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state.h"

#include <nvml.h>
#include <string.h>

#include "checksum.h"
#include "motion.h"

void running_init_settings(struct running_settings *settings, const struct board *board)
{
	*settings = (struct running_settings){
		.persistence_mode = board->persistence_mode,
		.compute_mode = board->compute_mode,
		.accounting_mode = board->accounting_mode,
		.gom_pending = board->gom_pending,
		.restricted_app_clocks = 1,
		.auto_boost_default = board->clocks.auto_boost_default,
		.target_temperature_c = board->thermal.target_c,
		.low_power_threshold = board->nvlink.low_power_threshold,
	};
}

static void init_processes(struct running *running, const struct readings_processes *processes)
{
	uint32_t count =
		processes->count < PROFILE_MAX_PROCESSES ? processes->count : PROFILE_MAX_PROCESSES;

	for (uint32_t i = 0; i < count; i++)
		running->processes[i] = (struct running_process){
			.process = processes->list[i],
			.gpu_instance = STATE_NO_INSTANCE,
			.compute_instance = STATE_NO_INSTANCE,
		};
	running->process_count = count;
}

void running_init(struct running *running, const struct description *description, uint32_t slot)
{
	const struct device *device = &description->devices[slot];

	memset(running, 0, sizeof(*running));
	running_init_settings(&running->settings, description_board(description, device));
	running->readings = device->readings;
	running->moves = motion_moves(running);
	running->energy_mj = device->readings.energy_mj;
	init_processes(running, &device->processes);
}

static uint32_t at_most(uint32_t count, uint32_t room)
{
	return count < room ? count : room;
}

void running_limit(struct running *running)
{
	running->fault_count = at_most(running->fault_count, STATE_MAX_FAULTS);
	running->process_count = at_most(running->process_count, STATE_MAX_PROCESSES);
	running->account_count = at_most(running->account_count, STATE_MAX_ACCOUNTED);
	running->motion.past_count = at_most(running->motion.past_count, STATE_MAX_PAST);
	for (uint32_t i = 0; i < running->process_count; i++) {
		struct readings_process *process = &running->processes[i].process;

		process->name[sizeof(process->name) - 1] = '\0';
	}
}

uint32_t running_parts(const struct running *running, struct running_part parts[RUNNING_PARTS])
{
	const struct running_part all[RUNNING_PARTS] = {
		{ 0, offsetof(struct running, faults) },
		{ offsetof(struct running, faults),
		  running->fault_count ? sizeof(running->faults) : 0 },
		{ offsetof(struct running, processes),
		  at_most(running->process_count, STATE_MAX_PROCESSES) *
			  sizeof(running->processes[0]) },
		{ offsetof(struct running, accounts),
		  at_most(running->account_count, STATE_MAX_ACCOUNTED) *
			  sizeof(running->accounts[0]) },
		{ offsetof(struct running, past),
		  at_most(running->motion.past_count, STATE_MAX_PAST) * sizeof(running->past[0]) },
	};
	uint32_t count = 0;

	for (uint32_t i = 0; i < RUNNING_PARTS; i++)
		if (all[i].size)
			parts[count++] = all[i];
	return count;
}

/* But for the checksum itself. */
uint64_t running_checksum(const struct running *running, uint64_t sequence)
{
	const size_t at = offsetof(struct running, checksum), behind = at + sizeof(uint64_t);
	struct running_part parts[RUNNING_PARTS];
	uint32_t count = running_parts(running, parts);
	uint64_t sum = checksum(CHECKSUM_START, &sequence, sizeof(sequence));

	sum = checksum(sum, running, at);
	sum = checksum(sum, (const char *)running + behind, parts[0].size - behind);
	for (uint32_t i = 1; i < count; i++)
		sum = checksum(sum, (const char *)running + parts[i].offset, parts[i].size);
	return sum;
}

uint64_t running_node_checksum(const struct running_node *node, uint64_t sequence)
{
	uint64_t sum = checksum(CHECKSUM_START, &sequence, sizeof(sequence));

	return checksum(sum, node, offsetof(struct running_node, checksum));
}

bool running_is_sound(const struct running *running, uint64_t sequence)
{
	return running->fault_count <= STATE_MAX_FAULTS &&
	       running->process_count <= STATE_MAX_PROCESSES &&
	       running->account_count <= STATE_MAX_ACCOUNTED &&
	       running->motion.past_count <= STATE_MAX_PAST && running->moves <= 1 &&
	       running->motion.table <= 1 && running->motion.trace <= 1 &&
	       running->settings.detached <= 1 &&
	       running->checksum == running_checksum(running, sequence);
}

void running_copy(struct running *to, const struct running *from)
{
	struct running_part parts[RUNNING_PARTS];
	uint32_t count = running_parts(from, parts);

	memset(to, 0, sizeof(*to));
	for (uint32_t i = 0; i < count; i++)
		memcpy((char *)to + parts[i].offset, (const char *)from + parts[i].offset,
		       parts[i].size);
	to->checksum = 0;
}

static uint64_t memory_of_processes(const struct running *running)
{
	uint64_t memory = 0;

	for (uint32_t i = 0; i < running->process_count; i++)
		if (running->processes[i].process.used_memory != NA_U64)
			memory += running->processes[i].process.used_memory;
	return memory;
}

static void boot_processes(struct running *running, const struct readings_processes *processes)
{
	uint64_t used = running->readings.memory_used, gone = memory_of_processes(running);

	memset(running->processes, 0, sizeof(running->processes));
	init_processes(running, processes);
	running->readings.memory_used =
		(used > gone ? used - gone : 0) + memory_of_processes(running);
	memset(running->accounts, 0, sizeof(running->accounts));
	running->account_count = 0;
	running->account_next = 0;
}

uint32_t running_process_load(const struct running *running, uint32_t gpu_instance)
{
	uint32_t load = 0;

	for (uint32_t i = 0; i < running->process_count; i++)
		if (running->processes[i].gpu_instance == gpu_instance &&
		    running->processes[i].process.sm_util <= 100)
			load += running->processes[i].process.sm_util;
	return load;
}

/* Where the load moves, processes have their shares of that. */
uint32_t running_held_load(const struct running *running)
{
	uint32_t load = running_process_load(running, STATE_NO_INSTANCE);

	if (running->readings.motion.pattern)
		return 0;
	return load < 100 ? load : 100;
}

static uint32_t higher(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void running_follow_load(struct running *running, const struct readings *rest, uint32_t before)
{
	struct readings *now = &running->readings;
	uint32_t load = running_held_load(running);

	if (load == before || now->gpu_util == NA_U32 || rest->gpu_util == NA_U32)
		return;
	/* A higher one has been set by a user. */
	if (now->gpu_util != higher(rest->gpu_util, before) && now->gpu_util >= load)
		return;
	now->gpu_util = higher(rest->gpu_util, load);
	if (now->event_reasons == NA_U64 || rest->event_reasons == NA_U64)
		return;
	if (readings_is_busy(now))
		now->event_reasons &= ~(uint64_t)nvmlClocksEventReasonGpuIdle;
	else
		now->event_reasons |= rest->event_reasons & nvmlClocksEventReasonGpuIdle;
}

void running_apply_pending(struct running *running)
{
	struct readings *now = &running->readings;

	now->ecc.mode_current = now->ecc.mode_pending;
	now->retired.pending = 0;
	now->rows.pending = 0;
}

bool readings_mode_pending(const struct readings *readings)
{
	return readings->ecc.mode_current != readings->ecc.mode_pending ||
	       readings->mig_current != readings->mig_pending;
}

/*
 * Instances outlive no boot. The mode is kept on the board up to Ampere; since
 * Hopper the driver has it, and begins with the one that the board is described
 * with. Accounts are kept of whole GPUs alone.
 */
static void boot_mig(struct running *running, const struct board *board,
		     const struct readings *rest)
{
	struct readings *now = &running->readings;
	uint32_t before = now->mig_current;

	memset(running->gpu_instances, 0, sizeof(running->gpu_instances));
	if (board->architecture >= NVML_DEVICE_ARCH_HOPPER)
		now->mig_pending = rest->mig_current;
	now->mig_current = now->mig_pending;
	if (now->mig_current && !before && running->settings.accounting_mode != NA_U32)
		running->settings.accounting_mode = 0;
}

void running_boot(struct running *running, const struct description *description, uint32_t slot)
{
	const struct device *device = &description->devices[slot];
	uint32_t load = running_held_load(running);

	memset(running->faults, 0, sizeof(running->faults));
	running->fault_count = 0;
	boot_processes(running, &device->processes);
	running_apply_pending(running);
	boot_mig(running, description_board(description, device), &device->readings);
	running->energy_ms = 0;
	running->up_since_ms = 0;
	memset(running->recovery_from, 0, sizeof(running->recovery_from));
	running->settings.detached = 0;
	running->settings.draining = 0;
	running->motion.origin_ms = 0;
	running->motion.past_count = 0;
	memset(running->past, 0, sizeof(running->past));
	if (running->readings.motion.pattern == PATTERN_TRACE)
		running->readings.motion = device->readings.motion;
	running_follow_load(running, &device->readings, load);
	running->moves = motion_moves(running);
}
