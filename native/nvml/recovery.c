/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recovery.h"

const char *const recovery_names[RECOVERIES] = {
	[RECOVERY_NONE] = "none",
	[RECOVERY_DRAIN_AND_RESET] = "drain-and-reset",
	[RECOVERY_RESET] = "reset",
	[RECOVERY_REBOOT] = "reboot",
};

_Static_assert(RECOVERIES == STATE_RECOVERIES + 1, "each that asks for something has a time");

/* By the immediate actions of NVIDIA's Xid catalog, and what nvidia-smi's manual says of contained errors. */
enum recovery recovery_of_xid(uint64_t xid)
{
	switch (xid) {
	case 63: /* a row or page was put on the list */
	case 94: /* contained memory error */
		return RECOVERY_DRAIN_AND_RESET;
	case 48: /* double-bit ECC error */
	case 62: /* micro-controller halt */
	case 64: /* the list could not be written */
	case 74: /* NVLink */
	case 95: /* uncontained memory error */
	case 119: /* GSP timeout */
	case 120: /* GSP error */
	case 140: /* unrecovered ECC error */
		return RECOVERY_RESET;
	case 79: /* fallen off the bus */
		return RECOVERY_REBOOT;
	default:
		return RECOVERY_NONE;
	}
}

enum recovery recovery_of_kind(const struct fault_kind *kind)
{
	return kind == &fault_kinds[FAULT_NAME_LOST] ? RECOVERY_REBOOT : recovery_of_xid(kind->xid);
}

/* Where each process meets the fault at a time of its own, it never announced anything. */
static enum recovery recovery_of(const struct running_fault *fault)
{
	return fault_is_there(fault) && !fault->after_calls && !fault->probability
		       ? recovery_of_kind(&fault_kinds[fault->name])
		       : RECOVERY_NONE;
}

static enum recovery worse(enum recovery a, enum recovery b)
{
	return a > b ? a : b;
}

/* Whole seconds: the fraction is dropped, so that it is told with the event. */
static uint32_t from_of(uint64_t from_ms)
{
	return (uint32_t)(from_ms / 1000) + 1;
}

static bool is_asked(uint32_t from, uint64_t now_ms)
{
	return from && from <= from_of(now_ms);
}

/* One that is still to come hides none that is due, whichever is the worse. */
static enum recovery asked(const struct running *running, uint64_t now_ms)
{
	for (unsigned int i = RECOVERIES - 1; i > RECOVERY_NONE; i--)
		if (is_asked(running->recovery_from[i - 1], now_ms))
			return (enum recovery)i;
	return RECOVERY_NONE;
}

enum recovery recovery_due(const struct running *running, const struct readings *readings,
			   uint64_t now_ms)
{
	enum recovery due = asked(running, now_ms);

	if (readings->rows.pending == 1 || readings->retired.pending == 1)
		due = worse(due, RECOVERY_DRAIN_AND_RESET);
	for (unsigned int i = 0; i < STATE_MAX_FAULTS && running->fault_count; i++) {
		const struct running_fault *fault = &running->faults[i];

		/* What was there before the last reset has had what it asked for. */
		if (fault_in_time(fault, now_ms) && fault->from_ms >= running->up_since_ms)
			due = worse(due, recovery_of(fault));
	}
	return due;
}

void recovery_ask(struct running *running, enum recovery recovery, uint64_t from_ms)
{
	uint32_t from = from_of(from_ms), *there;

	if (recovery <= RECOVERY_NONE || recovery >= RECOVERIES)
		return;
	there = &running->recovery_from[recovery - 1];
	if (!*there || from < *there)
		*there = from;
}

void recovery_outlive(struct running *running, const struct running_fault *fault)
{
	if (fault->from_ms >= running->up_since_ms)
		recovery_ask(running, recovery_of(fault), fault->from_ms);
}

/* What needs the node to boot is not mended by less, and what is still to come comes. */
void recovery_reset(struct running *running, uint64_t now_ms)
{
	for (unsigned int i = RECOVERY_NONE + 1; i < RECOVERY_REBOOT; i++)
		if (is_asked(running->recovery_from[i - 1], now_ms))
			running->recovery_from[i - 1] = 0;
	running->up_since_ms = now_ms;
}
