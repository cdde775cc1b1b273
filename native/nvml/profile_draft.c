/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One GPU as the file describes it: its beginnings, and what follows from it. */
#include <stdio.h>
#include <string.h>

#include "profile_internal.h"
#include "profile_limits.h"

#define REASONS_ALL 0x1ffull /* what every data centre board can report */
#define EVENTS_ALL 0x1full /* ECC, performance state, Xid, clock */
#define EVENTS_WITHOUT_ECC 0x1cull
#define EVENT_MIG_CHANGE 0x100ull
#define ARCHITECTURE_AMPERE 7u
#define ARCHITECTURE_HOPPER 9u
#define CLASS_3D_CONTROLLER 0x030200u
#define BUS_PCIE 2u

void draft_init(struct draft *draft)
{
	memset(draft, 0, sizeof(*draft));
	keys_reset(profile_override_keys, draft);
	draft->address.bus = NA_U32;
	draft->place = -1;
	draft->board.bus_type = BUS_PCIE;
	draft->board.pci_class = CLASS_3D_CONTROLLER;
	draft->board.pcie.atomics_outbound = NA_U32;
	draft->board.pcie.atomics_inbound = NA_U32;
	draft->board.bbx_flush_time_us = NA_U64;
	draft->board.event_reasons_supported = REASONS_ALL;
	for (unsigned int i = 0; i < PROFILE_MAX_FANS; i++) {
		draft->readings.fan_percent[i] = NA_U32;
		draft->readings.fan_target_percent[i] = NA_U32;
	}
}

/* Its own key in the file where it has one, else that of device_defaults. */
void draft_path(struct reader *reader, const struct draft *draft, const char *key, char *out,
		size_t size)
{
	if (draft->place >= 0) {
		snprintf(out, size, "devices[%d].%s", draft->place, key);
		if (reader_has(reader, out))
			return;
	}
	snprintf(out, size, "device_defaults.%s", key);
}

bool draft_gives(struct reader *reader, const struct draft *draft, const char *key)
{
	char path[128];

	draft_path(reader, draft, key, path, sizeof(path));
	return reader_has(reader, path);
}

static int fail_u64(struct reader *reader, const struct draft *draft, const char *key,
		    uint64_t found, const char *than, uint64_t limit)
{
	char path[128], text[32];

	draft_path(reader, draft, key, path, sizeof(path));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)found);
	return reader_fail_at(reader, path, text, "%s (%llu)", than, (unsigned long long)limit);
}

static int fail_missing(struct reader *reader, const struct draft *draft, const char *key,
			const char *expected)
{
	char path[128];

	draft_path(reader, draft, key, path, sizeof(path));
	return reader_fail_at(reader, path, "nothing", "%s", expected);
}

/* found, where both are given, is at most limit */
static bool above(uint32_t found, uint32_t limit)
{
	return found != NA_U32 && limit != NA_U32 && found > limit;
}

static void default_to(uint32_t *value, uint32_t other)
{
	if (*value == NA_U32)
		*value = other;
}

static int finish_memory(struct reader *reader, struct draft *draft)
{
	struct board *board = &draft->board;

	if (!board->memory_total)
		return fail_missing(reader, draft, "memory.total_bytes", "the memory of the GPU");
	if (board->memory_reserved > board->memory_total)
		return fail_u64(reader, draft, "memory.reserved_bytes", board->memory_reserved,
				"at most total_bytes", board->memory_total);
	return 0;
}

static int check_limits(struct reader *reader, struct draft *draft, const char *section,
			uint32_t min, uint32_t value, uint32_t max, const char *name)
{
	char key[64];

	if (above(min, max)) {
		snprintf(key, sizeof(key), "%s.min_limit_mw", section);
		return fail_u64(reader, draft, key, min, "at most max_limit_mw", max);
	}
	snprintf(key, sizeof(key), "%s.%s", section, name);
	if (above(value, max))
		return fail_u64(reader, draft, key, value, "at most max_limit_mw", max);
	if (above(min, value))
		return fail_u64(reader, draft, key, value, "at least min_limit_mw", min);
	return 0;
}

