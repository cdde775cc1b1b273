/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the faults of readings make of a board's readings. */
#include <nvml.h>

#include "fault_kind.h"

static void add(uint64_t *counter, uint64_t count)
{
	if (*counter != NA_U64)
		*counter += count;
}

static void apply_ecc(struct readings_ecc *ecc, const struct running_fault *fault,
		      unsigned int uncorrected)
{
	for (unsigned int aggregate = 0; aggregate < 2; aggregate++) {
		if (fault->location < PROFILE_ECC_LOCATIONS)
			add(&ecc->counters[uncorrected][aggregate][fault->location], fault->count);
		add(&ecc->total[uncorrected][aggregate], fault->count);
		if (fault->location == NVML_MEMORY_LOCATION_SRAM)
			add(uncorrected ? &ecc->sram_uncorrectable_secded[aggregate]
					: &ecc->sram_correctable[aggregate],
			    fault->count);
	}
	if (fault->location == NVML_MEMORY_LOCATION_SRAM && uncorrected)
		add(&ecc->sram_source_sm, fault->count);
}

static void apply_retirement(struct readings_retired *retired)
{
	uint32_t *count = &retired->count[NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR];

	retired->pending = 1;
	if (*count < PROFILE_MAX_RETIRED_PAGES)
		retired->address[NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR][(*count)++] =
			0x1000;
}

/* The bank that the row was of has one spare row less. */
static void apply_remap(struct readings_rows *rows)
{
	rows->pending = 1;
	rows->uncorrectable++;
	if (rows->max != NA_U32 && rows->max && rows->high != NA_U32) {
		rows->max--;
		rows->high++;
	}
}

static void apply_links(struct readings_links *links, const struct running_fault *fault)
{
	if (fault->name == FAULT_NAME_NVLINK_DOWN) {
		links->down |= fault->links;
		return;
	}
	for (unsigned int i = 0; i < PROFILE_MAX_LINKS; i++)
		if (fault->links >> i & 1)
			links->errors[i] += fault->count;
}

static void limit(uint32_t *mhz, uint32_t highest)
{
	if (*mhz != NA_U32 && *mhz > highest)
		*mhz = highest;
}

/* A draw follows the square of the clock, over what the board draws at rest (docs/motion.md). */
static void slow_draw(struct readings *readings, const struct running_fault *fault,
		      const struct readings *rest)
{
	uint64_t from = readings->graphics_mhz, to = fault->clock_mhz, more;

	if (readings->power_mw == NA_U32 || rest->power_mw == NA_U32 || from == NA_U32 ||
	    from <= to || readings->power_mw <= rest->power_mw)
		return;
	more = (uint64_t)(readings->power_mw - rest->power_mw) * to / from * to / from;
	readings->power_mw = rest->power_mw + (uint32_t)more;
}

static void slow_down(struct readings *readings, const struct running_fault *fault,
		      const struct board *board, uint64_t reasons)
{
	limit(&readings->graphics_mhz, fault->clock_mhz);
	limit(&readings->sm_mhz, fault->clock_mhz);
	limit(&readings->video_mhz, fault->clock_mhz);
	readings->event_reasons &= ~(uint64_t)nvmlClocksEventReasonGpuIdle;
	readings->event_reasons |= reasons & board->event_reasons_supported;
}

/* T.Limit counts down to the limit while the temperature goes up. */
static void heat(struct readings *readings, int32_t temperature_c)
{
	if (readings->tlimit_c != NA_I32 && readings->temperature_c != NA_I32)
		readings->tlimit_c = (int32_t)((int64_t)readings->tlimit_c - temperature_c +
					       readings->temperature_c);
	readings->temperature_c = temperature_c;
	readings->motion.temperature = 0;
}

static void cap_power(struct readings *readings)
{
	if (readings->enforced_limit_mw == NA_U32 || readings->power_mw == NA_U32)
		return;
	readings->power_mw = readings->enforced_limit_mw;
	readings->motion.power = 0;
}

