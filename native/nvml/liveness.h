/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which processes of a GPU have died without taking themselves away, as one does
 * that is killed. The real driver forgets those at once.
 *
 * Only what libcuda put there can be dead: the bits of a process's type that NVML
 * does not look at say in which PID namespace it runs, and started_ms when it
 * came to be. A process of a description, or of mock-nvml, never lived; one of
 * another namespace cannot be seen from here. Both stay: those of a pod that is gone
 * until a boot, another profile or mock-nvml, as nobody of its namespace comes any more.
 *
 * The kernel tells when a process came to be by the clock of the time namespace of who
 * asks. There is no room for that namespace's number, so who asks in another one than
 * the process itself, which container runtimes make on demand alone, takes it for dead.
 */
#ifndef MIRAGE_LIVENESS_H
#define MIRAGE_LIVENESS_H

#include "state.h"

/* Who looks, which stays the same for all that is looked at in one pass. */
struct liveness {
	uint32_t namespace; /* as liveness_namespace() */
	bool proc; /* /proc has the numbers of this namespace */
};

#define LIVENESS_TYPES 0xff /* the bits of a type that NVML looks at */

/* This process's namespace as the bits of a type that say so; 0: not known. */
uint32_t liveness_namespace(void);

/* When this process came to be, in milliseconds since boot; 0: not known. */
uint64_t liveness_started(void);

/* Whether libcuda put it there; of others nothing is asked. */
bool liveness_is_recorded(const struct running_process *process);

struct liveness liveness_observer(void);
bool liveness_is_dead(const struct running_process *process, const struct liveness *observer);

/* Bytes that the dead still have; STATE_NO_INSTANCE: on all of the GPU. */
uint64_t liveness_dead_memory(const struct running *running, uint32_t gpu_instance);

/* Take the dead away, and what they had. */
void liveness_bury(struct running *running);

/* Take away the process at that place of the list, and what it had. */
void liveness_take_away(struct running *running, uint32_t index);

#endif