static int finish_power(struct reader *reader, struct draft *draft)
{
	struct profile_power *power = &draft->board.power;
	struct readings *readings = &draft->readings;

	default_to(&power->management, power->default_limit_mw != NA_U32);
	default_to(&readings->power_limit_mw, readings->enforced_limit_mw);
	default_to(&readings->power_limit_mw, power->default_limit_mw);
	default_to(&readings->enforced_limit_mw, readings->power_limit_mw);
	default_to(&readings->module_power_limit_mw, readings->module_enforced_limit_mw);
	default_to(&readings->module_power_limit_mw, power->module_default_limit_mw);
	default_to(&readings->module_enforced_limit_mw, readings->module_power_limit_mw);
	if (check_limits(reader, draft, "power", power->min_limit_mw, power->default_limit_mw,
			 power->max_limit_mw, "default_limit_mw") != 0)
		return -1;
	return check_limits(reader, draft, "power.module", power->module_min_limit_mw,
			    power->module_default_limit_mw, power->module_max_limit_mw,
			    "default_limit_mw");
}

static void finish_clocks(struct draft *draft)
{
	struct profile_clocks *clocks = &draft->board.clocks;
	struct readings *readings = &draft->readings;

	default_to(&clocks->sm_max, clocks->graphics_max);
	default_to(&readings->sm_mhz, readings->graphics_mhz);
	default_to(&readings->graphics_app_mhz, clocks->graphics_app_default);
	default_to(&readings->memory_app_mhz, clocks->memory_app_default);
}

static void finish_pcie(struct draft *draft)
{
	struct profile_pcie *pcie = &draft->board.pcie;
	struct readings *readings = &draft->readings;

	default_to(&pcie->max_gpu_gen, pcie->max_gen);
	default_to(&readings->pcie_gen, pcie->max_gen);
	default_to(&readings->pcie_gpu_gen, readings->pcie_gen);
	default_to(&readings->pcie_width, pcie->max_width);
}

static void default_u64(uint64_t *value, uint64_t other)
{
	if (*value == NA_U64)
		*value = other;
}

/* Boards since Ampere count errors of their static memory on their own. */
static void finish_sram(struct readings_ecc *ecc)
{
	for (unsigned int scope = 0; scope < 2; scope++) {
		default_u64(&ecc->sram_correctable[scope], 0);
		default_u64(&ecc->sram_uncorrectable_parity[scope], 0);
		default_u64(&ecc->sram_uncorrectable_secded[scope], 0);
	}
	default_u64(&ecc->sram_source_l2, 0);
	default_u64(&ecc->sram_source_sm, 0);
	default_u64(&ecc->sram_source_microcontroller, 0);
	default_u64(&ecc->sram_source_pcie, 0);
	default_u64(&ecc->sram_source_other, 0);
	default_to(&ecc->sram_threshold_exceeded, 0);
}

static void finish_ecc(struct draft *draft)
{
	struct readings_ecc *ecc = &draft->readings.ecc;
	uint32_t architecture = draft->board.architecture;

	draft->board.event_types_supported =
		ecc->mode_current == NA_U32 ? EVENTS_WITHOUT_ECC : EVENTS_ALL;
	if (ecc->mode_current == NA_U32)
		return;
	default_to(&ecc->mode_pending, ecc->mode_current);
	default_to(&draft->board.ecc_default, ecc->mode_current);
	if (architecture != NA_U32 && architecture >= ARCHITECTURE_AMPERE)
		finish_sram(ecc);
	for (unsigned int kind = 0; kind < 4; kind++) {
		const uint64_t *counters = ecc->counters[kind / 2][kind % 2];
		uint64_t sum = 0;

		for (unsigned int i = 0; i < PROFILE_ECC_LOCATIONS; i++)
			sum += counters[i] == NA_U64 ? 0 : counters[i];
		default_u64(&ecc->total[kind / 2][kind % 2], sum);
	}
}

