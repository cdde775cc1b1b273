/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be done before a GPU that had a fault is whole again, as NVML's
 * recovery action says it. Modes that wait for a reset are no faults.
 */
#ifndef MIRAGE_RECOVERY_H
#define MIRAGE_RECOVERY_H

#include "fault_kind.h"

/* The more it takes, the higher. */
enum recovery {
	RECOVERY_NONE,
	RECOVERY_DRAIN_AND_RESET, /* what runs may end first */
	RECOVERY_RESET,
	RECOVERY_REBOOT, /* of the node */
	RECOVERIES
};

extern const char *const recovery_names[RECOVERIES];

enum recovery recovery_of_xid(uint64_t xid);
enum recovery recovery_of_kind(const struct fault_kind *kind);

/* What the GPU needs now; readings are those that its faults make. */
enum recovery recovery_due(const struct running *running, const struct readings *readings,
			   uint64_t now_ms);

/*
 * Have it need that from then on, whatever becomes of the fault that asked for it.
 * Asked for twice, the sooner holds.
 */
void recovery_ask(struct running *running, enum recovery recovery, uint64_t from_ms);

/* The fault ends because its counters are cleared, which mends nothing. */
void recovery_outlive(struct running *running, const struct running_fault *fault);

/* The GPU was reset. */
void recovery_reset(struct running *running, uint64_t now_ms);

#endif
