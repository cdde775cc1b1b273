/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lock.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

uint32_t lock_process(void)
{
	return (uint32_t)syscall(SYS_getpid);
}

static void sleep_while(struct lock *lock, uint32_t word)
{
	syscall(SYS_futex, &lock->word, FUTEX_WAIT_PRIVATE, word, NULL, NULL, 0);
}

void lock_take(struct lock *lock)
{
	uint32_t own = lock_process(), word = 0;

	if (atomic_compare_exchange_strong(&lock->word, &word, own))
		return;
	for (;;) {
		if ((word & ~LOCK_WAITED) != own) {
			/* Free, or a parent's. Who comes late cannot know that nobody else sleeps. */
			if (atomic_compare_exchange_strong(&lock->word, &word, own | LOCK_WAITED))
				return;
			continue;
		}
		if (!(word & LOCK_WAITED) &&
		    !atomic_compare_exchange_strong(&lock->word, &word, own | LOCK_WAITED))
			continue;
		sleep_while(lock, own | LOCK_WAITED);
		word = atomic_load(&lock->word);
	}
}

void lock_leave(struct lock *lock)
{
	if (atomic_exchange(&lock->word, 0) & LOCK_WAITED)
		syscall(SYS_futex, &lock->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
