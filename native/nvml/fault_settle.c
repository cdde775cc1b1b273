// SPDX-License-Identifier: GPL-3.0-or-later
#include "fault_settle.h"

#include <string.h>

#include "motion.h"
#include "recovery.h"

void fault_settle(struct running *running, const struct gpu *gpu, uint32_t names)
{
	uint64_t now = motion_now();

	for (unsigned int i = 0; i < STATE_MAX_FAULTS && running->fault_count; i++) {
		struct running_fault *fault = &running->faults[i];

		if (!fault_is_there(fault) || !fault_in_time(fault, now) ||
		    fault->name >= FAULT_NAMES || !(names & FAULT_BIT(fault->name)))
			continue;
		fault_apply(&running->readings, fault, gpu->board, &gpu->device->readings, now);
		recovery_outlive(running, fault);
		memset(fault, 0, sizeof(*fault));
		running->fault_count--;
	}
}
