/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The faults by the names that users give them: what each does, which event it
 * announces, which options it takes. docs/faults.md prints this table.
 */
#ifndef MIRAGE_FAULT_KIND_H
#define MIRAGE_FAULT_KIND_H

#include "state.h"

enum fault_name {
	FAULT_NAME_LOST,
	FAULT_NAME_FALLEN_OFF_BUS,
	FAULT_NAME_ERROR,
	FAULT_NAME_HANG,
	FAULT_NAME_SLOW,
	FAULT_NAME_ECC_CORRECTABLE,
	FAULT_NAME_ECC_UNCORRECTABLE,
	FAULT_NAME_ROW_REMAP_PENDING,
	FAULT_NAME_ROW_REMAP_FAILURE,
	FAULT_NAME_PAGE_RETIREMENT_PENDING,
	FAULT_NAME_NVLINK_DOWN,
	FAULT_NAME_NVLINK_ERRORS,
	FAULT_NAME_THERMAL_SLOWDOWN,
	FAULT_NAME_POWER_BRAKE_SLOWDOWN,
	FAULT_NAME_POWER_CAP,
	FAULT_NAME_FABRIC_UNHEALTHY,
	FAULT_NAME_PCIE_REPLAY,
	FAULT_NAME_INIT_ERROR, /* of the node from here on */
	FAULT_NAME_INIT_HANG,
	FAULT_NAME_INIT_SLOW,
	FAULT_NAMES
};

/* Options that only some kinds take. */
#define FAULT_TAKES_CODE 1u
#define FAULT_TAKES_LATENCY 2u
#define FAULT_TAKES_COUNT 4u
#define FAULT_TAKES_LOCATION 8u
#define FAULT_TAKES_LINK 16u
#define FAULT_TAKES_TEMPERATURE 32u
#define FAULT_TAKES_CLOCK 64u
#define FAULT_TAKES_HEALTH 128u

enum fault_health {
	FAULT_HEALTH_DEGRADED_BANDWIDTH = 1,
	FAULT_HEALTH_ROUTE_RECOVERY = 2,
	FAULT_HEALTH_ROUTE_UNHEALTHY = 4,
	FAULT_HEALTH_ACCESS_TIMEOUT = 8,
	FAULT_HEALTH_INCORRECT_CONFIGURATION = 16,
};

struct fault_kind {
	const char *name;
	uint32_t effect; /* enum fault_effect */
	uint32_t takes; /* FAULT_TAKES_* */
	uint32_t xid; /* that it announces; 0: none */
	uint64_t event; /* nvmlEventType* that it announces beside; 0: none */
	bool node; /* of the node as a whole, met by nvmlInit */
	const char *answers; /* what NVML does, in words */
};

extern const struct fault_kind fault_kinds[FAULT_NAMES];

/* Names of values, each list ended by a NULL name. */
struct fault_word {
	const char *name;
	uint32_t value;
};

extern const struct fault_word fault_codes[]; /* nvmlReturn_t, without NVML_ERROR_ */
extern const struct fault_word fault_locations[]; /* nvmlMemoryLocation_t */
extern const struct fault_word fault_healths[];

/* The word for a value; NULL for one that has none. */
const char *fault_word_name(const struct fault_word *words, uint32_t value);

/* FAULT_NAMES where there is no such kind. */
enum fault_name fault_name_of(const char *name);

/* A place for a fault that holds one; a damaged page may say anything. */
static inline bool fault_is_there(const struct running_fault *fault)
{
	return fault->effect != FAULT_NONE && fault->name < FAULT_NAMES &&
	       fault_kinds[fault->name].effect == fault->effect;
}

/* Whether the fault's time has come, and is not over. */
static inline bool fault_in_time(const struct running_fault *fault, uint64_t now)
{
	return now >= fault->from_ms && (!fault->until_ms || now < fault->until_ms);
}

static inline bool fault_is_over(const struct running_fault *fault, uint64_t now)
{
	return fault->until_ms && now >= fault->until_ms;
}

/* --- fault_readings.c --- */

/* Change readings as a fault of them does that holds now. rest: those of the description. */
void fault_apply(struct readings *readings, const struct running_fault *fault,
		 const struct board *board, const struct readings *rest, uint64_t now);

#endif