static void apply_fabric(struct readings_fabric *fabric, const struct running_fault *fault)
{
	static const struct {
		uint32_t health, clear, set;
	} bits[] = {
		{ FAULT_HEALTH_DEGRADED_BANDWIDTH, 0x3, 0x1 },
		{ FAULT_HEALTH_ROUTE_RECOVERY, 0x3 << 2, 0x1 << 2 },
		{ FAULT_HEALTH_ROUTE_UNHEALTHY, 0x3 << 4, 0x1 << 4 },
		{ FAULT_HEALTH_ACCESS_TIMEOUT, 0x3 << 6, 0x1 << 6 },
		{ FAULT_HEALTH_INCORRECT_CONFIGURATION, 0xf << 8,
		  NVML_GPU_FABRIC_HEALTH_MASK_INCORRECT_CONFIGURATION_INCORRECT_SYSGUID << 8 },
	};
	bool limited = fault->health == FAULT_HEALTH_DEGRADED_BANDWIDTH;

	for (unsigned int i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		if (!(fault->health & bits[i].health))
			continue;
		fabric->health_clear |= bits[i].clear;
		fabric->health_set |= bits[i].set;
	}
	if (fabric->health_summary != NVML_GPU_FABRIC_HEALTH_SUMMARY_UNHEALTHY)
		fabric->health_summary = limited ? NVML_GPU_FABRIC_HEALTH_SUMMARY_LIMITED_CAPACITY
						 : NVML_GPU_FABRIC_HEALTH_SUMMARY_UNHEALTHY;
}

void fault_apply(struct readings *readings, const struct running_fault *fault,
		 const struct board *board, const struct readings *rest, uint64_t now)
{
	uint64_t held_us = now > fault->from_ms ? (now - fault->from_ms) * 1000 : 0;

	switch ((enum fault_name)fault->name) {
	case FAULT_NAME_ECC_CORRECTABLE:
		apply_ecc(&readings->ecc, fault, NVML_MEMORY_ERROR_TYPE_CORRECTED);
		break;
	case FAULT_NAME_ECC_UNCORRECTABLE:
		apply_ecc(&readings->ecc, fault, NVML_MEMORY_ERROR_TYPE_UNCORRECTED);
		break;
	case FAULT_NAME_ROW_REMAP_PENDING:
		apply_remap(&readings->rows);
		break;
	case FAULT_NAME_ROW_REMAP_FAILURE:
		readings->rows.failure = 1;
		break;
	case FAULT_NAME_PAGE_RETIREMENT_PENDING:
		apply_retirement(&readings->retired);
		break;
	case FAULT_NAME_NVLINK_DOWN:
	case FAULT_NAME_NVLINK_ERRORS:
		apply_links(&readings->links, fault);
		break;
	case FAULT_NAME_THERMAL_SLOWDOWN:
		heat(readings, fault->temperature_c);
		slow_draw(readings, fault, rest);
		add(&readings->throttle_hw_thermal_us, held_us);
		slow_down(readings, fault, board,
			  nvmlClocksThrottleReasonHwSlowdown |
				  nvmlClocksThrottleReasonHwThermalSlowdown);
		break;
	case FAULT_NAME_POWER_BRAKE_SLOWDOWN:
		slow_draw(readings, fault, rest);
		add(&readings->throttle_hw_brake_us, held_us);
		slow_down(readings, fault, board,
			  nvmlClocksThrottleReasonHwSlowdown |
				  nvmlClocksThrottleReasonHwPowerBrakeSlowdown);
		break;
	case FAULT_NAME_POWER_CAP:
		cap_power(readings);
		add(&readings->throttle_power_us, held_us);
		slow_down(readings, fault, board, nvmlClocksEventReasonSwPowerCap);
		break;
	case FAULT_NAME_FABRIC_UNHEALTHY:
		apply_fabric(&readings->fabric, fault);
		break;
	case FAULT_NAME_PCIE_REPLAY:
		add(&readings->pcie_replays, fault->count);
		break;
	default:
		break;
	}
}