/* Two bits for each condition: 0 not supported, 1 true, 2 false. */
static uint32_t condition(uint32_t value, unsigned int shift)
{
	return value == NA_U32 ? 0 : (value ? 1u : 2u) << shift;
}

static void finish_fabric(struct draft *draft)
{
	struct profile_fabric *fabric = &draft->board.fabric;
	bool limited, unhealthy;

	if (fabric->state == NA_U32)
		return;
	fabric->health_mask = draft->fabric_mask;
	if (fabric->health_mask == NA_U32)
		fabric->health_mask =
			condition(draft->fabric_degraded, 0) |
			condition(draft->fabric_recovery, 2) |
			condition(draft->fabric_unhealthy, 4) |
			condition(draft->fabric_timeout, 6) |
			(draft->fabric_configuration == NA_U32 ? 0
							       : draft->fabric_configuration << 8);
	limited = (fabric->health_mask & 3) == 1;
	unhealthy = (fabric->health_mask >> 2 & 3) == 1 || (fabric->health_mask >> 4 & 3) == 1 ||
		    (fabric->health_mask >> 6 & 3) == 1 || (fabric->health_mask >> 8 & 15) > 1;
	fabric->health_summary = draft->fabric_summary;
	default_to(&fabric->health_summary, !fabric->health_mask ? 0
					    : unhealthy		 ? 2
					    : limited		 ? 3
								 : 1);
}

static void finish_repair(struct draft *draft)
{
	struct readings_retired *retired = &draft->readings.retired;
	struct readings_rows *rows = &draft->readings.rows;

	draft->board.page_retirement = retired->count[0] != NA_U32 || retired->count[1] != NA_U32;
	default_to(&retired->count[0], 0);
	default_to(&retired->count[1], 0);
	draft->board.row_remapper = rows->correctable != NA_U32;
	default_to(&rows->correctable, 0);
	rows->max = draft->board.row_banks;
}

static void finish_modes(struct draft *draft)
{
	struct readings *readings = &draft->readings;
	struct readings_motion *motion = &readings->motion;
	struct board *board = &draft->board;

	board->mig.capable = board->mig.max_instances != NA_U32 && board->mig.max_instances > 0;
	if (board->mig.capable)
		board->event_types_supported |= EVENT_MIG_CHANGE;
	default_to(&readings->mig_current, 0);
	default_to(&readings->mig_pending, readings->mig_current);
	default_to(&board->gpus_per_module, 1);
	default_to(&board->topology_default, 50);
	default_to(&board->pci_class, CLASS_3D_CONTROLLER);
	default_to(&board->gpm,
		   board->architecture != NA_U32 && board->architecture >= ARCHITECTURE_HOPPER);
	motion->temperature = motion->temperature_base_c || motion->temperature_variance_c ||
			      motion->temperature_ramp_c;
	motion->power = motion->power_base_mw != 0;
}

/* What the GPU says at rest is what its board can say. */
static int check_readings(struct reader *reader, const struct draft *draft)
{
	struct breach breach;
	char path[128];

	if (!readings_breach(&draft->board, &draft->readings, &breach))
		return 0;
	draft_path(reader, draft, breach.key, path, sizeof(path));
	return reader_fail_at(reader, path, breach.found, "%s", breach.expected);
}

int draft_finish(struct reader *reader, struct draft *draft)
{
	/* The defaults stand for many GPUs; what follows from them follows once. */
	if (draft->finished)
		return 0;
	if (!draft->board.name[0])
		return fail_missing(reader, draft, "name", "the product name");
	if (finish_memory(reader, draft) != 0 || finish_power(reader, draft) != 0)
		return -1;
	finish_clocks(draft);
	finish_pcie(draft);
	if (check_readings(reader, draft) != 0)
		return -1;
	finish_ecc(draft);
	finish_fabric(draft);
	finish_repair(draft);
	finish_modes(draft);
	draft->finished = true;
	return 0;
}
