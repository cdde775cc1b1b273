/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_account.h"

#include "motion.h"
#include <string.h>

static uint32_t used(uint32_t count)
{
	return count < STATE_MAX_ACCOUNTED ? count : STATE_MAX_ACCOUNTED;
}

const struct running_process *account_process(const struct running *running, uint32_t pid)
{
	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++)
		if (running->processes[i].process.pid == pid)
			return &running->processes[i];
	return NULL;
}

/* The newest lies before account_next. */
const struct running_account *account_find(const struct running *running, uint32_t pid)
{
	uint32_t count = used(running->account_count);

	for (uint32_t i = 1; i <= count; i++) {
		uint32_t place =
			(running->account_next + STATE_MAX_ACCOUNTED - i) % STATE_MAX_ACCOUNTED;

		if (running->accounts[place].pid == pid)
			return &running->accounts[place];
	}
	return NULL;
}

static uint64_t work(uint64_t sum, uint32_t util, const struct running_account *account,
		     uint64_t now_ms)
{
	if (!account->running || util == NA_U32 || now_ms <= account->counted_ms)
		return sum;
	return sum + util * (now_ms - account->counted_ms);
}

static void count_up_to(struct running_account *account, uint64_t now_ms)
{
	account->gpu_work = work(account->gpu_work, account->gpu_util, account, now_ms);
	account->memory_work = work(account->memory_work, account->memory_util, account, now_ms);
	account->counted_ms = now_ms;
}

void account_end(struct running_account *account, uint64_t now_ms)
{
	if (account->running)
		count_up_to(account, now_ms);
	account->running = 0;
}

static uint32_t average(uint64_t sum, uint32_t util, const struct running_account *account,
			uint64_t now_ms)
{
	uint64_t end_ms = account->running ? now_ms : account->counted_ms;

	if (util == NA_U32)
		return NA_U32;
	if (end_ms <= account->started_ms)
		return util;
	return (uint32_t)(work(sum, util, account, now_ms) / (end_ms - account->started_ms));
}

uint32_t account_gpu_util(const struct running_account *account, uint64_t now_ms)
{
	return average(account->gpu_work, account->gpu_util, account, now_ms);
}

uint32_t account_memory_util(const struct running_account *account, uint64_t now_ms)
{
	return average(account->memory_work, account->memory_util, account, now_ms);
}

uint64_t account_time(const struct running_account *account)
{
	if (account->running || account->counted_ms < account->started_ms)
		return 0;
	return account->counted_ms - account->started_ms;
}

static void update(struct running_account *account, const struct running_process *process,
		   uint64_t now_ms)
{
	uint64_t memory = process->process.used_memory;

	count_up_to(account, now_ms);
	account->gpu_util = process->process.sm_util;
	account->memory_util = process->process.memory_util;
	if (memory != NA_U64 && (account->max_memory == NA_U64 || account->max_memory < memory))
		account->max_memory = memory;
}

static void add(struct running *running, const struct running_process *process, uint64_t now_ms)
{
	struct running_account *account =
		&running->accounts[running->account_next % STATE_MAX_ACCOUNTED];

	*account = (struct running_account){
		.pid = process->process.pid,
		.running = 1,
		.gpu_util = process->process.sm_util,
		.memory_util = process->process.memory_util,
		.max_memory = process->process.used_memory,
		.started_us = wall_clock_us(),
		.started_ms = now_ms,
		.counted_ms = now_ms,
	};
	running->account_next = (running->account_next + 1) % STATE_MAX_ACCOUNTED;
	if (running->account_count < STATE_MAX_ACCOUNTED)
		running->account_count++;
}

void account_follow(const struct running *before, struct running *after)
{
	uint32_t count = used(after->account_count);
	uint64_t now_ms;

	/* What ran when accounting was turned on is not counted. */
	if (after->settings.accounting_mode != 1 || before->settings.accounting_mode != 1)
		return;
	now_ms = motion_now();
	for (uint32_t i = 0; i < count; i++) {
		struct running_account *account = &after->accounts[i];
		const struct running_process *process = account_process(after, account->pid);

		if (!account->running)
			continue;
		if (process) {
			update(account, process, now_ms);
			continue;
		}
		account_end(account, now_ms);
	}
	for (uint32_t i = 0; i < after->process_count && i < STATE_MAX_PROCESSES; i++) {
		uint32_t pid = after->processes[i].process.pid;
		const struct running_account *known = account_find(after, pid);

		/* One in two lists, or of two instances, is one process. */
		if (!account_process(before, pid) && !(known && known->running))
			add(after, &after->processes[i], now_ms);
	}
}

static void keep(struct running *running, bool running_ones)
{
	uint32_t count = used(running->account_count);
	struct running_account kept[STATE_MAX_ACCOUNTED];
	uint32_t n = 0;

	/* From the oldest to the newest. */
	for (uint32_t i = count; running_ones && i >= 1; i--) {
		uint32_t place =
			(running->account_next + STATE_MAX_ACCOUNTED - i) % STATE_MAX_ACCOUNTED;

		if (running->accounts[place].running)
			kept[n++] = running->accounts[place];
	}
	memset(running->accounts, 0, sizeof(running->accounts));
	memcpy(running->accounts, kept, n * sizeof(kept[0]));
	running->account_count = n;
	running->account_next = n % STATE_MAX_ACCOUNTED;
}

void account_forget_ended(struct running *running)
{
	keep(running, true);
}

void account_forget_all(struct running *running)
{
	keep(running, false);
}
