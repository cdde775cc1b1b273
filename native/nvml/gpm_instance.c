// SPDX-License-Identifier: GPL-3.0-or-later
// What a GPU instance has of its GPU's load: that of the processes in it.
#include "gpm_metric.h"

// Parts of the whole GPU, such as its multiprocessors.
struct size {
	uint64_t own, all;
};

// What processes say of one unit: those in the instance, and all.
struct load {
	uint64_t own, all;
};

struct processes {
	struct load sm, memory, encoder, decoder;
	uint32_t own, all;
};

static void add(struct load *load, uint32_t percent, bool own)
{
	if (percent == NA_U32)
		return;
	load->all += percent;
	load->own += own ? percent : 0;
}

static struct processes processes_of(const struct gpm_subject *subject)
{
	const struct running *running = subject->gpu->running;
	struct processes found = { .own = 0 };

	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++) {
		const struct readings_process *process = &running->processes[i].process;
		bool own = running->processes[i].gpu_instance == subject->gpu_instance;

		found.own += own;
		found.all++;
		add(&found.sm, process->sm_util, own);
		add(&found.memory, process->memory_util, own);
		add(&found.encoder, process->encoder_util, own);
		add(&found.decoder, process->decoder_util, own);
	}
	return found;
}

// The largest instance is all of the GPU that instances can have.
static struct size multiprocessors(const struct gpm_subject *subject)
{
	const struct profile_mig *mig = &subject->gpu->board->mig;
	struct size size = { subject->profile->multiprocessors, 0 };

	for (uint32_t i = 0; i < mig->profile_count && i < PROFILE_MAX_GPU_INSTANCE_PROFILES; i++)
		if (mig->profiles[i].multiprocessors > size.all)
			size.all = mig->profiles[i].multiprocessors;
	return size;
}

static struct size memory(const struct gpm_subject *subject)
{
	const struct profile_mig *mig = &subject->gpu->board->mig;
	struct size size = { subject->profile->memory_mib, 0 };

	for (uint32_t i = 0; i < mig->profile_count && i < PROFILE_MAX_GPU_INSTANCE_PROFILES; i++)
		if (mig->profiles[i].memory_mib > size.all)
			size.all = mig->profiles[i].memory_mib;
	return size;
}

/*
 * Where the GPU's load stands still, a process says what it does of what it runs in.
 * Where it moves, it is divided among the processes, and what the instance gets of
 * it keeps so much more of the instance busy as the instance is smaller. A load
 * of no process is the same on all of the GPU.
 */
static uint32_t part(const struct gpm_subject *subject, const struct processes *processes,
		     uint32_t whole, struct load load, struct size size)
{
	uint64_t percent;

	if (whole == NA_U32 || !processes->all)
		return whole;
	if (!subject->gpu->running->moves)
		percent = load.own;
	else if (!size.own)
		percent = 0;
	else if (load.all)
		percent = whole * load.own * size.all / (load.all * size.own);
	else
		percent = (uint64_t)whole * processes->own * size.all / (processes->all * size.own);
	return percent < 100 ? (uint32_t)percent : 100;
}

const struct readings *gpm_instance_readings(const struct gpm_subject *subject,
					     const struct readings *whole, struct readings *room)
{
	struct processes processes = processes_of(subject);
	struct size sms = multiprocessors(subject);

	if (whole != room)
		*room = *whole;
	room->gpu_util = part(subject, &processes, whole->gpu_util, processes.sm, sms);
	room->memory_util =
		part(subject, &processes, whole->memory_util, processes.memory, memory(subject));
	room->encoder_util = part(subject, &processes, whole->encoder_util, processes.encoder, sms);
	room->decoder_util = part(subject, &processes, whole->decoder_util, processes.decoder, sms);
	// No process says what it has of these.
	if (processes.all && !processes.own) {
		room->jpeg_util = 0;
		room->ofa_util = 0;
	}
	return room;
}
