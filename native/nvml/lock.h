/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A lock between the threads of one process, which a child of fork() has for itself.
 *
 * The child has the memory and none of the threads: a mutex that another thread of
 * the parent held stays held there. This one knows its holder's pid, and what another
 * pid holds is free. So there are no handlers to register for fork(), which would wait
 * for every lock, and would have to go with the library. Where parent and child have
 * one pid, as when pid 1 of a namespace clones one with CLONE_NEWPID, what a thread of
 * the parent held at that moment stays held.
 *
 * What a lock is over must be sound wherever its holder may have stopped, as for a
 * writer that dies: the word that puts a change in force is written last.
 */
#ifndef MIRAGE_LOCK_H
#define MIRAGE_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* Beside the holder's pid, which is below 2^22: someone may sleep until it is free. */
#define LOCK_WAITED (1u << 31)

struct lock {
	_Atomic uint32_t word; /* 0: free */
};

void lock_take(struct lock *lock);
void lock_leave(struct lock *lock);

/* This process's pid; asked of the kernel, as C libraries have kept a parent's. */
uint32_t lock_process(void);

#endif
