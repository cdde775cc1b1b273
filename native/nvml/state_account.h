/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounting: what is kept of processes that come, run and go while it is on. */
#ifndef MIRAGE_STATE_ACCOUNT_H
#define MIRAGE_STATE_ACCOUNT_H

#include <stdbool.h>

#include "state.h"

/* Each writer's change passes here: which processes are new, which have gone? */
void account_follow(const struct running *before, struct running *after);

/* The latest of that pid; NULL where there is none. */
const struct running_account *account_find(const struct running *running, uint32_t pid);

/* The process of that pid; NULL where it has gone. */
const struct running_process *account_process(const struct running *running, uint32_t pid);

/* Per cent over the process's life up to now; NA_U32 unknown. */
uint32_t account_gpu_util(const struct running_account *account, uint64_t now_ms);
uint32_t account_memory_util(const struct running_account *account, uint64_t now_ms);

/* It ends, unless it has already. */
void account_end(struct running_account *account, uint64_t now_ms);

/* Milliseconds that it lived; 0 while it runs. */
uint64_t account_time(const struct running_account *account);

/* Forget those that have ended, or all. */
void account_forget_ended(struct running *running);
void account_forget_all(struct running *running);

#endif
